"""Logos and lettering: small shapes and words, drawn from formulas and a bit font, prefiltered for small pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 128
"""Texels along an edge of the sharpest level."""
LEVELS = 4
"""Every level is the mean of 2 x 2 texels of the one before it."""
_OVERSAMPLING = 4

_FONT = """
A 0E11111F111111 B 1E11111E11111E C 0E11101010110E D 1E11111111111E E 1F10101E10101F F 1F10101E101010 G 0E11101711110F
H 1111111F111111 I 0E04040404040E J 0702020202120C K 11121418141211 L 1010101010101F M 111B1515111111 N 11191513111111
O 0E11111111110E P 1E11111E101010 Q 0E11111115120D R 1E11111E141211 S 0F10100E01011E T 1F040404040404 U 1111111111110E
V 11111111110A04 W 1111111515150A X 11110A040A1111 Y 11110A04040404 Z 1F01020408101F 0 0E11111111110E 1 040C040404040E
2 0E11010204081F 3 1F02040201110E 4 02060A121F0202 5 1F101E0101110E 6 0608101E11110E 7 1F010204080808 8 0E11110E11110E
9 0E11110F01020C ! 04040404040004 & 0C12140815120D + 0004041F040400
"""
"""Seven rows of five bits a character, two hexadecimal digits a row, the highest bit on the left."""

WORDS = (
    *("NYC", "ECHO", "LOVE", "WILD", "1984", "MOON", "SURF", "HEY!", "07", "PARIS", "ART", "GO!", "88"),
    *("GOOD/DAY", "TEAM/23", "YES/&NO", "SLOW/DOWN", "SUN+/SEA"),
)
"""Words of the atlas; a slash begins a new line."""


def lookup(glyph: Tensor, x: Tensor, y: Tensor, level: Tensor) -> Tensor:
    """Coverage of glyphs at points of their boxes, bilinear.

    Args:
        glyph: (K,) int64 positions in `NAMES`.
        x, y: (K,) in [-1, 1], to the right and up.
        level: (K,) int64, see `level_for`.

    Returns:
        (K,) in [0, 1].
    """
    texels, starts, sizes = _atlas(glyph.device)
    size = sizes[level]
    gx = ((x * 0.5 + 0.5) * size - 0.5).clamp_min(0).minimum(size - 1)
    gy = ((0.5 - y * 0.5) * size - 0.5).clamp_min(0).minimum(size - 1)
    left, top = gx.long().minimum(size - 2), gy.long().minimum(size - 2)
    fx, fy = gx - left, gy - top
    corner = starts[level] + (glyph * size + top) * size + left
    upper = texels[corner] * (1 - fx) + texels[corner + 1] * fx
    lower = texels[corner + size] * (1 - fx) + texels[corner + size + 1] * fx
    return upper * (1 - fy) + lower * fy


def level_for(pixels: Tensor) -> Tensor:
    """The level whose texels are about a pixel wide when a glyph's box covers `pixels` pixels; rather sharp than soft."""
    density = SIZE / pixels
    return (density > 1.6).long() + (density > 3.2).long() + (density > 6.4).long()


@functools.cache
def _atlas(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """All texels in one row, and for each level the position of its first texel and its edge length."""
    image = torch.stack([*(_draw(shape) for shape in _SHAPES.values()), *(_write(word) for word in WORDS)])
    levels, starts = [], [0]
    for _ in range(LEVELS):
        levels.append(image.flatten())
        starts.append(starts[-1] + image.numel())
        image = F.avg_pool2d(image[:, None], 2)[:, 0]
    sizes = torch.tensor([SIZE >> level for level in range(LEVELS)], device=device)
    return torch.cat(levels).to(device), torch.tensor(starts[:-1], device=device), sizes


def _draw(shape: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A membership function of (x, y) in [-1, 1] -> (SIZE, SIZE) coverage."""
    n = SIZE * _OVERSAMPLING
    ticks = (torch.arange(n) + 0.5) * (2 / n) - 1
    return F.avg_pool2d(shape(ticks[None, :], -ticks[:, None]).expand(n, n).float()[None], _OVERSAMPLING)[0]


def _write(text: str) -> Tensor:
    """Lines of the bit font, each as wide as the box, strokes widened and rounded: (SIZE, SIZE) coverage."""
    entries = _FONT.split()
    font = dict(zip(entries[::2], entries[1::2], strict=True))
    canvas = torch.zeros(SIZE * _OVERSAMPLING, SIZE * _OVERSAMPLING)
    lines = text.split("/")
    width = int(canvas.shape[1] * 0.94)
    gap = int(canvas.shape[0] * 0.08)
    heights = [min(int(width * 7 / (6 * len(line) - 1) * 1.45), (canvas.shape[0] - 4 * gap) // len(lines) + gap) for line in lines]
    top = (canvas.shape[0] - sum(heights) - gap * (len(lines) - 1)) // 2
    for line, height in zip(lines, heights, strict=True):
        rows = torch.zeros(9, 6 * len(line) + 1)
        for place, character in enumerate(line):
            for row, value in enumerate(bytes.fromhex(font[character])):
                rows[1 + row, 1 + 6 * place : 6 + 6 * place] = torch.tensor([value >> bit & 1 for bit in (4, 3, 2, 1, 0)])
        smooth = rows.repeat_interleave(16, 0).repeat_interleave(16, 1)[None, None]
        for _ in range(3):
            smooth = F.avg_pool2d(smooth, 9, 1, 4)
        inked = (smooth > 0.22).float()[..., 12:-12, 12:-12]
        left = (canvas.shape[1] - width) // 2
        canvas[top : top + height, left : left + width] = F.interpolate(inked, (height, width), mode="area")[0, 0]
        top += height + gap
    return F.avg_pool2d(canvas[None], _OVERSAMPLING)[0]


def _disc(x: Tensor, y: Tensor, cx: float, cy: float, rx: float, ry: float | None = None) -> Tensor:
    return ((x - cx) / rx) ** 2 + ((y - cy) / (ry or rx)) ** 2 < 1


def _box(x: Tensor, y: Tensor, left: float, right: float, bottom: float, top: float) -> Tensor:
    return (x > left) & (x < right) & (y > bottom) & (y < top)


def _polygon(x: Tensor, y: Tensor, *corners: tuple[float, float]) -> Tensor:
    """Even-odd rule."""
    inside = torch.zeros(torch.broadcast_shapes(x.shape, y.shape), dtype=torch.bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 != y1:
            inside = inside ^ (((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0))
    return inside


def _emblem(x: Tensor, y: Tensor) -> Tensor:
    ring = _disc(x, y, 0, 0, 0.92) & ~_disc(x, y, 0, 0, 0.72)
    return ring | _polygon(x, y, (0, 0.56), (0.5, -0.32), (-0.5, -0.32)) & ~_polygon(x, y, (0, 0.2), (0.22, -0.18), (-0.22, -0.18))


def _star(x: Tensor, y: Tensor) -> Tensor:
    reach = (0.95, 0.42)
    turns = [(math.pi * k / 5, reach[k % 2]) for k in range(10)]
    return _polygon(x, y + 0.06, *((r * math.sin(turn), r * math.cos(turn)) for turn, r in turns))


def _heart(x: Tensor, y: Tensor) -> Tensor:
    x, y = x * 1.25, y * 1.2 + 0.12
    return (x**2 + y**2 - 1) ** 3 - x**2 * y**3 < 0


def _lightning_bolt(x: Tensor, y: Tensor) -> Tensor:
    return _polygon(x, y, (0.2, 0.95), (-0.6, -0.14), (-0.08, -0.14), (-0.26, -0.95), (0.6, 0.24), (0.08, 0.24))


def _bars(x: Tensor, y: Tensor) -> Tensor:
    return (
        _box(x, y, -0.85, 0.85, 0.5, 0.74)
        | _box(x, y, -0.85, 0.35, 0.1, 0.34)
        | _box(x, y, -0.85, 0.85, -0.3, -0.06)
        | _box(x, y, -0.85, 0.1, -0.7, -0.46)
    )


def _badge(x: Tensor, y: Tensor) -> Tensor:
    plate = (x.abs() < 0.86) & (y.abs() < 0.86) & (x.abs() + y.abs() < 1.56)
    return plate & ~_disc(x, y, 0, 0, 0.6) | _disc(x, y, 0, 0, 0.36)


def _moon(x: Tensor, y: Tensor) -> Tensor:
    return _disc(x, y, -0.04, 0, 0.9) & ~_disc(x, y, 0.36, 0.18, 0.74)


def _flower(x: Tensor, y: Tensor) -> Tensor:
    petals = [_disc(x, y, 0.54 * math.sin(k * math.tau / 5), 0.54 * math.cos(k * math.tau / 5), 0.38) for k in range(5)]
    return functools.reduce(torch.logical_or, petals) & ~_disc(x, y, 0, 0, 0.25)


def _diamond(x: Tensor, y: Tensor) -> Tensor:
    gem = _polygon(x, y, (-0.5, 0.66), (0.5, 0.66), (0.92, 0.2), (0, -0.86), (-0.92, 0.2))
    facets = _box(x, y, -1, 1, 0.16, 0.26) | ((x.abs() - 0.36 * (y + 0.86) / 1.06).abs() < 0.045) & (y < 0.2)
    return gem & ~facets


def _cat(x: Tensor, y: Tensor) -> Tensor:
    side = x.abs()
    head = _disc(x, y, 0, -0.14, 0.84, 0.7) | _polygon(side, y, (0.22, 0.42), (0.74, 0.9), (0.82, 0.02))
    nose = _polygon(x, y, (-0.12, -0.22), (0.12, -0.22), (0, -0.36))
    mouth = (_disc(side, y, 0.13, -0.36, 0.17) & ~_disc(side, y, 0.13, -0.33, 0.12)) & (y < -0.36)
    return head & ~(_disc(side, y, 0.36, 0.02, 0.13, 0.17) | nose | mouth)


def _smiley(x: Tensor, y: Tensor) -> Tensor:
    smile = _disc(x, y, 0, -0.02, 0.62) & ~_disc(x, y, 0, 0.1, 0.56) & (y < -0.1)
    return _disc(x, y, 0, 0, 0.92) & ~(_disc(x.abs(), y, 0.32, 0.28, 0.12, 0.2) | smile)


def _leaf(x: Tensor, y: Tensor) -> Tensor:
    along, across = (x + y) * math.sqrt(0.5), (y - x) * math.sqrt(0.5)
    blade = _disc(across, along, 0.62, 0.06, 1.04) & _disc(across, along, -0.62, 0.06, 1.04)
    ribs = ((along * 4.2 - across.abs() * 4) % 1 < 0.2) & (across.abs() < 0.3)
    return blade & ~((across.abs() < 0.035) | ribs) | (across.abs() < 0.05) & (along > -1.1) & (along < -0.6)


def _anchor(x: Tensor, y: Tensor) -> Tensor:
    ring = _disc(x, y, 0, 0.7, 0.22) & ~_disc(x, y, 0, 0.7, 0.11)
    shaft = _box(x, y, -0.09, 0.09, -0.8, 0.52) | _box(x, y, -0.4, 0.4, 0.24, 0.4)
    arms = _disc(x, y, 0, -0.14, 0.78) & ~_disc(x, y, 0, -0.08, 0.6) & (y < -0.2)
    return ring | shaft | arms | _polygon(x.abs(), y, (0.46, -0.26), (0.98, -0.3), (0.72, 0.08))


def _crown(x: Tensor, y: Tensor) -> Tensor:
    points = _polygon(x, y, (-0.72, -0.34), (-0.86, 0.4), (-0.4, 0.02), (0, 0.6), (0.4, 0.02), (0.86, 0.4), (0.72, -0.34))
    tips = _disc(x.abs(), y, 0.84, 0.46, 0.11) | _disc(x, y, 0, 0.66, 0.12)
    return points | tips | _box(x, y, -0.72, 0.72, -0.66, -0.44)


def _butterfly(x: Tensor, y: Tensor) -> Tensor:
    side = x.abs()
    wings = _disc(side, y, 0.5, 0.32, 0.42, 0.44) & ~_disc(side, y, 0.56, 0.36, 0.15) | _disc(side, y, 0.38, -0.4, 0.31, 0.36)
    feelers = ((side - 0.06 - (y - 0.4) * 0.4).abs() < 0.035) & (y > 0.4) & (y < 0.86)
    return wings & (side > 0.1) | _disc(x, y, 0, -0.04, 0.075, 0.62) | feelers


_SHAPES = {
    "emblem": _emblem,
    "bars": _bars,
    "badge": _badge,
    "star": _star,
    "heart": _heart,
    "lightning bolt": _lightning_bolt,
    "moon": _moon,
    "flower": _flower,
    "diamond": _diamond,
    "cat": _cat,
    "smiley": _smiley,
    "leaf": _leaf,
    "anchor": _anchor,
    "crown": _crown,
    "butterfly": _butterfly,
}
SHAPES = tuple(_SHAPES)
NAMES = (*SHAPES, *WORDS)
"""What every glyph number shows: the shapes' names, then the words."""
