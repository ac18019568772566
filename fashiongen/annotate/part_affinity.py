"""Key points of one person from the maps of a bottom-up pose network (Cao et al., CVPR 2017; Deformable GAN's detector).

Peaks of the joint maps are joined along the part affinity fields into people, and the best person is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]

JOINTS = 18
# From joint, to joint, channels of the field's x and y.
_LIMBS = (
    *((1, 2, 12, 13), (1, 5, 20, 21), (2, 3, 14, 15), (3, 4, 16, 17), (5, 6, 22, 23), (6, 7, 24, 25), (1, 8, 0, 1)),
    *((8, 9, 2, 3), (9, 10, 4, 5), (1, 11, 6, 7), (11, 12, 8, 9), (12, 13, 10, 11), (1, 0, 28, 29), (0, 14, 30, 31)),
    *((14, 16, 34, 35), (0, 15, 32, 33), (15, 17, 36, 37), (2, 16, 18, 19), (5, 17, 26, 27)),
)
_LIMBS_THAT_START_A_PERSON = 17
_SAMPLES = 10
_SHARE_OF_GOOD_SAMPLES = 0.8
_FEWEST_JOINTS = 4
_LOWEST_MEAN_SCORE = 0.4


@dataclass(frozen=True, eq=False)
class _Peak:
    x: int
    y: int
    score: float


@dataclass(eq=False)
class _Person:
    joints: dict[int, _Peak] = field(default_factory=dict)
    score: float = 0.0
    count: int = 0

    def take(self, joint: int, peak: _Peak, limb: float) -> None:
        self.joints[joint] = peak
        self.count += 1
        self.score += peak.score + limb


def decode(heatmaps: Array, fields: Array, sigma: float = 3.0, peak_threshold: float = 0.1, field_threshold: float = 0.05) -> Array:
    """The person with the highest score.

    Args:
        heatmaps: (H, W, 18 or more) joint maps in OpenPose's order; further channels (the background) are left aside.
        fields: (H, W, 38) part affinity fields.
        sigma: of the smoothing before peaks are looked for, pixels.
        peak_threshold: of the smoothed maps.
        field_threshold: more than 80 % of the samples along a limb must exceed it.

    Returns:
        (18, 3) x, y at pixel centres (.5), then visibility 2; zeros for a missing joint, everywhere when nobody was found.

    Raises:
        ValueError: for maps of other shapes.
    """
    if heatmaps.ndim != 3 or heatmaps.shape[2] < JOINTS or fields.shape != (*heatmaps.shape[:2], 2 * len(_LIMBS)):
        raise ValueError(
            f"expected heat maps (H, W, {JOINTS} or more) and fields (H, W, {2 * len(_LIMBS)}), "
            f"not {heatmaps.shape} and {fields.shape}"
        )
    peaks = [_peaks(heatmaps[..., joint].astype(np.float64), sigma, peak_threshold) for joint in range(JOINTS)]
    people: list[_Person] = []
    for number, (start, end, *channels) in enumerate(_LIMBS):
        limb_fields = fields[..., channels].astype(np.float64)
        for first, second, score in _connections(peaks[start], peaks[end], limb_fields, field_threshold):
            _join(people, (start, first), (end, second), score, may_start=number < _LIMBS_THAT_START_A_PERSON)
    keypoints = np.zeros((JOINTS, 3))
    people = [each for each in people if each.count >= _FEWEST_JOINTS and each.score / each.count >= _LOWEST_MEAN_SCORE]
    if people:
        for joint, peak in max(people, key=lambda each: each.score).joints.items():
            keypoints[joint] = peak.x + 0.5, peak.y + 0.5, 2
    return keypoints


def _peaks(heatmap: Array, sigma: float, threshold: float) -> list[_Peak]:
    """Places that are not below their four neighbours once smoothed, with the unsmoothed value."""
    smooth = gaussian_filter(heatmap, sigma)
    around = np.pad(smooth, 1)
    highest = np.maximum.reduce([around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]])
    rows, columns = np.nonzero((smooth >= highest) & (smooth > threshold))
    return [_Peak(int(x), int(y), float(heatmap[y, x])) for y, x in zip(rows, columns, strict=True)]


def _connections(starts: list[_Peak], ends: list[_Peak], fields: Array, threshold: float) -> list[tuple[_Peak, _Peak, float]]:
    """Pairs of peaks that the field connects, best first, every peak once."""
    candidates = []
    for first in starts:
        for second in ends:
            along = np.array([second.x - first.x, second.y - first.y], dtype=np.float64)
            length = np.linalg.norm(along)
            if length == 0:
                continue
            x, y = (
                np.floor(np.linspace(start, end, _SAMPLES) + 0.5).astype(int)
                for start, end in ((first.x, second.x), (first.y, second.y))
            )
            agreement = fields[y, x] @ (along / length)
            score = agreement.mean() + min(0.5 * len(fields) / length - 1, 0)
            if (agreement > threshold).sum() > _SHARE_OF_GOOD_SAMPLES * _SAMPLES and score > 0:
                candidates.append((first, second, float(score)))
    candidates.sort(key=lambda candidate: -candidate[2])
    chosen: list[tuple[_Peak, _Peak, float]] = []
    for first, second, score in candidates:
        if all(first is not other[0] and second is not other[1] for other in chosen):
            chosen.append((first, second, score))
    return chosen


def _join(people: list[_Person], start: tuple[int, _Peak], end: tuple[int, _Peak], limb: float, may_start: bool) -> None:
    """Give a limb to the person that holds one of its ends; merge two people that it connects."""
    holders = [person for person in people if any(person.joints.get(joint) is peak for joint, peak in (start, end))]
    if not holders:
        if may_start:
            person = _Person()
            person.take(*start, limb)
            person.take(*end, 0.0)
            people.append(person)
    elif len(holders) > 1 and not holders[0].joints.keys() & holders[1].joints.keys():
        kept, other = holders[:2]
        kept.joints |= other.joints
        kept.count += other.count
        kept.score += other.score + limb
        people.remove(other)
    elif len(holders) > 1 or holders[0].joints.get(end[0]) is not end[1]:
        holders[0].take(*end, limb)
