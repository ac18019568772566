"""Pairs of pictures as the papers' scripts make them, beside the lists of `fashiongen.data.pose_annotations`.

PG2's pairs of one person and key points from its pickles (the authors' `datasets/convert_market.py` and `convert_DF.py`), and the
pairs, names and classes of Deformable GAN's augmented training set for re-identification (`create_dataset_for_reid.py`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from fashiongen.data.pose_annotations import identity

Item = TypeVar("Item")
Pair = tuple[str, str]
Peaks = Sequence[Sequence[Sequence[float]]]
"""Of each body part its candidates (x, y, score, id); x and y count pixels from 0, ids run over all parts."""

JUNK_AND_DISTRACTORS = 6_617
"""Pictures at the head of Market-1501's sorted test folder (ids -1 and 0000) that the authors leave out."""
TEST_PAIRS = 12_800
"""Pairs that the authors keep of Market-1501's shuffled test list."""
_GENERATED = re.compile(r".*g\d+\.jpg")


def market_identity(name: str) -> str:
    """Person of a Market-1501 file: `0002_c1s1_000451_03.jpg` -> `0002`."""
    return name[:4]


def deepfashion_identity(name: str) -> str:
    """Person and outfit of a file of the authors' DeepFashion folder: what precedes the first underscore."""
    return name.partition("_")[0]


def positive_pairs(names: Iterable[str], identity: Callable[[str], str]) -> list[Pair]:
    """All ordered pairs of different pictures of one person, in the authors' order.

    For i < j in the sorted list, (i, j) is followed at once by (j, i).

    Args:
        names: file names; those that do not end in .jpg are left out.
        identity: who is on a picture, by its file name.
    """
    people: dict[str, list[str]] = {}
    for name in sorted(name for name in names if Path(name).suffix == ".jpg"):
        people.setdefault(identity(name), []).append(name)
    following = [(name, others[place + 1 :]) for others in people.values() for place, name in enumerate(others)]
    return [pair for name, later in sorted(following) for other in later for pair in ((name, other), (other, name))]


def python2_shuffle(items: Iterable[Item], generator: random.Random) -> list[Item]:
    """The order that `random.shuffle` of Python 2 gives; Python 3 draws its numbers otherwise.

    Args:
        items: what is shuffled.
        generator: `random.Random(0)` for the authors' lists; it is advanced.
    """
    shuffled = list(items)
    for last in range(len(shuffled) - 1, 0, -1):
        other = int(generator.random() * (last + 1))
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled


def authors_order(pairs: Sequence[Pair], negatives: int = 0, seed: int = 0) -> list[Pair]:
    """Pairs in the order in which the authors wrote them into their record files.

    Args:
        pairs: as `positive_pairs` gives them; Market-1501's test list is the first `TEST_PAIRS` of the result.
        negatives: number of pairs of different people that were shuffled before, from the same generator. They are not used, but
            move it on. With the authors' pickled lists at hand no list was made and the number is 0.
        seed: of the generator.
    """
    generator = random.Random(seed)
    python2_shuffle(range(negatives), generator)
    return python2_shuffle(pairs, generator)


def reid_pairs(names: Sequence[str], poses: int = 2, seed: int = 0) -> list[Pair]:
    """Every picture with some pictures whose poses it takes, drawn without replacement from all, itself included.

    Args:
        names: usable pictures in the order of their list (`fashiongen.data.pose_annotations.valid_names`); of anybody.
        poses: drawn for each picture. The authors' script draws 2 where their paper speaks of 10.
        seed: of NumPy's legacy generator, of which each draw takes one permutation; the authors left it unseeded.

    Returns:
        (picture of the person, picture of the pose), the draws of a picture one after the other.

    Raises:
        ValueError: when there are fewer pictures than poses to draw.
    """
    if not 1 <= poses <= len(names):
        raise ValueError(f"cannot draw {poses} different poses from {len(names)} pictures")
    generator = np.random.RandomState(seed)
    return [(name, names[place]) for name in names for place in generator.permutation(len(names))[:poses]]


def reid_names(pairs: Iterable[Pair]) -> list[str]:
    """Names of the pictures drawn for `reid_pairs`: that of the person, then g and a number that runs over all from 1."""
    return [f"{Path(person).stem}g{number}.jpg" for number, (person, _) in enumerate(pairs, 1)]


def reid_train_file(listing: Iterable[str], separate: bool = False, folder: str = "dataset/bounding_box_train") -> str:
    """Text of the `train.txt` of the re-identification baselines: a line `<folder>/<picture> <class>` a picture.

    Args:
        listing: real and generated pictures, in the order of the lines; people are numbered from 0 as they first appear.
        separate: generated pictures make classes of their own, behind those of the people, instead of their person's.
        folder: of the pictures.
    """
    names = list(listing)
    classes = {person: number for number, person in enumerate(dict.fromkeys(map(identity, names)))}
    shift = len(classes) if separate else 0
    return "".join(f"{folder}/{name} {classes[identity(name)] + shift * bool(_GENERATED.fullmatch(name))}\n" for name in names)


def select_person(peaks: Peaks, subsets: Sequence[Sequence[float]], rule: str = "market") -> list[list[Sequence[float]]]:
    """The candidates of one person.

    The best person has the highest score (last but one entry of a row, the first of equals); of each part its candidate with an id
    in that row is kept, the last if there are several.

    Args:
        peaks: candidates of 18 (or more) parts.
        subsets: one row a person: candidate id of each of 18 parts or -1, total score, number of parts.
        rule: "market": without any person all candidates are returned. "strict": then it is an error. "deepfashion": what the
            authors' converter does by mistake: all candidates are returned whoever they belong to; without any person it fails.

    Returns:
        of each part the candidates, none or one where a person was selected.

    Raises:
        ValueError: for an unknown rule, or when the rule needs a person and there is none.
    """
    if rule not in ("market", "strict", "deepfashion"):
        raise ValueError(f"rule is 'market', 'strict' or 'deepfashion', not {rule!r}")
    everything = [list(candidates) for candidates in peaks]
    if len(subsets) == 0:
        if rule == "market":
            return everything
        raise ValueError("nobody was found on this picture (no row of subsets); leave it out")
    if rule == "deepfashion":
        return everything
    best = max(subsets, key=lambda row: row[-2])
    ids = set(best[:18])
    return [[candidate for candidate in candidates if candidate[3] in ids][-1:] for candidates in everything]


def keypoints_of(peaks: Peaks) -> Tensor:
    """The first candidate of each of 18 parts -> (18, 3) x and y in pixels with centres at .5, visibility 2; zeros if missing."""
    keypoints = torch.zeros(18, 3)
    for joint, candidates in enumerate(peaks[:18]):
        if candidates:
            x, y = candidates[0][:2]
            keypoints[joint] = torch.tensor([int(x) + 0.5, int(y) + 0.5, 2.0])
    return keypoints
