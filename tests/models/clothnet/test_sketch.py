import dataclasses

import pytest
import torch

from fashiongen.data.parsing import PARTS, SCHEMES
from fashiongen.layers.sketch_colours import PALETTE
from fashiongen.models.clothnet import sketch
from fashiongen.models.clothnet.sketch import (
    BODY,
    BODY_OF_PART,
    LABELS,
    body_map,
    condition,
    example,
    implied_body,
    matching_colours,
    set_colours,
    square,
)
from fashiongen.types import Person


def people(size=(8, 8)):
    """One half upper-clothes, one half skirt, on a frame of background."""
    labels = torch.zeros(2, *size, dtype=torch.uint8)
    labels[:, 1:4, 1:-1], labels[:, 4:-1, 1:-1] = 4, 5
    parts = torch.where(labels == 4, 2, torch.where(labels == 5, 7, 0)).to(torch.uint8)
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Person(image, parsing=labels, scheme="clothnet22", parts=parts)


def test_labels_and_parts_are_those_of_the_data():
    assert SCHEMES["clothnet22"] == LABELS and len(PALETTE) == len(LABELS)
    sides = {"upper_arm": "arm", "forearm": "arm", "thigh": "leg", "shin": "leg"}
    for part, body in zip(PARTS[1:], BODY_OF_PART[1:], strict=True):
        side, _, name = part.partition("_")
        assert BODY[body] == (f"{side}-{sides[name]}" if name else part)
    assert body_map(torch.arange(11)).tolist() == list(BODY_OF_PART)


@pytest.mark.parametrize(
    "kind, statistic, channels", [("colours", None, 3), ("labels", None, 22), ("colours", "mean", 6), ("labels", "median", 25)]
)
def test_what_the_networks_see(kind, statistic, channels):
    person = people()
    seen = example(person, 8, kind, statistic)
    assert seen.condition.shape == (2, channels, 8, 8)
    assert torch.equal(seen.condition, condition(seen.labels, seen.colours, kind))
    assert (seen.colours is None) == (statistic is None)
    assert torch.equal(seen.labels, person.parsing)
    assert torch.equal(seen.body, torch.where(person.parsing == 4, 2, torch.where(person.parsing == 5, 5, 0)))
    background = (person.parsing == 0)[:, None].expand(-1, 3, -1, -1)
    assert (seen.picture[background] == -1).all() and torch.equal(seen.picture[~background], person.image[~background])
    assert [each.labels.shape[0] for each in seen.unbind()] == [1, 1]


@pytest.mark.parametrize("kind", ["colours", "labels"])
def test_larger_pictures_shrink_and_colours_blend(kind):
    seen = example(people((11, 11)), 8, kind, "mean")
    assert seen.labels.shape[-2:] == seen.picture.shape[-2:] == seen.condition.shape[-2:] == seen.body.shape[-2:] == (8, 8)
    sharp = condition(seen.labels, None, kind)
    assert torch.equal(seen.condition[:, : sharp.shape[1]], sharp) == (kind == "labels")


def test_pictures_are_padded_to_squares():
    seen = example(people((8, 5)), 8)
    assert (seen.labels[..., 0] == 0).all() and (seen.labels[..., 6:] == 0).all()
    assert (seen.picture[..., 6:] == -1).all()
    assert square(torch.ones(1, 2, 5), 7)[0, :, 0].tolist() == [7, 1, 1, 7, 7]


def test_people_without_body_parts():
    assert example(dataclasses.replace(people(), parts=None), 8).body is None


@pytest.mark.parametrize(
    "change, message",
    [
        ({"scheme": "lip20"}, r"the scheme clothnet22, not lip20; convert it with fashiongen\.data\.parsing\.convert"),
        ({"parsing": None}, "not none"),
        ({"parsing": torch.full((2, 8, 8), 23)}, r"sketch labels \[23\] do not exist; there are 0 to 21"),
        ({"parsing": torch.zeros(2, 8, 8)}, "sketch labels are integers, not torch.float32"),
        ({"parts": torch.full((2, 8, 8), 11)}, r"body parts \[11\] do not exist; there are 0 to 10"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        example(dataclasses.replace(people(), **change), 8)


def test_clothes_follow_the_body_where_they_can():
    trousers, skin, body = LABELS.index("pants"), LABELS.index("left-leg"), torch.arange(7)
    assert implied_body(torch.full((7,), trousers), body).tolist() == [2, 2, 2, 2, 2, 5, 6]
    assert implied_body(torch.full((7,), skin), body).tolist() == [6] * 7
    assert implied_body(torch.zeros(7, dtype=torch.uint8), body).tolist() == [0] * 7
    assert set(sketch._COVERS) == set(LABELS[1:])


def test_colours_are_set_for_what_belongs_together():
    table = torch.zeros(2, 22, 3, dtype=torch.uint8)
    changed = set_colours(table, {"skirt": (178, 24, 30), "left-shoe": [1, 2, 3]})
    assert changed[:, 5].tolist() == [[178, 24, 30]] * 2
    assert changed[0, [9, 10]].tolist() == [[1, 2, 3]] * 2
    assert table.sum() == 0 and changed[:, [0, 4, 11]].sum() == 0


@pytest.mark.parametrize("wanted", [{"kilt": (1, 2, 3)}, {"background": (1, 2, 3)}, {"skirt": (1, 2)}, {"skirt": (1, 2, 256)}])
def test_colours_that_do_not_exist_are_refused(wanted):
    with pytest.raises(ValueError, match=r"no label of a sketch is called|in 0\.\.255"):
        set_colours(torch.zeros(1, 22, 3, dtype=torch.uint8), wanted)


def test_a_sketch_takes_its_colours_from_who_wears_most_of_it():
    wardrobe = torch.zeros(3, 22, 3, dtype=torch.uint8)
    wardrobe[0, [4, 5]], wardrobe[1, [4, 6]], wardrobe[2, 16] = 10, 20, 30
    labels = torch.tensor([[[0, 4, 5, 5]], [[4, 6, 16, 3]]], dtype=torch.uint8)
    for seed in range(4):
        torch.manual_seed(seed)
        colours = matching_colours(labels, wardrobe)[..., 0]
        assert {label: value for label, value in enumerate(colours[0].tolist()) if value} == {4: 10, 5: 10}
        assert {label: value for label, value in enumerate(colours[1].tolist()) if value} == {4: 20, 6: 20, 16: 30}
