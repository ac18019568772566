from pathlib import Path
from typing import Any

import pytest

from fashiongen.data.pose_annotations import (
    Annotations,
    DeepFashionName,
    identity,
    person_pairs,
    read_annotations,
    sample_pairs,
    scale_keypoints,
    valid_names,
    write_annotations,
)

WHOLE, CUT, SMALL = (256, 256), 40, (128, 64)  # `fasion128` of the authors' resize_dataset.py


@pytest.fixture(scope="module")
def recorded(golden: Any) -> dict[str, Any]:
    meta = golden("deformable_gan").load("meta").meta
    if "pairs" not in meta:
        pytest.skip("this set of golden arrays has no pairs")
    return meta["pairs"]


@pytest.fixture
def annotations(recorded: dict[str, Any], tmp_path: Path) -> Annotations:
    path = tmp_path / "annotation.csv"
    path.write_text(recorded["annotation_csv"])
    return read_annotations(path)


def test_usable_pictures(recorded: dict[str, Any], annotations: Annotations) -> None:
    assert sorted(valid_names(annotations)) == sorted(recorded["valid_names"])
    assert len(annotations) > len(recorded["valid_names"])


def test_pairs_in_the_authors_order(recorded: dict[str, Any], annotations: Annotations) -> None:
    assert person_pairs(valid_names(annotations)) == [tuple(pair) for pair in recorded["pairs"]]


def test_the_test_pairs_that_pandas_draws(recorded: dict[str, Any], annotations: Annotations) -> None:
    drawn = recorded["sample9_random_state0"]
    assert sample_pairs(person_pairs(valid_names(annotations)), len(drawn), seed=0) == [tuple(pair) for pair in drawn]


def test_the_list_is_written_as_it_was_read(recorded: dict[str, Any], annotations: Annotations, tmp_path: Path) -> None:
    write_annotations(annotations, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == recorded["annotation_csv"]


def test_flattened_names(recorded: dict[str, Any]) -> None:
    for wanted in recorded["fasion_names"]:
        name = DeepFashionName.parse(wanted["path"]).pose_gan
        assert name == wanted["name"]
        assert identity(name) == wanted["id"]
        assert f"{wanted['id']}_{wanted['pose']}" == name


def test_the_resized_list(recorded: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "before.csv").write_text(recorded["resize_annotation"]["before"])
    before = read_annotations(tmp_path / "before.csv")
    cut = (WHOLE[0], WHOLE[1] - 2 * CUT)
    after = scale_keypoints(before.keypoints, cut, SMALL, left=CUT, whole_pixels=True)
    write_annotations(Annotations(list(before), after), tmp_path / "after.csv", separator=":")
    assert (tmp_path / "after.csv").read_text() == recorded["resize_annotation"]["after"]
