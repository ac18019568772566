"""From a picture and its labels to what ClothNet is trained on, as the authors' tools 01 and 02 prepare it."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

STORED = 286
"""Side of the authors' prepared pictures, in pixels."""
PARSED = 513
"""Longer side of the pictures whose labels they clean."""

_HOLE = 7


def fill_holes(labels: Tensor, size: int = _HOLE) -> Tensor:
    """Close small holes of a label map: background that a closing of the ids with a box would cover takes the label it would get.

    Args:
        labels: (H, W) uint8 label ids, 0 is the background.
        size: side of the box, odd.

    Returns:
        (H, W) uint8.
    """
    ids = labels[None].float()
    closed = -F.max_pool2d(-F.max_pool2d(ids, size, 1, size // 2), size, 1, size // 2)
    return torch.where(labels == 0, closed[0].to(labels.dtype), labels)


def scale_sketch(image: Tensor, labels: Tensor, longer: int) -> tuple[Tensor, Tensor]:
    """Scale a picture (Pillow's bilinear filter) and its labels (nearest) so that the longer side has `longer` pixels.

    The shorter side loses its fraction of a pixel, as in the authors' code.

    Args:
        image: (3, H, W) uint8.
        labels: (H, W) uint8.
        longer: in pixels.
    """
    factor = longer / max(labels.shape)
    height, width = (max(1, int(side * factor)) for side in labels.shape)
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy(), "RGB")
    scaled = picture.resize((width, height), Image.Resampling.BILINEAR)
    ids = Image.fromarray(labels.contiguous().numpy(), "L").resize((width, height), Image.Resampling.NEAREST)
    return torch.from_numpy(np.array(scaled)).permute(2, 0, 1), torch.from_numpy(np.array(ids))


def square_sketch(image: Tensor, labels: Tensor, side: int = STORED) -> tuple[Tensor, Tensor]:
    """A person in the middle of a black square.

    Args:
        image: (3, H, W) uint8.
        labels: (H, W) uint8; where it is 0 the picture becomes black.
        side: of the square, in pixels.

    Returns:
        (3, side, side) and (side, side) uint8.
    """
    image, labels = scale_sketch(image, labels, side)
    image = image * (labels != 0)
    rows, columns = (side - length for length in labels.shape)
    margins = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return F.pad(image, margins), F.pad(labels, margins)
