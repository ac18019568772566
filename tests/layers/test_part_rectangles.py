from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from standing_person import HEIGHT, WIDTH, standing, without
from torch import Tensor

from fashiongen.layers.deformable_skip import deformable_skip
from fashiongen.layers.part_affines import NO_PART, PARTS
from fashiongen.layers.part_rectangles import part_rectangles, rectangle_regions, rectangle_skip
from fashiongen.layers.pose_mask import pose_mask


def from_the_side() -> Tensor:
    """Left and right joints at one place, one eye and one ear."""
    keypoints = without(standing(), 15, 17)
    for right, left in ((2, 5), (3, 6), (4, 7), (8, 11), (9, 12), (10, 13)):
        middle = keypoints[:, [right, left], :2].mean(dim=1)
        keypoints[:, right, :2] = keypoints[:, left, :2] = middle
    return keypoints


def regions_by_name(source: Tensor, target: Tensor) -> dict[str, Tensor]:
    return dict(zip((*PARTS, "surroundings"), rectangle_regions(source, target, HEIGHT, WIDTH)[0], strict=True))


def test_a_pose_is_mapped_onto_itself_by_the_identity() -> None:
    transforms, _ = rectangle_skip(standing(), standing(), HEIGHT, WIDTH)
    torch.testing.assert_close(transforms, torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0]).double().expand(1, 11, 8))


def test_every_part_follows_a_step_to_the_side_and_nothing_else_moves() -> None:
    transforms, masks = rectangle_skip(standing(), standing() + torch.tensor([5.0, -2.0, 0]), HEIGHT, WIDTH)
    wanted = torch.tensor([1.0, 0, -5, 0, 1, 2, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(transforms[:, :10], wanted.expand(1, 10, 8))
    assert transforms[0, 10].tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    picture = torch.rand(1, 3, HEIGHT, WIDTH)
    moved = deformable_skip(picture, transforms, masks, aggregation="avg", interpolation="nearest")
    body, around = masks[0, :10].any(dim=0), masks[0, 10]
    shifted = torch.zeros_like(picture)
    shifted[..., :-2, 5:] = picture[..., 2:, :-5]
    torch.testing.assert_close(moved[..., body], shifted[..., body])
    torch.testing.assert_close(moved[..., around], picture[..., around])
    assert not moved[..., ~(body | around)].any()


def test_every_pixel_belongs_to_one_part_at_most() -> None:
    target = standing()
    target[:, 4, :2] = target[:, 11, :2]  # the right hand before the left hip
    regions = rectangle_regions(standing(), target, HEIGHT, WIDTH)[0]
    assert regions.shape == (11, HEIGHT, WIDTH)
    assert regions.dtype == torch.bool
    assert regions.sum(dim=0).max() == 1
    bodies = [pose_mask(pose, HEIGHT, WIDTH, 3)[0, 0] > 0 for pose in (standing(), target)]
    assert torch.equal(regions[:10].any(dim=0), bodies[1])
    assert torch.equal(regions[10], ~(bodies[0] | bodies[1]))


def test_regions_hold_the_middle_of_their_parts_and_limbs_lie_before_the_torso() -> None:
    regions = regions_by_name(standing(), standing())
    places = {
        "torso": (22, 16), "head": (7, 16), "right_thigh": (38, 12), "left_shin": (50, 20), "right_upper_arm": (18, 9),
        "left_forearm": (26, 25), "surroundings": (2, 2),
    }  # fmt: skip
    for part, place in places.items():
        assert regions[part][place], part
    folded = standing()
    folded[:, 7, :2] = torch.tensor([16.5, 22.5])
    assert regions_by_name(standing(), folded)["left_forearm"][22, 18]


def test_from_the_side_the_torso_is_as_wide_as_a_body() -> None:
    corners, located = part_rectangles(from_the_side())
    assert located.all()
    torso = corners[0, PARTS.index("torso")]
    assert torso[:, 0].max() - torso[:, 0].min() == pytest.approx(0.5 * 18, rel=0.02)
    front = part_rectangles(standing())[0][0, PARTS.index("torso")]
    assert front[:, 0].max() - front[:, 0].min() == pytest.approx(10)
    transforms, _ = rectangle_skip(from_the_side(), standing(), HEIGHT, WIDTH)
    assert 0.5 < transforms[0, 0, 0] < 1.5, "the map does not stretch without bound"


def test_from_behind_the_head_is_above_the_neck() -> None:
    corners, located = part_rectangles(without(standing(), 0, 14, 15))  # ears alone
    assert located[0, 1]
    assert corners[0, 1].mean(dim=0).tolist() == pytest.approx([16, 8])
    corners, located = part_rectangles(without(standing(), 0, 14, 15, 16, 17))
    assert located[0, 1]
    middle = corners[0, 1].mean(dim=0)
    assert middle[0] == 16
    assert middle[1] < 14 - 5


def test_a_limb_missing_in_the_source_is_read_from_the_other_side() -> None:
    transforms, _ = rectangle_skip(without(standing(), 4), standing(), HEIGHT, WIDTH)
    place = PARTS.index("right_forearm")
    wrist = torch.tensor([6.0, 30.0], dtype=torch.float64)
    read = transforms[0, place, :6].view(2, 3) @ torch.cat([wrist, wrist.new_ones(1)])
    torch.testing.assert_close(read, torch.tensor([26.0, 30.0], dtype=torch.float64))


def test_what_cannot_be_located_reads_nothing() -> None:
    nobody = standing() * 0
    transforms, masks = rectangle_skip(standing(), nobody, HEIGHT, WIDTH)
    assert all(tuple(row) == NO_PART for row in transforms[0, :10].tolist())
    assert not masks[:, :10].any()
    assert rectangle_regions(nobody, nobody, HEIGHT, WIDTH)[0, 10].all()
    assert tuple(rectangle_skip(without(standing(), 4, 7), standing(), HEIGHT, WIDTH)[0][0, 8].tolist()) == NO_PART


coordinates = st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 5.5, float("nan"), float("inf")])
poses = st.lists(st.tuples(coordinates, coordinates, st.sampled_from([0.0, 1.0, 2.0])), min_size=18, max_size=18)


@settings(max_examples=60, deadline=None)
@given(source=poses, target=poses)
def test_any_pose_gives_finite_transforms_and_one_part_a_pixel(
    source: list[tuple[float, ...]], target: list[tuple[float, ...]]
) -> None:
    transforms, masks = rectangle_skip(torch.tensor([source]), torch.tensor([target]), HEIGHT, WIDTH)
    assert transforms.isfinite().all()
    assert masks.sum(dim=1).max() <= 1
    features = torch.rand(1, 2, HEIGHT, WIDTH, requires_grad=True)
    moved = deformable_skip(features, transforms.float(), masks, aggregation="avg")
    moved.sum().backward()
    assert moved.isfinite().all()
    assert features.grad is not None and features.grad.isfinite().all()


def test_a_batch_equals_its_items() -> None:
    sources = torch.cat([standing(), from_the_side(), without(standing(), 2, 3, 8)])
    targets = torch.cat([from_the_side(), standing(), standing() + torch.tensor([4.0, 1.0, 0])])
    together = rectangle_skip(sources, targets, HEIGHT, WIDTH)
    for index in range(3):
        alone = rectangle_skip(sources[index : index + 1], targets[index : index + 1], HEIGHT, WIDTH)
        for whole, one in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[index : index + 1], one)
