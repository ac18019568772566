"""Thin-plate splines fitted to scattered, noisy pairs of points, and their inverse on a grid; NumPy in float64.

The regularised spline is Bookstein's ("Principal Warps", 1989), with the conventions of `xthan/VITON: shape_context/bookstein.m`;
the layer that warps pictures is `fashiongen.layers.thin_plate_spline`. Points are (x, y) pixel coordinates with the first pixel's
centre at (1, 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

EPSILON = float(np.finfo(np.float64).eps)


class ThinPlate(NamedTuple):
    """A thin-plate spline of the plane: centres (N, 2), weights (N, 2) and the affine part (3, 2) with rows 1, x, y."""

    centres: Array
    weights: Array
    affine: Array


def fit_thin_plate(source: Array, target: Array, regularisation: float = 0.0) -> ThinPlate:
    """Thin-plate spline with radial function r^2 ln r^2 from `source` to `target`, both (N, 2).

    Args:
        regularisation: weight of the bending energy against the squared error; 0 interpolates, large gives the affine fit.

    Raises:
        ValueError: fewer than three source points, or all on one line: no spline of the plane is determined by them.
    """
    count = len(source)
    if count < 3 or np.linalg.matrix_rank(source - source.mean(axis=0), tol=1e-9 * (1 + np.abs(source).max())) < 2:
        raise ValueError(f"a thin-plate spline needs three points that are not on one line; got {count} on one line")
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _radial(source)
    system[:count, :count] += regularisation * np.eye(count)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = source
    system[count + 1 :, :count] = source.T
    solution = np.linalg.solve(system, np.concatenate([target, np.zeros((3, 2))]))
    return ThinPlate(source, solution[:count], solution[count:])


def bending_energy(plate: ThinPlate) -> float:
    """Mean over x and y of w' K w."""
    return float(np.sum(plate.weights * (_radial(plate.centres) @ plate.weights)) / 2)


def warp(plate: ThinPlate, points: Array) -> Array:
    """Move `points` (M, 2) by a thin-plate spline."""
    warped = plate.affine[0] + points @ plate.affine[1:]
    # Blocks of about 256 KiB: the logarithm is the whole cost, and it should not wait for memory.
    step = max(1, 32768 // len(plate.centres))
    for start in range(0, len(points), step):
        distance = squared_distances(points[start : start + step], plate.centres)
        logarithm = np.log(distance + EPSILON)
        logarithm *= distance
        warped[start : start + step] += logarithm @ plate.weights
    return warped


def invert_grid(plate: ThinPlate, size: tuple[int, int], grid: tuple[int, int] = (10, 10), subpixel: bool = False) -> Array:
    """Where a regular grid over the person comes from in the product's picture.

    The warp is evaluated at every pixel of a plane four pictures wide and high, and each grid point takes the pixel that lands
    closest to it (the first one, columns before rows, on a tie).

    Args:
        plate: warp from the product to the person.
        size: working size (h, w).
        grid: rows and columns; they span the centres of the first and the last pixel.
        subpixel: go on from that pixel with Newton's method, by less than a pixel in x and y.

    Returns:
        (rows * columns, 2) product coordinates, x fastest.
    """
    height, width = size
    y, x = (np.linspace(1, extent, count) for extent, count in zip(size, grid, strict=True))
    wanted = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    plane_x, plane_y = np.meshgrid(np.arange(-2.0 * width, 2 * width + 1), np.arange(-2.0 * height, 2 * height + 1), indexing="ij")
    plane = np.stack([plane_x.ravel(), plane_y.ravel()], axis=1)
    source = plane[_nearest_points(warp(plate, plane), wanted)]
    return _refine(plate, source, wanted) if subpixel else source


def _refine(plate: ThinPlate, start: Array, wanted: Array, steps: int = 4, probe: float = 1e-4) -> Array:
    source = start
    for _ in range(steps):
        here = warp(plate, source)
        jacobian = np.stack([(warp(plate, source + probe * axis) - here) / probe for axis in np.eye(2)], axis=-1)
        step = (np.linalg.pinv(jacobian, rcond=1e-6) @ (wanted - here)[..., None])[..., 0]
        source = np.clip(source + step, start - 1, start + 1)
    return source


def _nearest_points(points: Array, wanted: Array) -> Indices:
    """Index of the first of `points` (N, 2) closest to each of `wanted` (M, 2)."""
    margin = 4.0
    while True:
        # A point outside the box is farther than the margin from all that is wanted: no candidate if something nearer is inside.
        inside = ((points >= wanted.min(axis=0) - margin) & (points <= wanted.max(axis=0) + margin)).all(axis=1)
        candidates = np.flatnonzero(inside)
        if len(candidates):
            distance = squared_distances(wanted, points[candidates])
            if len(candidates) == len(points) or distance.min(axis=1).max() <= margin**2:
                return candidates[distance.argmin(axis=1)]
        margin *= 4


def squared_distances(first: Array, second: Array) -> Array:
    """(N, 2) and (M, 2) points -> (N, M)."""
    distance = np.subtract.outer(first[:, 0], second[:, 0])
    distance *= distance
    vertical = np.subtract.outer(first[:, 1], second[:, 1])
    vertical *= vertical
    distance += vertical
    return distance


def _radial(points: Array) -> Array:
    distance = squared_distances(points, points)
    return xlogy(distance, distance)
