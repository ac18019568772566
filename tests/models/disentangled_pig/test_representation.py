import torch

from fashiongen.layers.part_boxes import part_boxes
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.models.disentangled_pig.representation import keypoints_of, normalized_pose, regions_of


def people(count=3, height=128, width=64):
    generator = torch.Generator().manual_seed(0)
    places = (torch.rand(count, 18, 2, generator=generator) * torch.tensor([width, height])).floor() + 0.5
    return torch.cat([places, torch.full((count, 18, 1), 2.0)], dim=-1)


def test_a_pose_comes_back():
    keypoints = people()
    keypoints[0, 3] = 0
    keypoints[1, 4, 2] = 1
    pose = normalized_pose(keypoints, 128, 64)
    assert pose.shape == (3, 18, 3) and pose.abs().max() <= 1
    assert pose[0, 3].tolist() == [-1, -1, 0] and pose[1, 4, 2] == 1
    expected = torch.cat([keypoints[..., :2], 2 * (keypoints[..., 2:] > 0)], dim=-1)
    # A little more than half a thousandth of a pixel keeps rounding away from whole numbers.
    nudged = torch.cat([pose[..., :2] + 1e-5, pose[..., 2:]], dim=-1)
    assert torch.equal(keypoints_of(nudged, 128, 64), expected)


def test_rows_come_before_columns_and_count_from_the_first_pixel():
    keypoints = torch.tensor([[[16.5, 32.5, 2.0]] * 18])
    assert normalized_pose(keypoints, 128, 64)[0, 0].tolist() == [2 * 32 / 128 - 1, 2 * 16 / 64 - 1, 1]


def test_decoded_places_come_to_the_border():
    pose = torch.tensor([[[-3.0, 0.0, 1.0]] * 9 + [[0.0, 5.0, 1.0]] * 9])
    keypoints = keypoints_of(pose, 128, 64)
    assert keypoints[0, 0].tolist() == [32.5, 0.5, 2] and keypoints[0, 9].tolist() == [63.5, 64.5, 2]
    assert keypoints_of(pose * torch.tensor([1.0, 1.0, 0.0]), 128, 64).eq(0).all()


def test_a_joint_that_is_no_number_is_missing():
    keypoints = people(1)
    keypoints[0, 5, 0] = float("nan")
    assert normalized_pose(keypoints, 128, 64)[0, 5].tolist() == [-1, -1, 0]


def test_regions_are_the_first_seven_boxes():
    keypoints = people()
    keypoints[0, 8:14] = 0
    boxes, visible, mask = regions_of(keypoints, 128, 64, mask_radius=5)
    everything, seen = part_boxes(keypoints, 128, 64)
    assert torch.equal(boxes, everything[:, :7]) and torch.equal(visible, seen[:, :7])
    assert visible[0].tolist() == [True, True, False, True, True, False, False]
    assert torch.equal(mask, pose_mask(keypoints, 128, 64, radius=5))
    nobody = regions_of(torch.zeros(1, 18, 3), 128, 64)
    assert not nobody.visible.any() and nobody.mask.eq(0).all() and nobody.boxes[0, 0].tolist() == [0, 0, 1, 1]
