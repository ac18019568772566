"""From a garment picture or a region map to boundary points with tangents: what shape-context matching starts from.

Everything is NumPy in float64. Points are (x, y) pixel coordinates with the first pixel's centre at (1, 1), as in the authors'
MATLAB scripts (`xthan/VITON: shape_context_warp.m`); sizes are (height, width).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from skimage.measure import find_contours

from fashiongen.layers.resize import bicubic_resize

Array = npt.NDArray[np.float64]


def _nearest(size: int, source: int) -> npt.NDArray[np.int64]:
    """Source index of each of `size` half-pixel centres, floor((i + 0.5) * source / size), in exact integer arithmetic."""
    return (2 * np.arange(size) + 1) * source // (2 * size)


def soft_region(mask: npt.ArrayLike, size: tuple[int, int]) -> Array:
    """Shrink a soft mask with the antialiased bicubic filter of MATLAB's `imresize`, without thresholding it.

    Args:
        mask: (H, W), any real values, for example the raw mask of VITON's first stage.
        size: working size (h, w); VITON uses (64, 48) at test time.

    Returns:
        (h, w) float64; the filter may overshoot the range of the input.
    """
    values = np.asarray(mask, np.float64)
    if values.ndim != 2:
        raise ValueError(f"a mask has two axes (height, width), got shape {values.shape}")
    return bicubic_resize(torch.from_numpy(values), *size).numpy()


def label_region(labels: npt.ArrayLike, size: tuple[int, int], ids: Collection[int] = (5,)) -> Array:
    """Where a label map holds one of `ids`, at the working size (nearest neighbour, half-pixel centres).

    Args:
        labels: (H, W) integer label ids.
        size: working size (h, w); VITON prepares its training set at (128, 96).
        ids: labels that count as garment; LIP's upper-clothes by default.

    Returns:
        (h, w) float64, 0 or 1.
    """
    values = np.asarray(labels)
    if values.ndim != 2:
        raise ValueError(f"a label map has two axes (height, width), got shape {values.shape}")
    shrunk = values[np.ix_(_nearest(size[0], values.shape[0]), _nearest(size[1], values.shape[1]))]
    return np.isin(shrunk, list(ids)).astype(np.float64)


def garment_silhouette(image: npt.ArrayLike, size: tuple[int, int], white: int = 255) -> Array:
    """Silhouette of a garment photographed on white: not white in any channel, holes filled, 3x3 median.

    Args:
        image: (H, W, 3) uint8 RGB.
        size: working size (h, w).
        white: a pixel belongs to the garment when all three channels are below this; 255 in VITON, 251 in CP-VTON.

    Returns:
        (h, w) float64, 0 or 1.
    """
    values = np.asarray(image)
    if values.ndim != 3 or values.shape[2] != 3 or values.dtype != np.uint8:
        raise ValueError(f"a garment picture is (height, width, 3) uint8, got shape {values.shape}, {values.dtype}")
    shrunk = values[np.ix_(_nearest(size[0], values.shape[0]), _nearest(size[1], values.shape[1]))]
    filled = ndimage.binary_fill_holes((shrunk < white).all(axis=2))
    return ndimage.median_filter(filled.astype(np.float64), size=3, mode="constant", cval=0.0)


def boundary_points(region: npt.ArrayLike, level: float = 0.5) -> tuple[Array, Array]:
    """Points where the iso-contour of a map crosses the pixel grid, with the contour's tangent angle.

    Contours are concatenated in the row-major order of the first cell they pass through, and closed ones start (and end: their
    first point is listed twice) in that cell with the higher values to the right, which is how Octave's `contourc` walks.

    Args:
        region: (h, w) map; no NaN or infinity.
        level: value of the iso-contour.

    Returns:
        points (N, 2) and tangent angles (N,) in radians: the direction of the map's gradient at the nearest pixel plus a quarter
        turn. N is 0 for a map without a boundary.

    Raises:
        ValueError: the map does not have two axes of at least two pixels, or is not finite.
    """
    values = np.asarray(region, np.float64)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"a region map is (height, width) with at least 2x2 pixels, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a region map must be finite, this one holds NaN or infinity")
    walks = sorted(map(_from_first_cell, find_contours(values, level)), key=lambda walk: walk[0])
    contours = [contour for _, contour in walks]
    rows, columns = np.concatenate(contours).T if contours else np.zeros((2, 0))
    # Crossings often lie exactly between two pixels; those go up, where round() would go to the even one.
    at = np.floor(rows + 0.5).astype(np.int64), np.floor(columns + 0.5).astype(np.int64)
    down, right = (np.gradient(values, axis=axis)[at] for axis in (0, 1))
    return np.stack([columns, rows], axis=1) + 1, np.arctan2(down, right) + np.pi / 2


def _from_first_cell(contour: Array) -> tuple[tuple[float, float], Array]:
    """Rotate a closed contour (rows, columns) to begin in its first grid cell; returns that cell and the contour."""
    cells = np.floor((contour[:-1] + contour[1:]) / 2)
    first = int(np.lexsort((cells[:, 1], cells[:, 0]))[0])
    row, column = map(float, cells[first])
    if np.array_equal(contour[0], contour[-1]):
        contour = np.concatenate([contour[first:-1], contour[: first + 1]])
    return (row, column), contour
