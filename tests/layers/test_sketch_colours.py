import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fashiongen.layers.sketch_colours import FACE, FACE_FEATURES, PALETTE, clean_faces, colour_code, from_bytes, to_bytes


def test_labels_have_the_colours_of_the_table():
    labels = torch.arange(22, dtype=torch.uint8).view(2, 11)
    coloured = colour_code(labels[None])
    assert coloured.shape == (1, 3, 2, 11) and coloured.dtype == torch.uint8
    assert coloured[0].flatten(1).T.tolist() == [list(colour) for colour in PALETTE]
    assert len(set(PALETTE)) == 22


def test_fewer_classes_are_spread_over_the_table():
    spread = colour_code(torch.arange(7)[None], 7)[:, 0].T.tolist()
    assert spread == [list(PALETTE[entry]) for entry in (0, 3, 7, 11, 14, 18, 21)]


def test_bytes_come_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(from_bytes(levels)), levels)
    assert from_bytes(levels)[[0, -1]].tolist() == [-1, 1]
    assert to_bytes(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


def test_features_shrink_to_a_few_pixels_and_leave_face():
    labels = torch.full((24, 24), FACE, dtype=torch.uint8)
    labels[4:14, 6:18] = 18
    labels[16:18, 4:7] = 20
    cleaned = clean_faces(labels)
    # 10x12 loses a row and a column at a time, from the top left: 2x4 are left.
    assert (cleaned == 18).nonzero().tolist() == [[row, column] for row in (12, 13) for column in (14, 15, 16, 17)]
    assert torch.equal(cleaned == 20, labels == 20)  # small enough already
    assert torch.equal(cleaned == FACE, (cleaned != 18) & (labels != 20))


def test_a_feature_in_the_corner_ends_the_erosion():
    labels = torch.zeros(8, 8, dtype=torch.uint8)
    labels[:6, :6] = 19
    assert torch.equal(clean_faces(labels), labels)  # outside counts as set: nothing can be eroded
    labels[0, 0] = 0
    assert (clean_faces(labels) == 19).sum() <= 10


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12))
def test_any_map_is_cleaned(seed, height, width):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(17, 22, (2, height, width), generator=generator)
    cleaned = clean_faces(labels)
    changed = cleaned != labels
    assert (cleaned[changed] == FACE).all()
    assert torch.isin(labels[changed], torch.tensor(FACE_FEATURES)).all()
    assert torch.equal(torch.stack([clean_faces(each) for each in labels]), cleaned)


@pytest.mark.parametrize("keep", [0, 3])
def test_how_much_stays_can_be_set(keep):
    labels = torch.full((10, 10), FACE)
    labels[2:7, 2:7] = 21
    assert (clean_faces(labels, keep) == 21).sum() <= keep
