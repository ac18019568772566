"""Total variation."""

from __future__ import annotations

from torch import Tensor


def total_variation(image: Tensor) -> Tensor:
    """Sum of absolute differences between neighbouring pixels (anisotropic, as `tf.image.total_variation`).

    Args:
        image: (B, C, H, W).

    Returns:
        (B,): a *sum* over pixels and channels, so it grows with the size of the picture.
    """
    vertical = (image[:, :, 1:] - image[:, :, :-1]).abs().sum(dim=(1, 2, 3))
    horizontal = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs().sum(dim=(1, 2, 3))
    return vertical + horizontal
