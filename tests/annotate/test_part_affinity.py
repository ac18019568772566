from __future__ import annotations

import numpy as np
import pytest

from fashiongen.annotate.part_affinity import _LIMBS, decode

HEIGHT, WIDTH = 96, 64
PERSON = [
    *((30, 12), (30, 22), (22, 22), (18, 36), (16, 48), (38, 22), (42, 36), (44, 48), (25, 50)),
    *((24, 68), (24, 86), (35, 50), (36, 68), (36, 86), (28, 10), (32, 10), (25, 12), (35, 12)),
]


def maps(people: list[list[tuple[int, int] | None]]) -> tuple[np.ndarray, np.ndarray]:
    """Ideal heat maps and fields of some people."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    heatmaps, fields = np.zeros((HEIGHT, WIDTH, 19)), np.zeros((HEIGHT, WIDTH, 38))
    for person in people:
        for joint, place in enumerate(person):
            if place:
                bump = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 30)
                heatmaps[..., joint] = np.maximum(heatmaps[..., joint], bump)
        for start, end, *channels in _LIMBS:
            if person[start] and person[end]:
                first, last = np.array(person[start], float), np.array(person[end], float)
                along = (last - first) / np.linalg.norm(last - first)
                for step in np.linspace(0, 1, 60):
                    column, row = np.round(first + step * (last - first)).astype(int)
                    fields[row - 1 : row + 2, column - 1 : column + 2, channels] = along
    return heatmaps, fields


def test_one_person() -> None:
    keypoints = decode(*maps([PERSON]))
    assert np.abs(keypoints[:, :2] - 0.5 - np.array(PERSON)).max() <= 1
    assert (keypoints[:, 2] == 2).all()


def test_missing_joints_are_zeros() -> None:
    partly = [None if joint in (4, 10) else place for joint, place in enumerate(PERSON)]
    keypoints = decode(*maps([partly]))
    assert not keypoints[[4, 10]].any()
    assert (keypoints[:, 2] > 0).sum() == 16


def test_the_more_complete_of_two_people_is_kept() -> None:
    narrow = [(int(x * 0.5), y) for x, y in PERSON]
    other = [(int(x * 0.5) + 32, y) if joint < 8 else None for joint, (x, y) in enumerate(PERSON)]
    keypoints = decode(*maps([other, narrow]))
    assert (keypoints[8:14, 2] == 2).all()
    assert keypoints[8:14, 0].max() < 32


def test_nobody() -> None:
    assert not decode(np.zeros((8, 8, 19)), np.zeros((8, 8, 38))).any()


def test_bad_shapes() -> None:
    with pytest.raises(ValueError, match="38"):
        decode(np.zeros((8, 8, 19)), np.zeros((8, 8, 19)))
