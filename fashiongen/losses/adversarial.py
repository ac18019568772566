"""Adversarial losses on the logits of a discriminator.

All papers minimise the cross entropy of "real" and "fake"; they differ in who is called real, in weights, and in a small number
that some add inside the logarithm. A loss of the whole is a sum of the two functions here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def real_loss(logits: Tensor, epsilon: float = 0.0) -> Tensor:
    """-mean log(p + epsilon) of p = sigmoid(logits): how far the discriminator is from calling all of them real.

    On generated pictures it is the (non-saturating) loss of the generator.

    Args:
        logits: of any shape, the mean is over all of them; computed in float32.
        epsilon: 1e-7 in the code of Deformable GAN, which bounds the loss by 16.1. Without it the loss is linear in a
            large negative logit.

    Returns:
        scalar.
    """
    logits = logits.float()
    if epsilon == 0:
        return F.softplus(-logits).mean()
    return -torch.log(torch.sigmoid(logits) + epsilon).mean()


def fake_loss(logits: Tensor, epsilon: float = 0.0) -> Tensor:
    """-mean log(1 - p + epsilon) of p = sigmoid(logits): how far the discriminator is from calling all of them fake.

    Arguments as in `real_loss`.
    """
    logits = logits.float()
    if epsilon == 0:
        return F.softplus(logits).mean()
    return -torch.log(1 - torch.sigmoid(logits) + epsilon).mean()


def discriminator_loss(real: Tensor, fake: Tensor, epsilon: float = 0.0) -> Tensor:
    """`real_loss` of the logits of real pictures plus `fake_loss` of those of generated ones (no factor 1/2)."""
    return real_loss(real, epsilon) + fake_loss(fake, epsilon)


def zero_centred_penalty(critic: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """Mean squared norm of the discriminator's gradient at real examples ("R1", Mescheder et al., ICML 2018, equation 9).

    Args:
        critic: (B, ...) -> logits.
        real: (B, ...) real examples; they get no gradient.

    Returns:
        scalar, through which gradients reach the discriminator. The usual factor is 1/2 to 5, times n when every n-th step alone
        computes it.
    """
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(real).sum(), real, create_graph=True)
    return gradient.float().square().flatten(1).sum(dim=1).mean()
