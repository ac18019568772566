"""Shape-context matching: bend the silhouette of a garment onto the garment region of a person.

Points are sampled on both boundaries, described by the log-polar histogram of their neighbours (Belongie, Malik and Puzicha,
"Shape Matching and Object Recognition Using Shape Contexts", 2002), assigned to each other, and a regularised thin-plate spline is
fitted to the pairs; a few rounds of this give the control points of the warp in VITON's second stage (Han et al., 2018, section
3.2; `xthan/VITON: shape_context_warp.m`). NumPy and SciPy in float64: boundary points lie on half pixels, many angles fall exactly
on the edge of a bin, and float32 would put them in the wrong one.

Points are (x, y) pixel coordinates with the first pixel's centre at (1, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from fashiongen.layers.contours import boundary_points, soft_region
from fashiongen.layers.thin_plate_fit import (
    EPSILON,
    Array,
    Indices,
    ThinPlate,
    bending_energy,
    fit_thin_plate,
    invert_grid,
    squared_distances,
    warp,
)


class NotEnoughBoundary(ValueError):
    """The boundary of one of the two shapes has fewer points than are to be sampled."""

    def __init__(self, which: str, found: int, needed: int) -> None:
        super().__init__(
            f"the boundary of the {which} has {found} points, matching needs {needed}: "
            "the shape is too small or missing at this working size"
        )
        self.which, self.found, self.needed = which, found, needed


class ShapeContexts(NamedTuple):
    """Histograms of a point set: counts (N, angles * radii), the angle running fastest, and the mean distance that scaled them."""

    counts: npt.NDArray[np.int64]
    mean_distance: float


@dataclass(frozen=True)
class Iteration:
    """What one round of matching found; `product` has N sampled points, `region` M."""

    product_contexts: ShapeContexts
    region_contexts: ShapeContexts
    cost: Array
    """(N, M) cost of every pair."""
    assignment: Indices
    """(M + dummies,) the row given to each column; rows from N on and columns from M on are dummies."""
    regularisation: float
    plate: ThinPlate
    bending_energy: float
    warped: Array
    """(N, 2) the product's points, warped."""
    tangents: Array
    """(N,) their tangent angles after the warp."""

    @property
    def shape_cost(self) -> float:
        """The larger of the mean best cost over columns and over rows."""
        return float(max(self.cost.min(axis=0).mean(), self.cost.min(axis=1).mean()))

    @property
    def affine_cost(self) -> float:
        """Anisotropy of the linear part: ln of the ratio of its singular values; infinite when it is singular."""
        large, small = np.linalg.svd(self.plate.affine[1:], compute_uv=False)
        return float(np.log(large / small)) if small > 0 else float("inf")


@dataclass(frozen=True)
class Match:
    """Outcome of `match`."""

    control_points: npt.NDArray[np.float32]
    """(rows * columns, 2) where each point of a regular grid, x fastest, samples the product: (x, y), nominally in [-1, 1]."""
    product_points: Array
    """(K, 2) boundary points of the product that found a partner."""
    region_points: Array
    """(K, 2) their partners on the person."""
    plate: ThinPlate
    """The warp from the product to the person."""
    iterations: list[Iteration] = field(default_factory=list)
    """Every round, when asked for."""


def sample_points(points: Array, order: Indices, count: int) -> Indices:
    """Spread `count` samples evenly over a boundary: drop one point of the closest pair until no more than that are left.

    Args:
        points: (N, 2), N at least `count`.
        order: random permutation of 0 ... N-1; its first 3 * count entries are the candidates, ties fall to the earlier one.
        count: number of samples.

    Returns:
        (count,) indices into `points`, in the order of the permutation.
    """
    candidates = order[: 3 * count]
    distance = squared_distances(points[candidates], points[candidates])
    np.fill_diagonal(distance, np.inf)
    nearest = distance.argmin(axis=1)
    gap = distance.min(axis=1)
    kept = np.ones(len(candidates), bool)
    for _ in range(len(candidates) - count):
        drop = int(gap.argmin())
        kept[drop] = False
        distance[:, drop] = np.inf
        gap[drop] = np.inf
        widowed = np.flatnonzero(kept & (nearest == drop))
        nearest[widowed] = distance[widowed].argmin(axis=1)
        gap[widowed] = distance[widowed, nearest[widowed]]
    return candidates[kept]


def shape_contexts(
    points: Array,
    inliers: npt.NDArray[np.bool_] | None = None,
    angles: int = 12,
    radii: int = 5,
    inner: float = 1 / 8,
    outer: float = 2.0,
) -> ShapeContexts:
    """Log-polar histograms of the neighbours of every point, scaled by the mean distance.

    A point counts itself, in the innermost ring and the first sector. Angles are absolute, neighbours beyond `outer` do not count.

    Args:
        points: (N, 2).
        inliers: (N,) points that count as neighbours and in the mean distance; all by default. Others still get a histogram.
        angles: number of sectors.
        radii: number of rings.
        inner: outer edge of the innermost ring, in mean distances.
        outer: outer edge of the outermost ring; the edges are spaced evenly in the logarithm.
    """
    inliers = np.ones(len(points), bool) if inliers is None else inliers
    right, down = (points[None, :, axis] - points[:, None, axis] for axis in (0, 1))
    distance = np.sqrt(right**2 + down**2)
    mean_distance = float(distance[np.ix_(inliers, inliers)].mean())
    scaled = distance / (mean_distance or 1.0)
    ring = sum((scaled < edge).astype(np.int64) for edge in np.logspace(np.log10(inner), np.log10(outer), radii))
    sector = np.floor(np.mod(np.arctan2(down, right), 2 * np.pi) / (2 * np.pi / angles)).astype(np.int64) % angles
    bins = angles * radii
    index = np.arange(len(points))[:, None] * bins + angles * (ring - 1) + sector
    counts = np.bincount(index[(ring > 0) & inliers], minlength=len(points) * bins)
    return ShapeContexts(counts.reshape(len(points), bins), mean_distance)


def match_cost(
    first: npt.ArrayLike, second: npt.ArrayLike, first_tangents: Array, second_tangents: Array, orientation: float = 0.1
) -> Array:
    """(N, M) cost of pairing points: chi-square distance of the histograms, and half of one minus the cosine between the tangents.

    Args:
        first: (N, bins) counts.
        second: (M, bins) counts.
        first_tangents: (N,) angles in radians.
        second_tangents: (M,) angles in radians.
        orientation: share of the tangents in the cost.
    """
    a, b = (np.asarray(counts, np.float64) for counts in (first, second))
    a, b = (counts / (counts.sum(axis=1, keepdims=True) + EPSILON) for counts in (a, b))
    chi = np.zeros((len(a), len(b)))
    # Bin by bin the work stays inside the cache: several times faster than one (N, M, bins) array.
    for left, right in zip(a.T, b.T, strict=True):
        total = np.add.outer(left, right)
        total += EPSILON
        difference = np.subtract.outer(left, right)
        difference *= difference
        difference /= total
        chi += difference
    turn = (1 - np.cos(first_tangents[:, None] - second_tangents)) / 2
    return (1 - orientation) * chi / 2 + orientation * turn


def assign(cost: Array, dummies: int = 25, dummy_cost: float = 0.25) -> Indices:
    """Cheapest one-to-one assignment, in which up to `dummies` points of each side may stay alone for `dummy_cost`.

    Args:
        cost: (N, N).

    Returns:
        (N + dummies,) the row of each column; indices from N on are dummies.
    """
    padded = np.pad(cost, (0, dummies), constant_values=dummy_cost)
    columns, rows = linear_sum_assignment(padded.T)
    return rows[np.argsort(columns)]


def iterate(
    product: Array,
    product_tangents: Array,
    region: Array,
    region_tangents: Array,
    previous: Iteration | None = None,
    stiffness: float = 1.0,
    dummies: int = 25,
) -> Iteration:
    """One round: describe, assign, fit. Descriptors follow the previous round's warp, the spline always bends the original points.

    Args:
        product: (N, 2) sampled boundary of the product.
        product_tangents: (N,) radians.
        region: (N, 2) sampled boundary of the person's garment region.
        region_tangents: (N,) radians.
        previous: the round before; points that it left alone do not count as neighbours in this one.
        stiffness: regularisation in squared mean distances of the region's points.
        dummies: points of each side that may stay alone.

    Raises:
        ValueError: the matched points of the product are fewer than three or on one line.
    """
    count = len(product)
    if previous is None:
        warped, tangents, product_inliers, region_inliers = product, product_tangents, None, None
    else:
        warped, tangents = previous.warped, previous.tangents
        region_inliers = previous.assignment[:count] < count
        product_inliers = np.isin(np.arange(count), previous.assignment[:count])
    product_contexts = shape_contexts(warped, product_inliers)
    region_contexts = shape_contexts(region, region_inliers)
    cost = match_cost(product_contexts.counts, region_contexts.counts, tangents, region_tangents)
    assignment = assign(cost, dummies)
    regularisation = region_contexts.mean_distance**2 * stiffness
    rows, columns = matched_pairs(assignment, count)
    plate = fit_thin_plate(product[rows], region[columns], regularisation)
    warped, tangents = warp_with_tangents(plate, product, product_tangents)
    return Iteration(
        product_contexts, region_contexts, cost, assignment, regularisation, plate, bending_energy(plate), warped, tangents
    )


def matched_pairs(assignment: Indices, count: int) -> tuple[Indices, Indices]:
    """Rows and columns of the pairs in which neither side is a dummy, in the order of the columns."""
    columns = np.flatnonzero(assignment[:count] < count)
    return assignment[columns], columns


def warp_with_tangents(plate: ThinPlate, points: Array, tangents: Array) -> tuple[Array, Array]:
    """Warp points (N, 2) and their tangent angles (N,); an angle follows the point one pixel ahead."""
    warped = warp(plate, points)
    ahead = warp(plate, points + np.stack([np.cos(tangents), np.sin(tangents)], axis=1)) - warped
    return warped, np.arctan2(ahead[:, 1], ahead[:, 0])


def match(
    product_mask: npt.ArrayLike,
    region: npt.ArrayLike,
    grid: tuple[int, int] = (10, 10),
    samples: int = 100,
    iterations: int = 6,
    seed: int = 0,
    *,
    orders: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    one_based: bool = False,
    subpixel: bool = True,
    record: bool = False,
) -> Match:
    """Control points that bend a product onto the garment region of a person.

    Args:
        product_mask: (h, w) silhouette of the product, see `garment_silhouette`.
        region: (h, w) garment region of the person, hard or soft, see `soft_region` and `label_region`.
        grid: rows and columns of control points.
        samples: boundary points sampled on each side; up to a quarter of them may stay without a partner.
        iterations: rounds of matching; the first is nearly affine.
        seed: of the order in which boundary points are considered.
        orders: permutations of the boundary points of product and region, instead of the seed.
        one_based: divide 1-based pixel coordinates by the size, as the authors do, which shifts the product by about half a working
            pixel; otherwise the centres of the corner pixels are at -1 and 1, and equal shapes give the regular grid.
        subpixel: invert the warp between the pixels as well; the authors stop at whole working pixels, four pixels of the picture.
        record: keep every round.

    Returns:
        Control points as `fashiongen.layers.thin_plate_spline` takes them, and the pairs behind them.

    Raises:
        NotEnoughBoundary: one boundary has fewer points than `samples`.
        ValueError: the maps differ in size or are not finite, an order is not a permutation, or the boundary is one straight line.
    """
    product_mask, region = np.asarray(product_mask), np.asarray(region)
    if product_mask.shape != region.shape:
        raise ValueError(f"product mask and region must have one size, got {product_mask.shape} and {region.shape}")
    if samples < 3 or iterations < 1:
        raise ValueError(f"matching needs at least 3 samples and 1 iteration, got {samples} and {iterations}")
    generator = np.random.default_rng(seed)
    product_order, region_order = orders or (None, None)
    product = _sampled_boundary("product", product_mask, samples, product_order, generator)
    person = _sampled_boundary("region", region, samples, region_order, generator)
    rounds: list[Iteration] = []
    for number in range(iterations):
        previous = rounds[-1] if rounds else None
        rounds.append(iterate(*product, *person, previous=previous, stiffness=1.0 if number else 1000.0, dummies=samples // 4))
    last = rounds[-1]
    rows, columns = matched_pairs(last.assignment, samples)
    height, width = region.shape
    source = invert_grid(last.plate, (height, width), grid, subpixel)
    extent = np.array([width, height])
    relative = source / extent if one_based else (source - 1) / (extent - 1)
    return Match((relative * 2 - 1).astype(np.float32), product[0][rows], person[0][columns], last.plate, rounds if record else [])


def _sampled_boundary(
    which: str, shape: npt.NDArray[Any], samples: int, order: npt.ArrayLike | None, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Sampled boundary points (samples, 2) of a map and their tangent angles."""
    points, tangents = boundary_points(shape)
    if len(points) < samples:
        raise NotEnoughBoundary(which, len(points), samples)
    order = generator.permutation(len(points)) if order is None else np.asarray(order)
    if not np.array_equal(np.sort(order), np.arange(len(points))):
        raise ValueError(f"the order of the {which}'s boundary must be a permutation of 0 to {len(points) - 1}")
    chosen = sample_points(points, order, samples)
    return points[chosen], tangents[chosen]


def match_masks(
    product_mask: npt.ArrayLike,
    region: npt.ArrayLike,
    grid: tuple[int, int] = (10, 10),
    sizes: Sequence[tuple[int, int]] = ((64, 48), (128, 96)),
) -> npt.NDArray[np.float32]:
    """`match` of two soft masks of any size: at the small working size, or at the next one where the outline is too short there.

    Args:
        product_mask: (H, W) in [0, 1], where the product is.
        region: (H, W) in [0, 1], where it is to be.
        grid: rows and columns of control points.
        sizes: working sizes (h, w), tried in this order.

    Returns:
        (rows * columns, 2) control points.

    Raises:
        NotEnoughBoundary: when a mask is too small at every working size.
    """
    for number, size in enumerate(sizes, 1):
        try:
            return match(soft_region(product_mask, size), soft_region(region, size), grid).control_points
        except NotEnoughBoundary:
            if number == len(sizes):
                raise
    raise ValueError("give at least one working size")
