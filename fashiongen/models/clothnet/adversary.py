"""Sketches against a discriminator: what makes sampled sketches as crisp as true ones.

Not in the paper. The authors' template has an adversarial loss for its sketch modules (`gan_weight`), on sketches that were coded
and drawn again, and releases no model that used it. Here, as in VAE/GAN (Larsen et al., ICML 2016), the discriminator sees sketches
that were sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.losses import discriminator_loss, real_loss, zero_centred_penalty
from fashiongen.models.base import FashionModule
from fashiongen.models.clothnet.networks import Sketch, one_hot
from fashiongen.models.clothnet.sketch import LABELS, Example
from fashiongen.types import Batch, Person

_LEVELS = 5
_PATCH_LEVEL = 2
_GROUP = 4
_SLOPE = 0.2
_PENALTY_EVERY = 8


class SketchDiscriminator(nn.Module):
    """Tells true sketches from sampled ones.

    It does not see the body that a sketch was drawn on: the body reaches the decoder as one short code, so a discriminator that
    could lay one over the other would always win. Whether a sketch fits is left to the reconstruction.

    At most five halvings by 4x4 convolutions without normalisation. One logit is read off the mean and the largest value of each of
    the last features, and off how much features differ within groups of four sketches (Karras et al., ICLR 2018), without which one
    good sketch would do; the mean logit of patches after three halvings is added.

    Args:
        size: height and width of the sketches, at least 8.
        width: channels of the first level, doubled a level up to four times this.
        classes: number of labels.
    """

    def __init__(self, size: int, width: int, classes: int) -> None:
        super().__init__()
        widths = [width * min(2**level, 4) for level in range(min(_LEVELS, size.bit_length() - 2))]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(incoming, features, 4, 2, padding=1) for incoming, features in pairwise([classes, *widths])
        )
        self.patch_level = min(_PATCH_LEVEL, len(widths) - 1)
        self.patches = nn.Conv2d(widths[self.patch_level], 1, 3, padding=1)
        self.output = nn.Linear(2 * widths[-1] + 1, 1)

    def forward(self, sketch: Tensor) -> Tensor:
        """Logits (B,) of sketches (B, K, H, W) in {-1/2, 1/2}, as `one_hot` makes them."""
        features = sketch
        patches = features.new_zeros(len(sketch))
        for level, convolution in enumerate(self.convolutions):
            features = F.leaky_relu(convolution(features), _SLOPE)
            if level == self.patch_level:
                patches = self.patches(features).mean(dim=(1, 2, 3))
        summary = [features.mean(dim=(2, 3)), features.amax(dim=(2, 3)), _diversity(features)]
        return self.output(torch.cat(summary, dim=1))[:, 0] + patches


def _diversity(features: Tensor) -> Tensor:
    """(B, 1): mean standard deviation of features within groups of four neighbours; of all where four do not divide B."""
    count = len(features)
    size = _GROUP if count % _GROUP == 0 else count
    groups = features.float().unflatten(0, (-1, size))
    deviation = (groups.var(dim=1, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return deviation.repeat_interleave(size)[:, None].to(features.dtype)


def crisp(logits: Tensor, kind: str) -> Tensor:
    """The best label of every pixel, with the gradient of the probabilities (straight-through estimator).

    Args:
        logits: (B, K, H, W).
        kind: "softmax" or "sigmoid": what makes probabilities of logits.

    Returns:
        (B, K, H, W) float32 in {-1/2, 1/2}.
    """
    logits = logits.float()
    chances = logits.softmax(dim=1) if kind == "softmax" else logits.sigmoid()
    return one_hot(logits.argmax(dim=1), logits.shape[1]) + chances - chances.detach()


def coverage_loss(logits: Tensor, body: Tensor, kind: str) -> Tensor:
    """How far sketches are from showing anything but background where a body is.

    Args:
        logits: (B, K, H, W), label 0 is the background.
        body: (B, H, W) integer ids, 0 is the background.
        kind: "softmax" or "sigmoid".

    Returns:
        scalar, -log of the chance of any other label, summed over the pixels of each body and averaged over bodies.
    """
    logits = logits.float()
    others = logits.log_softmax(dim=1)[:, 1:].logsumexp(dim=1) if kind == "softmax" else F.logsigmoid(-logits[:, 0])
    return -(others * (body != 0)).sum(dim=(1, 2)).mean()


class JudgedSketches(FashionModule):
    """The adversarial stages of both sketch modules: their own losses go on, and sampled sketches have to pass for true ones.

    Those on bodies also have to cover them: the discriminator, which does not see the body, would not mind holes.
    """

    example: Callable[[Person], Example]
    sketch_losses: Callable[[Sketch, Tensor], dict[str, Tensor]]
    sample_codes: Callable[[int, bool], Tensor]
    logits: Callable[[Tensor, Tensor | None], Tensor]

    def train_sketch_adversarial(self, batch: Batch) -> dict[str, Tensor]:
        return self._train_judged("sketch", self.example(batch.person), None)

    def train_body_sketch_adversarial(self, batch: Batch) -> dict[str, Tensor]:
        seen = self.example(batch.person)
        return self._train_judged("body_sketch", seen, seen.known_body())

    def _train_judged(self, name: str, seen: Example, body: Tensor | None) -> dict[str, Tensor]:
        stage = f"{name}_adversarial"
        module, judge = getattr(self, name), getattr(self, f"{name}_discriminator")
        with self.updating(stage) as update:
            losses = self.sketch_losses(module(seen.labels, body), seen.labels)
            code = self.sample_codes(len(seen.labels), body is not None)
            logits, kind = self.logits(code, body), self.hparams["reconstruction"]
            sampled = crisp(logits, kind)
            losses["adversarial"] = real_loss(judge(sampled))
            losses["total"] = losses["total"] + self.hparams["sketch_adversarial_weight"] * losses["adversarial"]
            if body is not None:
                losses["coverage"] = coverage_loss(logits, body, kind)
                losses["total"] = losses["total"] + losses["coverage"]
            update(losses["total"])
        with self.updating(f"{name}_discriminator") as update:
            true = one_hot(seen.labels, len(LABELS))
            judged = discriminator_loss(judge(true), judge(sampled.detach()))
            losses["discriminator"] = judged.detach()
            if self.steps_in_stage[stage] % _PENALTY_EVERY == 0:
                with torch.autocast(true.device.type, enabled=False):
                    penalty = zero_centred_penalty(judge, true)
                judged = judged + _PENALTY_EVERY / 2 * penalty
            update(judged)
        return losses
