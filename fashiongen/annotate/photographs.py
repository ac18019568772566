"""What annotators get and give: photographs in, key points, parsing and masks out; and what can be wrong with a photograph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data.pictures import read_picture

Body = Literal["any", "upper", "full"]

SMALLEST_PICTURE = 32
"""Pixels of the shorter side below which a photograph is refused."""
SMALLEST_PERSON = 64
"""Height in pixels below which a person is refused."""

_ORIENTATION = 0x0112
_NAMES = joints.ORDERS["openpose18"]
_SHOULDERS, _HIPS, _KNEES, _ANKLES = (
    tuple(_NAMES.index(f"{side}_{joint}") for side in ("right", "left")) for joint in ("shoulder", "hip", "knee", "ankle")
)
_NEEDED: dict[str, tuple[int, ...]] = {"any": (), "upper": _SHOULDERS, "full": (*_SHOULDERS, *_HIPS, *_KNEES, *_ANKLES)}


class PhotographError(ValueError):
    """What is wrong with one photograph, and what to do about it.

    Attributes:
        kind: "unreadable", "too small", "nobody", "no such person", "half a body", "no annotations" (no files of it)
            or "bad annotations" (files that cannot be used).
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph to annotate.

    Attributes:
        image: (3, H, W) RGB in [-1, 1], upright.
        name: for messages and files.
        path: where it comes from, if from a file.
        notes: what was noticed when it was read.
    """

    image: Tensor
    name: str = "picture"
    path: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Annotation:
    """What an annotator found of the one person that was chosen; what it does not look for is None.

    Attributes:
        keypoints: (18, 3) in the order "openpose18", in pixels of the photograph, visibility 0, 1 or 2.
        scores: (18,) how sure the annotator is of each joint, in [0, 1].
        parsing: (H, W) uint8 label ids of `scheme`, of the size of the photograph.
        scheme: name of a label scheme.
        mask: (1, H, W) float in [0, 1], 1 on the person.
        order: joint order in which the key points were found.
        box: (4,) left, top, right, bottom of the person in pixels.
        score: how sure the annotator is of the person, in [0, 1].
        people: how many were found.
        text: a sentence about the clothes.
        notes: what a user should know.
    """

    keypoints: Tensor | None = None
    scores: Tensor | None = None
    parsing: Tensor | None = None
    scheme: str = "lip20"
    mask: Tensor | None = None
    order: str = "openpose18"
    box: Tensor | None = None
    score: float | None = None
    people: int = 1
    text: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def silhouette(self) -> Tensor | None:
        """(1, H, W): the mask, else everything that the parsing does not call background."""
        if self.mask is not None or self.parsing is None:
            return self.mask
        return (self.parsing > 0)[None].float()


class Annotator(Protocol):
    """Finds people in photographs, several at a time. One with networks is an `nn.Module`, so that it can be moved.

    Attributes:
        record: JSON-like facts about it: what it is called, its weights with revisions and licences.
    """

    record: Mapping[str, Any]

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """An annotation for each photograph, or what is wrong with it: one bad photograph does not stop the others."""


def read_photograph(path: str | Path) -> Photograph:
    """Read a photograph upright, as its EXIF entry says.

    Raises:
        PhotographError: "unreadable" or "too small".
    """
    path = Path(path)
    try:
        image = read_picture(path)
    except (ValueError, OSError) as error:
        raise PhotographError(str(error), "unreadable") from error
    notes = ("its EXIF entry says that it is turned; it was turned upright",) if is_turned(path) else ()
    return Photograph(check_size(image, str(path)), path.name, path, notes)


def check_size(image: Tensor, name: str) -> Tensor:
    """The picture (3, H, W) itself.

    Raises:
        PhotographError: when it is too small to show anybody.
    """
    height, width = image.shape[1:]
    if min(height, width) < SMALLEST_PICTURE:
        raise PhotographError(
            f"{name} is too small: {width}x{height} pixels (width x height); at least {SMALLEST_PICTURE} a side are needed",
            "too small",
        )
    return image


def is_turned(path: str | Path) -> bool:
    """Whether the EXIF entry of a file asks for its picture to be turned or mirrored."""
    try:
        with Image.open(path) as image:
            return image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except (OSError, UnidentifiedImageError, SyntaxError):
        return False


def choose(boxes: Tensor, person: int | None, name: str) -> tuple[int, tuple[str, ...]]:
    """Which of several people is meant: the largest, or the one that was asked for.

    Args:
        boxes: (N, 4) left, top, right, bottom.
        person: 1 for the leftmost, 2 for the next; None takes the largest.
        name: of the photograph, for messages.

    Returns:
        the row of `boxes`, and a note where there was a choice.

    Raises:
        PhotographError: when there is nobody, or nobody of that number.
    """
    count = len(boxes)
    if count == 0:
        raise PhotographError(
            f"{name}: nobody was found; take a photograph in which a person stands out, or pass key points and parsing", "nobody"
        )
    from_left = ((boxes[:, 0] + boxes[:, 2]) / 2).argsort(stable=True).tolist()
    if person is not None:
        if not 1 <= person <= count:
            found = "1 person was" if count == 1 else f"{count} people were"
            raise PhotographError(
                f"{name}: {found} found, there is no person {person}; count from 1, from the left", "no such person"
            )
        return from_left[person - 1], ()
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1)
    largest = int(sides.prod(dim=1).argmax())
    if count == 1:
        return largest, ()
    place = from_left.index(largest) + 1
    return largest, (f"{count} people were found, the largest was taken: number {place} from the left; person=N takes another",)


def checked(annotation: Annotation, photograph: Photograph, body: Body = "upper") -> Annotation:
    """The annotation with what a user should know of it.

    Args:
        annotation: what was found.
        photograph: where.
        body: what must be in the picture where key points were found: "any" part, the "upper" body (both shoulders), or the "full"
            body down to the ankles.

    Raises:
        PhotographError: "too small" for a person of few pixels, "half a body" when a part that is needed is not there.
    """
    tall = _height(annotation)
    if tall is not None and tall < SMALLEST_PERSON:
        raise PhotographError(
            f"{photograph.name}: the person is too small, {tall:.0f} pixels tall; at least {SMALLEST_PERSON} are needed: "
            "take a larger photograph, or cut the person out of the original",
            "too small",
        )
    notes = [*photograph.notes, *annotation.notes]
    if annotation.keypoints is not None:
        seen = annotation.keypoints[:, 2] > 0
        missing = [_NAMES[joint].replace("_", " ") for joint in _NEEDED[body] if not seen[joint]]
        if missing:
            wanted = {"upper": "the upper body", "full": "the whole body, head to feet"}[body]
            raise PhotographError(
                f"{photograph.name}: half a body, without {', '.join(missing)}; take a photograph of {wanted}", "half a body"
            )
        if not seen[list(_ANKLES)].any():
            notes.append("half a body, without feet: enough for try-on, not for models that draw whole figures")
    return dataclasses.replace(annotation, notes=tuple(notes))


def _height(annotation: Annotation) -> float | None:
    if annotation.box is not None:
        return float(annotation.box[3] - annotation.box[1])
    if annotation.parsing is not None and bool(annotation.parsing.any()):
        rows = annotation.parsing.any(dim=1).nonzero()
        return float(rows.max() - rows.min() + 1)
    if annotation.keypoints is not None:
        y = annotation.keypoints[annotation.keypoints[:, 2] > 0, 1]
        return float(y.max() - y.min()) if len(y) > 1 else None
    return None


def box_of(keypoints: Tensor) -> Tensor:
    """(4,) the smallest box around the known joints of (J, 3)."""
    places = keypoints[keypoints[:, 2] > 0, :2]
    return torch.cat([places.amin(dim=0), places.amax(dim=0)])
