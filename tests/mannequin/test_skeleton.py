"""Forward kinematics keeps what bones keep."""

import torch

from fashiongen.mannequin.identity import sample_identity
from fashiongen.mannequin.numerics import DEGREE, product, rotation
from fashiongen.mannequin.pose import Family, sample_pose
from fashiongen.mannequin.skeleton import BONE, BONES, pose_skeleton, rest_positions
from fashiongen.mannequin.topology import Slot, topology

SEEDS = torch.arange(16)


def test_bones_keep_their_lengths() -> None:
    identity = sample_identity(SEEDS)
    skeleton = pose_skeleton(identity, sample_pose(SEEDS))
    for upper, lower in (
        ("left_upper_arm", "left_forearm"),
        ("left_forearm", "left_hand"),
        ("right_thigh", "right_shin"),
        ("neck", "head"),
    ):
        posed = (skeleton.joint(upper) - skeleton.joint(lower)).norm(dim=1)
        rest = (skeleton.rest[:, BONE[upper]] - skeleton.rest[:, BONE[lower]]).norm(dim=1)
        assert torch.allclose(posed, rest, atol=1e-5)


def test_carrying_the_own_joint_gives_its_position() -> None:
    identity = sample_identity(SEEDS)
    skeleton = pose_skeleton(identity, sample_pose(SEEDS))
    for bone in BONES:
        carried = skeleton.carry(bone, *skeleton.rest[:, BONE[bone]].unbind(1))
        assert torch.allclose(carried, skeleton.joint(bone), atol=1e-5)


def test_left_and_right_are_mirror_images_at_rest() -> None:
    rest = rest_positions(sample_identity(SEEDS))
    for name in ("upper_arm", "hand", "thigh", "foot"):
        left, right = rest[:, BONE[f"left_{name}"]], rest[:, BONE[f"right_{name}"]]
        assert torch.equal(left * torch.tensor([-1.0, 1, 1]), right)


def test_raised_arms_are_above_the_head_and_hands_on_hips_at_the_waist() -> None:
    identity = sample_identity(SEEDS)
    raised = pose_skeleton(identity, sample_pose(SEEDS, torch.full((16,), int(Family.RAISED_ARMS))))
    assert (raised.joint("left_hand")[:, 1] > raised.joint("head")[:, 1]).all()
    hips = pose_skeleton(identity, sample_pose(SEEDS, torch.full((16,), int(Family.HANDS_ON_HIPS)), torch.zeros(16)))
    hand = hips.joint("left_hand")
    assert ((hand[:, 1] > 0.5) & (hand[:, 1] < 0.72)).all()
    assert (hips.joint("left_forearm")[:, 0] > hand[:, 0]).all()


def test_rotations_are_rotations() -> None:
    turn = rotation((0, 1, 0), torch.tensor([90 * DEGREE]))
    assert torch.allclose(product(turn, torch.tensor([[[0.0], [0], [1]]]))[0, :, 0], torch.tensor([1.0, 0, 0]), atol=1e-6)
    assert torch.allclose(product(turn, turn.transpose(1, 2)), torch.eye(3)[None], atol=1e-6)


def test_every_slot_has_triangles_and_two_sides_come_in_pairs() -> None:
    table = topology(torch.device("cpu"))
    assert set(table.slot.tolist()) == {int(slot) for slot in Slot}
    for slot in (Slot.ARM, Slot.LEG, Slot.SLEEVE):
        sides = table.side[table.slot == int(slot)]
        assert (sides == 0).sum() == (sides == 1).sum() > 0
