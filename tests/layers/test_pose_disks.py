import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fashiongen.layers.pose_disks import joint_pixels, pose_disks

coordinate = st.one_of(st.floats(-200, 200, width=32), st.sampled_from([float("nan"), float("inf"), -1e30, 1e30]))
people = st.lists(st.tuples(coordinate, coordinate, st.sampled_from([0.0, 1.0, 2.0])), min_size=18, max_size=18)


def test_a_disk_of_radius_four_has_49_pixels():
    disks = pose_disks(torch.tensor([[[10.5, 20.5, 2.0], [10.99, 20.0, 1.0]]]), 40, 30)
    assert disks.shape == (1, 2, 40, 30)
    assert set(disks.unique().tolist()) == {-1.0, 1.0}
    assert ((disks > 0).sum((2, 3)) == 49).all()
    assert torch.equal(disks[0, 0], disks[0, 1])
    assert disks[0, 0, 20, 14] == 1 and disks[0, 0, 20, 15] == -1 and disks[0, 0, 24, 10] == 1


def test_disks_are_cut_off_at_the_border_and_missing_joints_are_empty():
    joints = torch.tensor([[[0.5, 0.5, 2.0], [-2.5, 5.5, 2.0], [5.0, 5.0, 0.0], [float("nan"), 5.0, 2.0]]])
    count = (pose_disks(joints, 16, 16) > 0).sum((2, 3))[0].tolist()
    assert count == [17, 6, 0, 0]


def test_the_type_follows_the_key_points():
    assert pose_disks(torch.ones(1, 18, 3, dtype=torch.float64), 8, 8).dtype == torch.float64
    assert pose_disks(torch.ones(1, 18, 3, dtype=torch.int64), 8, 8).dtype == torch.float32


@given(people)
@settings(deadline=None, max_examples=50)
def test_any_key_points_give_disks(joints):
    keypoints = torch.tensor(joints)[None]
    disks = pose_disks(keypoints, 32, 16)
    assert (disks.abs() == 1).all()
    assert not (disks[~joint_pixels(keypoints)[1]] > 0).any()
