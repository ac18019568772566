"""The colour of every fragment before any light falls on it, and the folds of the cloth."""

from __future__ import annotations

import torch
from torch import Tensor

from .cloth import coat_gap
from .face import paint_head
from .flat import FlatLayout, front_offset
from .fragments import Fragments
from .head import HEAD_HEIGHT
from .identity import Identity
from .numerics import bump, smoothstep
from .outfit import Outfit
from .skeleton import KNEE_HEIGHT, UPPER_ARM_SHARE
from .textures import PIXELS_PER_HEIGHT, Pattern, paint
from .topology import Slot
from .tubes import ARM_CLOTH, QUARTER

_WORN = (
    ("top", (Slot.TOP, Slot.SLEEVE, Slot.COLLAR)),
    ("lower", (Slot.LOWER, Slot.TROUSER)),
    ("outerwear", (Slot.COAT, Slot.COAT_SLEEVE)),
    ("shoes", (Slot.SHOE, Slot.BELT)),
)
_INSIDE = 0.62
_SHOULDER_CLOTH = 0.80
"""Height of the shoulder joint: sleeve patterns continue from there."""


def is_slot(slot: Tensor, members: tuple[Slot, ...]) -> Tensor:
    """(K,) bool, the slot is one of these."""
    found = slot == int(members[0])
    for member in members[1:]:
        found = found | (slot == int(member))
    return found


def colour_body(fragments: Fragments, identity: Identity, pixels: float) -> tuple[Tensor, Tensor]:
    """Skin, hair and face of people whose height takes `pixels`.

    Returns:
        (3, K) RGB in [0, 1], and (K,) int64 fine labels that hold where the slot is the head.
    """
    slot, image = fragments.slot, fragments.image
    colour = torch.where(slot == Slot.HAIR, identity.hair.t()[:, image], identity.skin.t()[:, image])
    face = torch.zeros_like(image)
    chosen = (slot == Slot.HEAD).nonzero()[:, 0]
    colour[:, chosen], face[chosen] = paint_head(fragments, chosen, identity, HEAD_HEIGHT * pixels)
    hands = (slot == Slot.HAND).nonzero()[:, 0]
    colour[:, hands] = colour[:, hands] * (1 - _finger_gaps(fragments, hands, pixels))
    return colour, face


def colour_clothes(colour: Tensor, fragments: Fragments, outfit: Outfit, layout: FlatLayout | None, pixels: float) -> None:
    """Write the colours of the clothes into `colour` (3, K).

    Args:
        layout: of the tops, where photographs are looked up; needed where the tops have any.
        pixels: per body height, so that edges of patterns are a pixel soft.
    """
    for name, members in _WORN:
        chosen = is_slot(fragments.slot, members).nonzero()[:, 0]
        pattern: Pattern = getattr(outfit, name).pattern
        used = layout if name == "top" and pattern.photograph is not None else None
        cloth = _paint_cloth(fragments, chosen, pattern, used, round(pixels / PIXELS_PER_HEIGHT))
        colour[:, chosen] = _trim(fragments, chosen, cloth, outfit, pattern)


def _paint_cloth(fragments: Fragments, chosen: Tensor, pattern: Pattern, layout: FlatLayout | None, height: int) -> Tensor:
    slot, image = fragments.slot[chosen], fragments.image[chosen]
    u, v, w = fragments.u[chosen], fragments.v[chosen], fragments.w[chosen]
    front = u.abs() <= 1
    on_sleeve = is_slot(slot, (Slot.SLEEVE, Slot.COAT_SLEEVE))
    y = torch.where(on_sleeve, _SHOULDER_CLOTH - v, v)
    if layout is None:
        flat_x = flat_y = torch.zeros_like(u)
    else:
        flat_x, flat_y = layout.in_box(image, *layout.place(image, slot, fragments.side[chosen], u, v, w))
    printed = (slot == Slot.TOP) | ((slot == Slot.COAT) & ~front)
    return paint(pattern, image, front_offset(u) * w, y, front, flat_x, flat_y, height, printed).t()


def _trim(fragments: Fragments, chosen: Tensor, colour: Tensor, outfit: Outfit, pattern: Pattern) -> Tensor:
    """Ribs, hems, placket, fly, soles, toe caps, belt and buckle, and the darker insides of garments: (3, M)."""
    slot, image = fragments.slot[chosen], fragments.image[chosen]
    u, v, e = fragments.u[chosen], fragments.v[chosen], fragments.e[chosen]
    x = (front_offset(u) * fragments.w[chosen]).abs()
    front = u.abs() <= 1
    collar = outfit.top.collar[image]
    shoe, belt = slot == Slot.SHOE, slot == Slot.BELT
    base = pattern.base.t()[:, image]
    light_base = pattern.base.mean(1)[image] > 0.5

    rib = (slot == Slot.TOP) & (e < 0.045) & ~collar
    hem = ((e > 0.955) & ~shoe & ~belt) | ((slot == Slot.LOWER) & (e < 0.10))
    placket = front & (slot == Slot.TOP) & (x < 0.0035) & collar
    fly = front & (slot == Slot.LOWER) & (x < 0.002) & ~outfit.skirt[image]
    shade = torch.where(rib, 0.80, 1.0) * torch.where(hem, 0.90, 1.0) * torch.where(placket | fly, 0.82, 1.0)
    shade = shade * _lapels(slot, u, v, outfit.outerwear.opening[image])
    shade = shade * torch.where(fragments.inside[chosen], _INSIDE, 1.0)

    sole = shoe & (v < 0.009)
    colour = torch.where(sole, torch.where(light_base, base * 0.55, base * 0.5 + 0.35), colour)
    toe = shoe & (e > 0.83) & (v > 0.012) & (pattern.second.sum(1) > 1.2)[image] & (outfit.shoes.boot[image] == 0)
    colour = torch.where(toe, colour * 0.4 + 0.55, colour)
    leather = base * 0.1 + colour.new_tensor((0.16, 0.11, 0.09))[:, None]
    buckle = front & (x < 0.009)
    colour = torch.where(belt, torch.where(buckle, colour.new_tensor((0.82, 0.74, 0.50))[:, None], leather), colour)
    return (colour * shade).clamp(0, 1)


def _lapels(slot: Tensor, u: Tensor, v: Tensor, opening: Tensor) -> Tensor:
    """(M,) brightness of the lapels of coats, folded back along the front edge from the chest to the neck, with their seam."""
    distance = u.abs() * QUARTER - coat_gap(opening, v)
    width = 0.34 * smoothstep(v, 0.635, 0.79) + 0.02
    lapel = (slot == Slot.COAT) & (distance < width)
    seam = bump(distance - width, 0.0, 0.022) * (slot == Slot.COAT) * smoothstep(v, 0.60, 0.66)
    return torch.where(lapel, 1.10, 1.0) * (1 - 0.30 * seam)


def _finger_gaps(fragments: Fragments, chosen: Tensor, pixels: float) -> Tensor:
    """(M,) how much darker a hand is between its fingers, where pixels are small enough to show it."""
    share = fragments.e[chosen]
    turn = fragments.u[chosen] * QUARTER
    across = torch.cos(turn) * 2  # four fingers across the palm: gaps at -1, 0 and 1
    distance = (across - across.round()).abs()
    gap = bump(distance, 0.0, 0.16) * (across.abs() < 1.5) * smoothstep(share, 0.42, 0.60)
    return 0.38 * gap * min(1.0, pixels / 200)


def folds(fragments: Fragments, outfit: Outfit) -> tuple[Tensor, Tensor]:
    """Two (K,) tilts of the normal by the folds of the cloth: up and down where it is pushed together, sideways where it falls."""
    slot, image, u, v = fragments.slot, fragments.image, fragments.u, fragments.v
    place = front_offset(u)
    x = place * fragments.w
    on_sleeve = is_slot(slot, (Slot.SLEEVE, Slot.COAT_SLEEVE))
    on_leg = slot == Slot.TROUSER
    on_hull = is_slot(slot, (Slot.TOP, Slot.COAT))
    falls = (on_hull & outfit.dress[image] & (v < 0.58)) | ((slot == Slot.LOWER) & outfit.skirt[image])
    elbow = 0.9 * bump(v, UPPER_ARM_SHARE * ARM_CLOTH, 0.035) + 0.25
    leg = 0.7 * bump(v, KNEE_HEIGHT, 0.04) + 0.5 * bump(v, 0.47, 0.04) + 0.8 * bump(v, 0.06, 0.03) + 0.10
    waist = 0.14 + 0.50 * bump(v, 0.60, 0.05)
    strength = torch.where(on_sleeve, elbow, torch.where(on_leg, leg, torch.where(on_hull & ~falls, waist, 0.0)))
    strength = strength * (0.45 + 0.55 * outfit.top.hang[image].clamp(0, 1))
    below = is_slot(slot, (Slot.LOWER, Slot.TROUSER))
    phase = torch.where(below, outfit.lower.phase[image], outfit.top.phase[image]) * 19
    waves = 0.6 * torch.sin(v * 150 + 3 * torch.sin(x * 27 + phase) + phase)
    waves = waves + 0.5 * torch.sin(v * 85 - 4 * torch.sin(x * 19 + 2 * phase) + 2.2 * phase + x * 40)
    falling = 0.55 * torch.sin((place * 4.5 + phase) * 2.2 + 2 * torch.sin(v * 9 + phase)) * smoothstep(v, 0.60, 0.50)
    crease = 0.10 * torch.sin(x * 60 + v * 20 + phase)
    return strength * waves, torch.where(falls, falling, torch.where(on_leg, crease, 0.0))
