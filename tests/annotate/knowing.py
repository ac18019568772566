"""Somebody in a photograph, and an annotator that always finds her."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

import torch

from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError


def points(*joints: tuple[int, float, float]) -> torch.Tensor:
    """(18, 3) with the given joints at x, y."""
    keypoints = torch.zeros(18, 3)
    for joint, x, y in joints:
        keypoints[joint] = torch.tensor([x, y, 2.0])
    return keypoints


def figure(height: int = 120, width: int = 80) -> Annotation:
    """Somebody in the middle of a picture, from head to waist."""
    keypoints = points((0, width / 2, height * 0.2), (2, width * 0.4, height * 0.4), (5, width * 0.6, height * 0.4))
    parsing = torch.zeros(height, width, dtype=torch.uint8)
    parsing[height // 8 :, width // 4 : 3 * width // 4] = 4
    return Annotation(keypoints, torch.full((18,), 0.75) * (keypoints[:, 2] > 0), parsing, "atr18", order="coco17", score=0.9)


class Knowing:
    """Finds `figure` in every photograph, and notes what it is asked for.

    Args:
        problems: what is wrong, by the name of the photograph.
        kill_at: name of the photograph at which the process dies.
    """

    def __init__(self, problems: Mapping[str, PhotographError] | None = None, kill_at: str | None = None) -> None:
        self.record = {"annotator": "knowing"}
        self.problems, self.kill_at = problems or {}, kill_at
        self.asked: list[list[str]] = []

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        self.asked.append([photograph.name for photograph in photographs])
        if self.kill_at in self.asked[-1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return [self.problems.get(each.name) or figure(*each.image.shape[1:]) for each in photographs]
