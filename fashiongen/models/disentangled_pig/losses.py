"""What the mappers from noise to codes and their critics minimise (authors' `wgan_gp.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.wasserstein import gradient_penalty, wasserstein_critic_loss, wasserstein_generator_loss

CodeLoss = Literal["wgan", "wgan-gp", "dcgan", "lsgan"]
CODE_LOSSES: tuple[str, ...] = ("wgan", "wgan-gp", "dcgan", "lsgan")
"""The published models use "wgan", whose critics' weights are clipped after each update."""


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
