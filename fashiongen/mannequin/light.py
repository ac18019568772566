"""One light, ambient light, contact darkening and cast shadow from the depth, and a few materials."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .camera import Camera
from .fragments import Fragments
from .numerics import smoothstep
from .topology import Slot

_NOTHING = 9.0
_SHADOW_STEPS = (0.022, 0.045, 0.075)
_SKIN = (Slot.TORSO, Slot.HEAD, Slot.EAR, Slot.ARM, Slot.HAND, Slot.LEG)


def _blurred_depth(fragments: Fragments, batch: int, height: int, width: int) -> Tensor:
    """(B * H * W,) depth, blurred, with the background just behind the person."""
    depth = torch.full((batch * height * width,), -_NOTHING, device=fragments.depth.device)
    depth[fragments.pixels] = fragments.nearest
    page = depth.view(batch, 1, height, width)
    farthest = torch.where(page < -5, _NOTHING, page).amin((1, 2, 3), keepdim=True) - 0.02
    page = torch.maximum(page, farthest)
    radius = round(height * 0.022)
    for axis in (2, 3, 2, 3):
        page = _box_filter(page, radius, axis)
    return page.flatten()


def _box_filter(page: Tensor, radius: int, axis: int) -> Tensor:
    """Mean of the 2 * radius + 1 neighbours along an axis of (B, 1, H, W): a sum of shifted pages is faster than pooling."""
    if radius == 0:
        return page
    margins = (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0)
    padded = F.pad(page, margins, mode="replicate")
    total = padded.narrow(axis, 0, page.shape[axis])
    for shift in range(1, 2 * radius + 1):
        total = total + padded.narrow(axis, shift, page.shape[axis])
    return total * (1 / (2 * radius + 1))


class Lighting:
    """Light on the fragments of B pages of height H and width W.

    Args:
        camera: where the light comes from.
        flat: a garment on a table: light from the front, no contact, no cast shadow, no warmth.
    """

    def __init__(self, fragments: Fragments, camera: Camera, shape: tuple[int, int, int], flat: bool = False) -> None:
        self.fragments, self.flat = fragments, flat
        image = fragments.image
        azimuth = camera.azimuth.contiguous()
        x, y, z = torch.sin(azimuth) * 0.75, camera.elevation, torch.cos(azimuth) * 0.9
        length = torch.sqrt(x * x + y * y + z * z)
        self.direction = [(value / length)[image] for value in (x, y, z)]
        self.ambient = camera.ambient[image]
        self.warmth = camera.warmth[image]
        zero = torch.zeros_like(fragments.depth)
        self.contact, self.shadow = (zero, zero) if flat else self._occlusion(shape)

    def _occlusion(self, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
        fragments = self.fragments
        batch, height, width = shape
        blurred = _blurred_depth(fragments, batch, height, width)
        lx, ly, lz = self.direction

        def depth_at(right: Tensor, up: Tensor) -> Tensor:
            column = (fragments.x + right * height).long().clamp(0, width - 1)
            row = (fragments.y - up * height).long().clamp(0, height - 1)
            return blurred.index_select(0, (fragments.image * height + row) * width + column)

        above = depth_at(torch.sign(lx) * 0.008, torch.full_like(lx, 0.0132))
        contact = ((above - fragments.depth - 0.003) * 11).clamp(0, 0.5)
        shadow = torch.zeros_like(contact)
        for step in _SHADOW_STEPS:
            blocker = depth_at(lx * step, ly * step) - fragments.depth - lz * step
            shadow = torch.maximum(shadow, ((blocker - 0.010) * 22).clamp(0, 1))
        return contact, shadow

    def shade(self, albedo: Tensor, tilt: tuple[Tensor, Tensor]) -> Tensor:
        """(3, K) colours of lit surfaces.

        Args:
            albedo: (3, K) RGB in [0, 1].
            tilt: two (K,) from `albedo.folds`.
        """
        fragments = self.fragments
        slot = fragments.slot
        hair = slot == Slot.HAIR
        skin = torch.zeros_like(hair)
        for member in _SKIN:
            skin = skin | (slot == int(member))
        nx, ny, nz = fragments.normal
        lx, ly, lz = self.direction
        facing = nx * lx + (ny + 0.42 * tilt[0]) * ly + nz * lz + tilt[1] * (0.9 * lx + 0.25)
        diffuse = ((facing + 0.30) / 1.30).clamp(0, 1)
        diffuse = 0.35 * diffuse * diffuse * (3 - 2 * diffuse) + 0.65 * diffuse
        lit = diffuse * (1 - 0.55 * self.shadow)
        contact = self.contact * torch.where(hair, 0.35, 1.0)
        light = (self.ambient * (0.82 + 0.18 * ny) + 0.62 * lit) * (1 - contact)
        u, v = fragments.u, fragments.v
        strand = torch.where(
            hair, (0.92 + 0.10 * torch.sin(u * 17 + 1.5 * torch.sin(v * 5))) * torch.where(fragments.inside, 0.6, 1.0), 1.0
        )
        colour = albedo * (light * strand)

        rim = 0.10 * _power(1 - nz.clamp(0, 1), 3)
        gloss = torch.relu(facing)
        band = _power(torch.relu(0.5 * nx * lx + 0.75 * ny + 0.55 * nz), 14) * 0.28 * (0.7 + 0.3 * torch.sin(u * 23 + v * 3))
        shine = torch.where(hair, band, torch.where(skin, 0.07 * _power(gloss, 10), 0.0))
        shine = torch.where(slot == Slot.SHOE, 0.12 * _power(gloss, 8), shine)
        colour = colour + shine * (1 - 0.6 * self.shadow) + rim * albedo

        tint = colour.new_tensor((0.02, 0.10, 0.12))[:, None]
        colour = colour * (1 - tint * ((1 - lit) * skin))
        colour = colour * (1 - colour.new_tensor((0.0, 0.06, 0.05))[:, None] * contact)
        colour = colour * (1 - 0.22 * smoothstep(nz, 0.34, 0.05))
        if not self.flat:
            red, green, blue = colour.unbind(0)
            colour = torch.stack([red * (1 + self.warmth), green, blue * (1 - self.warmth)])
        return colour.clamp(0, 1)


def _power(x: Tensor, exponent: int) -> Tensor:
    """x to a whole power by repeated squaring: rounds alike everywhere."""
    result: Tensor | None = None
    while exponent:
        if exponent & 1:
            result = x if result is None else result * x
        x = x * x
        exponent >>= 1
    assert result is not None
    return result
