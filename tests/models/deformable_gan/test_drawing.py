from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.draw import line_aa

from fashiongen.models.deformable_gan.drawing import antialiased_line, draw_skeleton


@pytest.mark.parametrize(
    ("start", "end"), [((1, 2), (9, 7)), ((8, 9), (2, 1)), ((3, 3), (3, 10)), ((10, 4), (1, 5)), ((4, 4), (4, 4))]
)
def test_lines_of_scikit_image(start: tuple[int, int], end: tuple[int, int]) -> None:
    expected = np.zeros((12, 12))
    rows, columns, values = line_aa(*start, *end)
    expected[rows, columns] = values
    np.testing.assert_allclose(antialiased_line(start, end, 12, 12).nan_to_num(), expected, atol=1e-6)


def test_skeleton() -> None:
    keypoints = torch.zeros(18, 3)
    keypoints[2] = torch.tensor([10.5, 12.5, 2.0])
    keypoints[3] = torch.tensor([30.5, 12.5, 2.0])
    picture, drawn = draw_skeleton(keypoints, 40, 32)
    assert picture[12, 10].tolist() == [255, 170, 0]
    assert picture[12, 20].tolist() == [255, 255, 255]
    assert drawn[12, 10:31].all()
    assert not drawn[20:].any()
    assert not picture[~drawn].any()
    empty = draw_skeleton(torch.zeros(18, 3), 8, 8)
    assert not empty[0].any() and not empty[1].any()
