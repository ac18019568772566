import pytest
import torch

from fashiongen.data.sketches import fill_holes, scale_sketch, square_sketch


def test_small_holes_take_the_label_around_them():
    labels = torch.zeros(30, 30, dtype=torch.uint8)
    labels[5:25, 5:25] = 4
    labels[10:13, 10:13] = 0
    filled = fill_holes(labels)
    assert (filled[5:25, 5:25] == 4).all()
    assert (filled == 4).sum() == 400, "nothing grows outwards"


def test_large_holes_and_other_labels_stay():
    labels = torch.full((30, 30), 4, dtype=torch.uint8)
    labels[5:20, 5:20] = 0
    labels[22:25, 22:25] = 2
    filled = fill_holes(labels)
    assert filled[12, 12] == 0 and torch.equal(filled == 2, labels == 2)


def test_the_shorter_side_loses_its_fraction():
    image, labels = scale_sketch(torch.zeros(3, 579, 390, dtype=torch.uint8), torch.zeros(579, 390, dtype=torch.uint8), 513)
    assert image.shape == (3, 513, 345) and labels.shape == (513, 345)


@pytest.mark.parametrize(("height", "width"), [(60, 31), (31, 60), (40, 40)])
def test_people_stand_in_the_middle_of_a_black_square(height, width):
    image = torch.full((3, height, width), 200, dtype=torch.uint8)
    labels = torch.zeros(height, width, dtype=torch.uint8)
    labels[height // 4 : -(height // 4), width // 4 : -(width // 4)] = 7
    square, ids = square_sketch(image, labels, 64)
    assert square.shape == (3, 64, 64) and ids.shape == (64, 64)
    assert (square[:, ids == 0] == 0).all() and (square[:, ids == 7] == 200).all()
    rows, columns = torch.nonzero(ids, as_tuple=True)
    for place in (rows, columns):
        assert abs(int(place.min()) - (63 - int(place.max()))) <= 2
