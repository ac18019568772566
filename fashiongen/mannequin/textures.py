"""What is on the cloth: patterns as numbers, and their colour at any point of the garment.

`paint` is a function of garment coordinates alone, so the cloth on a body and the same garment laid flat have the same colours.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.mannequin import glyphs, palette, random
from fashiongen.mannequin.numerics import smoothstep

if TYPE_CHECKING:
    from fashiongen.mannequin.photographs import PhotographBank

KINDS = ("plain", "horizontal stripes", "vertical stripes", "checks", "dots", "gradient", "print", "motif", "logo", "lettering",
         "block", "thin stripes", "photograph")  # fmt: skip
"""What `Pattern.kind` counts."""

PIXELS_PER_HEIGHT = 0.88
"""Body heights of a whole figure per page height: how large a pixel is on the cloth."""

NEVER = 9.0
"""A threshold that nothing reaches."""

_SHARES: dict[str, dict[str, float]] = {
    "top": {"plain": 0.14, "horizontal stripes": 0.11, "vertical stripes": 0.06, "checks": 0.09, "dots": 0.07, "gradient": 0.05,
            "print": 0.08, "motif": 0.09, "logo": 0.12, "lettering": 0.10, "block": 0.06, "thin stripes": 0.03},
    "trousers": {"plain": 0.76, "vertical stripes": 0.05, "checks": 0.06, "dots": 0.02, "gradient": 0.04, "print": 0.04,
                 "motif": 0.03},
    "skirt": {"plain": 0.36, "horizontal stripes": 0.07, "vertical stripes": 0.07, "checks": 0.14, "dots": 0.12, "gradient": 0.04,
              "print": 0.10, "motif": 0.10},
    "coat": {"plain": 0.70, "vertical stripes": 0.05, "checks": 0.13, "lettering": 0.05, "logo": 0.05, "block": 0.02},
    "shoes": {"plain": 1.0},
}  # fmt: skip

_WAVES = {
    # kind: waves per body height, direction of the first wave (0 down the body, pi/2 across), weights of the two waves, threshold
    "horizontal stripes": (18.0, 0.0, 1.0, 0.0, 0.0),
    "vertical stripes": (24.0, math.pi / 2, 1.0, 0.0, 0.3),
    "checks": (21.0, 0.0, 0.0, 0.0, 0.0),
    "dots": (28.0, math.pi / 4, 1.0, 1.0, 0.85),
    "print": (13.0, 0.6, 1.0, 1.0, 0.35),
    "motif": (14.0, 0.0, 0.0, 0.0, NEVER),
    "thin stripes": (34.0, 0.0, 1.0, 0.0, 0.55),
}
_NO_WAVES = (10.0, 0.0, 0.0, 0.0, NEVER)
_MOTIFS = ("star", "heart", "moon", "flower", "flower", "leaf", "diamond", "butterfly", "lightning bolt", "anchor")


@dataclass(frozen=True)
class Pattern:
    """Cloth of B garments. Lengths are in body heights; x runs to the wearer's left from the centre, y up.

    Attributes:
        kind: (B,) int64 in `KINDS`.
        base, second, accent: (B, 3) RGB in [0, 1]. For a photograph `base` is its mean colour.
        frequency: (B,) waves, dots or motifs per body height.
        angle: (B,) direction of the first wave in radians, 0 down the body; the second one is at right angles.
        first, across: (B,) weights of the two waves; `second` shows where their sum exceeds `threshold`.
        threshold: (B,).
        checks: (B,) 1 for the mean of two stripes in place of the thresholded sum.
        warp: (B,) amplitude of the sine that bends both waves.
        gradient: (B,) 1 for a blend from `second` above to `base` below.
        line: (B,) threshold of thin lines of `accent` in the gaps of the waves.
        block_low, block_high: (B,) the heights y between which the cloth is `accent`.
        phase: (B,) in [0, 1), shifts everything.
        front, back: (B,) int64 glyphs in `accent` on the chest and on the back, -1 for none.
        glyph_size: (B,) half an edge of a glyph's box.
        glyph_x: (B,) centre of the front glyph.
        motif: (B,) int64 glyph that repeats all over, -1 for none.
        photograph: (B, 4, h, w) RGB in [0, 1] over the garment's flat bounding box and the garment's mask, or None.
        has_photograph: (B,) bool.
    """

    kind: Tensor
    base: Tensor
    second: Tensor
    accent: Tensor
    frequency: Tensor
    angle: Tensor
    first: Tensor
    across: Tensor
    threshold: Tensor
    checks: Tensor
    warp: Tensor
    gradient: Tensor
    line: Tensor
    block_low: Tensor
    block_high: Tensor
    phase: Tensor
    front: Tensor
    back: Tensor
    glyph_size: Tensor
    glyph_x: Tensor
    motif: Tensor
    has_photograph: Tensor
    photograph: Tensor | None = None

    @classmethod
    def cat(cls, patterns: list[Pattern]) -> Pattern:
        """Several batches one after the other; batches without photographs get empty ones where others have them."""
        like = next((pattern.photograph for pattern in patterns if pattern.photograph is not None), None)
        joined: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            values = [getattr(pattern, field.name) for pattern in patterns]
            if field.name == "photograph" and like is not None:
                values = [like.new_zeros(len(p.kind), *like.shape[1:]) if p.photograph is None else p.photograph for p in patterns]
            joined[field.name] = None if values[0] is None else torch.cat(values)
        return cls(**joined)


def sample_pattern(seed: Tensor, stream: int, item: str, photographs: PhotographBank | None = None, share: float = 0.0) -> Pattern:
    """Draw the cloth of garments.

    Args:
        seed: (B,) int64 names of the garments.
        stream: of the random numbers, one for each item of an outfit.
        item: "top", "trousers", "skirt", "coat" or "shoes": decides which colours and patterns are usual.
        photographs: garment photographs to print on some.
        share: of the garments that get a photograph.

    Raises:
        ValueError: for another item.
    """
    if item not in _SHARES:
        raise ValueError(f"no clothes are called {item!r}; known: {', '.join(_SHARES)}")
    u = random.uniform(seed, stream, 32).T.contiguous()
    base, second, accent = _sample_colours(u, item)
    bounds = torch.tensor(list(_SHARES[item].values()), device=seed.device).cumsum(0)
    choices = torch.tensor([KINDS.index(name) for name in _SHARES[item]], device=seed.device)
    kind = choices[(u[8] > bounds[:, None]).sum(0).clamp_max(len(choices) - 1)]

    def is_kind(*names: str) -> Tensor:
        return torch.stack([kind == KINDS.index(name) for name in names]).any(0)

    waves = torch.tensor([_WAVES.get(name, _NO_WAVES) for name in KINDS], device=seed.device)[kind]
    frequency, angle, first, across, threshold = waves.T
    frequency = frequency * (0.75 + 0.5 * u[9])
    threshold = threshold + (u[10] - 0.5) * 0.3

    never, nothing = torch.full_like(u[0], NEVER), torch.full_like(kind, -1)
    block_low, block_high = _sample_block(u)
    lined = is_kind("checks", "horizontal stripes", "vertical stripes") & (u[11] < 0.4)
    logo, lettering = is_kind("logo"), is_kind("lettering")
    small = logo & (u[15] < 0.25)
    shape, word = random.pick(u[16], len(glyphs.SHAPES)), len(glyphs.SHAPES) + random.pick(u[16], len(glyphs.WORDS))
    printed = torch.where(logo, shape, torch.where(lettering, word, nothing))
    behind = torch.where((logo | lettering) & (u[22] < 0.35), random.pick(u[17], len(glyphs.NAMES)), nothing)
    if item == "coat":  # worn open, so there is nothing to print on in front
        printed, behind = nothing, printed
    motifs = torch.tensor([glyphs.NAMES.index(name) for name in _MOTIFS], device=seed.device)
    size = torch.where(lettering, 0.050 + 0.018 * u[18], torch.where(small, 0.017 + 0.005 * u[18], 0.036 + 0.022 * u[18]))
    pattern = Pattern(
        kind=kind,
        base=base,
        second=second,
        accent=accent,
        frequency=frequency,
        angle=angle,
        first=first,
        across=across,
        threshold=threshold,
        checks=is_kind("checks").float(),
        warp=is_kind("print").float() * (0.02 + 0.02 * u[19]),
        gradient=is_kind("gradient").float(),
        line=torch.where(lined, 0.80 + 0.1 * u[20], never),
        block_low=torch.where(is_kind("block"), block_low, never),
        block_high=block_high,
        phase=u[21],
        front=printed,
        back=behind,
        glyph_size=size,
        glyph_x=torch.where(small, 0.036, 0.0),
        motif=torch.where(is_kind("motif"), motifs[random.pick(u[23], len(motifs))], nothing),
        has_photograph=torch.zeros_like(logo),
    )
    if photographs is None or share <= 0:
        return pattern
    return _print_photographs(pattern, photographs, random.pick(u[24], len(photographs)), u[25] < share)


def _sample_colours(u: Tensor, item: str) -> tuple[Tensor, Tensor, Tensor]:
    """Three colours (B, 3), the second and the third in contrast to the first."""
    usual = {"trousers": palette.TROUSERS, "shoes": palette.SHOES}.get(item, palette.TOPS)
    base = (palette.draw(u[0], usual) + (u[1:4].T - 0.5) * 0.05).clamp(0.04, 0.97)
    neutral = torch.where(palette.is_light(base)[:, None], base.new_tensor(palette.DARK), base.new_tensor(palette.LIGHT))
    second = torch.where((u[4] < 0.35)[:, None], neutral, palette.contrasting(palette.draw(u[5], palette.TOPS), base))
    accent = torch.where((u[6] < 0.45)[:, None], neutral, palette.contrasting(palette.draw(u[7], palette.TOPS), base))
    return base, second, accent


def _sample_block(u: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper edge (B,) of a yoke, a band across the chest, or everything from the waist down."""
    never = torch.full_like(u[0], NEVER)
    band = random.pick(u[12], 3)
    low = torch.stack([0.70 + 0.06 * u[13], 0.63 + 0.05 * u[13], -never])
    high = torch.stack([never, 0.70 + 0.04 * u[14], 0.58 + 0.06 * u[13]])
    return low.gather(0, band[None])[0], high.gather(0, band[None])[0]


def _print_photographs(pattern: Pattern, photographs: PhotographBank, index: Tensor, chosen: Tensor) -> Pattern:
    """The pattern with photographs number `index` (B,) on the chosen garments (B,), whose other decorations go."""
    photograph = pattern.base.new_zeros(len(index), 4, photographs.size, photographs.size)
    base = pattern.base.clone()
    for row in chosen.nonzero()[:, 0].tolist():
        picture = photographs.pick(index[row : row + 1])[0].to(base.device)
        photograph[row] = picture
        base[row] = (picture[:3] * picture[3:]).sum((1, 2)) / picture[3].sum()
    bare = {"threshold": NEVER, "checks": 0, "gradient": 0, "line": NEVER, "block_low": NEVER, "front": -1, "back": -1, "motif": -1}
    changed = {name: getattr(pattern, name).masked_fill(chosen, value) for name, value in bare.items()}
    return dataclasses.replace(
        pattern,
        kind=pattern.kind.masked_fill(chosen, KINDS.index("photograph")),
        base=base,
        photograph=photograph,
        has_photograph=chosen,
        **changed,
    )


def paint(
    pattern: Pattern,
    image_index: Tensor,
    x: Tensor,
    y: Tensor,
    front: Tensor,
    flat_x: Tensor,
    flat_y: Tensor,
    height: int,
    allow_print: Tensor,
) -> Tensor:
    """Albedo of K points of cloth.

    Args:
        pattern: of B garments.
        image_index: (K,) int64, which of the B.
        x: (K,) across the garment from its centre line, to the wearer's left, in body heights.
        y: (K,) up, in body heights.
        front: (K,) bool, on the front panel.
        flat_x, flat_y: (K,) in [0, 1] from the top left corner of the flat garment's bounding box; photographs are looked up there.
        height: pixels of the page's height when a page shows a whole figure (a closer camera multiplies it): edges of patterns
            are a pixel soft.
        allow_print: (K,) bool, where glyphs may lie (on the body of a garment, not on its sleeves).

    Returns:
        (K, 3) RGB in [0, 1].
    """
    pixel = 1 / (PIXELS_PER_HEIGHT * height)
    numbers = torch.stack(
        [
            *(pattern.frequency, torch.cos(pattern.angle), torch.sin(pattern.angle), pattern.first, pattern.across),
            *(pattern.threshold, pattern.checks, pattern.warp, pattern.gradient, pattern.line),
            *(pattern.block_low, pattern.block_high, pattern.phase),
            *(*pattern.base.T, *pattern.second.T, *pattern.accent.T),
        ]
    )
    gathered = numbers.index_select(1, image_index)
    frequency, cosine, sine, first, across, threshold, checks, warp, gradient, line, low, high, phase = gathered[:13]
    base, second, accent = gathered[13:].unflatten(0, (3, 3))

    p, r = x * sine + y * cosine, y * sine - x * cosine
    p = p + warp * torch.sin(r * 47 + phase * 40)
    r = r + warp * torch.sin(p * 41 + phase * 23)
    wave = torch.cos(2 * math.pi * frequency * p + phase * 6)
    other = torch.cos(2 * math.pi * frequency * r + (1 - checks) * phase * 9)
    sharpness = 4 / (2 * math.pi * frequency.clamp_min(10) * pixel)  # the slope of a wave at its zero, four per pixel
    mixed = _soft(sharpness * (first * wave + across * other - threshold))
    mixed = torch.where(checks > 0, 0.5 * (_soft(sharpness * wave) + _soft(sharpness * other)), mixed)
    mixed = torch.where(gradient > 0, smoothstep(y, 0.48, 0.84), mixed)
    colour = base + (second - base) * mixed
    lines = torch.maximum(_soft(sharpness * (-wave - line)), _soft(sharpness * (-other - line)) * checks)
    block = ((y - low) / pixel + 0.5).clamp(0, 1) * ((high - y) / pixel + 0.5).clamp(0, 1)
    colour = colour + (accent - colour) * torch.maximum(lines, block)

    _draw_glyphs(colour, accent, pattern, image_index, x, y, front, allow_print, pixel)
    _draw_motifs(colour, second, pattern, image_index, x, y, phase, pixel)
    _draw_photographs(colour, pattern, image_index, front, flat_x, flat_y, height)
    return colour.T


def _soft(x: Tensor) -> Tensor:
    """A step from 0 to 1 with the slope of a sigmoid, in operations that round alike wherever a number lies in memory."""
    t = (x * (1 / 6) + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _draw_glyphs(
    colour: Tensor,
    ink: Tensor,
    pattern: Pattern,
    image_index: Tensor,
    x: Tensor,
    y: Tensor,
    front: Tensor,
    allow: Tensor,
    pixel: float,
) -> None:
    """Logos and words, in place on `colour` (3, K); the ones on the back read right from behind."""
    half = pattern.glyph_size[image_index]
    glyph = torch.where(front, pattern.front[image_index], pattern.back[image_index])
    centred = torch.where(front, x - pattern.glyph_x[image_index], -x)
    over = ((glyph >= 0) & allow & (centred.abs() < half) & ((y - 0.735).abs() < half)).nonzero()[:, 0]
    half = half[over]
    level = glyphs.level_for(2 * half / pixel)
    cover = glyphs.lookup(glyph[over], centred[over] / half, (y[over] - 0.735) / half, level)
    below = colour[:, over]
    colour[:, over] = below + (ink[:, over] - below) * cover


def _draw_motifs(
    colour: Tensor, ink: Tensor, pattern: Pattern, image_index: Tensor, x: Tensor, y: Tensor, phase: Tensor, pixel: float
) -> None:
    """Glyphs on a staggered lattice, in place on `colour` (3, K)."""
    on = (pattern.motif[image_index] >= 0).nonzero()[:, 0]
    garment = image_index[on]
    frequency = pattern.frequency[garment]
    row_position = y[on] * frequency * 1.15 + phase[on]
    row = row_position.floor()
    place = x[on] * frequency + 0.5 * (row % 2) + 0.5
    local_x, local_y = (place - place.floor() - 0.5) / 0.33, (row_position - row - 0.5) / (0.33 * 1.15)
    inside = (torch.maximum(local_x.abs(), local_y.abs()) < 1).nonzero()[:, 0]
    on, garment = on[inside], garment[inside]
    level = glyphs.level_for(0.66 / (frequency[inside] * pixel))
    cover = glyphs.lookup(pattern.motif[garment], local_x[inside], local_y[inside], level)
    below = colour[:, on]
    colour[:, on] = below + (ink[:, on] - below) * cover


def _draw_photographs(
    colour: Tensor, pattern: Pattern, image_index: Tensor, front: Tensor, flat_x: Tensor, flat_y: Tensor, height: int
) -> None:
    """Photographs on front panels, bilinear, in place on `colour` (3, K); back panels keep their mean colour."""
    if pattern.photograph is None:
        return
    picture = pattern.photograph[:, :3]
    while picture.shape[-1] > height:  # a garment is about half as wide as a page is high
        picture = F.avg_pool2d(picture, 2)
    h, w = picture.shape[-2:]
    on = (pattern.has_photograph[image_index] & front).nonzero()[:, 0]
    gx = (flat_x[on] * w - 0.5).clamp(0, w - 1)
    gy = (flat_y[on] * h - 0.5).clamp(0, h - 1)
    left, top = gx.long().clamp_max(w - 2), gy.long().clamp_max(h - 2)
    fx, fy = gx - left, gy - top
    texels = picture.reshape(-1)
    for channel in range(3):
        corner = ((image_index[on] * 3 + channel) * h + top) * w + left
        upper = texels[corner] * (1 - fx) + texels[corner + 1] * fx
        lower = texels[corner + w] * (1 - fx) + texels[corner + w + 1] * fx
        colour[channel, on] = upper * (1 - fy) + lower * fy
