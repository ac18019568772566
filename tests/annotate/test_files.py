import json

import numpy as np
import pytest
import torch
from knowing import figure, points
from PIL import Image
from scipy.io import savemat

from fashiongen.annotate.files import FilesAnnotator
from fashiongen.annotate.folder import AnnotatedFolder
from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError
from fashiongen.data.pose_annotations import write_annotations

IMAGE = torch.zeros(3, 120, 80)
NOSE = points((0, 40.5, 20.5))


def photograph(name="alice.jpg", path=None):
    return Photograph(IMAGE, name, path)


def people(*noses, count=18, key="pose_keypoints_2d"):
    """An OpenPose file of people: nose and neck of each."""
    return {"people": [{key: [x, y, 0.5, x, y + 10, 0.25, *[0] * (3 * count - 6)]} for x, y in noses]}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def detect(folder, **options):
    (found,) = FilesAnnotator(folder, **options).detect([photograph()])
    return found


@pytest.mark.parametrize("name", ["alice_keypoints.json", "alice.json", "openpose_json/alice_keypoints.json", "pose/alice.json"])
@pytest.mark.parametrize("count, order, key", [(18, "openpose18", "pose_keypoints"), (25, "body25", "pose_keypoints_2d")])
def test_openpose(tmp_path, name, count, order, key):
    write(tmp_path / name, people((40, 20), count=count, key=key))
    found = detect(tmp_path)
    assert found.keypoints[:2].tolist() == [[40.5, 20.5, 2], [40.5, 30.5, 2]] and (found.keypoints[2:] == 0).all()
    assert found.scores[:2].tolist() == [0.5, 0.25] and found.order == order and found.parsing is None


def test_other_files_of_key_points(tmp_path):
    np.save(tmp_path / "alice.npy", NOSE.numpy())
    assert torch.equal(detect(tmp_path).keypoints, NOSE)
    (tmp_path / "alice.npy").unlink()
    subset = np.full((1, 20), -1.0)
    subset[0, 0] = 0
    savemat(tmp_path / "alice.mat", {"candidate": np.array([[40, 20, 0.9, 0]]), "subset": subset})
    assert torch.equal(detect(tmp_path).keypoints, NOSE)


def test_a_line_of_a_list(tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    write_annotations({"bob.jpg": points((0, 1.5, 1.5)), "alice.jpg": NOSE}, tmp_path / "train.csv")
    assert torch.equal(detect(tmp_path).keypoints, NOSE)


@pytest.mark.parametrize(
    "name", ["alice_parsing.png", "image-parse-v3/alice.png", "SegmentationClassAug/alice.png", "label_maps/alice.png"]
)
@pytest.mark.parametrize("scheme", ["lip20", "atr18", "cihp20", None])
def test_label_maps(tmp_path, name, scheme):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((60, 40), 4, np.uint8)).save(tmp_path / name)
    found = detect(tmp_path, scheme=scheme)
    assert (found.parsing == 4).all() and found.parsing.shape == (120, 80) and found.scheme == (scheme or "lip20")


def test_a_photograph_is_not_its_own_label_map(tmp_path):
    Image.fromarray(np.full((120, 80), 4, np.uint8)).save(tmp_path / "alice.png")
    (found,) = FilesAnnotator(tmp_path).detect([photograph("alice.png", tmp_path / "alice.png")])
    assert isinstance(found, PhotographError) and found.kind == "no annotations"
    (found,) = FilesAnnotator(tmp_path).detect([photograph("alice.png", tmp_path / "photos" / "alice.png")])
    assert (found.parsing == 4).all()


def test_what_annotate_wrote_is_read_back_with_its_scheme(tmp_path):
    folder = AnnotatedFolder(tmp_path, {}, scheme=None)
    folder.add("alice", photograph(), figure())
    found = detect(tmp_path)
    assert torch.allclose(found.keypoints, figure().keypoints, atol=0.01) and torch.equal(found.parsing, figure().parsing)
    assert (found.scheme, found.order) == ("atr18", "coco17") and torch.allclose(found.scores, figure().scores)


def test_of_several_people_the_largest_or_the_one_asked_for(tmp_path):
    several = people((10, 20), (60, 20), (40, 20))
    several["people"][1]["pose_keypoints_2d"][4] = 90.0
    several["people"].append({"pose_keypoints_2d": [0.0] * 54})
    write(tmp_path / "alice.json", several)
    found = detect(tmp_path)
    assert found.keypoints[0, 0] == 60.5 and found.people == 3 and "number 3 from the left" in found.notes[0]
    assert detect(tmp_path, person=2).keypoints[0, 0] == 40.5
    assert "no person 4" in str(detect(tmp_path, person=4))


@pytest.mark.parametrize(
    "content, kind, told",
    [
        ({"people": []}, "nobody", "nobody was found"),
        ({"persons": []}, "bad annotations", "not a key-point file of OpenPose"),
        ({"people": [{"pose_keypoints_2d": [0] * 51}]}, "bad annotations", "expected 54 or 75 numbers"),
        ({"people": [{}]}, "bad annotations", "has a list"),
        (people((400, 20)), "bad annotations", r"alice\.json: key points reach from"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, content, kind, told):
    write(tmp_path / "alice.json", content)
    found = detect(tmp_path)
    assert isinstance(found, PhotographError) and found.kind == kind
    with pytest.raises(PhotographError, match=told):
        raise found


def test_a_map_of_the_photograph_on_its_side(tmp_path):
    Image.fromarray(np.ones((80, 120), np.uint8)).save(tmp_path / "alice_parsing.png")
    assert "fits the picture on its side" in str(detect(tmp_path))


def test_nothing_there(tmp_path):
    found = FilesAnnotator(tmp_path).detect([photograph(), photograph("bob.png")])
    assert all(isinstance(each, PhotographError) and each.kind == "no annotations" for each in found)
    assert "alice_keypoints.json" in str(found[0])
    with pytest.raises(FileNotFoundError, match="no folder"):
        FilesAnnotator(tmp_path / "gone")


def test_one_bad_photograph_does_not_stop_the_others(tmp_path):
    write(tmp_path / "alice.json", people((40, 20)))
    bad, good = FilesAnnotator(tmp_path).detect([photograph("bob.jpg"), photograph()])
    assert isinstance(bad, PhotographError) and isinstance(good, Annotation)
