"""Key points: the joint orders of the field, conversions between them, and the files they come in.

Key points are (..., J, 3) float: x to the right and y down in pixels, the centre of the top left pixel at (0.5, 0.5), then
visibility: 2 seen, 1 hidden behind something, 0 unknown (x and y are then 0). Files count from the centre of the first pixel
instead, so reading adds 0.5.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import mat_files

_LIMB_JOINTS = ("shoulder", "elbow", "wrist")
_FACE = ("right_eye", "left_eye", "right_ear", "left_ear")


def _sided(side: str, joints: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints)


def _alternating(joints: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{side}_{joint}" for joint in joints for side in ("left", "right"))


_ARMS = ("neck", *_sided("right", _LIMB_JOINTS), *_sided("left", _LIMB_JOINTS))
_RIGHT_LEG, _LEFT_LEG = _sided("right", ("hip", "knee", "ankle")), _sided("left", ("hip", "knee", "ankle"))
_FEET = ("big_toe", "small_toe", "heel")
_LEGS_FROM_RIGHT_ANKLE = (*reversed(_RIGHT_LEG), *_LEFT_LEG)
_ARMS_FROM_RIGHT_WRIST = ("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist")

ORDERS: dict[str, tuple[str, ...]] = {
    "openpose18": ("nose", *_ARMS, *_RIGHT_LEG, *_LEFT_LEG, *_FACE),
    "body25": ("nose", *_ARMS, "mid_hip", *_RIGHT_LEG, *_LEFT_LEG, *_FACE, *_sided("left", _FEET), *_sided("right", _FEET)),
    "coco17": ("nose", *_alternating(("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))),
    "mpii16": (*_LEGS_FROM_RIGHT_ANKLE, "mid_hip", "neck", "upper_neck", "head_top", *_ARMS_FROM_RIGHT_WRIST),
    "lsp14": (*_LEGS_FROM_RIGHT_ANKLE, *_ARMS_FROM_RIGHT_WRIST, "neck", "head_top"),
}
"""Names of the joints by order; left and right are the person's own. MPII's thorax counts as its neck."""

LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
)  # fmt: skip
"""Pairs of joints of the order "openpose18" that OpenPose connects."""

_MIDPOINTS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}


def convert(keypoints: Tensor, source: str, target: str) -> Tensor:
    """Reorder key points. A neck or mid hip that `source` lacks is put midway between the shoulders or hips, when both are known.

    Args:
        keypoints: (..., J, 3).
        source: order of `keypoints`, a name of `ORDERS`.
        target: order wanted.

    Returns:
        (..., K, 3); joints that `source` knows nothing about are zeros.

    Raises:
        ValueError: for an unknown order or another number of joints.
    """
    names = _order(source)
    wanted = _order(target)
    _check_shape(keypoints, source)
    missing = torch.zeros_like(keypoints[..., 0, :])
    joints = []
    for name in wanted:
        if name in names:
            joints.append(keypoints[..., names.index(name), :])
        elif name in _MIDPOINTS:
            joints.append(_midpoint(*(keypoints[..., names.index(end), :] for end in _MIDPOINTS[name])))
        else:
            joints.append(missing)
    return torch.stack(joints, dim=-2)


def _midpoint(first: Tensor, second: Tensor) -> Tensor:
    visibility = torch.minimum(first[..., 2:], second[..., 2:])
    middle = torch.cat([(first[..., :2] + second[..., :2]) / 2, visibility], dim=-1)
    return torch.where(visibility > 0, middle, torch.zeros_like(middle))


def mirror(keypoints: Tensor, width: float, order: str = "openpose18") -> Tensor:
    """Key points of the mirrored picture: x becomes `width` - x and left and right change places; unknown joints stay zeros.

    Args:
        keypoints: (..., J, 3).
        width: width of the picture in pixels.
        order: a name of `ORDERS`.

    Raises:
        ValueError: for an unknown order or another number of joints.
    """
    names = _order(order)
    _check_shape(keypoints, order)
    swapped = keypoints[..., [names.index(_other_side(name)) for name in names], :]
    flipped = torch.stack([width - swapped[..., 0], swapped[..., 1], swapped[..., 2]], dim=-1)
    return torch.where(swapped[..., 2:] > 0, flipped, swapped)


def _other_side(name: str) -> str:
    side, _, joint = name.partition("_")
    return {"left": f"right_{joint}", "right": f"left_{joint}"}.get(side, name)


def check(keypoints: Tensor, path: str | os.PathLike[str] = "key points", order: str = "openpose18") -> Tensor:
    """Refuse key points that cannot be used.

    Args:
        keypoints: what should be (J, 3).
        path: where they come from, for the message.
        order: a name of `ORDERS`.

    Returns:
        the same, float32, with the coordinates of unknown joints set to zero.

    Raises:
        ValueError: for another shape, NaN or infinity, a visibility below 0, or when no joint is known at all.
    """
    joints = len(_order(order))
    if tuple(keypoints.shape) != (joints, 3):
        raise ValueError(
            f"{path}: expected ({joints}, 3) key points (x, y, visibility) in the order {order}, got {tuple(keypoints.shape)}"
        )
    if not torch.isfinite(keypoints).all():
        bad = ", ".join(name for name, joint in zip(_order(order), keypoints, strict=True) if not torch.isfinite(joint).all())
        raise ValueError(f"{path}: not a number in the key points {bad}; mark a missing joint as 0, 0, 0")
    if (keypoints[:, 2] < 0).any():
        raise ValueError(f"{path}: a visibility is negative; mark a missing joint as 0, 0, 0")
    if not (keypoints[:, 2] > 0).any():
        raise ValueError(f"{path}: no joint was found; detect the key points again or leave this picture out")
    return (keypoints * (keypoints[:, 2:] > 0)).float()


def read_openpose(path: str | os.PathLike[str]) -> Tensor:
    """Read a JSON file of OpenPose with 18 or 25 points; of several people the one with the largest sum of confidences.

    Both names of the list are known: "pose_keypoints_2d" and the older "pose_keypoints". A joint with confidence 0 is missing, any
    other counts as seen.

    Returns:
        (18, 3) in the order "openpose18".

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is no OpenPose file, or holds nobody, another number of points, or NaN.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such key-point file")
    try:
        people = json.loads(path.read_bytes())["people"]
        found = [np.asarray(_point_list(person), np.float64).reshape(-1) for person in people]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f'{path}: not a key-point file of OpenPose ({{"people": [...]}}): {error}') from error
    if not found:
        raise ValueError(f"{path}: OpenPose found nobody in this picture; leave it out or detect again")
    lengths = {len(points) for points in found}
    if len(lengths) > 1 or not lengths <= {54, 75}:
        raise ValueError(f"{path}: expected 54 or 75 numbers a person (18 or 25 points), got {sorted(lengths)}")
    best = max((points.reshape(-1, 3) for points in found), key=lambda points: np.nan_to_num(points[:, 2]).sum())
    order = "openpose18" if len(best) == 18 else "body25"
    joints = check(torch.from_numpy(best), path, order)
    seen = joints[:, 2:] > 0
    joints = torch.cat([joints[:, :2] + 0.5, torch.full_like(joints[:, 2:], 2)], dim=1) * seen
    return check(convert(joints, order, "openpose18"), path)


def _point_list(person: dict[str, Any]) -> Any:
    if "pose_keypoints_2d" in person:
        return person["pose_keypoints_2d"]
    return person["pose_keypoints"]


def read_candidate_subset(
    candidate: Any, subset: Any, person: int | None = None, path: str | os.PathLike[str] = "key points"
) -> Tensor:
    """Key points as the demo of Realtime Multi-Person Pose Estimation stores them, and with it VITON and PG2.

    Args:
        candidate: (n, 4) peaks: x, y, score, id.
        subset: (people, 20) row of `candidate` for each of 18 joints, -1 for a missing one, then total score and number of parts.
        person: row of `subset`; None takes the person with the highest total score. VITON's authors always take row 0.
        path: where they come from, for messages.

    Returns:
        (18, 3) in the order "openpose18".

    Raises:
        ValueError: naming `path`, when nobody was found, or when the arrays do not fit together.
    """
    peaks = np.asarray(candidate, np.float64)
    people = np.asarray(subset, np.float64)
    if people.size == 0 or peaks.size == 0:
        raise ValueError(f"{path}: nobody was found in this picture; leave it out or detect again")
    if peaks.ndim != 2 or peaks.shape[1] < 2 or people.ndim != 2 or people.shape[1] != 20:
        raise ValueError(f"{path}: expected candidate (n, 4) and subset (people, 20), got {peaks.shape} and {people.shape}")
    if not np.isfinite(people).all():
        raise ValueError(f"{path}: subset holds numbers that are not finite; detect again")
    row = people[int(people[:, 18].argmax()) if person is None else person]
    keypoints = np.zeros((18, 3))
    for joint, index in enumerate(row[:18].astype(int)):
        if index >= len(peaks):
            raise ValueError(f"{path}: subset names peak {index}, candidate has {len(peaks)}")
        if index >= 0:
            keypoints[joint] = (*(peaks[index, :2] + 0.5), 2)
    return check(torch.from_numpy(keypoints), path)


def read_mat(path: str | os.PathLike[str], person: int | None = None) -> Tensor:
    """Read a .mat file with the arrays `candidate` and `subset`; see `read_candidate_subset`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is damaged, lacks the arrays, or holds nobody.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such key-point file")
    try:
        content = mat_files.read_mat(path, ("candidate", "subset"))
    except ValueError as error:
        raise ValueError(f"{path}: not a .mat file with candidate and subset: {error}") from error
    return read_candidate_subset(content["candidate"], content["subset"], person, path)


def _order(name: str) -> tuple[str, ...]:
    if name not in ORDERS:
        raise ValueError(f"no joint order is called {name!r}; known: {', '.join(ORDERS)}")
    return ORDERS[name]


def _check_shape(keypoints: Tensor, order: str) -> None:
    joints = len(ORDERS[order])
    if keypoints.ndim < 2 or keypoints.shape[-2:] != (joints, 3):
        raise ValueError(f"key points in the order {order} are (..., {joints}, 3), not {tuple(keypoints.shape)}")
