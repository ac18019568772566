"""Adversarial losses on the relation of two things, where things that do not belong together are negatives besides generated ones.

Conditional Analogy GAN (Jetchev and Bergmann, ICCV workshops 2017, the three terms of its adversarial loss): a discriminator sees a
person beside a garment and shall say whether the person wears it. It can only do so by comparing the two.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from fashiongen.losses.adversarial import fake_loss, real_loss

AdversarialForm = Literal["cross_entropy", "least_squares"]


def label_loss(logits: Tensor, label: float | Tensor, form: AdversarialForm = "cross_entropy", epsilon: float = 0.0) -> Tensor:
    """How far a discriminator is from a label between fake (0) and real (1).

    Args:
        logits: of any shape, the mean is over all of them.
        label: one for all logits.
        form: "cross_entropy" of sigmoid(logits), or "least_squares" of the logits as they are.
        epsilon: inside the logarithms of the cross entropy, see `fashiongen.losses.adversarial.real_loss`.

    Returns:
        scalar.
    """
    if form == "least_squares":
        return (logits.float() - label).square().mean()
    if isinstance(label, (int, float)) and label in (0, 1):
        return real_loss(logits, epsilon) if label else fake_loss(logits, epsilon)
    return label * real_loss(logits, epsilon) + (1 - label) * fake_loss(logits, epsilon)


def relation_loss(
    matched: Tensor, generated: Tensor, mismatched: Tensor, form: AdversarialForm = "cross_entropy", epsilon: float = 0.0
) -> Tensor:
    """The discriminator's loss on the three kinds of pair: the sum of three means.

    Args:
        matched: logits of real people beside the garments that they wear.
        generated: logits of generated people beside the garments that they were to wear.
        mismatched: logits of real people beside garments that they do not wear.
        form, epsilon: see `label_loss`.

    Returns:
        scalar.
    """
    return (
        label_loss(matched, 1, form, epsilon) + label_loss(generated, 0, form, epsilon) + label_loss(mismatched, 0, form, epsilon)
    )
