import re
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
from fashiongen.data.pose_pairs import reid_pairs, reid_train_file

REPRODUCED = (
    r"annotation_csv|fasion_names|pairs|resize_annotation|valid_names"
    r"|sample(\d+)_random_state(\d+)|reid_pairs_k(\d+)|reid_train_file"
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


def test_nothing_that_was_recorded_is_left_out(recorded: dict[str, Any]) -> None:
    assert [key for key in recorded if not re.fullmatch(REPRODUCED, key)] == []


def numbered(recorded: dict[str, Any], pattern: str) -> list[tuple[list[int], Any]]:
    """What lies under keys of a form, with the numbers in the key."""
    found = [
        ([int(number) for number in match.groups()], recorded[key]) for key in recorded if (match := re.fullmatch(pattern, key))
    ]
    assert found
    return found


def test_the_test_pairs_that_pandas_draws(recorded: dict[str, Any], annotations: Annotations) -> None:
    for (count, seed), drawn in numbered(recorded, r"sample(\d+)_random_state(\d+)"):
        assert sample_pairs(person_pairs(valid_names(annotations)), count, seed) == [tuple(pair) for pair in drawn]


def test_the_pairs_for_reidentification(recorded: dict[str, Any], annotations: Annotations) -> None:
    for (poses,), drawn in numbered(recorded, r"reid_pairs_k(\d+)"):
        assert reid_pairs(valid_names(annotations), poses, drawn["numpy_seed"]) == [tuple(pair) for pair in drawn["pairs"]]


def test_the_training_list_for_reidentification(recorded: dict[str, Any]) -> None:
    texts = {key: text for key, text in recorded["reid_train_file"].items() if key != "listing"}
    assert texts
    for kind, text in texts.items():
        assert kind in ("same_class", "separate_class")
        assert reid_train_file(recorded["reid_train_file"]["listing"], separate=kind == "separate_class") == text


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
