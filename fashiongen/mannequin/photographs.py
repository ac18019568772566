"""Photographs of real garments as cloth: cut out of their background, cropped, and continued beyond their outline."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from fashiongen.data.cutout import garment_mask
from fashiongen.data.pictures import read_picture

_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png"})
_RESIDUES = {"train": range(8), "validation": range(8, 9), "test": range(9, 10)}
_PIXELS_PER_TEXEL = 2
"""Photographs are reduced to this many pixels per texel before the garment is sought: quicker, and as good at the texels' size."""
_LEAST_SHARE = 0.7
"""A garment (or the part of it that was found) with fewer pixels than this share of the texels would look like mosaic."""


class PhotographBank:
    """Garment photographs of a folder, numbered in the order of their paths; each is decoded when it is first asked for.

    Args:
        folder: searched with all its folders for JPEG and PNG files.
        size: edge of the square texture that a garment's bounding box is scaled to, in texels.
        split: "train", "validation" or "test" for eight, one and one of every ten photographs; None for all.

    Raises:
        FileNotFoundError: when there is no such folder, or no photograph in it (for this split).
        ValueError: for another split.
    """

    def __init__(self, folder: str | Path, size: int = 64, split: str | None = None) -> None:
        if split is not None and split not in _RESIDUES:
            raise ValueError(f"no split is called {split!r}; known: {', '.join(_RESIDUES)}")
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder of garment photographs at {folder}")
        self.size = size
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _EXTENSIONS and path.is_file())
        if not paths:
            raise FileNotFoundError(f"{folder} has no garment photographs; put .jpg or .png files there")
        self.paths = [path for number, path in enumerate(paths) if split is None or number % 10 in _RESIDUES[split]]
        if not self.paths:
            raise FileNotFoundError(f"{folder} has {len(paths)} garment photographs, too few for a {split} split; add to 10")

    def __len__(self) -> int:
        return len(self.paths)

    def pick(self, index: Tensor) -> Tensor:
        """Garments (B,) int64 -> (B, 4, size, size) in [0, 1]: RGB and mask.

        Beyond its outline the garment's nearest colour goes on. A photograph in which no garment is found gives way to the next.

        Raises:
            ValueError: naming a file that is no picture, and when no photograph shows a garment.
        """
        return torch.stack([self._usable(number) for number in index.tolist()]).float() / 255

    def _usable(self, number: int) -> Tensor:
        for step in range(len(self)):
            texture = _texture(self.paths[(number + step) % len(self)], self.size)
            if texture is not None:
                return texture
        raise ValueError(f"no garment was found in any photograph of {self.paths[0].parent}; use pictures of one garment each")


@functools.lru_cache(maxsize=4096)
def _texture(path: Path, size: int) -> Tensor | None:
    """(4, size, size) uint8, or None when no garment of some size stands out."""
    picture = _read(path, size * _PIXELS_PER_TEXEL)
    levels = torch.from_numpy(picture).permute(2, 0, 1)
    try:
        mask = garment_mask(levels.float() / 127.5 - 1)[0].numpy()
    except ValueError:
        return None
    inside = ndimage.binary_erosion(mask > 0.5, iterations=2)  # the outermost pixels are mixed with the background
    rows, columns = inside.any(1).nonzero()[0], inside.any(0).nonzero()[0]
    if min(len(rows), len(columns)) < _LEAST_SHARE * size:
        return None
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    filled = picture[nearest[0], nearest[1]]
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    layers = np.dstack([filled, np.where(mask > 0.5, 255, 0)])[box].astype(np.uint8)
    return torch.from_numpy(cv2.resize(layers, (size, size), interpolation=cv2.INTER_AREA)).permute(2, 0, 1).contiguous()


def _read(path: Path, longest: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB, the longer side at most `longest`."""
    picture = ((read_picture(path) + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous().numpy()
    height, width = picture.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return cv2.resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
