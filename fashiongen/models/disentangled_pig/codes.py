"""Codes of people, and what is done with them: straight and curved paths between two, regions taken from others."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fashiongen.models.disentangled_pig.networks import REGIONS

FACTORS = ("foreground", "background", "pose")

GROUPS = {"top": ("upper_body", "left_arm", "right_arm"), "bottom": ("legs", "left_leg", "right_leg")}
"""Names for regions that are best taken together, because they overlap."""


class Codes(NamedTuple):
    """The three codes of B people, or the noise that becomes them.

    Attributes:
        foreground: (B, 7 * 32) body and clothes: the codes of `fashiongen.models.disentangled_pig.networks.REGIONS` one after the
            other, 0 for a region that is not seen.
        background: (B, 128); None in a model without background.
        pose: (B, 32).
    """

    foreground: Tensor
    background: Tensor | None
    pose: Tensor

    def regions(self) -> Tensor:
        """(B, 7, 32): the foreground region by region."""
        return self.foreground.unflatten(1, (len(REGIONS), -1))


def linear_path(low: Tensor, high: Tensor, at: Tensor) -> Tensor:
    """(..., C), (..., C) and (N,) in [0, 1] -> (N, ..., C) on the straight line between the two."""
    return torch.lerp(low[None], high[None], at.to(low).view(-1, *[1] * low.ndim))


def spherical_path(low: Tensor, high: Tensor, at: Tensor) -> Tensor:
    """Vectors on the arc between two (authors' `utils.slerp`, which none of their scripts calls).

    With w the angle between the two: sin((1 - t) w) / sin(w) * low + sin(t w) / sin(w) * high; their lengths are kept as they are.
    A straight line where they point the same way, or opposite ways.

    Args:
        low: (..., C).
        high: (..., C).
        at: (N,) t in [0, 1].

    Returns:
        (N, ..., C).
    """
    cosine = torch.cosine_similarity(low, high, dim=-1, eps=1e-12).clamp(-1, 1)
    angle = cosine.acos()[None, ..., None]
    sine = angle.sin()
    steps = at.to(low).view(-1, *[1] * low.ndim)
    curved = ((1 - steps) * angle).sin() / sine * low + (steps * angle).sin() / sine * high
    return torch.where(sine.abs() < 1e-6, linear_path(low, high, at), curved)


def regions_named(name: str) -> tuple[int, ...]:
    """Places in `REGIONS` of a region or of one of `GROUPS`.

    Raises:
        ValueError: for another name.
    """
    if name not in REGIONS and name not in GROUPS:
        raise ValueError(f"there is no body region {name!r}; choose from {', '.join((*REGIONS, *GROUPS))}")
    return tuple(REGIONS.index(region) for region in GROUPS.get(name, (name,)))
