import pytest
import torch

from fashiongen.layers.face_features import add_face_features, choose_face, face_box
from fashiongen.layers.sketch_colours import FACE


def face(top, bottom, left, right, size=(40, 30)):
    labels = torch.zeros(*size, dtype=torch.uint8)
    labels[top : bottom + 1, left : right + 1] = FACE
    return labels


@pytest.mark.parametrize(
    "labels, border, box",
    [
        (face(10, 15, 10, 15), 0, (10, 15, 10, 15)),
        (face(10, 19, 10, 15), 0, (10, 19, 8, 17)),
        (face(10, 13, 10, 19), 0, (7, 16, 10, 19)),
        (face(10, 12, 10, 12), 2, (8, 14, 8, 14)),
        (face(0, 19, 0, 3), 0, (0, 19, 0, 19)),
        (face(0, 19, 26, 29), 0, (0, 19, 11, 29)),
        (face(0, 39, 14, 15), 0, (0, 39, -9, 29)),  # no square fits
        (torch.zeros(4, 4, dtype=torch.uint8), 0, None),
    ],
)
def test_boxes_are_square_where_the_picture_allows(labels, border, box):
    assert face_box(labels, border) == box


def test_the_detection_that_overlaps_most_is_the_face():
    labels = face(10, 19, 10, 19)
    boxes = torch.tensor([[0, 0, 8, 8], [9, 9, 21, 21], [10, 10, 19, 19], [-30, -30, -20, -20]])
    assert choose_face(labels, boxes) == 2
    assert choose_face(labels, boxes[:1]) is None
    assert choose_face(labels, boxes[:0]) is None
    assert choose_face(labels, boxes, least=1.0) is None


def test_features_are_drawn_below_hat_hair_and_sunglasses():
    labels = face(5, 34, 4, 25)
    labels[5:12] = 2
    landmarks = torch.zeros(68, 2, dtype=torch.int64)
    landmarks[48:67] = torch.tensor([12, 30])
    landmarks[48:50] = torch.tensor([[10, 28], [14, 28]])
    landmarks[27:35] = torch.tensor([13, 20])
    landmarks[36:41] = torch.tensor([8, 14])
    landmarks[42:47] = torch.tensor([18, 14])
    landmarks[42] = torch.tensor([18, 10])
    drawn = add_face_features(labels, landmarks)
    assert drawn[30, 12] == 18 and drawn[28, 10] == 18 and drawn[20, 13] == 19
    assert drawn[14, 8] == 20 and drawn[14, 18] == 21
    assert torch.equal(drawn[5:12], labels[5:12])
    assert labels.max() == FACE  # a copy was drawn in
