"""Which triangles there are: every surface is a grid of rings, all of them in one mesh that is the same for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Slot(IntEnum):
    """What a surface is."""

    TORSO = 0
    HEAD = 1
    EAR = 2
    HAIR = 3
    ARM = 4
    HAND = 5
    LEG = 6
    SHOE = 7
    TOP = 8
    SLEEVE = 9
    LOWER = 10
    TROUSER = 11
    COAT = 12
    COAT_SLEEVE = 13
    BELT = 14
    COLLAR = 15


class Patch(NamedTuple):
    """One grid of the mesh: `rings` x (`columns` + 1) vertices (the seam column is doubled), once or once a side.

    `two_sided` is the range of rows of quads that show their inside too.
    """

    name: str
    rings: int
    columns: int
    sides: int
    slot: Slot
    two_sided: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        """Number of vertices."""
        return self.sides * self.rings * (self.columns + 1)


PATCHES = (
    Patch("torso", 12, 16, 1, Slot.TORSO),
    Patch("head", 16, 20, 1, Slot.HEAD),
    Patch("ears", 5, 6, 2, Slot.EAR),
    Patch("hair", 12, 24, 1, Slot.HAIR, (5, 11)),
    Patch("knot", 6, 8, 1, Slot.HAIR),
    Patch("arms", 12, 8, 2, Slot.ARM),
    Patch("hands", 8, 8, 2, Slot.HAND),
    Patch("thumbs", 4, 4, 2, Slot.HAND),
    Patch("legs", 13, 8, 2, Slot.LEG),
    Patch("shoes", 12, 8, 2, Slot.SHOE),
    Patch("top", 13, 20, 1, Slot.TOP, (0, 4)),
    Patch("sleeves", 10, 8, 2, Slot.SLEEVE, (6, 9)),
    Patch("lower", 8, 20, 1, Slot.LOWER, (0, 7)),
    Patch("trousers", 12, 12, 2, Slot.TROUSER),
    Patch("coat", 11, 20, 1, Slot.COAT, (0, 10)),
    Patch("coat_sleeves", 10, 8, 2, Slot.COAT_SLEEVE, (6, 9)),
    Patch("belt", 2, 20, 1, Slot.BELT),
    Patch("collar", 3, 16, 1, Slot.COLLAR, (0, 2)),
)
HULL_PATCHES = ("torso", "top", "lower", "coat", "belt", "collar")
HEAD_PATCHES = ("head", "ears", "hair", "knot")
ARM_PATCHES = ("arms", "hands", "thumbs", "sleeves", "coat_sleeves")
LEG_PATCHES = ("legs", "shoes", "trousers")

FIRST_VERTEX: dict[str, int] = {}
FIRST_ROW: dict[str, int] = {}
VERTICES = ROWS = 0
for _patch in PATCHES:
    FIRST_VERTEX[_patch.name], FIRST_ROW[_patch.name] = VERTICES, ROWS
    VERTICES += _patch.size
    ROWS += _patch.rings - 1

DEPTH_BIAS = {Slot.TOP: 0.003, Slot.SLEEVE: 0.003, Slot.BELT: 0.005, Slot.COLLAR: 0.008, Slot.COAT: 0.013, Slot.COAT_SLEEVE: 0.013}
"""Outer layers win by this much against what they cover; the depth map does not contain it."""


@dataclass(frozen=True)
class Topology:
    """Constant tables over the T triangles of the mesh.

    Attributes:
        corners: (T, 3) int64 vertices.
        slot: (T,) int64 `Slot`.
        side: (T,) int64 0 left, 1 right, 2 middle.
        winding: (T,) -1 where the corners run the other way (right side), else 1.
        two_sided: (T,) bool.
        row: (T,) int64 row of quads; rows are switched off where they are covered.
        bias: (T,) depth bias of the layer.
    """

    corners: Tensor
    slot: Tensor
    side: Tensor
    winding: Tensor
    two_sided: Tensor
    row: Tensor
    bias: Tensor


@lru_cache(maxsize=8)
def topology(device: torch.device) -> Topology:
    """The tables on a device."""
    columns: dict[str, list[Tensor]] = {name: [] for name in ("corners", "slot", "side", "winding", "two_sided", "row", "bias")}
    for patch in PATCHES:
        quad = torch.arange((patch.rings - 1) * patch.columns)
        row = quad // patch.columns
        for side in range(patch.sides):
            upper = FIRST_VERTEX[patch.name] + (side * patch.rings + row) * (patch.columns + 1) + quad % patch.columns
            lower = upper + patch.columns + 1
            corners = torch.stack([upper, lower, upper + 1, upper + 1, lower, lower + 1], 1).reshape(-1, 3)
            rows = row.repeat_interleave(2)
            columns["corners"].append(corners)
            columns["slot"].append(torch.full_like(rows, int(patch.slot)))
            columns["side"].append(torch.full_like(rows, side if patch.sides == 2 else 2))
            columns["winding"].append(torch.full(rows.shape, -1.0 if side else 1.0))
            columns["two_sided"].append((rows >= patch.two_sided[0]) & (rows < patch.two_sided[1]))
            columns["row"].append(rows + FIRST_ROW[patch.name])
            columns["bias"].append(torch.full(rows.shape, DEPTH_BIAS.get(patch.slot, 0.0)))
    return Topology(**{name: torch.cat(parts).to(device) for name, parts in columns.items()})


@lru_cache(maxsize=64)
def vertex_index(names: tuple[str, ...], side: int | None, device: torch.device) -> Tensor:
    """Vertices of some patches, of one side only if `side` is 0 (left) or 1 (right)."""
    ranges = []
    for patch in PATCHES:
        if patch.name in names:
            first, half = FIRST_VERTEX[patch.name], patch.size // patch.sides
            ranges.append(
                torch.arange(first, first + patch.size)
                if side is None
                else torch.arange(first + side * half, first + (side + 1) * half)
            )
    return torch.cat(ranges).to(device)
