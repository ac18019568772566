import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fashiongen.data.parsing import PARTS, SCHEMES, body_map, check, convert, mirror, parts_of_body_map

LIP_TO_ATR = [0, 1, 2, 0, 3, 4, 7, 4, 0, 6, 7, 17, 5, 11, 14, 15, 12, 13, 9, 10]
ATR_TO_LIP = [0, 1, 2, 4, 5, 12, 9, 6, 0, 18, 19, 13, 16, 17, 14, 15, 0, 11]
ATR_TO_FASHIONGAN = [0, 1, 1, 2, 3, 4, 4, 4, 4, 5, 5, 2, 5, 5, 6, 6, 4, 3]
ATR_TO_MERGED = [0, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 2, 3, 3, 3, 3, 3, 3]
MERGE = [0, 1, 2, 3, 3, 3, 3]
BODIES = {"pascal7", "body7"}
FINE = ["lip20", "cihp20", "atr18", "clothnet22"]


def all_labels(scheme):
    return torch.arange(len(SCHEMES[scheme]), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("source", "target", "table"),
    [
        ("lip20", "atr18", LIP_TO_ATR),
        ("atr18", "lip20", ATR_TO_LIP),
        ("atr18", "fashiongan7", ATR_TO_FASHIONGAN),
        ("atr18", "fashiongan4", ATR_TO_MERGED),
        ("fashiongan7", "fashiongan4", MERGE),
    ],
)
def test_conversions_follow_the_published_tables(source, target, table):
    converted = convert(all_labels(source), source, target)
    assert converted.dtype == torch.uint8
    assert converted.tolist() == table


def test_lip_and_cihp_differ_in_label_10_alone():
    expected = all_labels("lip20").tolist()
    expected[10] = 6  # jumpsuits become dress
    assert convert(all_labels("lip20"), "lip20", "cihp20").tolist() == expected
    expected[10] = 0  # the skin of the torso has no label in LIP
    assert convert(all_labels("cihp20"), "cihp20", "lip20").tolist() == expected


def test_clothnet_is_atr_with_parts_of_the_face():
    assert convert(all_labels("atr18"), "atr18", "clothnet22").tolist() == list(range(18))
    assert convert(all_labels("clothnet22"), "clothnet22", "atr18").tolist() == [*range(18), 11, 11, 11, 11]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_to_itself_is_the_identity(scheme):
    assert torch.equal(convert(all_labels(scheme), scheme, scheme), all_labels(scheme))


@pytest.mark.parametrize("scheme", FINE)
def test_merging_in_two_steps_is_merging_in_one(scheme):
    merged = convert(convert(all_labels(scheme), scheme, "fashiongan7"), "fashiongan7", "fashiongan4")
    assert torch.equal(merged, convert(all_labels(scheme), scheme, "fashiongan4"))
    assert set(merged.tolist()) == {0, 1, 2, 3}


@given(st.sampled_from(FINE), st.sampled_from(sorted(set(SCHEMES) - BODIES)), st.integers(0, 9))
def test_conversion_is_total_among_fine_schemes(source, target, seed):
    parsing = torch.randint(len(SCHEMES[source]), (2, 5, 4), generator=torch.Generator().manual_seed(seed))
    converted = convert(parsing, source, target)
    assert converted.shape == parsing.shape
    check(converted, target)
    assert (converted[parsing == 0] == 0).all()


@pytest.mark.parametrize("scheme", SCHEMES)
@given(st.integers(0, 9))
def test_mirroring_twice_is_the_identity(scheme, seed):
    parsing = torch.randint(len(SCHEMES[scheme]), (5, 4), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(mirror(mirror(parsing, scheme), scheme), parsing)


@pytest.mark.parametrize(
    ("scheme", "pairs"),
    [
        ("lip20", [(14, 15), (16, 17), (18, 19)]),
        ("cihp20", [(14, 15), (16, 17), (18, 19)]),
        ("atr18", [(9, 10), (12, 13), (14, 15)]),
        ("clothnet22", [(9, 10), (12, 13), (14, 15), (20, 21)]),
        ("fashiongan7", []),
        ("fashiongan4", []),
        ("body7", [(3, 4), (5, 6)]),
        ("pascal7", []),
    ],
)
def test_mirroring_swaps_sides(scheme, pairs):
    expected = all_labels(scheme).tolist()
    for left, right in pairs:
        expected[left], expected[right] = right, left
    assert mirror(all_labels(scheme)[:, None], scheme)[:, 0].tolist() == expected


@pytest.mark.parametrize(("source", "target"), [("lip20", "atr18"), ("atr18", "lip20")])
def test_mirroring_commutes_with_conversion(source, target):
    parsing = all_labels(source).repeat(2, 1)
    assert torch.equal(convert(mirror(parsing, source), source, target), mirror(convert(parsing, source, target), target))


def test_what_cannot_be_translated_is_told():
    with pytest.raises(ValueError, match="lip20, cihp20, atr18"):
        convert(torch.zeros(2, 2, dtype=torch.uint8), "lip21", "lip20")
    with pytest.raises(ValueError, match=r"\[20, 255\] do not exist in lip20"):
        convert(torch.tensor([3, 20, 255]), "lip20", "atr18")
    with pytest.raises(ValueError, match=r"\[-1\]"):
        mirror(torch.tensor([[-1]]))
    with pytest.raises(ValueError, match="integers"):
        convert(torch.zeros(2, 2), "lip20", "atr18")
    with pytest.raises(ValueError, match=r"pascal7 cannot be translated to lip20.*'head'"):
        convert(torch.zeros(2, 2, dtype=torch.uint8), "pascal7", "lip20")
    with pytest.raises(ValueError, match=r"fashiongan4 cannot be translated to fashiongan7.*'rest'"):
        convert(torch.zeros(2, 2, dtype=torch.uint8), "fashiongan4", "fashiongan7")


def test_ten_parts():
    assert len(PARTS) == 11 and PARTS[0] == "none"


def test_body_maps_have_whole_limbs():
    names = [SCHEMES["body7"][label] for label in body_map(torch.arange(len(PARTS))).tolist()]
    assert names[:3] == ["background", "head", "torso"]
    assert names[3:7] == ["right-arm", "right-arm", "left-arm", "left-arm"]
    assert names[7:] == ["right-leg", "right-leg", "left-leg", "left-leg"]


def test_a_body_map_survives_as_parts():
    body = all_labels("body7").repeat(3, 1)
    parts = parts_of_body_map(body)
    assert [PARTS[part] for part in parts[0].tolist()] == [
        "none", "head", "torso", "right_upper_arm", "left_upper_arm", "right_thigh", "left_thigh",
    ]  # fmt: skip
    assert parts.dtype == torch.uint8
    assert torch.equal(body_map(parts), body)


def test_bodies_with_unknown_ids_are_refused():
    with pytest.raises(ValueError, match=r"parts: label ids \[11\] do not exist in the ten body parts"):
        body_map(torch.tensor([[11]]))
    with pytest.raises(ValueError, match=r"body map: label ids \[7\] do not exist in body7"):
        parts_of_body_map(torch.tensor([[7]]))
    with pytest.raises(ValueError, match="integers"):
        body_map(torch.zeros(2, 2))
