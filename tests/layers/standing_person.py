"""A pose for the tests of body parts."""

from __future__ import annotations

import torch
from torch import Tensor

HEIGHT, WIDTH = 64, 32


def standing() -> Tensor:
    """(1, 18, 3): a person who faces the camera, arms a little away from the body."""
    places = [
        *((16, 8), (16, 14), (11, 14), (8, 22), (6, 30), (21, 14), (24, 22), (26, 30), (13, 32)),
        *((12, 44), (12, 56), (19, 32), (20, 44), (20, 56), (15, 7), (17, 7), (13, 8), (19, 8)),
    ]
    return torch.tensor([[[x + 0.5, y + 0.5, 2.0] for x, y in places]], dtype=torch.float64)


def without(keypoints: Tensor, *joints: int) -> Tensor:
    keypoints = keypoints.clone()
    keypoints[:, list(joints)] = 0
    return keypoints
