import dataclasses
import json

import numpy as np
import pytest
import torch
from knowing import figure
from PIL import Image

import fashiongen
from fashiongen.annotate.folder import AnnotatedFolder, openpose, recorded_scheme
from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError

PHOTOGRAPH = Photograph(torch.linspace(-1, 1, 3 * 120 * 80).view(3, 120, 80), "alice.jpg")
HEADER = {"annotator": {"annotator": "knowing"}, "body": "upper"}


def folder(path, **options):
    made = AnnotatedFolder(path, HEADER, **options)
    made.open()
    return made


def test_a_person_can_be_read_back(tmp_path):
    people = folder(tmp_path)
    people.add("alice", PHOTOGRAPH, figure())
    alice = fashiongen.person(tmp_path / "alice.png", height=120, width=80)
    assert torch.allclose(alice.image, PHOTOGRAPH.image, atol=1 / 127)
    assert torch.allclose(alice.keypoints, figure().keypoints, atol=0.01)
    assert torch.equal(alice.parsing > 0, figure().parsing > 0) and alice.parsing.max() == 5  # upper-clothes of LIP, 4 of ATR
    given = fashiongen.person(
        tmp_path / "alice.png", tmp_path / "alice_keypoints.json", tmp_path / "alice_parsing.png", height=120, width=80
    )
    assert torch.equal(given.parsing, alice.parsing) and torch.equal(given.keypoints, alice.keypoints)


@pytest.mark.parametrize("scheme, label", [("lip20", 5), (None, 4), ("fashiongan7", 3)])
def test_the_scheme_is_chosen_and_recorded(tmp_path, scheme, label):
    folder(tmp_path, scheme=scheme).add("alice", PHOTOGRAPH, figure())
    with Image.open(tmp_path / "alice_parsing.png") as labels:
        assert labels.mode == "P" and np.asarray(labels).max() == label
        assert labels.getpalette()[:3] == [0, 0, 0] and any(labels.getpalette()[3 * label : 3 * label + 3])
    assert recorded_scheme(tmp_path, "alice") == (scheme or "atr18")
    assert recorded_scheme(tmp_path, "bob") is None
    record = json.loads((tmp_path / "records" / "alice.json").read_text())
    assert record["source_scheme"] == "atr18" and record["source_order"] == "coco17" and record["score"] == 0.9


def test_what_was_not_looked_for_is_not_written(tmp_path):
    folder(tmp_path).add("alice", PHOTOGRAPH, Annotation())
    assert {path.name for path in tmp_path.iterdir()} == {"alice.png", "annotations.json", "records"}


def test_the_mask_is_white_on_black(tmp_path):
    folder(tmp_path).add("alice", PHOTOGRAPH, figure())
    with Image.open(tmp_path / "alice_mask.png") as mask:
        assert np.array_equal(np.asarray(mask) == 255, figure().parsing.numpy() > 0)


def test_the_summary_tells_everything(tmp_path):
    people = folder(tmp_path)
    people.refuse("bob", PhotographError("bob.jpg: nobody was found", "nobody"))
    people.refuse("alice", PhotographError("alice.jpg: nobody was found", "nobody"))
    people.add("alice", PHOTOGRAPH, dataclasses.replace(figure(), notes=("a note",)))
    problems = people.finish()
    summary = json.loads((tmp_path / "annotations.json").read_text())
    assert problems == summary["problems"] == {"bob": {"kind": "nobody", "message": "bob.jpg: nobody was found"}}
    assert summary["annotator"] == {"annotator": "knowing"} and summary["people"]["alice"]["notes"] == ["a note"]
    assert summary["people"]["alice"]["files"]["keypoints"] == "alice_keypoints.json"
    assert people.is_done("alice") and not people.is_done("bob")


def test_openpose_counts_from_the_centre_of_the_first_pixel():
    annotation = figure()
    annotation.keypoints[0] = torch.tensor([0.5, 10.75, 1])
    numbers = openpose(dataclasses.replace(annotation, scores=None))["people"][0]["pose_keypoints_2d"]
    assert len(numbers) == 54 and numbers[:6] == [0, 10.25, 1, 0, 0, 0]


def test_leftovers_of_a_killed_run_are_cleared(tmp_path):
    people = folder(tmp_path)
    people.add("alice", PHOTOGRAPH, figure())
    (tmp_path / "bob.png.77.part").touch()
    (tmp_path / "records" / "bob.json.77.part").touch()
    people.finish()
    assert not list(tmp_path.rglob("*.part"))


def test_two_annotators_are_not_mixed(tmp_path):
    folder(tmp_path).finish()
    folder(tmp_path)
    with pytest.raises(FileExistsError, match="annotations of another annotator; name another folder"):
        AnnotatedFolder(tmp_path, HEADER | {"annotator": {"annotator": "other"}}).open()
    with pytest.raises(FileExistsError, match="another scheme"):
        AnnotatedFolder(tmp_path, HEADER, scheme=None).open()
    (tmp_path / "annotations.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        folder(tmp_path)
