from __future__ import annotations

import torch

from fashiongen.metrics.pose_region import pose_region


def test_a_lone_joint_is_a_disc() -> None:
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 4] = torch.tensor([16.5, 20.5, 2.0])
    region = pose_region(keypoints, 40, 32)
    assert region.shape == (1, 1, 40, 32)
    rows, columns = region[0, 0].nonzero().unbind(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (17, 23, 13, 19)


def test_limbs_are_filled_and_missing_joints_left_out() -> None:
    keypoints = torch.zeros(2, 18, 3)
    keypoints[0, 2] = torch.tensor([8.5, 10.5, 2.0])
    keypoints[0, 3] = torch.tensor([24.5, 30.5, 1.0])
    region = pose_region(keypoints, 40, 32)
    assert region[0, 0, 20, 16]
    assert not region[0, 0, 35, 4]
    assert not region[1].any()


def test_small_gaps_are_closed() -> None:
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 4] = torch.tensor([10.5, 20.5, 2.0])
    keypoints[0, 7] = torch.tensor([18.5, 20.5, 2.0])
    assert pose_region(keypoints, 40, 32)[0, 0, 20, 10:19].all()
