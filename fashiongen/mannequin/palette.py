"""Colours of clothes: RGB in [0, 1], and how two of them are told apart."""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.mannequin import random

TOPS = (
    (0.93, 0.92, 0.89), (0.12, 0.13, 0.16), (0.16, 0.22, 0.36), (0.62, 0.12, 0.15), (0.80, 0.66, 0.45), (0.42, 0.47, 0.36),
    (0.55, 0.65, 0.76), (0.86, 0.52, 0.42), (0.92, 0.78, 0.36), (0.36, 0.20, 0.28), (0.50, 0.50, 0.52), (0.20, 0.38, 0.36),
    (0.75, 0.62, 0.72), (0.33, 0.43, 0.58), (0.72, 0.32, 0.22), (0.96, 0.86, 0.80), (0.30, 0.22, 0.17), (0.64, 0.74, 0.60),
    (0.90, 0.89, 0.84), (0.16, 0.46, 0.62), (0.88, 0.66, 0.70), (0.44, 0.34, 0.56), (0.78, 0.22, 0.26), (0.90, 0.56, 0.24),
)  # fmt: skip
TROUSERS = (
    (0.17, 0.22, 0.34), (0.30, 0.38, 0.52), (0.14, 0.14, 0.16), (0.55, 0.47, 0.36), (0.40, 0.40, 0.42), (0.25, 0.27, 0.22),
    (0.72, 0.70, 0.66), (0.47, 0.56, 0.68), (0.42, 0.18, 0.20), (0.23, 0.29, 0.43), (0.36, 0.27, 0.21), (0.85, 0.82, 0.76),
)  # fmt: skip
SHOES = (
    (0.12, 0.11, 0.11), (0.90, 0.89, 0.87), (0.35, 0.22, 0.15), (0.60, 0.16, 0.16), (0.55, 0.42, 0.30), (0.20, 0.24, 0.34),
)  # fmt: skip
LIGHT = (0.94, 0.93, 0.90)
DARK = (0.14, 0.15, 0.19)


def draw(u: Tensor, colours: tuple[tuple[float, float, float], ...]) -> Tensor:
    """A colour of the list for each number in [0, 1): (B,) -> (B, 3)."""
    return torch.tensor(colours, device=u.device)[random.pick(u, len(colours))]


def contrasting(colour: Tensor, base: Tensor) -> Tensor:
    """`colour` where it stands out from `base`, else a darker or lighter relative of `base`; (B, 3) each.

    Two colours stand out when their channels differ by 0.55 in all and their lumas by 0.1.
    """
    red, green, blue = (colour - base).abs().T
    near = (red + green + blue < 0.55) | ((luma(colour) - luma(base)).abs() < 0.1)
    relative = torch.where(is_light(base)[:, None], base * 0.35, base * 0.3 + 0.66)
    return torch.where(near[:, None], relative, colour)


def luma(colour: Tensor) -> Tensor:
    """Luma of Rec. 601 of colours (..., 3): (...)."""
    return colour[..., 0] * 0.299 + colour[..., 1] * 0.587 + colour[..., 2] * 0.114


def is_light(colour: Tensor) -> Tensor:
    """Whether the luma of colours (B, 3) is at least one half: (B,) bool."""
    return luma(colour) >= 0.5
