"""Laying one picture over another through a soft mask."""

from __future__ import annotations

from torch import Tensor


def composite(foreground: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    """mask * foreground + (1 - mask) * background.

    Args:
        foreground: (B, C, H, W).
        background: (B, C, H, W).
        mask: (B, 1, H, W) in [0, 1]. Where it is exactly 0 (1) the result equals the background (foreground) bit for bit.

    Returns:
        (B, C, H, W).
    """
    return mask * foreground + (1 - mask) * background
