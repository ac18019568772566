from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from skimage.transform import estimate_transform
from standing_person import HEIGHT, WIDTH, standing, without
from torch import Tensor

from fashiongen.layers.part_affines import (
    NO_PART,
    PARTS,
    fit_affine,
    part_affines,
    part_masks,
    torso_length,
    whole_affine,
)


def apply(transforms: Tensor, points: Tensor) -> Tensor:
    """(..., 8) and (..., N, 2) -> (..., N, 2)."""
    return points @ transforms[..., :6].unflatten(-1, (2, 3))[..., :2].transpose(-1, -2) + transforms[..., None, 2:6:3]


def absent(transforms: Tensor) -> list[str]:
    """Names of the parts of the first pose that are not there."""
    return [part for part, row in zip(PARTS, transforms[0].tolist(), strict=True) if tuple(row) == NO_PART]


def test_a_pose_is_mapped_onto_itself_by_the_identity() -> None:
    transforms = part_affines(standing(), standing())
    torch.testing.assert_close(transforms, torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0]).double().expand(1, 10, 8))


def test_every_part_follows_an_affine_change_of_the_pose() -> None:
    source = standing()
    linear, shift = torch.tensor([[0.9, -0.2], [0.2, 0.9]], dtype=torch.float64), torch.tensor([3.0, -2.0], dtype=torch.float64)
    target = source.clone()
    target[..., :2] = (source[..., :2] - 0.5) @ linear.T + shift + 0.5
    for transforms in (part_affines(source, target), whole_affine(source, target)):
        points = (target[:, None, :, :2] - 0.5).expand(1, transforms.shape[1], 18, 2)
        torch.testing.assert_close(apply(transforms, points), (source[:, None, :, :2] - 0.5).expand_as(points))


def test_convention_transforms_read_the_source_at_target_pixels() -> None:
    target = standing()
    target[..., 0] += 5
    torch.testing.assert_close(part_affines(standing(), target)[..., 2], torch.full((1, 10), -5.0).double())


def test_a_limb_missing_in_the_source_is_read_from_the_other_side() -> None:
    source = without(standing(), 3, 4)
    transforms = part_affines(source, standing())
    assert absent(transforms) == []
    right_elbow = (standing()[:, None, [3], :2] - 0.5)[0]
    left = apply(transforms[0, [PARTS.index("right_forearm")]], right_elbow)
    torch.testing.assert_close(left, (standing()[:, [6], :2] - 0.5), atol=1.0, rtol=0)


def test_missing_parts_read_outside() -> None:
    assert absent(part_affines(standing(), without(standing(), 4))) == ["right_forearm"]
    assert absent(part_affines(without(standing(), 4, 7), standing())) == ["right_forearm", "left_forearm"]
    assert absent(part_affines(without(standing(), 0, 14, 15, 16, 17), standing())) == ["head"]
    assert absent(part_affines(standing() * 0, standing())) == list(PARTS)


def test_two_torso_points_give_a_similarity() -> None:
    without_hips = without(standing(), 8, 11)
    source = without_hips.clone()
    source[..., :2] = (without_hips[..., :2] - 0.5) * 2 + 0.5
    torso = part_affines(source, without_hips)[0, PARTS.index("torso")]
    torch.testing.assert_close(torso, torch.tensor([2.0, 0, 0, 0, 2, 0, 0, 0]).double())


def test_torso_length() -> None:
    assert torso_length(standing()).item() == pytest.approx((2**2 + 18**2) ** 0.5)
    one_side = torso_length(without(standing(), 8)).item()
    assert one_side == pytest.approx((2**2 + 18**2) ** 0.5)
    assert torso_length(without(standing(), 8, 11)).item() == pytest.approx((56 - 7) / 3)
    assert torso_length(standing() * 0).item() == 1


def test_masks_hold_the_middle_of_their_limbs() -> None:
    masks = part_masks(standing(), HEIGHT, WIDTH)
    assert masks.shape == (1, 10, HEIGHT, WIDTH)
    assert masks[0, 0].all()
    assert masks[0, PARTS.index("head"), 7, 15]
    assert masks[0, PARTS.index("right_thigh"), 38, 12]
    assert masks[0, PARTS.index("left_forearm"), 26, 25]
    assert not masks[0, PARTS.index("left_forearm"), :, :16].any()
    empty = part_masks(without(standing(), 0, 14, 15, 16, 17, 4), HEIGHT, WIDTH)[0]
    assert not empty[PARTS.index("head")].any()
    assert not empty[PARTS.index("right_forearm")].any()


@pytest.mark.parametrize("count", [3, 4, 7])
def test_fit_affine_agrees_with_scikit_image(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    points, images = torch.rand(2, 5, count, 2, dtype=torch.float64, generator=generator) * 50
    matrices, determined = fit_affine(points, images)
    assert determined.all()
    for matrix, some, image in zip(matrices, points, images, strict=True):
        expected = estimate_transform("affine", some.numpy(), image.numpy()).params
        torch.testing.assert_close(matrix, torch.from_numpy(expected), rtol=1e-8, atol=1e-8)


def test_points_that_do_not_count_change_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    points, images = torch.rand(2, 4, 2, dtype=torch.float64, generator=generator)
    stray = torch.full((1, 2), 1e6, dtype=torch.float64)
    valid = torch.tensor([True, True, False, True, True])
    padded = [torch.cat([some[:2], stray, some[2:]]) for some in (points, images)]
    torch.testing.assert_close(fit_affine(*padded, valid)[0], fit_affine(points, images)[0])


@pytest.mark.parametrize("images", ["collinear", "coincident"])
def test_undetermined_maps_are_told(images: str) -> None:
    points = torch.tensor([[0.0, 0], [4, 0], [4, 4], [0, 4]]).double()
    flat = torch.stack([points[:, 0], points[:, 0] * 2], dim=1) if images == "collinear" else torch.ones_like(points)
    for pair in ((points, flat), (flat, points)):
        matrix, determined = fit_affine(*pair)
        assert not determined
        assert tuple(matrix.flatten()[:8].tolist()) == NO_PART


joint = st.tuples(
    st.one_of(st.floats(-1e4, 1e4), st.integers(-8, 72), st.sampled_from([0.0, 16.5, 1e9, float("nan"), float("inf")])),
    st.one_of(st.floats(-1e4, 1e4), st.integers(-8, 72), st.sampled_from([0.0, 16.5, -1e9, float("nan")])),
    st.sampled_from([0.0, 1.0, 2.0]),
)
poses = st.lists(joint, min_size=18, max_size=18)
lines = st.builds(
    lambda slope, steps: [(16.5 + step, 20.5 + slope * step, 2.0) for step in steps],
    st.sampled_from([0.0, 1.0, -0.5]),
    st.lists(st.integers(-3, 3), min_size=18, max_size=18),
)


@settings(max_examples=60, deadline=None)
@given(poses | lines, poses | lines)
def test_any_pose_gives_finite_transforms_and_masks(source: list[tuple[float, ...]], target: list[tuple[float, ...]]) -> None:
    here, there = torch.tensor([source]), torch.tensor([target])
    transforms = part_affines(here, there)
    assert transforms.isfinite().all()
    assert whole_affine(here, there).isfinite().all()
    assert torso_length(here).isfinite().all()
    linear = transforms[..., [0, 1, 3, 4]].unflatten(-1, (2, 2))
    assert (torch.linalg.det(linear).abs() > 0).all()
    assert part_masks(there, HEIGHT, WIDTH)[:, 0].all()


def test_a_batch_equals_its_items() -> None:
    poses = torch.cat([standing(), without(standing(), 3, 8), standing() + torch.tensor([4.0, 1.0, 0.0])])
    other = poses.flip(0)
    batched = part_affines(poses, other)
    for index in range(len(poses)):
        single = part_affines(poses[index : index + 1], other[index : index + 1])
        torch.testing.assert_close(batched[index : index + 1], single, rtol=0, atol=1e-12)
