"""Lips, nose and eyes on label maps of people, from the landmarks of a face.

Step 01 of ClothNet's data preparation (authors' `01_face_features.py`). Landmarks are the 68 of dlib's predictor; any detector
that gives them will do.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from fashiongen.layers.sketch_colours import FACE

FEATURES = {18: range(48, 67), 19: range(27, 35), 20: range(36, 41), 21: range(42, 47)}
"""Label -> landmarks around it: lips, nose, the eye on the left of the picture, the eye on its right."""
ON_TOP = (1, 2, 3)
"""Labels that hide the face: hat, hair, sunglasses."""


def face_box(labels: Tensor, border: int = 0) -> tuple[int, int, int, int] | None:
    """The square around the face of a label map.

    The tight box grows by the border, then its shorter side by the difference of the two; what falls off the picture is shifted
    back into it (an end that lies just outside stays there, as in the authors' code; where no square fits, it begins outside).

    Args:
        labels: (H, W) integer ids of the scheme "clothnet22".
        border: pixels on each side.

    Returns:
        first and last row, first and last column, inclusive; None without a face.
    """
    places = (labels == FACE).nonzero()
    if not len(places):
        return None
    spans = []
    for axis in (0, 1):
        last = labels.shape[axis] - 1
        spans.append([max(int(places[:, axis].min()) - border, 0), min(int(places[:, axis].max()) + border, last)])
    lengths = [end - start for start, end in spans]
    shorter = int(lengths[1] < lengths[0])
    missing = abs(lengths[0] - lengths[1])
    start, end, size = spans[shorter][0] - missing // 2, spans[shorter][1] + missing - missing // 2, labels.shape[shorter]
    if start < 0:
        start, end = 0, end - start
    if end > size:
        start, end = start - (end - size), size - 1
    spans[shorter] = [start, end]
    return spans[0][0], spans[0][1], spans[1][0], spans[1][1]


def choose_face(labels: Tensor, detections: Tensor, least: float = 0.3) -> int | None:
    """Which detection is the face of a label map.

    Args:
        labels: (H, W) integer ids of the scheme "clothnet22".
        detections: (N, 4) boxes: first column, first row, last column, last row, inclusive.
        least: overlap that the face must exceed: face pixels inside / (face pixels outside + area of the box).

    Returns:
        the detection with the largest overlap; None when none overlaps enough.
    """
    face = labels == FACE
    best, chosen = least, None
    for place, (left, top, right, bottom) in enumerate(detections.tolist()):
        inside = int(face[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)].sum())
        overlap = inside / (int(face.sum()) - inside + (right - left + 1) * (bottom - top + 1))
        if overlap > best:
            best, chosen = overlap, place
    return chosen


def add_face_features(labels: Tensor, landmarks: Tensor) -> Tensor:
    """Draw lips, nose and eyes into a label map; hat, hair and sunglasses stay on top.

    Args:
        labels: (H, W) uint8 ids of the scheme "clothnet22".
        landmarks: (68, 2) int64, x and y in pixels.

    Returns:
        (H, W) uint8.
    """
    drawn = np.ascontiguousarray(labels.cpu().numpy().copy())
    for label, places in FEATURES.items():
        cv2.fillPoly(drawn, [landmarks[list(places)].cpu().numpy().astype(np.int32)], label)
    result = torch.from_numpy(drawn).to(labels.device)
    hidden = torch.isin(labels, torch.tensor(ON_TOP, dtype=labels.dtype, device=labels.device))
    return torch.where(hidden, labels, result)
