"""Pairs of pictures of one person, and key points from the pickles, as PG2's converters make them.

Sources: the authors' `datasets/convert_market.py` and `convert_DF.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")
Pair = tuple[str, str]
Peaks = Sequence[Sequence[Sequence[float]]]
"""Of each body part its candidates (x, y, score, id); x and y count pixels from 0, ids run over all parts."""

JUNK_AND_DISTRACTORS = 6_617
"""Pictures at the head of Market-1501's sorted test folder (ids -1 and 0000) that the authors leave out."""
TEST_PAIRS = 12_800
"""Pairs that the authors keep of Market-1501's shuffled test list."""


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
