"""Tables from the finest labels to the schemes of the field."""

import pytest
import torch

from fashiongen.mannequin.labels import ATR18, CIHP20, FINE, LABEL, LIP20, scheme_table, to_scheme


def test_tables_are_total() -> None:
    for scheme, names in (("lip20", LIP20), ("cihp20", CIHP20), ("atr18", ATR18)):
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


def test_the_neck_can_count_as_face() -> None:
    neck = torch.tensor([[LABEL["neck"], LABEL["torso_skin"]]], dtype=torch.uint8)
    assert to_scheme(neck, "lip20", neck="face").tolist() == [[13, 0]]
    assert to_scheme(neck, "lip20").tolist() == [[0, 0]]


def test_bad_names_are_refused() -> None:
    with pytest.raises(ValueError, match="lip20"):
        scheme_table("coco")
    with pytest.raises(ValueError, match="face"):
        scheme_table("lip20", neck="shirt")
