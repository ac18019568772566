"""Sketches: label maps of dressed people shown as colours, and cleaning their faces.

Labels are the 22 of the scheme "clothnet22" of `fashiongen.data.parsing`. Authors' code: `summaries.py` of ClothNet, colour table
`cm_22.png`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PALETTE = (
    (0, 0, 0), (255, 255, 98), (255, 159, 255), (0, 214, 255), (215, 68, 0), (0, 128, 41), (0, 95, 213), (147, 0, 104),
    (255, 203, 181), (167, 134, 0), (0, 255, 197), (0, 126, 134), (83, 66, 0), (140, 135, 147), (104, 0, 0), (0, 0, 90),
    (255, 44, 111), (247, 255, 246), (0, 61, 37), (145, 171, 255), (161, 182, 132), (96, 80, 81),
)  # fmt: skip
"""RGB colour of each label, in the order of their ids."""

FACE, FACE_FEATURES = 11, (18, 19, 20, 21)
"""The face, and what lies on it: lips, nose and the two eyes."""


def colour_code(labels: Tensor, classes: int = len(PALETTE)) -> Tensor:
    """Show a label map in colours.

    Args:
        labels: (..., H, W) integer ids below `classes`.
        classes: how many labels there are. Fewer than 22 are spread over the table: class c takes entry
            floor(22 * c / (classes - 1)), the last class the last entry (the seven body classes: 0, 3, 7, 11, 14, 18, 21).

    Returns:
        (..., 3, H, W) uint8 RGB.
    """
    count = len(PALETTE)
    entries = [min(count * label // (classes - 1), count - 1) for label in range(classes)]
    table = torch.tensor([PALETTE[entry] for entry in entries], dtype=torch.uint8, device=labels.device)
    return table[labels.long()].movedim(-1, -3)


def from_bytes(image: Tensor) -> Tensor:
    """uint8 levels -> float32 in [-1, 1], rounded as the authors' code does: (v * (1/255)) * 2 - 1, step by step in float32.

    Another order of operations gives other last bits, which can turn the sign of a first gradient.
    """
    return image.float() * (1 / 255) * 2 - 1


def to_bytes(image: Tensor) -> Tensor:
    """[-1, 1] -> uint8 as the authors' code does: floor((x + 1) / 2 * 255.5), clipped."""
    return ((image + 1) / 2 * 255.5).floor().clamp(0, 255).to(torch.uint8)


def clean_faces(labels: Tensor, keep: int = 10) -> Tensor:
    """Shrink lips, nose and eyes of generated sketches to a few pixels each; what is shrunk away becomes face.

    Each feature is eroded by a 2x2 box (a pixel stays when it, its upper, left and upper left neighbours are set; outside counts
    as set) until at most `keep` pixels of it are left. A feature that reaches the top left corner may never become so small:
    erosion ends when it changes nothing, where the authors' loop would go on for ever.

    Args:
        labels: (..., H, W) integer ids.
        keep: pixels of a feature that may stay.

    Returns:
        (..., H, W), the same type.
    """
    maps = labels.reshape(-1, *labels.shape[-2:])
    features = torch.tensor(FACE_FEATURES, dtype=labels.dtype, device=labels.device)
    masks = maps[:, None] == features[:, None, None]
    kept = masks
    while True:
        large = kept.sum(dim=(-2, -1), keepdim=True) > keep
        eroded = torch.where(large, _eroded(kept), kept)
        if torch.equal(eroded, kept):
            break
        kept = eroded
    cleaned = maps.masked_fill((masks & ~kept).any(dim=1), FACE)
    return cleaned.view(labels.shape)


def _eroded(masks: Tensor) -> Tensor:
    padded = F.pad(masks, (1, 0, 1, 0), value=True)
    return padded[..., 1:, 1:] & padded[..., :-1, 1:] & padded[..., 1:, :-1] & padded[..., :-1, :-1]
