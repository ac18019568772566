"""What the mappers from noise to codes and their critics minimise (authors' `wgan_gp.py`), and our own loss on exchanged codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.reconstruction import masked_l1
from fashiongen.losses.wasserstein import gradient_penalty, wasserstein_critic_loss, wasserstein_generator_loss

CodeLoss = Literal["wgan", "wgan-gp", "dcgan", "lsgan"]
CODE_LOSSES: tuple[str, ...] = ("wgan", "wgan-gp", "dcgan", "lsgan")
"""The published models use "wgan", whose critics' weights are clipped after each update."""

_MATTE_WEIGHT = 0.1


def mapper_loss(kind: str, fake: Tensor) -> Tensor:
    """How far a critic is from calling codes real that come from noise.

    Args:
        kind: one of `CODE_LOSSES`.
        fake: (B,) the critic's scores of these codes.
    """
    if kind == "dcgan":
        return real_loss(fake)
    if kind == "lsgan":
        return (fake.float() - 1).square().mean()
    return wasserstein_generator_loss(fake)


def critic_loss(
    kind: str,
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    penalty_weight: float = 10.0,
    mix: Tensor | None = None,
) -> Tensor:
    """What the critic of codes minimises.

    Args:
        kind: one of `CODE_LOSSES`.
        critic: (B, C) -> (B,) scores.
        real: (B, C) codes of pictures or poses.
        fake: (B, C) codes that come from noise.
        penalty_weight: of the gradient penalty ("wgan-gp").
        mix: (B, 1), see `fashiongen.losses.wasserstein.gradient_penalty`.
    """
    scores = critic(real), critic(fake)
    if kind == "dcgan":
        return (real_loss(scores[0]) + fake_loss(scores[1])) / 2
    if kind == "lsgan":
        return ((scores[0].float() - 1).square().mean() + scores[1].float().square().mean()) / 2
    loss = wasserstein_critic_loss(*scores)
    return loss + penalty_weight * gradient_penalty(critic, real, fake, mix) if kind == "wgan-gp" else loss


def exchange_loss(
    exchanged: Tensor,
    image: Tensor,
    middle: Tensor,
    mask: Tensor,
    matte: Tensor | None = None,
    backdrop: Tensor | None = None,
) -> Tensor:
    """L1 distance of people before each other's backgrounds to what is known of such pictures; not in paper or code.

    Known are the middle of the body, from the person's own picture, and what lies beside both bodies, from the other's. It keeps
    the code of the background from telling about people, clothes and their light, and those of people from telling about the rest.

    Args:
        exchanged: (B, 3, H, W) every person drawn with the background of the one before (`roll(1, 0)`).
        image: (B, 3, H, W) their pictures.
        middle: (B, 1, H, W) in {0, 1}, pixels that certainly show the body.
        mask: (B, 1, H, W) in {0, 1}, all that may show it.
        matte: logits (B, 1, H, W) for people who are a layer of their own: 1 in the middle and 0 beside the body.
        backdrop: (B, 3, H, W) for backgrounds that are a layer of their own: even where the body hides them.

    Returns:
        scalar, a mean over all places, known or not. With a matte a tenth of its cross entropy where it is known is added, with a
        backdrop the mean difference of neighbouring pixels behind bodies.
    """
    beside = (1 - mask) * (1 - mask.roll(1, 0))
    loss = masked_l1(exchanged, torch.where(middle > 0, image, image.roll(1, 0)), torch.maximum(middle, beside))
    if matte is not None:
        entropy = F.binary_cross_entropy_with_logits(matte.float(), middle, reduction="none")
        loss = loss + _MATTE_WEIGHT * (entropy * torch.maximum(middle, 1 - mask)).mean()
    if backdrop is not None:
        for axis in (2, 3):
            loss = loss + (backdrop.diff(dim=axis).abs() * mask.narrow(axis, 1, mask.shape[axis] - 1)).mean()
    return loss
