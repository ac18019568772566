"""The library's own network as an annotator: no download, and at home in the mannequin world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError

NAME = "annotator.mannequin"
_FEWEST_JOINTS = 4
_SMALLEST_SHARE = 0.01

_WEIGHTS = Path(__file__).parents[1] / "weights" / NAME


class MannequinAnnotator(nn.Module):
    """One person a picture, who fills most of it; several people in one picture confuse it.

    Args:
        model: of `fashiongen.models.annotator`; None loads the bundled one, by name.

    Raises:
        HubError: when no weights are bundled.
    """

    def __init__(self, model: Any = None) -> None:
        super().__init__()
        if model is None:
            import fashiongen  # models stand above this floor

            model = fashiongen.load(NAME)
        self.model = model
        self.record: Mapping[str, Any] = {
            "annotator": "mannequin",
            "weights": [{"role": "key points and parsing", "repository": NAME, "licence": "apache-2.0"}],
        }

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """See `fashiongen.annotate.photographs.Annotator`."""
        found: list[Annotation | PhotographError] = []
        with torch.no_grad():
            readings = self.model.find([photograph.image for photograph in photographs])
        for photograph, (keypoints, scores, parsing) in zip(photographs, readings, strict=True):
            keypoints, scores, parsing = keypoints.cpu(), scores.cpu(), parsing.cpu()
            seen = keypoints[:, 2] > 0
            if seen.sum() < _FEWEST_JOINTS or (parsing > 0).float().mean() < _SMALLEST_SHARE:
                found.append(
                    PhotographError(
                        f"{photograph.name}: nobody was found; the network 'mannequin' knows drawn people alone, "
                        "annotator='photo' knows photographs",
                        "nobody",
                    )
                )
                continue
            found.append(Annotation(keypoints, scores, parsing, score=float(scores[seen].mean())))
        return found


def is_bundled() -> bool:
    """Whether the weights lie in this installation."""
    return _WEIGHTS.is_dir()
