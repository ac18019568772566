import json

import pytest
import torch
from knowing import Knowing, figure, points

import fashiongen
from fashiongen.annotate import annotator, mannequin, named, photo
from fashiongen.annotate.mannequin import MannequinAnnotator
from fashiongen.annotate.photographs import Photograph, PhotographError
from fashiongen.data.pictures import write_picture

IMAGE = torch.zeros(3, 120, 80)


@pytest.fixture
def nothing_at_hand(monkeypatch):
    monkeypatch.setattr(photo, "weights_are_here", lambda: False)
    monkeypatch.setattr(mannequin, "is_bundled", lambda: False)


def test_names(tmp_path):
    assert annotator(f"files:{tmp_path}", scheme="atr18", person=2).scheme == "atr18"
    knowing = Knowing()
    assert annotator(knowing) is knowing
    with pytest.raises(ValueError, match="no annotator is called 'openpose'; known: mannequin, photo, files:FOLDER"):
        annotator("openpose")
    with pytest.raises(ValueError, match="person: options belong to annotators by name"):
        annotator(knowing, person=1)


def test_a_network_is_loaded_once(monkeypatch):
    made = []
    monkeypatch.setattr(photo.PhotoAnnotator, "from_hub", lambda **options: made.append(options) or Knowing())
    named._network.cache_clear()
    assert annotator("photo") is annotator("photo") and annotator("photo", person=2) is not annotator("photo")
    assert made == [{}, {"person": 2}]
    named._network.cache_clear()


def test_any_callable():
    def mine(picture):
        return {
            "keypoints": figure().keypoints,
            "parsing": figure().parsing,
            "scheme": "atr18",
            "mask": picture[0] > 0,
            "text": "hi",
        }

    found = annotator(mine)
    (annotation,) = found.detect([Photograph(IMAGE, "alice.jpg")])
    assert found.record == {"annotator": "mine"}
    assert annotation.scheme == "atr18" and annotation.text == "hi" and annotation.mask.shape == (1, 120, 80)
    (nothing,) = annotator(lambda picture: {}).detect([Photograph(IMAGE)])
    assert nothing.keypoints is None and nothing.parsing is None

    def picky(picture):
        raise PhotographError("not this one", "nobody")

    (problem,) = annotator(picky).detect([Photograph(IMAGE)])
    assert isinstance(problem, PhotographError)


class Network(torch.nn.Module):
    """Says that somebody is in every picture that is not black."""

    def find(self, pictures):
        for picture in pictures:
            parsing = torch.where(picture[0] > -1, 5, 0).to(torch.uint8)
            keypoints = torch.full((18, 3), 2.0) if parsing.any() else torch.zeros(18, 3)
            yield keypoints, torch.full((18,), 0.5), parsing


def test_the_network_of_the_mannequin_world():
    found = annotator(Network())
    assert isinstance(found, MannequinAnnotator) and found.record["weights"][0]["repository"] == "annotator.mannequin"
    somebody, nobody = found.detect([Photograph(IMAGE), Photograph(IMAGE - 1, "night.jpg")])
    assert somebody.score == 0.5 and (somebody.parsing == 5).all()
    assert isinstance(nobody, PhotographError) and nobody.kind == "nobody" and "night.jpg: nobody" in str(nobody)


def test_the_bundled_network_is_loaded_by_name(monkeypatch):
    monkeypatch.setitem(vars(fashiongen), "load", lambda name: {"annotator.mannequin": Network()}[name])
    assert isinstance(MannequinAnnotator().model, Network)


# ------------------------------------------------------------------------------------------------------- fashiongen.person
def test_a_person_is_annotated_by_whom_one_says(tmp_path):
    for source in (Knowing(), lambda picture: {"keypoints": figure().keypoints}):
        alice = fashiongen.person(IMAGE, annotator=source, height=120, width=80)
        assert torch.equal(alice.keypoints, figure().keypoints)
    write_picture(IMAGE, tmp_path / "photos" / "alice.png")
    (tmp_path / "alice.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": [9, 9, 1, *[0] * 51]}]}))
    alice = fashiongen.person(tmp_path / "photos" / "alice.png", annotator=f"files:{tmp_path}", height=120, width=80)
    assert alice.keypoints[0].tolist() == [9.5, 9.5, 2]


def test_its_problems_are_raised():
    with pytest.raises(PhotographError, match="nobody"):
        fashiongen.person(IMAGE, annotator=Knowing({"picture": PhotographError("nobody", "nobody")}))


def test_none_annotates_nothing(tmp_path):
    write_picture(IMAGE, tmp_path / "alice.png")
    (tmp_path / "alice_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": [9, 9, 1, *[0] * 51]}]}))
    assert fashiongen.person(tmp_path / "alice.png", annotator=None).keypoints is None


def test_by_default_files_beside_the_picture_are_read(tmp_path, nothing_at_hand):
    write_picture(IMAGE, tmp_path / "alice.png")
    (tmp_path / "alice_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": [9, 9, 1, *[0] * 51]}]}))
    alice = fashiongen.person(tmp_path / "alice.png", height=120, width=80)
    assert alice.keypoints[0].tolist() == [9.5, 9.5, 2] and alice.parsing is None
    given = fashiongen.person(tmp_path / "alice.png", points((0, 3, 3)), height=120, width=80)
    assert given.keypoints[0].tolist() == [3, 3, 2]


def test_by_default_a_network_at_hand_finds_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(photo, "weights_are_here", lambda: False)
    monkeypatch.setattr(mannequin, "is_bundled", lambda: True)
    monkeypatch.setattr(named, "annotator", lambda name: {"mannequin": Knowing()}[name])
    write_picture(IMAGE, tmp_path / "alice.png")
    (tmp_path / "alice_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": [9, 9, 1, *[0] * 51]}]}))
    with pytest.warns(UserWarning, match="has seen no photographs"):
        alice = fashiongen.person(tmp_path / "alice.png", height=120, width=80)
    assert alice.keypoints[0].tolist() == [9.5, 9.5, 2] and alice.parsing.max() == 5
    monkeypatch.setattr(photo, "weights_are_here", lambda: True)
    monkeypatch.setattr(named, "annotator", lambda name: {"photo": Knowing()}[name])
    assert torch.equal(fashiongen.person(IMAGE, height=120, width=80).keypoints, figure().keypoints)


def test_by_default_problems_are_warnings(tmp_path, nothing_at_hand):
    write_picture(IMAGE, tmp_path / "alice.png")
    (tmp_path / "alice_keypoints.json").write_text("{")
    with pytest.warns(UserWarning, match="annotator=None leaves annotations out"):
        assert fashiongen.person(tmp_path / "alice.png").keypoints is None
