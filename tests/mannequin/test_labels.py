"""Tables from the finest labels to the schemes of the field."""

import dataclasses

import pytest
import torch

from fashiongen.data import parsing
from fashiongen.mannequin import World
from fashiongen.mannequin.labels import FINE, LABEL, SCHEMES, scheme_table, to_scheme


def test_tables_are_total() -> None:
    for scheme, names in SCHEMES.items():
        table = scheme_table(scheme)
        assert len(table) == len(FINE)
        assert max(table) < len(names)
        assert table[0] == 0


@pytest.mark.parametrize(
    ("fine", "lip", "cihp", "atr"),
    [
        ("hair", 2, 2, 2),
        ("left_eye", 13, 13, 11),
        ("neck", 0, 10, 0),
        ("torso_skin", 0, 10, 0),
        ("left_forearm", 14, 14, 14),
        ("right_hand", 15, 15, 15),
        ("left_top_sleeve", 5, 5, 4),
        ("collar", 5, 5, 4),
        ("right_dress_sleeve", 6, 6, 7),
        ("coat", 7, 7, 4),
        ("lining", 7, 7, 4),
        ("skirt", 12, 12, 5),
        ("trouser_hips", 9, 9, 6),
        ("belt", 9, 9, 8),
        ("left_thigh", 16, 16, 12),
        ("right_shin", 17, 17, 13),
        ("left_shoe", 18, 18, 9),
        ("jumpsuit", 10, 6, 7),
    ],
)
def test_known_rows(fine: str, lip: int, cihp: int, atr: int) -> None:
    assert scheme_table("lip20")[LABEL[fine]] == lip
    assert scheme_table("cihp20")[LABEL[fine]] == cihp
    assert scheme_table("atr18")[LABEL[fine]] == atr


@pytest.mark.parametrize(
    ("fine", "clothnet", "fashiongan"),
    [
        ("hat", "hat", "hair"),
        ("hair", "hair", "hair"),
        ("glasses", "sunglasses", "face"),
        ("left_brow", "face", "face"),
        ("nose", "nose", "face"),
        ("upper_lip", "lips", "face"),
        ("lower_lip", "lips", "face"),
        ("right_eye", "left-eye", "face"),
        ("left_eye", "right-eye", "face"),
        ("neck", "face", "face"),
        ("torso_skin", "face", "face"),
        ("left_hand", "left-arm", "arms"),
        ("right_upper_arm", "right-arm", "arms"),
        ("right_thigh", "right-leg", "legs"),
        ("left_shoe", "left-shoe", "legs"),
        ("top", "upper-clothes", "upper-clothes"),
        ("lining", "upper-clothes", "upper-clothes"),
        ("scarf", "scarf", "upper-clothes"),
        ("dress", "dress", "lower-clothes"),
        ("left_dress_sleeve", "dress", "lower-clothes"),
        ("skirt", "skirt", "lower-clothes"),
        ("right_shorts", "pants", "lower-clothes"),
        ("belt", "belt", "lower-clothes"),
        ("bag", "bag", "lower-clothes"),
        ("socks", "background", "legs"),
        ("gloves", "background", "arms"),
    ],
)
def test_rows_of_the_sketches(fine: str, clothnet: str, fashiongan: str) -> None:
    for scheme, name in (("clothnet22", clothnet), ("fashiongan7", fashiongan)):
        assert parsing.SCHEMES[scheme][scheme_table(scheme)[LABEL[fine]]] == name


def test_eyes_are_those_of_the_picture() -> None:
    """Whoever faces the camera has the eye called left on the left."""
    world = World(128, 128)
    people = torch.arange(8)
    pose = dataclasses.replace(world.pose(people), yaw=torch.zeros(8))
    drawn = world.render(world.identity(people), pose, world.outfit(people), world.background(people), world.camera(people))
    labels = to_scheme(drawn.labels, "clothnet22")
    columns = torch.arange(128.0).expand(128, 128)
    sides = [
        [columns[page == parsing.SCHEMES["clothnet22"].index(name)].mean() for page in labels] for name in ("left-eye", "right-eye")
    ]
    assert all(left < right for left, right in zip(*sides, strict=True))


def test_the_sketch_tells_what_lip_forgets() -> None:
    """Translated from LIP, belts, necks and parts of the face are lost."""
    drawn = World(128, 128).draw(torch.arange(8))
    for scheme in ("clothnet22", "fashiongan7"):
        own, translated = to_scheme(drawn.labels, scheme), parsing.convert(drawn.parsing, "lip20", scheme)
        assert (own == 0).sum() < (translated == 0).sum()
        assert torch.equal(own == 0, drawn.labels == 0)
        seen = translated > 0
        assert (own == translated)[seen].float().mean() > 0.97


def test_the_neck_can_count_as_face() -> None:
    neck = torch.tensor([[LABEL["neck"], LABEL["torso_skin"]]], dtype=torch.uint8)
    assert to_scheme(neck, "lip20", neck="face").tolist() == [[13, 0]]
    assert to_scheme(neck, "lip20").tolist() == [[0, 0]]


def test_bad_names_are_refused() -> None:
    with pytest.raises(ValueError, match="lip20"):
        scheme_table("coco")
    with pytest.raises(ValueError, match="face"):
        scheme_table("lip20", neck="shirt")
