from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashiongen.layers.thin_plate_fit import bending_energy, fit_thin_plate, invert_grid, warp

SIZE = (32, 24)


def scattered(seed: int, count: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, [SIZE[1], SIZE[0]], (count, 2))


def test_without_regularisation_it_interpolates() -> None:
    source, target = scattered(0), scattered(1)
    np.testing.assert_allclose(warp(fit_thin_plate(source, target), source), target, atol=1e-8)


def test_an_affine_map_is_found_exactly_and_costs_no_energy() -> None:
    source = scattered(0)
    linear, shift = np.array([[1.2, 0.1], [-0.3, 0.8]]), np.array([3.0, -2.0])
    plate = fit_thin_plate(source, source @ linear + shift, regularisation=50.0)
    np.testing.assert_allclose(plate.affine, [shift, *linear], atol=1e-9)
    assert abs(bending_energy(plate)) < 1e-12


def test_regularisation_lowers_the_energy() -> None:
    source, target = scattered(0), scattered(1)
    energies = [bending_energy(fit_thin_plate(source, target, weight)) for weight in (0.0, 10.0, 1000.0)]
    assert energies[0] > energies[1] > energies[2] > 0


def test_blocks_do_not_change_the_warp() -> None:
    source = scattered(0)
    plate = fit_thin_plate(source, scattered(1), 1.0)
    points = scattered(2, 5000)
    np.testing.assert_allclose(warp(plate, points)[-7:], warp(plate, points[-7:]), rtol=1e-12)


def test_a_translation_is_inverted() -> None:
    source = scattered(0)
    plate = fit_thin_plate(source, source + np.array([3.0, -5.2]))
    grid = invert_grid(plate, SIZE, (3, 2))
    np.testing.assert_array_equal(grid, [[-2, 6], [21, 6], [-2, 22], [21, 22], [-2, 37], [21, 37]])
    exact = [[-2, 6.2], [21, 6.2], [-2, 21.7], [21, 21.7], [-2, 37.2], [21, 37.2]]
    np.testing.assert_allclose(invert_grid(plate, SIZE, (3, 2), subpixel=True), exact, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 2.5]))
def test_pruned_search_finds_the_nearest_of_all(seed: int, scale: float) -> None:
    source = scattered(seed)
    target = source * scale + np.random.default_rng(seed).normal(size=source.shape) + seed % 90
    plate = fit_thin_plate(source, target, 100.0)
    height, width = SIZE
    x, y = np.meshgrid(np.arange(-2 * width, 2 * width + 1.0), np.arange(-2 * height, 2 * height + 1.0), indexing="ij")
    plane = np.stack([x.ravel(), y.ravel()], axis=1)
    wanted = np.array([[column, row] for row in np.linspace(1, height, 4) for column in np.linspace(1, width, 3)])
    distance = ((wanted[:, None] - warp(plate, plane)) ** 2).sum(axis=2)
    np.testing.assert_array_equal(invert_grid(plate, SIZE, (4, 3)), plane[distance.argmin(axis=1)])


@pytest.mark.parametrize(
    "source", [np.zeros((8, 2)), np.outer(np.arange(8.0), [1.0, 2.0]), np.array([[0.0, 1.0], [2.0, 5.0]]), np.zeros((0, 2))]
)
def test_points_on_a_line_are_refused(source: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one line"):
        fit_thin_plate(source, source, 1.0)


@pytest.mark.parametrize("target", [np.zeros((30, 2)), np.outer(np.arange(30.0), [1.0, 0.0])])
def test_collapsing_warps_stay_finite(target: np.ndarray) -> None:
    plate = fit_thin_plate(scattered(0), target, 10.0)
    assert np.isfinite(invert_grid(plate, SIZE, subpixel=True)).all()


def test_repeated_points_stay_finite() -> None:
    source = np.repeat(scattered(0), 2, axis=0)
    plate = fit_thin_plate(source, source, 1.0)
    np.testing.assert_allclose(warp(plate, source), source, atol=1e-8)
