import dataclasses

import pytest
import torch

from fashiongen.data.parsing import SCHEMES, convert
from fashiongen.models.fashion_gan.representation import (
    ARMS,
    BACKGROUND,
    CLASSES,
    FACE,
    HAIR,
    LEGS,
    LOWER,
    MEASURES,
    SCHEME,
    UPPER,
    class_index,
    coloured_map,
    labels_of,
    layout,
    masked_median,
    measure,
    one_hot,
    parsing_of,
    sentences_of,
    smooth,
)
from fashiongen.types import Person


def test_the_labels_are_those_of_the_scheme():
    names = {"background": BACKGROUND, "hair": HAIR, "face": FACE, "upper-clothes": UPPER, "lower-clothes": LOWER,
             "legs": LEGS, "arms": ARMS}  # fmt: skip
    assert [name for name, _ in sorted(names.items(), key=lambda item: item[1])] == list(SCHEMES[SCHEME])


def test_the_layout_merges_as_the_table_of_the_data_does():
    labels = torch.arange(7, dtype=torch.uint8)[:, None, None].expand(-1, 16, 16)
    merged = convert(labels, SCHEME, "fashiongan4")
    channel = (merged[:, 0, 0].long() - 1) % 4  # background is last here, too
    expected = torch.nn.functional.one_hot(channel, 4)[:, :, None, None].expand(-1, -1, 8, 8).float()
    torch.testing.assert_close(layout(labels), expected)


def test_a_layout_does_not_tell_clothes_from_limbs():
    labels = torch.randint(3, 7, (1, 32, 32), generator=torch.Generator().manual_seed(0))
    other = torch.randint(3, 7, (1, 32, 32), generator=torch.Generator().manual_seed(1))
    assert torch.equal(layout(labels), layout(other))


def test_maps_and_labels_are_inverse():
    labels = torch.arange(7, dtype=torch.uint8).repeat(2, 7, 1)
    maps = one_hot(labels)
    assert maps.shape == (2, CLASSES, 7, 7) and torch.equal(maps.sum(1), torch.ones(2, 7, 7))
    assert maps[0, 6, 0, 0] == 1 and maps[0, 0, 0, 1] == 1
    assert torch.equal(labels_of(maps), labels)
    assert class_index(torch.tensor([0, 1, 6])).tolist() == [6, 0, 5]
    assert labels_of(torch.zeros(1, 7, 2, 2)).unique().item() == 1  # of equal ones the first


def test_smoothing_removes_specks():
    labels = torch.full((1, 16, 16), 3, dtype=torch.uint8)
    labels[0, 8, 8] = 4
    assert (labels_of(smooth(one_hot(labels))) == 3).all()


def test_coloured_maps_are_darker_at_the_border():
    painted = coloured_map(torch.zeros(1, 16, 16, dtype=torch.uint8))
    assert painted.shape == (1, 3, 16, 16)
    assert painted[0, :, 8, 8].abs().max() < 2e-4 and (painted[0, :, 0, 0] < -0.1).all()


def test_the_lower_one_of_two_medians():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]).repeat(3, 1, 1, 1)
    mask = torch.tensor([[[1, 1], [1, 1]], [[0, 1], [1, 1]], [[0, 0], [0, 0]]]).bool()
    assert masked_median(image, mask).flatten().tolist() == [2.0, 3.0, 0.0]


def test_measures_of_a_person():
    image = torch.full((1, 3, 20, 10), 0.25)
    labels = torch.zeros(1, 20, 10, dtype=torch.uint8)
    labels[0, 4:8, 3:6], labels[0, 8:10, 3:6], labels[0, 10:14, 2:7] = HAIR, FACE, UPPER
    image[0, :, 8:10, 3:6] = torch.tensor([0.8, 0.6, 0.4])[:, None, None]
    measured = measure(image, labels, list(MEASURES))
    luma = 0.299 * 0.8 + 0.587 * 0.6 + 0.114 * 0.4
    expected = [0.8, 0.6, 0.4, luma, 10 / 20, 5 / 10, 4 / 10, 0.25, 0.25, 0.25]
    torch.testing.assert_close(measured, torch.tensor([expected]))
    assert measured.shape[1] == sum(MEASURES.values())
    assert measure(image, labels, ()).shape == (1, 0)
    nobody = measure(image, torch.zeros_like(labels), ["skin", "body", "hair"])
    assert torch.equal(nobody, torch.zeros(1, 7))


def test_people_without_what_is_read_are_refused():
    person = Person(torch.zeros(1, 3, 8, 8), parsing=torch.zeros(1, 8, 8, dtype=torch.uint8), scheme=SCHEME, text=["a tee"])
    assert parsing_of(person) is person.parsing and sentences_of(person) == ["a tee"]
    with pytest.raises(ValueError, match="'fashiongan7', not lip20; convert it"):
        parsing_of(dataclasses.replace(person, scheme="lip20"))
    with pytest.raises(ValueError, match="'fashiongan7', not none"):
        parsing_of(dataclasses.replace(person, parsing=None))
    with pytest.raises(ValueError, match="a sentence about the clothes of every person"):
        sentences_of(dataclasses.replace(person, text=None))
