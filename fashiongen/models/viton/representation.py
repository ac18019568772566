"""VITON's clothing-agnostic person (section 3.1): body shape, face and hair, pose. Made on the device, for a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.layers.pose_maps import pose_squares
from fashiongen.layers.resize import area_resize, legacy_bilinear_resize, legacy_nearest_resize

GARMENT_LABELS = (5,)
"""LIP-20 upper-clothes: the only label that the authors count as garment (dress 6, coat 7, jumpsuit 10 are not)."""
IDENTITY_LABELS = (1, 2, 4, 13)
"""LIP-20 hat, hair, sunglasses, face: what is kept of the person's picture."""


def _region(parsing: Tensor, labels: Sequence[int]) -> Tensor:
    """(B, h, w) labels -> (B, 1, h, w) bool, where one of `labels` is."""
    nowhere = torch.zeros_like(parsing, dtype=torch.bool)
    return reduce(torch.logical_or, (parsing == label for label in labels), nowhere).unsqueeze(1)


def garment_region(parsing: Tensor, height: int, width: int, labels: Sequence[int] = GARMENT_LABELS) -> Tensor:
    """Where the person wears the garment.

    Args:
        parsing: (B, h, w) LIP-20 labels at any size.
        height: height H of the map.
        width: width W of the map.
        labels: labels that count as garment.

    Returns:
        (B, 1, H, W) float, 0 or 1 (nearest neighbour, TensorFlow 1's rule).
    """
    return _region(legacy_nearest_resize(parsing, height, width), labels).float()


def body_shape(parsing: Tensor, height: int, width: int, grid: tuple[int, int] = (16, 12)) -> Tensor:
    """Blurred silhouette of the person without head: shape and pose, but not the outline of the old clothes.

    Args:
        parsing: (B, h, w) LIP-20 labels at any size.
        height: height H of the map.
        width: width W of the map.
        grid: rows and columns that the silhouette is averaged to before it is enlarged again (16x12 in the paper).

    Returns:
        (B, 1, H, W) float in [0, 1] (rounding may pass 1 by less than 1e-6).
    """
    body = ~_region(parsing, (0, *IDENTITY_LABELS))
    return legacy_bilinear_resize(area_resize(body, *grid), height, width)


def kept_picture(image: Tensor, parsing: Tensor, labels: Sequence[int] = IDENTITY_LABELS, margin: int = 0) -> tuple[Tensor, Tensor]:
    """What the generator may see of the person's picture; 0 (mid-grey) elsewhere.

    Args:
        image: (B, 3, H, W) in [-1, 1].
        parsing: (B, h, w) LIP-20 labels at any size; masks are resized softly (bilinear, TensorFlow 1's rule).
        labels: what is kept; the authors keep face, hair, hat and sunglasses.
        margin: pixels of `image` by which regions of other labels than the authors' shrink: their border would tell the
            outline of the old garment.

    Returns:
        the kept picture (B, 3, H, W) in [-1, 1], and the soft mask (B, 1, H, W) in [0, 1] that made it.
    """
    height, width = image.shape[-2:]
    identity = [label for label in labels if label in IDENTITY_LABELS]
    others = [label for label in labels if label not in IDENTITY_LABELS]
    mask = legacy_bilinear_resize(_region(parsing, identity), height, width)
    if others:
        shrunk = legacy_bilinear_resize(_region(parsing, others), height, width)
        if margin:
            shrunk = 1 - F.max_pool2d(1 - shrunk, 2 * margin + 1, stride=1, padding=margin)
        mask = (mask + shrunk).clamp(max=1)
    mask = mask.to(image.dtype)
    return image * mask, mask


def person_representation(
    image: Tensor,
    parsing: Tensor,
    keypoints: Tensor,
    *,
    body_grid: tuple[int, int] = (16, 12),
    joint_radius: int = 5,
    missing_joint: str = "skip",
    original_size: Tensor | None = None,
    kept_labels: Sequence[int] = IDENTITY_LABELS,
    kept_margin: int = 0,
) -> Tensor:
    """Everything that stage 1 may know about the person.

    Args:
        image: (B, 3, H, W) in [-1, 1].
        parsing: (B, h, w) LIP-20 labels; the authors' maps keep the picture's original size.
        keypoints: (B, 18, 3) OpenPose order, in pixels of `image`, third = visibility.
        body_grid: see `body_shape`.
        joint_radius: see `fashiongen.layers.pose_squares`.
        missing_joint: see `fashiongen.layers.pose_squares`; "corner" for the authors' weights.
        original_size: (B, 2), see `fashiongen.layers.pose_squares`.
        kept_labels: see `kept_picture`.
        kept_margin: see `kept_picture`.

    Returns:
        (B, 22, H, W): body shape 1, kept picture (face and hair) 3, pose 18.
    """
    height, width = image.shape[-2:]
    return torch.cat(
        [
            body_shape(parsing, height, width, body_grid).to(image.dtype),
            kept_picture(image, parsing, kept_labels, kept_margin)[0],
            pose_squares(keypoints, height, width, joint_radius, missing_joint, original_size).to(image.dtype),
        ],
        dim=1,
    )


def bytescale(image: Tensor) -> Tensor:
    """Contrast stretch of `scipy.misc.imsave` for float arrays: the darkest value of a picture becomes 0, the brightest 255.

    The authors write the coarse picture and the mask this way and read them again in stage 2.

    Args:
        image: (B, C, H, W) float; each picture is stretched by its own extremes over all channels.

    Returns:
        (B, C, H, W) uint8; a constant picture becomes 0.
    """
    low = image.amin(dim=(1, 2, 3), keepdim=True)
    span = image.amax(dim=(1, 2, 3), keepdim=True) - low
    scale = 255 / torch.where(span == 0, torch.ones_like(span), span)
    return ((image - low) * scale).clamp(0, 255).add(0.5).floor().to(torch.uint8)
