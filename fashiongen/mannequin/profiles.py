"""Outlines of the body: cross-sections of the torso over height, radii of the limbs along them.

The tables were drawn by eye for this project. The *hull* is the torso without a crotch: it keeps its width below the hips, and
every top, dress, skirt and coat is one tube around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from .identity import Identity
from .numerics import bump, interpolate, smoothstep

LOWEST, HIGHEST, KNOTS = 0.20, 0.92, 96

_HEIGHTS = (
    0.20, 0.44, 0.455, 0.475, 0.50, 0.52, 0.55, 0.58, 0.61, 0.64, 0.68,
    0.72, 0.76, 0.785, 0.805, 0.822, 0.835, 0.848, 0.865, 0.885, 0.92,
)  # fmt: skip
_HALF_WIDTH = (
    (0, 0, .034, .074, .089, .091, .086, .079, .0765, .0785, .085, .091, .096, .098, .097, .090, .069, .043, .0335, .0315, .031),
    (0, 0, .032, .078, .095, .098, .090, .074, .065, .0665, .073, .078, .081, .082, .080, .073, .055, .035, .027, .0255, .025),
)  # fmt: skip
_FRONT = (
    (0, 0, .020, .040, .052, .057, .058, .057, .056, .057, .060, .063, .058, .050, .043, .037, .033, .031, .030, .029, .029),
    (0, 0, .020, .040, .053, .058, .057, .053, .049, .049, .052, .055, .051, .045, .038, .033, .029, .027, .026, .025, .025),
)  # fmt: skip
_BACK = (
    (0, 0, .025, .055, .070, .071, .061, .051, .047, .049, .055, .059, .059, .055, .049, .043, .039, .036, .034, .033, .033),
    (0, 0, .025, .058, .074, .076, .064, .049, .043, .044, .049, .052, .052, .049, .043, .038, .034, .031, .029, .028, .028),
)  # fmt: skip
_CENTRE = (
    0, 0, 0, 0, 0, 0, 0, .002, .002, 0, -.004, -.006, -.007, -.008, -.008, -.007, -.005, -.003, 0, .004, .008,
)  # fmt: skip
_HIP_KNOT = 5  # of _HEIGHTS: the widest place
_HULL_BELOW = (1.02, 1.02, 1.02, 1.01, 1.0)

_ARM = (
    (0, .015), (.08, .0235), (.15, .0290), (.22, .0322), (.33, .0325), (.44, .0298),
    (.54, .0262), (.60, .0250), (.68, .0262), (.78, .0240), (.90, .0188), (1, .0165),
)  # fmt: skip
_LEG = (
    (0, .042), (.07, .0520), (.15, .0550), (.24, .0535), (.36, .0485), (.46, .0405), (.535, .0370),
    (.60, .0362), (.68, .0385), (.76, .0345), (.87, .0250), (.95, .0215), (1, .0225),
)  # fmt: skip


def _resample(places: tuple[float, ...], values: tuple[float, ...], at: Tensor, kernel: tuple[float, ...]) -> Tensor:
    """Piecewise linear table -> smoothed values `at` uniform places (float64)."""
    x, y = torch.tensor(places, dtype=torch.float64), torch.tensor(values, dtype=torch.float64)
    upper = torch.searchsorted(x, at).clamp(1, len(x) - 1)
    share = ((at - x[upper - 1]) / (x[upper] - x[upper - 1])).clamp(0, 1)
    sampled = y[upper - 1] * (1 - share) + y[upper] * share
    padded = torch.cat([sampled[:1], sampled[:1], sampled, sampled[-1:], sampled[-1:]])
    return sum(weight * padded[i : i + len(at)] for i, weight in enumerate(kernel))  # type: ignore[return-value]


@lru_cache(maxsize=8)
def torso_tables(device: torch.device) -> Tensor:
    """(body or hull, masculine or feminine, (half width, front, back, centre), 96) over heights .20 to .92."""
    at = torch.linspace(LOWEST, HIGHEST, KNOTS, dtype=torch.float64)
    tables = []
    for hull in (False, True):
        for feminine in (0, 1):
            rows = []
            for values in (_HALF_WIDTH[feminine], _FRONT[feminine], _BACK[feminine], _CENTRE):
                widened = (*(values[_HIP_KNOT] * factor for factor in _HULL_BELOW), *values[_HIP_KNOT:])
                outline = widened if hull and values is not _CENTRE else values
                rows.append(_resample(_HEIGHTS, outline, at, (0.1, 0.2, 0.4, 0.2, 0.1)))
            tables.append(torch.stack(rows))
    return torch.stack(tables).float().reshape(2, 2, 4, KNOTS).to(device)


@lru_cache(maxsize=8)
def _limb_tables(device: torch.device) -> tuple[Tensor, Tensor]:
    at = torch.linspace(0, 1, 48, dtype=torch.float64)
    kernel = (0.12, 0.22, 0.32, 0.22, 0.12)

    def resampled(table: tuple[tuple[float, float], ...]) -> Tensor:
        return _resample(tuple(place for place, _ in table), tuple(radius for _, radius in table), at, kernel).float().to(device)

    return resampled(_ARM), resampled(_LEG)


def arm_table(device: torch.device) -> Tensor:
    """(48,) radius from .05 inside the shoulder (0) to the wrist (1)."""
    return _limb_tables(device)[0]


def leg_table(device: torch.device) -> Tensor:
    """(48,) radius from the hip at .535 (0) to the ankle at .04 (1)."""
    return _limb_tables(device)[1]


@lru_cache(maxsize=8)
def heights(device: torch.device) -> Tensor:
    """(96,) heights of the knots."""
    return torch.linspace(LOWEST, HIGHEST, KNOTS, device=device)


@dataclass(frozen=True)
class Sections:
    """Cross-sections of a tube around the torso over 96 heights, each (B, 96).

    Attributes:
        half_width, front, back: extents from the centre to the sides, forwards and backwards.
        centre: z of the centre.
        quarter: a quarter of the circumference of the *garment itself*, the same on whoever wears it: the scale of its cloth.
        lobes: relative amplitude of five folds around it.
    """

    half_width: Tensor
    front: Tensor
    back: Tensor
    centre: Tensor
    quarter: Tensor
    lobes: Tensor

    def at(self, y: Tensor) -> list[Tensor]:
        """Values at heights y (B, K, N): six of (B, K, N) in the order of the attributes."""
        table = torch.stack(
            [
                self.half_width,
                self.front,
                self.back,
                self.centre.expand_as(self.front),
                self.quarter.expand_as(self.front),
                self.lobes,
            ],
            1,
        )
        position = (y.flatten(1) - LOWEST) * ((KNOTS - 1) / (HIGHEST - LOWEST))
        return [value.view_as(y) for value in interpolate(table, position).unbind(1)]

    def loosened(self, ease: Tensor, flare: Tensor | None = None, lobes: float = 0.0) -> Sections:
        """Moved outwards by `ease` (B, 96), then widened below the waist by `flare` (B, 1), with folds `lobes` deep."""
        drop = torch.relu(0.60 - heights(ease.device)) / 0.3
        widen = 1 + (flare * drop if flare is not None else torch.zeros_like(ease))
        return Sections(
            half_width=(self.half_width + ease) * widen,
            front=(self.front + ease) * widen,
            back=(self.back + ease) * widen,
            centre=self.centre,
            quarter=self.quarter,
            lobes=(widen - 1) * drop * lobes / widen,
        )

    def with_quarter_of(self, garment: Sections) -> Sections:
        """The same shape with the cloth of `garment`."""
        quarter = (garment.half_width + 0.5 * (garment.front + garment.back)) * 0.785
        return Sections(self.half_width, self.front, self.back, self.centre, quarter, self.lobes)


def _blend(tables: Tensor, feminine: Tensor) -> Tensor:
    feminine = feminine[:, None, None]
    return tables[0] * (1 - feminine) + tables[1] * feminine


def body_sections(identity: Identity, hull: bool) -> Sections:
    """Cross-sections of a person's torso, or of the hull around it."""
    device = identity.girth.device
    table = _blend(torso_tables(device)[int(hull)], identity.presentation)
    y = heights(device)
    girth = identity.girth[:, None]
    below_neck = 1 - smoothstep(y, 0.82, 0.85)
    wider = 1 + (girth - 1) * (0.3 + 0.7 * below_neck)
    half_width = table[:, 0] * wider * (1 + (identity.hip[:, None] - 1) * bump(y, 0.52, 0.05))
    front = table[:, 1] * (1 + (girth - 1) * 1.25 * below_neck) + identity.belly[:, None] * bump(y, 0.60, 0.07)
    zero = torch.zeros_like(front)
    back = table[:, 2] * (1 + (girth - 1) * 0.65)
    return Sections(half_width, front, back, table[:, 3], zero, zero)


def standard_sections(feminine: Tensor, hull: bool = True) -> Sections:
    """Cross-sections of the dress form that garments are cut on: (B,) 1 feminine, 0 masculine."""
    half_width, front, back, centre = _blend(torso_tables(feminine.device)[int(hull)], feminine).unbind(1)
    zero = torch.zeros_like(front)
    return Sections(half_width, front, back, centre, zero, zero)
