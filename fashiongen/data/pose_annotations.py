"""Key-point and pair lists of pose transfer, as Deformable GAN made them and PATN took them over, and how pairs are made.

Sources: `AliaksandrSiarohin/pose-gan` (`create_pairs_dataset.py`, `resize_dataset.py`, `split_fasion_dataset.py`) and
`tengteng95/Pose-Transfer` (`train.lst`, `*-annotation-*.csv`, `*-pairs-*.csv`).
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import keypoints as joints

Pair = tuple[str, str]
PathLike = str | os.PathLike[str]

HEADER = "name:keypoints_y:keypoints_x"
TEST_PAIRS = 12_000
"""Pairs that the authors draw for testing."""

_TORSO = [joints.ORDERS["openpose18"].index(f"{side}_{joint}") for side in ("right", "left") for joint in ("shoulder", "hip")]
_JOINTS = len(joints.ORDERS["openpose18"])
_MISSING = -1
_NOBODY = ("-1", "0000")  # Market-1501: junk boxes and distractors
_MARKET = re.compile(r"(-1|\d{4})_c(\d)s(\d)_(\d{6})_(\d{2})(?:\.jpg){1,2}")
_DEEPFASHION = re.compile(r"(?:.*/)?(MEN|WOMEN)/([A-Za-z_]+)/id_(\d{8})/(\d{2})_(\d)_([a-z]+)\.jpg")
_FLATTENED = re.compile(r"fash?ion(MEN|WOMEN)([A-Za-z_]+?)id(\d{8})(\d{2})_(\d)([a-z]+)\.jpg")


class Annotations(Mapping[str, Tensor]):
    """Key points by the name of the picture, in the order of the list.

    Args:
        names: of the pictures.
        keypoints: (N, 18, 3) in pixels of the pictures with centres at .5; missing joints are zeros.
    """

    def __init__(self, names: Sequence[str], keypoints: Tensor) -> None:
        self.keypoints = keypoints  # one tensor, so that it travels to loader workers in one piece
        self._place = {name: place for place, name in enumerate(names)}

    def __getitem__(self, name: str) -> Tensor:
        return self.keypoints[self._place[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._place)

    def joined(self, other: Annotations) -> Annotations:
        """With the pictures of `other` that this one lacks."""
        added = [name for name in other if name not in self]
        places = [other._place[name] for name in added]
        return Annotations([*self, *added], torch.cat([self.keypoints, other.keypoints[places]]))


def read_annotations(path: PathLike) -> Annotations:
    """Read a key-point list: a line `name: [y, ...]: [x, ...]` a picture, 18 whole numbers each, -1 for a missing joint.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming file and line, for another header, a line of another form, or a picture with two different lines.
    """
    lines = _lines(path)
    if not lines or "".join(lines[0].split()) != HEADER:
        raise ValueError(f"{path}: a key-point list starts with the line {HEADER!r}, not {lines[0] if lines else ''!r}")
    rows: dict[str, list[list[int]]] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        name, coordinates = _row(line, f"{path}, line {number}")
        if rows.setdefault(name, coordinates) != coordinates:
            raise ValueError(f"{path}, line {number}: {name} was listed before with other key points; leave one of the lines")
    if not rows:
        raise ValueError(f"{path} lists no pictures")
    y, x = torch.tensor(list(rows.values())).unbind(1)
    seen = (x != _MISSING) & (y != _MISSING)
    keypoints = torch.stack([x + 0.5, y + 0.5, torch.full(x.shape, 2.0)], dim=-1) * seen[..., None]
    return Annotations(list(rows), keypoints)


def _row(line: str, place: str) -> tuple[str, list[list[int]]]:
    fields = line.split(":")
    try:
        name, rows, columns = fields
        coordinates = [json.loads(rows), json.loads(columns)]
    except ValueError as error:
        raise ValueError(f"{place}: expected 'name: [y, ...]: [x, ...]', found {line[:80]!r}") from error
    for values in coordinates:
        if not isinstance(values, list) or len(values) != _JOINTS or not all(isinstance(value, int) for value in values):
            raise ValueError(f"{place}: expected {_JOINTS} whole numbers a list (-1 for a missing joint), found {line[:80]!r}")
    return name.strip(), coordinates


def write_annotations(annotations: Mapping[str, Tensor], path: PathLike, separator: str = ": ") -> None:
    """Write a key-point list. Joints are stored as the pixel that holds them; in the column or row before the first, as missing.

    Args:
        annotations: (18, 3) key points by the name of the picture.
        path: of the list.
        separator: ": ", or ":" as the authors' resized lists have it.

    Raises:
        ValueError: for a name with a colon, which such a list cannot hold.
    """
    lines = [HEADER]
    for name, keypoints in annotations.items():
        if ":" in name:
            raise ValueError(f"a key-point list separates its columns by colons; {name!r} has one in its name")
        pixels = keypoints[:, :2].floor().long().masked_fill(keypoints[:, 2:] <= 0, _MISSING)
        lines.append(separator.join([name, str(pixels[:, 1].tolist()), str(pixels[:, 0].tolist())]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_openpose_folder(folder: PathLike, names: Iterable[str]) -> Annotations:
    """Read `<stem>_keypoints.json` of each picture that has one. Where OpenPose found nobody, all joints are missing.

    Args:
        folder: where the files of OpenPose lie.
        names: of the pictures.

    Raises:
        FileNotFoundError: when no picture has a file.
        ValueError: naming the file, when it is damaged; see `fashiongen.data.keypoints.read_openpose`.
    """
    named = [(name, Path(folder) / f"{Path(name).stem}_keypoints.json") for name in names]
    found = [(name, path) for name, path in named if path.is_file()]
    if not found:
        first = named[0][1].name if named else "<picture>_keypoints.json"
        raise FileNotFoundError(f"{folder} holds key points of none of the {len(named)} pictures; looked for {first} and so on")
    keypoints = [joints.read_openpose(path) if _somebody(path) else torch.zeros(_JOINTS, 3) for _, path in found]
    return Annotations([name for name, _ in found], torch.stack(keypoints))


def _somebody(path: Path) -> bool:
    """False for a sound file of OpenPose without people, or with people none of whose joints was found."""
    try:
        people = json.loads(path.read_bytes())["people"]
        lists = [value for person in people for key, value in person.items() if key in ("pose_keypoints_2d", "pose_keypoints")]
        return any(any(values[2::3]) for values in lists) or len(lists) < len(people)
    except (ValueError, TypeError, KeyError, AttributeError):
        return True  # reading it as key points says what is wrong


def read_pairs(path: PathLike) -> list[Pair]:
    """Read a pair list: header `from,to`, then the names of the two pictures.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming file and line, for another header or a line without two names, or when nothing is listed.
    """
    rows = list(csv.reader(_lines(path)))
    if not rows or [field.strip() for field in rows[0]] != ["from", "to"]:
        raise ValueError(f"{path}: a pair list starts with the line 'from,to', not {','.join(rows[0]) if rows else ''!r}")
    pairs = []
    for number, row in enumerate(rows[1:], 2):
        names = [field.strip() for field in row]
        if len(names) == 2 and all(names):
            pairs.append((names[0], names[1]))
        elif any(names):
            raise ValueError(f"{path}, line {number}: expected 'from.jpg,to.jpg', found {','.join(row)!r}")
    if not pairs:
        raise ValueError(f"{path} lists no pairs")
    return pairs


def write_pairs(pairs: Iterable[Pair], path: PathLike) -> None:
    """Write a pair list."""
    Path(path).write_text("".join(f"{first},{second}\n" for first, second in [("from", "to"), *pairs]), encoding="utf-8")


def _lines(path: PathLike) -> list[str]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such list")
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from error


def identity(name: str) -> str:
    """Person of a picture: what precedes the first underscore.

    In DeepFashion's flattened names it is what precedes the last one, item and colour: PATN's have one more in the category
    (fashionWOMENTees_Tanksid...), before which all of a category would be one person.
    """
    return name.rpartition("_")[0] if _FLATTENED.fullmatch(name) else name.partition("_")[0]


def valid_names(annotations: Mapping[str, Tensor]) -> list[str]:
    """Pictures that pairs are made of: somebody's (no junk `-1`, no distractor `0000`), both shoulders and both hips found."""
    kept = [name for name in annotations if not name.startswith(_NOBODY)]
    return [name for name in kept if bool((annotations[name][_TORSO, 2] > 0).all())]


def person_pairs(names: Iterable[str]) -> list[Pair]:
    """All ordered pairs of different pictures of a person: people by their first picture, pictures as listed."""
    people: dict[str, list[str]] = {}
    for name in names:
        people.setdefault(identity(name), []).append(name)
    return [pair for pictures in people.values() for pair in itertools.permutations(pictures, 2)]


def sample_pairs(pairs: Sequence[Pair], count: int = TEST_PAIRS, seed: int = 0) -> list[Pair]:
    """The authors' draw of test pairs: at most `count` rows without replacement, the head of NumPy's seeded permutation.

    The same rows in the same order as `DataFrame.sample(count, random_state=seed)` of pandas, which the authors call.
    """
    order = np.random.RandomState(seed).permutation(len(pairs))
    return [pairs[place] for place in order[:count]]


def scale_keypoints(
    keypoints: Tensor, size: tuple[int, int], new_size: tuple[int, int], left: int = 0, whole_pixels: bool = False
) -> Tensor:
    """Key points of a picture of which columns were cut off at the left, and which was then resized.

    Args:
        keypoints: (..., 18, 3) in pixels of the whole picture.
        size: height and width of what was resized: the picture after the cut.
        new_size: height and width of the result.
        left: number of columns that were cut off.
        whole_pixels: truncate to whole pixels, as the authors' resized lists do.

    Returns:
        (..., 18, 3) in pixels of the result; joints may lie outside of it. Missing joints are zeros.
    """
    factors = torch.tensor([new_size[1] / size[1], new_size[0] / size[0]])
    place = keypoints[..., :2] - torch.tensor([left, 0])
    if whole_pixels:  # multiplied first: the quotient is then exact wherever it is a whole number
        pixels = place.double().floor() * torch.tensor([new_size[1], new_size[0]]) / torch.tensor([size[1], size[0]])
        place = pixels.trunc().float() + 0.5
    else:
        place = place * factors
    return torch.cat([place, keypoints[..., 2:]], dim=-1) * (keypoints[..., 2:] > 0)


@dataclass(frozen=True)
class MarketName:
    """Name of a Market-1501 picture.

    Attributes:
        identity: four digits, or "-1" for a junk box; "0000" is a distractor.
        camera: 1 to 6.
        sequence: of this camera.
        frame: of the sequence.
        box: number of the detector's box in the frame; 0 was drawn by hand.
    """

    identity: str
    camera: int
    sequence: int
    frame: int
    box: int

    @classmethod
    def parse(cls, name: str) -> MarketName:
        """Take `0002_c1s1_000451_03.jpg` apart; some copies end in .jpg.jpg.

        Raises:
            ValueError: for any other name.
        """
        found = _MARKET.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is not a name of Market-1501, such as '0002_c1s1_000451_03.jpg'")
        return cls(found[1], *map(int, found.groups()[1:]))

    def __str__(self) -> str:
        return f"{self.identity}_c{self.camera}s{self.sequence}_{self.frame:06d}_{self.box:02d}.jpg"


@dataclass(frozen=True)
class DeepFashionName:
    """Name of a picture of DeepFashion's In-shop benchmark.

    Attributes:
        gender: "MEN" or "WOMEN".
        category: with underscores, "Tees_Tanks".
        item: eight digits.
        colour: two digits: which colour of the item, or which person in it.
        number, view: of the picture: 7, "additional".
    """

    gender: str
    category: str
    item: str
    colour: str
    number: int
    view: str

    @classmethod
    def parse(cls, name: str) -> DeepFashionName:
        """Take a path of the original tree or a flattened name of either rule apart.

        Without its underscores a category is split before its capitals.

        Raises:
            ValueError: for any other name.
        """
        found = _DEEPFASHION.fullmatch(name) or _FLATTENED.fullmatch(name)
        if found is None:
            raise ValueError(
                f"{name!r} is not a name of DeepFashion In-shop, such as 'WOMEN/Tees_Tanks/id_00007838/05_7_additional.jpg' or "
                "'fasionWOMENTeesTanksid0000783805_7additional.jpg'"
            )
        gender, category, item, colour, number, view = found.groups()
        return cls(gender, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", category), item, colour, int(number), view)

    @property
    def path(self) -> str:
        """In the original tree, below img/."""
        return f"{self.gender}/{self.category}/id_{self.item}/{self.colour}_{self.number}_{self.view}.jpg"

    @property
    def pose_gan(self) -> str:
        """Flattened as Deformable GAN does it: begins with "fasion", no underscores in the category."""
        return f"fasion{self.gender}{self.category.replace('_', '')}{self._rest}"

    @property
    def patn(self) -> str:
        """Flattened as PATN does it: begins with "fashion", underscores in the category."""
        return f"fashion{self.gender}{self.category}{self._rest}"

    @property
    def _rest(self) -> str:
        return f"id{self.item}{self.colour}_{self.number}{self.view}.jpg"
