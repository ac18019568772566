from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import pdist

from fashiongen.layers.shape_context import (
    NotEnoughBoundary,
    assign,
    match,
    match_cost,
    matched_pairs,
    sample_points,
    shape_contexts,
)
from fashiongen.layers.thin_plate_spline import regular_grid, thin_plate_spline

SIZE = (64, 48)


def disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.indices(size)
    return ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2).astype(float)


def shirt() -> np.ndarray:
    mask = np.zeros(SIZE)
    mask[12:56, 14:34] = 1
    mask[12:24, 5:43] = 1
    return mask


def test_equal_shapes_give_the_regular_grid() -> None:
    result = match(shirt(), shirt(), seed=3)
    assert result.control_points.dtype == np.float32
    np.testing.assert_allclose(result.control_points, regular_grid(10, 10), atol=0.15)
    assert np.abs(result.control_points - regular_grid(10, 10).numpy()).mean() < 0.03


@pytest.mark.parametrize("options", [{}, {"subpixel": False}, {"one_based": True, "subpixel": False}])
def test_the_warped_product_covers_the_region(options: dict[str, bool]) -> None:
    product = shirt()
    region = ndimage.affine_transform(product, [[1.25, 0.15], [-0.1, 1.2]], [-8, -2], order=1)
    control = torch.from_numpy(match(product, region, **options).control_points)[None]
    warped = thin_plate_spline(torch.from_numpy(product)[None, None].float(), control)[0, 0].numpy() > 0.5
    before, after = (((mask > 0.5) & (region > 0.5)).sum() / ((mask > 0.5) | (region > 0.5)).sum() for mask in (product, warped))
    assert before < 0.75
    assert after > 0.88


def test_the_seed_decides() -> None:
    product, region = shirt(), np.roll(shirt(), 2, axis=1)
    first, again, other = (match(product, region, seed=seed).control_points for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_round_can_be_recorded() -> None:
    result = match(shirt(), shirt(), iterations=3, record=True, grid=(4, 5))
    assert len(result.iterations) == 3
    assert result.control_points.shape == (20, 2)
    first, second, _ = result.iterations
    assert first.regularisation > 100 * second.regularisation
    assert np.isfinite([first.shape_cost, first.affine_cost, first.bending_energy]).all()
    assert not match(shirt(), shirt()).iterations


@pytest.mark.parametrize("which", ["product", "region"])
def test_too_short_a_boundary_is_told(which: str) -> None:
    tiny = disc(SIZE, (30, 20), 3)
    shapes = (tiny, shirt()) if which == "product" else (shirt(), tiny)
    with pytest.raises(NotEnoughBoundary, match=rf"boundary of the {which} has \d+ points, matching needs 100") as caught:
        match(*shapes)
    assert caught.value.which == which
    assert 0 < caught.value.found < caught.value.needed == 100


def test_an_empty_region_is_told() -> None:
    with pytest.raises(NotEnoughBoundary, match="region has 0 points"):
        match(shirt(), np.zeros(SIZE))


def test_a_straight_boundary_is_refused() -> None:
    half = np.zeros((120, 40))
    half[:, :20] = 1
    with pytest.raises(ValueError, match="one line"):
        match(half, disc((120, 40), (60, 20), 18))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": np.zeros((32, 24))}, "one size"),
        ({"region": np.full(SIZE, np.nan)}, "finite"),
        ({"samples": 2}, "3 samples"),
        ({"iterations": 0}, "1 iteration"),
        ({"orders": (np.zeros(300, int), np.zeros(300, int))}, "permutation"),
    ],
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match(**({"product_mask": shirt(), "region": shirt()} | arguments))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.5, 6.0), st.floats(-1, 1))
def test_any_blobs_give_finite_points_or_a_clear_error(seed: int, smooth: float, threshold: float) -> None:
    """Several components, holes and regions that touch the border included."""
    noise = np.random.default_rng(seed).normal(size=(2, *SIZE))
    product, region = (field / field.std() > threshold for field in (ndimage.gaussian_filter(layer, smooth) for layer in noise))
    try:
        result = match(product, region, samples=40, iterations=3, seed=seed)
    except NotEnoughBoundary:
        assume(False)
    assert np.isfinite(result.control_points).all()
    assert len(result.product_points) == len(result.region_points) >= 30


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 20))
def test_sampling_drops_one_of_the_closest_pair(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    points = random.integers(0, 30, (random.integers(count, 80), 2)) / 2
    order = random.permutation(len(points))
    left = list(order[: 3 * count])
    while len(left) > count:
        distance = ((points[left][:, None] - points[left]) ** 2).sum(axis=2)
        np.fill_diagonal(distance, np.inf)
        del left[int(distance.min(axis=0).argmin())]
    np.testing.assert_array_equal(sample_points(points, order, count), left)


def test_samples_spread_out() -> None:
    points = np.random.default_rng(0).uniform(0, 10, (300, 2))
    order = np.arange(300)
    assert pdist(points[sample_points(points, order, 100)]).min() > 3 * pdist(points[:100]).min()


def test_histogram_convention() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    contexts = shape_contexts(points)
    mean = (4 + 2 * np.sqrt(2)) / 9
    assert contexts.mean_distance == pytest.approx(mean)
    ring = sum(1 / mean < edge for edge in np.geomspace(1 / 8, 2, 5))
    expected = np.zeros(60)
    expected[12 * 4] = 1  # the point itself: innermost ring, first sector
    expected[12 * (ring - 1)] += 1  # to the right
    expected[12 * (ring - 1) + 3] += 1  # down, a quarter turn
    np.testing.assert_array_equal(contexts.counts[0], expected)


def test_outliers_are_no_neighbours_but_are_described() -> None:
    points = np.random.default_rng(0).uniform(0, 10, (20, 2))
    inliers = np.arange(20) < 15
    contexts = shape_contexts(points, inliers)
    np.testing.assert_array_equal(contexts.counts[:15], shape_contexts(points[:15]).counts)
    assert contexts.counts[15:].sum(axis=1).min() > 0


def test_coinciding_points_have_histograms() -> None:
    contexts = shape_contexts(np.ones((4, 2)))
    assert contexts.mean_distance == 0
    assert (contexts.counts[:, 48] == 4).all()


def test_costs() -> None:
    counts = np.array([[3, 1, 0], [0, 0, 4], [0, 0, 0]])
    tangents = np.array([0.0, np.pi, 0.0])
    cost = match_cost(counts, counts, tangents, tangents)
    assert cost[0, 0] == pytest.approx(0)
    assert cost[0, 1] == pytest.approx(1)  # nothing in common, opposite tangents
    assert cost[0, 2] == pytest.approx(0.45)  # an empty histogram
    np.testing.assert_allclose(cost, cost.T)


def test_expensive_pairs_stay_alone() -> None:
    cost = np.array([[0.1, 0.9, 0.9], [0.9, 0.9, 0.2], [0.9, 0.9, 0.9]])
    rows, columns = matched_pairs(assign(cost, dummies=1), 3)
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [0, 2]
