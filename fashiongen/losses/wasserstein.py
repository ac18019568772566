"""Losses of the Wasserstein GAN: the critic's scores estimate how far two distributions are apart (Arjovsky et al., 2017).

The estimate holds for critics that are not too steep. They are kept so by clipping their weights after each update
(`clip_weights`), or by a penalty on their gradients (`gradient_penalty`; Gulrajani et al., 2017).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def wasserstein_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """mean(fake) - mean(real): what the critic minimises; less its sign, the estimated distance.

    Args:
        real: scores of real examples, of any shape; means are taken over all of them, in float32.
        fake: scores of generated ones.

    Returns:
        scalar.
    """
    return fake.float().mean() - real.float().mean()


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    """-mean(fake): what the generator minimises."""
    return -fake.float().mean()


@torch.no_grad()
def clip_weights(critic: nn.Module, limit: float = 0.01) -> None:
    """Bring all parameters of a critic, biases included, into [-limit, limit]; to be called after each of its updates.

    Raises:
        ValueError: for a limit that is not positive, which would leave nothing of the critic.
    """
    if limit <= 0:
        raise ValueError(f"weights are clipped to a positive limit, not {limit}")
    for parameter in critic.parameters():
        parameter.clamp_(-limit, limit)


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor | None = None) -> Tensor:
    """mean (norm of grad D(x) - 1)^2 at places x = real + mix * (fake - real) between real and generated examples.

    Args:
        critic: (B, ...) -> scores, one or more an example; no example may depend on the others (no batch normalisation).
        real: (B, ...) real examples.
        fake: (B, ...) generated ones; neither gets a gradient.
        mix: (B, 1, ...) in [0, 1], how far each place is from its real example; drawn uniformly if None.

    Returns:
        scalar, through which gradients reach the critic. The usual factor is 10.
    """
    if mix is None:
        mix = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    places = (real + mix * (fake - real)).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(places).sum(), places, create_graph=True)
    return (gradient.float().flatten(1).norm(dim=1) - 1).square().mean()
