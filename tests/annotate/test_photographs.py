import dataclasses

import pytest
import torch
from knowing import figure, points
from PIL import Image

from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError, checked, choose, is_turned, read_photograph

BOXES = torch.tensor([[50.0, 0, 60, 50], [0, 0, 20, 90], [70, 10, 79, 100]])


def test_a_photograph_is_read(photographs):
    alice = read_photograph(photographs("alice.jpg") / "alice.jpg")
    assert alice.image.shape == (3, 120, 80) and alice.name == "alice.jpg" and alice.notes == ()


def test_one_that_lies_on_its_side_is_turned_upright(photographs):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = photographs("alice.jpg", exif=exif) / "alice.jpg"
    alice = read_photograph(path)
    assert alice.image.shape == (3, 80, 120)
    assert "turned upright" in alice.notes[0]
    assert is_turned(path) and not is_turned(path.with_name("gone.jpg"))


@pytest.mark.parametrize(
    "content, kind, reason",
    [(b"", "unreadable", "is empty"), (b"hello", "unreadable", "not a picture"), (None, "unreadable", "no such picture")],
)
def test_unreadable_photographs(tmp_path, content, kind, reason):
    path = tmp_path / "alice.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PhotographError, match=rf"alice\.jpg.*{reason}") as caught:
        read_photograph(path)
    assert caught.value.kind == kind


def test_a_picture_that_is_too_small(photographs):
    with pytest.raises(PhotographError, match=r"too small: 20x31 pixels.*at least 32") as caught:
        read_photograph(photographs("alice.png", size=(31, 20)) / "alice.png")
    assert caught.value.kind == "too small"


def test_the_largest_person_is_taken_and_told():
    place, notes = choose(BOXES, None, "alice.jpg")
    assert place == 1 and "3 people were found, the largest was taken: number 1 from the left" in notes[0]
    assert choose(BOXES[:1], None, "alice.jpg") == (0, ())


@pytest.mark.parametrize("number, place", [(1, 1), (2, 0), (3, 2)])
def test_people_are_counted_from_the_left(number, place):
    assert choose(BOXES, number, "alice.jpg") == (place, ())


@pytest.mark.parametrize(
    "number, count, told", [(4, 3, "3 people were found, there is no person 4"), (2, 1, "1 person was"), (0, 3, "from 1")]
)
def test_nobody_of_that_number(number, count, told):
    with pytest.raises(PhotographError, match=told) as caught:
        choose(BOXES[:count], number, "alice.jpg")
    assert caught.value.kind == "no such person"


def test_nobody():
    with pytest.raises(PhotographError, match=r"alice\.jpg: nobody was found") as caught:
        choose(BOXES[:0], None, "alice.jpg")
    assert caught.value.kind == "nobody"


PHOTOGRAPH = Photograph(torch.zeros(3, 120, 80), "alice.jpg", notes=("it was turned",))


def test_notes_of_photograph_and_annotation_come_together():
    told = checked(dataclasses.replace(figure(), notes=("3 people",)), PHOTOGRAPH).notes
    assert told[:2] == ("it was turned", "3 people") and "without feet" in told[2]


@pytest.mark.parametrize("body, missing", [("upper", "left shoulder"), ("full", "right hip, left hip, right knee")])
def test_half_a_body_is_refused_where_more_is_needed(body, missing):
    annotation = figure()
    if body == "upper":
        annotation.keypoints[5] = 0
    with pytest.raises(PhotographError, match=rf"alice\.jpg: half a body, without .*{missing}") as caught:
        checked(annotation, PHOTOGRAPH, body)
    assert caught.value.kind == "half a body"
    assert checked(annotation, PHOTOGRAPH, "any").keypoints is not None


def test_a_whole_body_has_no_note():
    keypoints = torch.full((18, 3), 2.0)
    keypoints[:, :2] = torch.rand(18, 2) * 80 + 20
    keypoints[0, 1], keypoints[10, 1] = 5, 115
    assert checked(Annotation(keypoints), dataclasses.replace(PHOTOGRAPH, notes=()), "full").notes == ()


@pytest.mark.parametrize(
    "annotation",
    [
        Annotation(box=torch.tensor([0.0, 10, 30, 60])),
        Annotation(points((0, 5, 5), (10, 5, 60))),
        Annotation(parsing=torch.eye(50, dtype=torch.uint8)),
    ],
)
def test_a_person_of_few_pixels_is_refused(annotation):
    with pytest.raises(PhotographError, match=r"the person is too small, 5\d pixels tall; at least 64"):
        checked(annotation, PHOTOGRAPH, "any")


def test_the_silhouette_is_the_mask_or_what_is_not_background():
    assert Annotation().silhouette is None
    assert torch.equal(figure().silhouette, (figure().parsing > 0)[None].float())
    mask = torch.rand(1, 4, 4)
    assert Annotation(parsing=torch.ones(4, 4), mask=mask).silhouette is mask
