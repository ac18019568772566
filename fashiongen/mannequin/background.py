"""What is behind the person: a wall with a floor, plain, graded, papered, or a street out of focus.

Nearly everything is a product of a function of the row and one of the column, which makes a whole page cheap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fashiongen.mannequin import random

KINDS = ("plain", "gradient", "wallpaper", "street")
"""What `Background.kind` counts."""

_STREAM = 5
_STREET_STREAM = 6
_BOXES = 8
_SHARES = (0.18, 0.24, 0.20, 0.38)
_TONES = (
    (0.90, 0.89, 0.87), (0.78, 0.80, 0.82), (0.86, 0.80, 0.74), (0.70, 0.75, 0.72), (0.66, 0.62, 0.66), (0.58, 0.66, 0.74),
    (0.93, 0.88, 0.84), (0.80, 0.74, 0.66), (0.84, 0.87, 0.90), (0.74, 0.70, 0.62),
)  # fmt: skip


@dataclass(frozen=True)
class Background:
    """B backgrounds. Lengths are in page heights, y down from the top.

    Attributes:
        kind: (B,) int64 in `KINDS`.
        wall, floor: (B, 3) RGB in [0, 1].
        horizon: (B,) where the wall meets the floor, 0.80 to 0.88.
        softness: (B,) height of the transition between them.
        centre: (B,) of the light on the wall, from the middle of the page.
        slope: (B,) how much brighter a graded wall is at the bottom of the page than at the top, as a share.
        frequency: (B,) stripes or checks of the wallpaper per page height.
        checked: (B,) bool, checks in place of stripes.
        box_x, box_y: (B, 8) centres of the blurred shapes of the street, shares of the page.
        box_width, box_height: (B, 8) half their edges.
        box_tint: (B, 8, 3) what they add to the wall.
    """

    kind: Tensor
    wall: Tensor
    floor: Tensor
    horizon: Tensor
    softness: Tensor
    centre: Tensor
    slope: Tensor
    frequency: Tensor
    checked: Tensor
    box_x: Tensor
    box_y: Tensor
    box_width: Tensor
    box_height: Tensor
    box_tint: Tensor


def sample_background(seed: Tensor) -> Background:
    """Draw backgrounds for seeds (B,)."""
    u = random.uniform(seed, _STREAM, 16).T.contiguous()
    tones = torch.tensor(_TONES, device=seed.device)
    kind = (u[0] >= torch.tensor(_SHARES, device=seed.device).cumsum(0)[:-1, None]).sum(0)
    wall = tones[random.pick(u[1], len(_TONES))]
    plain = kind == 0
    boxes = random.uniform(seed, _STREET_STREAM, 6 * _BOXES).view(-1, 6, _BOXES)
    shade, warmth = (boxes[:, 4] - 0.5) * 0.30, (boxes[:, 5] - 0.5) * 0.09
    return Background(
        kind=kind,
        wall=wall,
        floor=torch.where(plain[:, None], wall * 0.94, tones[random.pick(u[2], len(_TONES))] * 0.82),
        horizon=0.80 + 0.08 * u[3],
        softness=torch.where(plain, 0.12, 0.016),
        centre=(u[4] - 0.5) * 0.3,
        slope=torch.where(kind == KINDS.index("gradient"), (u[7] - 0.65) * 0.5, 0.0),
        frequency=7 + 9 * u[5],
        checked=u[6] < 0.5,
        box_x=boxes[:, 0],
        box_y=boxes[:, 1] * 0.8,
        box_width=0.05 + 0.20 * boxes[:, 2],
        box_height=0.08 + 0.30 * boxes[:, 3],
        box_tint=torch.stack([shade + warmth, shade, shade - warmth], -1),
    )


def draw(background: Background, height: int, width: int, feet: Tensor | None = None, floor: bool | Tensor = True) -> Tensor:
    """Draw pages of B backgrounds.

    Args:
        background: of B pages.
        height, width: of a page in pixels.
        feet: (B, 2, 2) pixel coordinates (x, y) of the two ankles; each foot gets a soft shadow below. None: no shadows.
        floor: whether the page shows the floor, for all or for each (B,) bool. Close-ups end above it.

    Returns:
        (B, 3, H, W) RGB in [0, 1].
    """
    device = background.wall.device
    y = ((torch.arange(height, device=device) + 0.5) / height).expand(len(background.kind), height)
    x = ((torch.arange(width, device=device) + 0.5 - width / 2) / height).expand(len(background.kind), width)
    shown = torch.as_tensor(floor, device=device).expand(len(background.kind))
    depth = y - background.horizon[:, None]
    below = _step(depth / background.softness[:, None]) * shown[:, None]

    light = 0.86 + 0.14 * _outer(_bell(x - background.centre[:, None], 0.67), _bell(y - 0.4, 0.67))
    light = light * (1 + (y - 0.5) * background.slope[:, None])[:, :, None]
    light = light * (1 + _wallpaper(background, x, y))
    page = background.wall[:, :, None, None] * light[:, None]
    _add_street(background, page, x * (height / width) + 0.5, y)
    tone = background.floor[:, :, None] * (0.92 + 0.16 * depth)[:, None] * below[:, None]
    page = page * (1 - below)[:, None, :, None] + tone[..., None]
    if feet is not None:
        page = page * (1 - 0.42 * _shadows(feet, height, width))[:, None]
    return page.clamp(0, 1)


def _outer(columns: Tensor, rows: Tensor) -> Tensor:
    """(..., W), (..., H) -> (..., H, W)."""
    return rows[..., :, None] * columns[..., None, :]


def _bell(x: Tensor, width: float) -> Tensor:
    t = x / width
    return torch.exp(-t * t)


def _step(x: Tensor) -> Tensor:
    """A smooth step of length 1 about 0."""
    t = (x + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _wallpaper(background: Background, x: Tensor, y: Tensor) -> Tensor:
    """Stripes or checks (B, H, W), 3 % up and down; 0 on other walls."""
    turns = 2 * math.pi * background.frequency[:, None]
    columns = (torch.cos(turns * x) * 4).clamp(-1, 1) * (0.03 * (background.kind == KINDS.index("wallpaper")))[:, None]
    rows = torch.where(background.checked[:, None], (torch.cos(turns * y) * 4).clamp(-1, 1), 1.0)
    return _outer(columns, rows)


def _add_street(background: Background, page: Tensor, x: Tensor, y: Tensor) -> None:
    """Blurred rectangles, in place on the streets among the pages; x and y are shares of the page."""
    streets = (background.kind == KINDS.index("street")).nonzero()[:, 0]
    if not len(streets):
        return
    tint, base = background.box_tint[streets], page[streets]
    columns = _step((background.box_width[streets, :, None] - (x[streets, None] - background.box_x[streets, :, None]).abs()) / 0.13)
    rows = _step((background.box_height[streets, :, None] - (y[streets, None] - background.box_y[streets, :, None]).abs()) / 0.10)
    total = torch.zeros_like(base)
    for box in range(tint.shape[1]):
        total += _outer(columns[:, box], rows[:, box])[:, None] * tint[:, box, :, None, None]
    page[streets] = base * (1 + total.clamp(-0.36, 0.26))


def _shadows(feet: Tensor, height: int, width: int) -> Tensor:
    """How dark the floor is below the feet: (B, H, W) in [0, 1]."""
    reach = 0.04 * height
    x = torch.arange(width, device=feet.device) + 0.5 - feet[:, :, 0, None]
    y = torch.arange(height, device=feet.device) + 0.5 - feet[:, :, 1, None] - 0.03 * height
    left, right = _outer(_bell(x, 1.5 * reach), _bell(y, 0.42 * reach)).unbind(1)
    return (left + right).clamp_max(1)
