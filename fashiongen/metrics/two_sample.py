"""Can a classifier tell two sets of label maps apart?

Classifier two-sample test (Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017): a small network learns to say
which of two sets a map comes from, and is asked about maps that it has not seen. Half right means that it found no difference.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW
from torchmetrics import Metric


def two_sample_accuracy(
    first: Tensor,
    second: Tensor,
    classes: int,
    side: int = 32,
    folds: int = 4,
    steps: int = 150,
    batch_size: int = 64,
    seed: int = 0,
) -> float:
    """Share of unseen label maps whose set a classifier names correctly.

    Maps are reduced to `side` x `side` shares of each label, which keeps shape and composition and drops the exact course of
    borders. The classifier has three 3x3 convolutions, each halving the size, and a linear layer on the average and the largest
    value of each feature. Each fold is judged by a classifier that was trained on the others.

    Args:
        first: (N, H, W) integer ids.
        second: (M, H, W); the larger set is cut to the size of the smaller one.
        classes: number of labels.
        side: size that maps are reduced to.
        folds: parts of the cross-validation.
        steps: training steps of each classifier.
        batch_size: maps of both sets together in a step.
        seed: of the order of the maps and of the classifiers; the same call gives the same result.

    Returns:
        accuracy in 0..1: 0.5 where the sets cannot be told apart, 1 where they can always.

    Raises:
        ValueError: when a set has fewer maps than there are folds.
    """
    count = min(len(first), len(second))
    if count < folds or folds < 2:
        raise ValueError(
            f"a test with {folds} folds needs 2 folds and as many maps of each set, not {len(first)} and {len(second)}"
        )
    with torch.random.fork_rng(), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(seed)
        maps, answer = [], []
        for place, each in enumerate((first, second)):
            chosen = each[torch.randperm(len(each))[:count].to(each.device)]
            maps.append(label_shares(chosen, classes, side))
            answer.append(torch.full((count,), float(place), device=each.device))
        features, truth = torch.cat(maps), torch.cat(answer)
        fold = torch.arange(count, device=truth.device).repeat(2) % folds
        right = 0
        for held_out in range(folds):
            seen = fold != held_out
            classifier = _trained(features[seen], truth[seen], steps, batch_size)
            with torch.no_grad():
                said = classifier(features[~seen])[:, 0] > 0
            right += int((said == (truth[~seen] > 0.5)).sum())
    return right / (2 * count)


def label_shares(labels: Tensor, classes: int, side: int) -> Tensor:
    """Label maps reduced to shares of each label.

    Args:
        labels: (N, H, W) integer ids.
        classes: number of labels K.
        side: of the result.

    Returns:
        (N, K, side, side) in [0, 1].
    """
    shares = [F.adaptive_avg_pool2d(F.one_hot(chunk.long(), classes).movedim(-1, 1).float(), side) for chunk in labels.split(64)]
    return torch.cat(shares)


class TwoSampleAccuracy(Metric):
    """`two_sample_accuracy` of true and drawn label maps; nearer to 0.5 is better.

    Args:
        classes: number of labels.
        options: of `two_sample_accuracy`.
    """

    full_state_update = False
    higher_is_better = False
    true: list[Tensor]
    drawn: list[Tensor]

    def __init__(self, classes: int, **options: int) -> None:
        super().__init__()
        self.classes = classes
        self.options = options
        self.add_state("true", [], dist_reduce_fx="cat")
        self.add_state("drawn", [], dist_reduce_fx="cat")

    def update(self, drawn: Tensor, true: Tensor) -> None:
        """Two (B, H, W) batches of integer ids; they need not belong together."""
        self.drawn.append(drawn.to(torch.uint8))
        self.true.append(true.to(torch.uint8))

    def compute(self) -> Tensor:
        true, drawn = (torch.cat(each) if isinstance(each, list) else each for each in (self.true, self.drawn))
        return torch.tensor(two_sample_accuracy(true, drawn, self.classes, **self.options), device=drawn.device)


class _Classifier(nn.Module):
    def __init__(self, classes: int, width: int = 24) -> None:
        super().__init__()
        widths = (classes, width, 2 * width, 2 * width)
        self.convolutions = nn.ModuleList(nn.Conv2d(before, after, 3, 2, 1) for before, after in pairwise(widths))
        self.output = nn.Linear(4 * width, 1)

    def forward(self, shares: Tensor) -> Tensor:
        features = shares
        for convolution in self.convolutions:
            features = F.relu(convolution(features))
        return self.output(torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1))


def _trained(features: Tensor, truth: Tensor, steps: int, batch_size: int) -> nn.Module:
    classifier = _Classifier(features.shape[1]).to(features.device)
    optimizer = AdamW(classifier.parameters(), lr=2e-3, weight_decay=1e-2)
    for _ in range(steps):
        chosen = torch.randint(len(truth), (batch_size,)).to(truth.device)
        loss = F.binary_cross_entropy_with_logits(classifier(features[chosen])[:, 0], truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return classifier.eval()
