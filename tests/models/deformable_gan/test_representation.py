from __future__ import annotations

import pytest
import torch

from fashiongen.models.deformable_gan.representation import POSES, condition, pose_maps, stickman

HEIGHT, WIDTH = 64, 32


def standing() -> torch.Tensor:
    places = [
        *((16, 8), (16, 14), (11, 14), (8, 22), (6, 30), (21, 14), (24, 22), (26, 30), (13, 32)),
        *((12, 44), (12, 56), (19, 32), (20, 44), (20, 56), (15, 7), (17, 7), (13, 8), (19, 8)),
    ]
    return torch.tensor([[[x + 0.5, y + 0.5, 2.0] for x, y in places]])


@pytest.mark.parametrize(
    ("warp_skip", "given"), [("none", set()), ("mask", {"transforms", "masks"}), ("full", {"transforms"}), ("stn", {"joints"})]
)
def test_every_mode_gets_what_it_needs(warp_skip: str, given: set[str]) -> None:
    image = torch.rand(1, 3, HEIGHT, WIDTH)
    made = condition(image, standing(), standing(), warp_skip)
    assert {name for name in ("transforms", "masks", "joints") if getattr(made, name) is not None} == given
    assert torch.equal(made.source[:, :3], image)
    assert made.source.shape[1] == 21
    assert made.target.shape[1] == 18


def test_parts_are_rectangles_on_demand() -> None:
    image, target = torch.rand(1, 3, HEIGHT, WIDTH), standing() + torch.tensor([3.0, 0, 0])
    joints, rectangles = (condition(image, standing(), target, parts=each) for each in ("joints", "rectangles"))
    assert joints.masks is not None and rectangles.masks is not None and rectangles.transforms is not None
    assert joints.masks.shape[1] == 10
    assert joints.masks[:, 0].all()
    assert rectangles.masks.shape[1] == rectangles.transforms.shape[1] == 11
    assert rectangles.transforms.dtype == torch.float32
    assert rectangles.masks[0, 10, 0, 0]
    full = condition(image, standing(), target, "full", parts="rectangles").transforms
    assert full is not None and full.shape[1] == 1


def test_convention_joints_of_the_spatial_transformer() -> None:
    pose = standing()
    pose[0, 3] = 0
    joints = condition(torch.rand(1, 3, HEIGHT, WIDTH), standing(), pose, "stn").joints
    assert joints is not None
    assert joints[0, :2].tolist() == [8, 16]
    assert joints[0, 42:44].tolist() == [-1, -1]


def test_options() -> None:
    image = torch.rand(1, 3, HEIGHT, WIDTH)
    assert torch.equal(condition(image, standing(), standing(), source_pose=False).source, image)
    assert torch.equal(condition(image, standing(), standing(), background=image).target[:, 18:], image)
    assert condition(image, standing(), standing(), "none", background=image).target.shape[1] == 18
    for pose in POSES:
        maps = pose_maps(standing(), HEIGHT, WIDTH, pose)
        assert maps.shape == (1, 3 if pose == "stickman" else 18, HEIGHT, WIDTH)
        assert maps.min() == 0 or pose != "stickman"
        assert maps.max() == 1
    with pytest.raises(ValueError, match="stickman"):
        pose_maps(standing(), HEIGHT, WIDTH, "heat")


def test_stickman() -> None:
    wide = standing() * torch.tensor([4.0, 4.0, 1.0])
    figure = stickman(wide, 4 * HEIGHT, 4 * WIDTH)[0]
    assert figure[0, 200, 50] == 1 and figure[1, 200, 50] == 0  # right shin
    assert figure[1, 200, 82] == 1 and figure[0, 200, 82] == 0  # left shin
    assert figure[2, 90, 64] == 1  # trunk
    assert (figure[:2, 45, 66] == 0.5).all()  # neck
    without_hip = wide.clone()
    without_hip[0, 8] = 0
    assert not stickman(without_hip, 4 * HEIGHT, 4 * WIDTH)[0, 2].any()
    assert not stickman(wide * 0, HEIGHT, WIDTH).any()
