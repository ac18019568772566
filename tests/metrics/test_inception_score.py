from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashiongen.metrics.inception_score import InceptionScore, inception_score


def test_certain_and_even_classes_give_their_number() -> None:
    score = inception_score(torch.eye(5).repeat(4, 1), splits=2)
    assert score.mean == pytest.approx(5)
    assert score.std == pytest.approx(0, abs=1e-12)
    assert len(score.splits) == 2


def test_undecided_pictures_score_one() -> None:
    assert inception_score(torch.full((10, 4), 0.25), splits=3).mean == pytest.approx(1)


def test_parts_that_do_not_divide_evenly_cover_every_picture() -> None:
    probabilities = torch.eye(7)
    score = inception_score(probabilities, splits=3)
    assert score.splits == pytest.approx([2, 2, 3])
    assert score.std == pytest.approx((2 / 9) ** 0.5)


@pytest.mark.parametrize("shape, splits", [((3, 4), 4), ((3, 4), 0), ((3, 4, 1), 1)])
def test_wrong_input_is_refused(shape: tuple[int, ...], splits: int) -> None:
    with pytest.raises(ValueError):
        inception_score(torch.ones(shape), splits)


class MeanColour(nn.Module):
    """Logits of three classes: the mean level of each colour."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)  # must be off

    def forward(self, image: Tensor) -> Tensor:
        assert image.dtype == torch.uint8
        return self.dropout(image.float().mean(dim=(2, 3)) / 16)


def pictures(count: int = 11) -> Tensor:
    return torch.rand(count, 3, 8, 6, generator=torch.Generator().manual_seed(4)).pow(3) * 2 - 1


def by_hand(images: Tensor, splits: int) -> tuple[float, float]:
    """The arithmetic of the OpenAI script in NumPy."""
    levels = np.floor(255 * (images.numpy() + 1) / 2)
    logits = levels.mean(axis=(2, 3)) / 16
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = []
    for k in range(splits):
        part = p[k * len(p) // splits : (k + 1) * len(p) // splits]
        divergence = part * (np.log(part) - np.log(part.mean(axis=0, keepdims=True)))
        scores.append(np.exp(divergence.sum(axis=1).mean()))
    return float(np.mean(scores)), float(np.std(scores))


def score_of(*batches: Tensor, splits: int = 3, **options: Tensor) -> list[float]:
    metric = InceptionScore(MeanColour(), splits).train()
    for batch in batches:
        metric.update(batch, **options)
    return [value.item() for value in metric.compute()]


def test_metric_against_the_arithmetic_of_the_script() -> None:
    images = pictures()
    assert score_of(images) == pytest.approx(by_hand(images, 3), rel=1e-6)


def test_how_the_pictures_arrive_does_not_matter() -> None:
    images = pictures()
    assert score_of(*images.split(4)) == score_of(images)
    metric = InceptionScore(MeanColour(), 3)
    metric.update(images[:5])
    metric.reset()
    metric.update(images)
    assert [value.item() for value in metric.compute()] == score_of(images)


def test_states_of_several_processes_are_put_in_order() -> None:
    images = pictures()
    ranks = [InceptionScore(MeanColour(), 3) for _ in range(2)]
    for rank, metric in enumerate(ranks):
        places = torch.arange(rank, len(images), 2)
        for some in places.split(2):
            metric.update(images[some], places=some)
    ranks[0].merge_state(ranks[1])
    assert [value.item() for value in ranks[0].compute()] == score_of(images)


def test_processes_synchronise_in_the_order_of_their_ranks() -> None:
    images = pictures()
    metric, other = InceptionScore(MeanColour(), 3), InceptionScore(MeanColour(), 3)
    metric.update(images[:6])
    other.update(images[6:])

    def gather(state: Tensor, group: object = None) -> list[Tensor]:
        return [state, torch.cat(other.probabilities if state.ndim == 2 else other.places)]

    metric.dist_sync_fn, metric.distributed_available_fn = gather, lambda: True
    assert [value.item() for value in metric.compute()] == score_of(images)


def test_regions_blacken_the_rest() -> None:
    images = pictures()
    region = torch.zeros(len(images), 1, 8, 6)
    region[..., 2:5, 1:4] = 1
    black = torch.where(region.bool(), images, -1.0)
    assert score_of(images, region=region) == score_of(black) != score_of(images)


def test_too_few_pictures_are_told() -> None:
    metric = InceptionScore(MeanColour())
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="0 pictures into 10 parts"):
        metric.compute()
    metric.update(pictures(3))
    with pytest.raises(ValueError, match="3 pictures into 10 parts"):
        metric.compute()
