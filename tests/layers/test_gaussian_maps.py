from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fashiongen.layers.gaussian_maps import PROFILES, gaussian_maps, locate_joints

JOINTS = torch.tensor([[[5.5, 3.5, 2.0], [10.25, 12.75, 1.0], [0.0, 0.0, 0.0], [40.5, 8.5, 2.0]]])


@pytest.mark.parametrize("profile", PROFILES)
def test_one_bump_a_joint(profile: str) -> None:
    maps = gaussian_maps(JOINTS, 16, 20, sigma=3, profile=profile)
    assert maps.shape == (1, 4, 16, 20)
    assert maps[0, 0, 3, 5] == 1
    assert maps[0, 1].argmax() == 12 * 20 + 10
    assert not maps[0, 2].any()
    assert (maps >= 0).all() and (maps <= 1).all()


def test_convention_pixel_centres_lie_at_halves() -> None:
    maps = gaussian_maps(JOINTS, 16, 20, sigma=3)
    assert maps[0, 0, 3, 7].item() == pytest.approx(math.exp(-4 / 18))
    between = gaussian_maps(torch.tensor([[[4.0, 2.5, 2.0]]]), 6, 8, sigma=2)
    assert torch.equal(between[..., 3], between[..., 4])


def test_staircase() -> None:
    maps = gaussian_maps(JOINTS[:, :1], 16, 20, sigma=2, profile="staircase")
    assert set(maps[0, 0, 3].tolist()) <= {math.e**0} | {torch.tensor(-float(step)).exp().item() for step in range(1, 60)}
    assert maps[0, 0, 3, 6].item() == pytest.approx(math.exp(-1))
    assert maps[0, 0, 3, 8].item() == pytest.approx(math.exp(-2))
    moved = JOINTS[:, :1] + torch.tensor([0.4, -0.4, 0.0])
    assert torch.equal(gaussian_maps(moved, 16, 20, sigma=2, profile="staircase"), maps)


def test_locate_joints_inverts() -> None:
    located = locate_joints(gaussian_maps(JOINTS, 16, 20, profile="staircase"))
    assert located[0, :3].tolist() == [[5.5, 3.5, 2], [10.5, 12.5, 2], [0, 0, 0]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(width=32), st.floats(width=32), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=4),
    st.sampled_from(PROFILES),
)
def test_any_key_points_give_finite_maps(joints: list[tuple[float, float, float]], profile: str) -> None:
    maps = gaussian_maps(torch.tensor([joints]), 8, 8, profile=profile)
    assert maps.isfinite().all()
    assert locate_joints(maps).isfinite().all()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="staircase"):
        gaussian_maps(JOINTS, 8, 8, profile="box")
    with pytest.raises(ValueError, match="sigma"):
        gaussian_maps(JOINTS, 8, 8, sigma=0)
