"""Key points lie on the parts they name and are seen exactly when these are."""

import dataclasses

import torch

from fashiongen.data.parsing import PARTS
from fashiongen.mannequin import World
from fashiongen.mannequin.keypoints import OPENPOSE18
from fashiongen.mannequin.pose import Family, sample_pose
from fashiongen.mannequin.rendering import Rendering

JOINT = {name: index for index, name in enumerate(OPENPOSE18)}


def draw(family: Family, yaw: float, count: int = 12) -> Rendering:
    world = World(128, 96, framing="full")
    index = torch.arange(count)
    pose = sample_pose(index + 7, family=torch.full((count,), int(family)), yaw=torch.full((count,), yaw))
    outfit = world.outfit(index)
    outfit = dataclasses.replace(outfit, outerwear=dataclasses.replace(outfit.outerwear, worn=torch.zeros(count, dtype=torch.bool)))
    return world.render(world.identity(index), pose, outfit, world.background(index), world.camera(index))


def test_seen_joints_lie_on_their_own_parts() -> None:
    rendering = World(128, 96, framing="full").draw(torch.arange(48))
    own = {"wrist": "forearm", "ankle": "shin"}
    for side in ("left", "right"):
        for joint, part in own.items():
            x, y, visibility = rendering.keypoints[:, JOINT[f"{side}_{joint}"]].unbind(1)
            rows = (visibility == 2).nonzero()[:, 0]
            parts = rendering.parts[rows, y[rows].long(), x[rows].long()]
            assert len(rows) > 24
            assert (parts == PARTS.index(f"{side}_{part}")).all()


def test_key_points_lie_inside_the_silhouette() -> None:
    rendering = World(128, 96, framing="full").draw(torch.arange(48))
    x, y, visibility = rendering.keypoints.unbind(2)
    inside = rendering.mask[:, 0].flatten(1).gather(1, (y.long().clamp(0, 127) * 96 + x.long().clamp(0, 95))) > 0
    assert inside[visibility > 0].float().mean() > 0.98


def test_a_person_facing_us_shows_the_face_and_one_turned_away_hides_it() -> None:
    face = [JOINT[name] for name in ("nose", "left_eye", "right_eye")]
    assert (draw(Family.STAND, 0.0).keypoints[:, face, 2] == 2).all()
    assert (draw(Family.STAND, 180.0).keypoints[:, face, 2] == 1).all()


def test_left_is_the_persons_left() -> None:
    x = draw(Family.STAND, 0.0).keypoints[..., 0]
    assert (x[:, JOINT["left_shoulder"]] > x[:, JOINT["right_shoulder"]]).all()
    x = draw(Family.STAND, 180.0).keypoints[..., 0]
    assert (x[:, JOINT["left_shoulder"]] < x[:, JOINT["right_shoulder"]]).all()


def test_crossed_arms_seen_from_behind_hide_the_wrists() -> None:
    wrists = [JOINT["left_wrist"], JOINT["right_wrist"]]
    assert (draw(Family.CROSSED_ARMS, 180.0).keypoints[:, wrists, 2] == 1).all()
    assert (draw(Family.CROSSED_ARMS, 0.0).keypoints[:, wrists, 2] == 2).float().mean() > 0.7


def test_the_far_arm_is_hidden_in_profile() -> None:
    visibility = draw(Family.STAND, 90.0).keypoints[..., 2]
    assert (visibility[:, JOINT["left_elbow"]] == 2).float().mean() != (visibility[:, JOINT["right_elbow"]] == 2).float().mean()
    assert min((visibility[:, JOINT[f"{side}_elbow"]] == 2).float().mean() for side in ("left", "right")) < 0.2


def test_points_below_the_page_are_unknown() -> None:
    rendering = World(128, 96, framing="upper").draw(torch.arange(12))
    x, y, visibility = rendering.keypoints.unbind(2)
    outside = (x < 0) | (x >= 96) | (y < 0) | (y >= 128)
    assert torch.equal(outside, visibility == 0)
    assert (visibility[:, [JOINT["left_ankle"], JOINT["right_ankle"]]] == 0).all()


def test_larger_pages_show_the_same_points() -> None:
    small, large = (World(size, size * 3 // 4, framing="full").draw(torch.arange(6)) for size in (64, 128))
    assert torch.allclose(small.keypoints[..., :2] * 2, large.keypoints[..., :2], atol=1e-3)
