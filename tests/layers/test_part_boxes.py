import pytest
import torch

from fashiongen.layers.part_boxes import PARTS, part_boxes


def everybody(height=128, width=64):
    generator = torch.Generator().manual_seed(1)
    places = torch.rand(1, 18, 2, generator=generator) * torch.tensor([width, height])
    return torch.cat([places, torch.full((1, 18, 1), 2.0)], -1)


def test_boxes_hold_the_joints_of_their_parts_and_stay_inside():
    keypoints = everybody()
    boxes, visible = part_boxes(keypoints, 128, 64)
    assert boxes.shape == (1, len(PARTS), 4) == (1, 37, 4)
    assert visible.all()
    assert (boxes >= 0).all() and (boxes[..., [0, 2]] <= 127).all() and (boxes[..., [1, 3]] <= 63).all()
    pixels = keypoints[0, :, :2].floor()
    for joints, (top, left, bottom, right) in zip(PARTS, boxes[0].tolist(), strict=True):
        x, y = pixels[list(joints)].unbind(-1)
        assert (x >= left).all() and (x <= right).all() and (y >= top).all() and (y <= bottom).all()


def test_margins():
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 5], keypoints[0, 6] = torch.tensor([30.5, 40.5, 2.0]), torch.tensor([40.5, 60.5, 2.0])
    boxes, visible = part_boxes(keypoints, 128, 64)
    assert boxes[0, 3].tolist() == [34, 24, 66, 46]
    assert boxes[0, 17 + 5].tolist() == [30, 20, 50, 40]
    assert boxes[0, 4].tolist() == [0, 0, 1, 1] and not visible[0, 4]
    wide, _ = part_boxes(keypoints, 256, 256, rule="deepfashion")
    assert wide[0, 3].tolist() == [20, 10, 80, 60]


def test_the_nose_is_moved_up_in_deepfashion():
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 0] = torch.tensor([100.5, 100.5, 2.0])
    assert part_boxes(keypoints, 256, 256, rule="deepfashion")[0][0, 17].tolist() == [35, 60, 115, 140]
    keypoints[0, 9], keypoints[0, 13] = torch.tensor([90.5, 200.5, 2.0]), torch.tensor([110.5, 220.5, 2.0])
    assert part_boxes(keypoints, 256, 256, rule="deepfashion")[0][0, 17].tolist() == [70, 80, 110, 120]


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule is one of market, deepfashion"):
        part_boxes(everybody(), 128, 64, rule="chictopia")
