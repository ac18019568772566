"""Losses of a change that is made and taken back: how well the picture returns, and how much of it was touched.

Conditional Analogy GAN (Jetchev and Bergmann, ICCV workshops 2017). The paper prints norms and sums over places; all known code
takes means, without which the weights of the losses would depend on the size of the pictures.
"""

from __future__ import annotations

from torch import Tensor


def cycle_loss(image: Tensor, restored: Tensor) -> Tensor:
    """Mean absolute difference of pictures and what came back after a change was made and undone.

    Args:
        image: (B, C, H, W).
        restored: (B, C, H, W).

    Returns:
        scalar.
    """
    return (image - restored).abs().mean()


def matte_loss(alpha: Tensor, target: Tensor | None = None) -> Tensor:
    """How much of the pictures a matte repaints, which keeps it from repainting everything.

    Args:
        alpha: (B, 1, H, W) in [0, 1].
        target: (B, 1, H, W), where the matte ought to be, if that is known; then the distance to it is meant.

    Returns:
        scalar: the mean of alpha, or its mean absolute difference from `target`.
    """
    return alpha.abs().mean() if target is None else (alpha - target).abs().mean()
