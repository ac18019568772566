import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fashiongen.layers.pose_disks import pose_disks
from fashiongen.layers.pose_mask import pose_mask

coordinate = st.one_of(st.floats(-200, 200, width=32), st.sampled_from([float("nan"), float("inf"), -1e30, 1e30]))
people = st.lists(st.tuples(coordinate, coordinate, st.sampled_from([0.0, 1.0, 2.0])), min_size=18, max_size=18)


def limb(first, second):
    """A person of whom only neck and right shoulder are known."""
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 1], keypoints[0, 2] = torch.tensor([*first, 2.0]), torch.tensor([*second, 2.0])
    return keypoints


def test_a_lone_joint_paints_nothing():
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 1] = torch.tensor([10.5, 10.5, 2.0])
    assert pose_mask(keypoints, 32, 32).sum() == 0


def test_a_short_limb_is_its_two_disks():
    keypoints = limb((10.5, 10.5), (17.5, 10.5))
    disks = (pose_disks(keypoints, 32, 32)[0, 1:3] > 0).any(0)
    assert torch.equal(pose_mask(keypoints, 32, 32, closing=1)[0, 0], disks.float())
    assert pose_mask(keypoints, 32, 32).sum() > disks.sum()


@pytest.mark.parametrize("length, disks", [(3, 2), (7, 2), (8, 3), (11, 3), (12, 4)])
def test_a_long_limb_has_disks_between(length, disks):
    mask = pose_mask(limb((5.5, 10.5), (5.5 + length, 10.5)), 32, 32, radius=4, closing=1)[0, 0]
    pieces = disks - 1
    centres = [5 + math.floor(length * step / pieces) for step in range(pieces)] + [5 + length]
    joints = torch.tensor([[[centre + 0.5, 10.5, 2.0] for centre in centres]])
    assert torch.equal(mask, (pose_disks(joints, 32, 32)[0] > 0).any(0).float())


def test_both_directions_of_a_diagonal():
    down = pose_mask(limb((4.5, 6.5), (24.5, 26.5)), 32, 32)
    up = pose_mask(limb((24.5, 26.5), (4.5, 6.5)), 32, 32)
    assert torch.equal(down, up)


def test_limbs_may_leave_the_picture():
    inside = pose_mask(limb((10.5, 10.5), (10.5, 50.5)), 64, 32)[:, :, :32]
    assert torch.equal(pose_mask(limb((10.5, 10.5), (10.5, 50.5)), 32, 32)[:, :, :28], inside[:, :, :28])
    assert pose_mask(limb((10.5, 10.5), (10.5, 1e6)), 32, 32).sum() == 0


def test_a_batch_is_its_people():
    keypoints = torch.rand(3, 18, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([32.0, 48.0, 2.0])
    together = pose_mask(keypoints, 48, 32)
    assert torch.equal(together, torch.cat([pose_mask(each[None], 48, 32) for each in keypoints]))


def test_fractions_of_pixels_count_on_demand():
    keypoints = limb((4.5, 6.9), (20.5, 23.2))
    whole = pose_mask(torch.cat([keypoints[..., :2].floor() + 0.5, keypoints[..., 2:]], -1), 32, 32)
    assert torch.equal(pose_mask(keypoints, 32, 32), whole)
    assert not torch.equal(pose_mask(keypoints, 32, 32, whole_pixels=False), whole)


@given(people)
@settings(deadline=None, max_examples=50)
def test_any_key_points_give_a_mask(joints):
    mask = pose_mask(torch.tensor(joints)[None], 32, 16)
    assert mask.shape == (1, 1, 32, 16)
    assert ((mask == 0) | (mask == 1)).all()
