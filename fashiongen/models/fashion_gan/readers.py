"""What somebody wears, read off a picture, its label map and its body parts: how redressing is judged.

The limits between the classes part the true label maps of the mannequin world with less than two errors in a hundred people.
"""

from __future__ import annotations

import torch
from kornia.color import rgb_to_lab
from torch import Tensor

from fashiongen.models.fashion_gan.representation import ARMS, LOWER, UPPER

KINDS = ("top", "dress")
"""A dress, or a top with something else below it: what the seven labels tell apart."""

COLOUR_THRESHOLD = 20.0
"""Largest distance of two mean colours of a garment that count as the same, in CIELAB.

It is what a colour word leaves open: of the garments of the mannequin world that are called by one word, 91 % lie that near to
their common mean, light and pattern included; 27 % of all garments lie that near to the mean of all.
"""

_ARM_PARTS = (3, 4, 5, 6)
_LEAST_BARE = (0.0, 0.505, 0.85, 0.265)  # long, short, sleeveless, other (half-sleeved), shares of the arms
_LARGEST_TOP_OF_A_DRESS = 0.2
_SMALLEST_REGION = 16


def read_sleeve(labels: Tensor, parts: Tensor) -> Tensor:
    """How long the sleeves are, by how much of the arms is bare.

    Args:
        labels: (B, H, W) label map.
        parts: (B, H, W) body parts of `Person.parts`: where the arms are, clothed or not.

    Returns:
        (B,) int64 in `fashiongen.models.fashion_gan.text.SLEEVES`; half-sleeved is "other".
    """
    arms = torch.isin(parts, torch.tensor(_ARM_PARTS, device=parts.device, dtype=parts.dtype))
    bare = _area(labels == ARMS) / _area(arms).clamp(min=1)
    least = torch.tensor(_LEAST_BARE, device=labels.device)
    # Of the classes that fit, the one that asks for most.
    return torch.where(bare[:, None] >= least, least, -1.0).argmax(dim=1)


def read_kind(labels: Tensor) -> Tensor:
    """(B, H, W) label maps -> (B,) int64 in `KINDS`, by how much of the clothes is upper clothes."""
    upper, lower = _area(labels == UPPER), _area(labels == LOWER)
    return (upper < _LARGEST_TOP_OF_A_DRESS * (upper + lower)).long()


def garment_region(labels: Tensor, kind: Tensor) -> Tensor:
    """(B, 1, H, W) float in {0, 1}: where the label map has the garment that a sentence is about; `kind` (B,) in `KINDS`."""
    label = torch.where(kind == KINDS.index("dress"), LOWER, UPPER)
    return (labels == label[:, None, None]).float()[:, None]


def read_colour(image: Tensor, region: Tensor) -> Tensor:
    """Mean colour of a region.

    Args:
        image: (B, 3, H, W) in [-1, 1].
        region: (B, 1, H, W) in [0, 1].

    Returns:
        (B, 3) in CIELAB; infinite where the region is smaller than 16 pixels.
    """
    area = region.sum(dim=(2, 3))
    mean = ((image.float().clamp(-1, 1) + 1) / 2 * region).sum(dim=(2, 3)) / area.clamp(min=1)
    return rgb_to_lab(mean[:, :, None, None])[:, :, 0, 0].where(area >= _SMALLEST_REGION, torch.inf)


def _area(mask: Tensor) -> Tensor:
    return mask.flatten(1).sum(dim=1).float()
