from __future__ import annotations

import pytest
import torch

from fashiongen.layers import pose_squares, quantize_keypoints


def one(x: float, y: float, visibility: float = 2) -> torch.Tensor:
    return torch.tensor([[[x, y, visibility]]])


def test_a_square_around_the_pixel_that_holds_the_joint() -> None:
    maps = pose_squares(one(10.9, 6.0), 20, 24, radius=2)
    expected = torch.zeros(20, 24)
    expected[4:9, 8:13] = 1
    assert torch.equal(maps[0, 0], expected)


def test_squares_are_cut_off_at_the_border() -> None:
    maps = pose_squares(torch.cat([one(0.5, 0.5), one(23.5, 19.5)], dim=1), 20, 24, radius=5)
    assert maps.sum(dim=(2, 3)).tolist() == [[36, 36]]


def test_hidden_joints_are_drawn_and_missing_ones_are_not() -> None:
    maps = pose_squares(torch.cat([one(9, 9, 1), one(9, 9, 0)], dim=1), 20, 20, radius=1)
    assert maps.sum(dim=(2, 3)).tolist() == [[9, 0]]


@pytest.mark.parametrize(
    "height, width, expected",
    [
        (300, 200, 36),  # larger than the map in both: 6 rows, 6 columns
        (256, 200, 30),  # the row is -1: 5 rows
        (200, 240, 30),
        (300, 192, 0),  # the column is -1: skipped
        (300, 190, 0),
    ],
)
def test_a_missing_joint_falls_in_the_corner_as_in_the_authors_code(height: int, width: int, expected: int) -> None:
    size = torch.tensor([[height, width]])
    maps = pose_squares(one(0, 0, 0), 256, 192, missing_joint="corner", original_size=size)
    assert maps.sum() == maps[:, :, :6, :6].sum() == expected
    assert pose_squares(one(0, 0, 0), 256, 192, missing_joint="skip", original_size=size).sum() == 0


def test_without_the_original_size_the_corner_is_pixel_zero() -> None:
    assert pose_squares(one(0, 0, 0), 256, 192, missing_joint="corner").sum() == 36


def test_small_originals_lose_joints_beyond_their_own_size() -> None:
    maps = pose_squares(one(100.5, 150.5), 256, 192, original_size=torch.tensor([[152, 98]]))
    assert maps.nonzero()[:, 2:].amax(0).tolist() == [151, 97]


def test_quantize_truncates_twice() -> None:
    joints = torch.tensor([[[11.9, 7.9, 2.0], [50.0, 40.0, 0.0]]])
    scaled = quantize_keypoints(joints, torch.tensor([[30, 20]]), 15, 15)
    # 11 * 15 / 20 = 8.25 -> 8, 7 * 15 / 30 = 3.5 -> 3, at the pixel's centre
    assert scaled.tolist() == [[[8.5, 3.5, 2.0], [0, 0, 0]]]


def test_every_picture_of_a_batch_has_its_own_size() -> None:
    joints = torch.tensor([[[10.0, 10.0, 2.0]]]).expand(2, 1, 3)
    scaled = quantize_keypoints(joints, torch.tensor([[20, 20], [40, 10]]), 20, 20)
    assert scaled[:, 0, :2].tolist() == [[10.5, 10.5], [20.5, 5.5]]


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="'skip' or 'corner'"):
        pose_squares(one(1, 1), 8, 8, missing_joint="drop")
