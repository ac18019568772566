"""What is measured of the annotator: joints at their place, labels that overlap, on whole figures and close by."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from fashiongen.data.parsing import SCHEMES
from fashiongen.metrics.pckh import PCKh
from fashiongen.models.annotator.networks import Reading
from fashiongen.models.base import FashionModule
from fashiongen.types import Batch, Person

LABELS = SCHEMES["lip20"]


class LabelOverlap(Metric):
    """Intersection over union of every label, over all pixels of all pictures; NaN for a label that the truth never has.

    Args:
        labels: number of labels.
    """

    full_state_update = False
    higher_is_better = True

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.confusion = MulticlassConfusionMatrix(labels)

    def update(self, found: Tensor, truth: Tensor) -> None:
        """Label maps (B, H, W)."""
        self.confusion.update(found.long(), truth.long())

    def compute(self) -> Tensor:
        """(labels,)."""
        counts = self.confusion.compute().double()
        both = counts.diagonal()
        overlap = both / (counts.sum(dim=0) + counts.sum(dim=1) - both)
        return overlap.masked_fill(counts.sum(dim=1) == 0, torch.nan)

    def reset(self) -> None:
        super().reset()
        self.confusion.reset()


class AnnotatorFigures(FashionModule):
    """Validation, test and prediction steps on batches of people."""

    views: Callable[[Batch], dict[str, Person]]
    points: Callable[[Reading], tuple[Tensor, Tensor]]
    labels: Callable[..., Tensor]
    size: Any

    def on_validation_epoch_start(self) -> None:
        self.figures: dict[str, dict[str, Metric]] = {}

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """PCKh@0.5, mean IoU of the labels, accuracy of the visibility."""
        for name, person in self.views(batch).items():
            self._measure(name, person)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card: as in validation, and the IoU of every label."""
        self.validation_step(batch, batch_idx)

    def on_validation_epoch_end(self) -> None:
        self._log_figures("validation", every_label=False)

    def on_test_epoch_end(self) -> None:
        self._log_figures("test", every_label=True)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and label maps in colours, (B, 3, H, W) in [-1, 1], of whole pictures."""
        reading = self(self.views(batch)["whole"].image)
        return {"name": batch.name, "image": painted(self.labels(reading, *self.size))}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        columns: dict[str, Tensor] = {}
        for name, person in self.views(batch).items():
            assert person.parsing is not None
            reading = self(person.image)
            heat = reading.joints.float().flatten(2).softmax(dim=2).view(reading.joints.shape)
            heat = (heat / heat.amax(dim=(2, 3), keepdim=True)).amax(dim=1, keepdim=True) * 2 - 1
            columns |= {
                name: person.image,
                f"{name}: true labels": painted(person.parsing),
                f"{name}: labels": painted(self.labels(reading, *self.size)),
                f"{name}: joints": F.interpolate(heat, self.size).expand(-1, 3, -1, -1),
            }
        return columns

    # ------------------------------------------------------------------------------------------------ parts
    def _measure(self, name: str, person: Person) -> None:
        assert person.keypoints is not None
        if name not in self.figures:
            metrics: dict[str, Metric] = {"pckh": PCKh(_as_found), "visibility": MeanMetric(), "iou": LabelOverlap(len(LABELS))}
            self.figures[name] = {figure: metric.to(self.device) for figure, metric in metrics.items()}
        metrics = self.figures[name]
        reading = self(person.image)
        keypoints, _ = self.points(reading)
        metrics["pckh"].update(keypoints, person.keypoints)
        metrics["visibility"].update((keypoints[..., 2] == person.keypoints[..., 2]).float())
        metrics["iou"].update(self.labels(reading, *self.size), person.parsing)

    def _log_figures(self, prefix: str, every_label: bool) -> None:
        for name, metrics in self.figures.items():
            overlap = metrics["iou"].compute()
            values = {
                "pckh": metrics["pckh"].compute(), "visibility": metrics["visibility"].compute(), "iou": overlap.nanmean(),
            }  # fmt: skip
            if every_label:
                values |= {f"iou_{label}": each for label, each in zip(LABELS, overlap, strict=True) if not each.isnan()}
            for figure, value in values.items():
                self.log(f"{prefix}/{name}/{figure}", value.float(), prog_bar=figure in ("pckh", "iou"))


def _as_found(keypoints: Tensor) -> Tensor:
    """The reader of `PCKh` where the key points were read already."""
    return keypoints


def painted(labels: Tensor) -> Tensor:
    """Label maps (B, H, W) in colours, (B, 3, H, W) in [-1, 1]: black background, one hue a label."""
    hues = [(0.0, 0.0, 0.0)] + [
        colorsys.hsv_to_rgb((0.618 * place) % 1, 0.75, 0.6 + 0.4 * (place % 2)) for place in range(1, len(LABELS))
    ]
    colours = torch.tensor(hues, device=labels.device) * 2 - 1
    return colours[labels.long()].permute(0, 3, 1, 2)
