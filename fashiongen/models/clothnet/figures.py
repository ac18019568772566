"""What is measured of ClothNet: sketches that were drawn against true ones, and portraits against pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification import MulticlassJaccardIndex

from fashiongen.layers.segment_colours import paint, segment_colours
from fashiongen.layers.sketch_colours import clean_faces, from_bytes
from fashiongen.metrics.label_histogram import LabelHistogramDistance
from fashiongen.metrics.masked import MaskedL1, MaskedSSIM
from fashiongen.metrics.two_sample import TwoSampleAccuracy
from fashiongen.models.base import FashionModule
from fashiongen.models.clothnet.sketch import BODY, LABELS, Example, implied_body, levels
from fashiongen.models.figures import log_figures
from fashiongen.types import Batch


class BodyAgreement(Metric):
    """Mean over the six body classes of the IoU between given body maps and those that sketches imply; higher is better.

    What a sketch implies is `fashiongen.models.clothnet.sketch.implied_body`: clothes follow the body where they can.
    """

    full_state_update = False
    higher_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.overlap = MulticlassJaccardIndex(len(BODY), average="none")

    def update(self, labels: Tensor, body: Tensor) -> None:
        """Sketches (B, H, W), ids of `LABELS`, and bodies (B, H, W), ids of `BODY`."""
        self.overlap.update(implied_body(labels, body).long(), body.long())

    def compute(self) -> Tensor:
        return self.overlap.compute()[1:].mean()

    def reset(self) -> None:
        super().reset()
        self.overlap.reset()


class SketchFigures(FashionModule):
    """Validation, test and prediction steps on batches of people."""

    has: frozenset[str]
    sample_codes: Callable[..., Tensor]
    draw: Callable[..., Tensor]
    example: Callable[..., Example]
    module: Callable[[str], Any]

    def on_validation_epoch_start(self) -> None:
        self.figures: dict[str, dict[str, Metric]] = {}

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Accuracy of coding sketches and drawing them again, and L1 and SSIM of portraits."""
        seen = self.example(batch.person)
        for name in self._sketch_modules(seen):
            network = self.module(name)
            known = network.embed(seen.body) if name == "body_sketch" else None
            mean, _ = network.encode(seen.labels, known)
            drawn = network.decode(mean, None if known is None else known[-1]).argmax(dim=1)
            self._metrics(name, accuracy=MeanMetric)["accuracy"].update((drawn == seen.labels).float())
        if "portray" in self.has:
            self._measure_portrait("portrait", self.module("portray")(seen.condition), seen)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card.

        Sampled sketches against the true ones of the data: distance of the label histograms and accuracy of a classifier
        two-sample test; on bodies also the agreement with the body, beside those of the true sketch and of a sketch that was drawn
        on another body. Portraits of the true sketches in their own colours against the pictures, beside two trivial ones: every
        label in its mean colour over the batch, and every label in its own colour.
        """
        seen = self.example(batch.person)
        with torch.random.fork_rng():
            # The same sketches whenever these weights are tested.
            torch.manual_seed(self.seed * 1_000_003 + batch_idx)
            for name in self._sketch_modules(seen):
                self._measure_sketches(name, seen)
        if "portray" not in self.has:
            return
        own = segment_colours(levels(seen.picture), seen.labels, "mean")
        weight = torch.stack([torch.bincount(each.flatten().long(), minlength=len(LABELS)) for each in seen.labels])[..., None]
        mean = (own * weight).sum(dim=0) / weight.sum(dim=0).clamp(min=1)
        pictures = {
            "portrait": self.module("portray")(seen.condition),
            "mean_colour": from_bytes(paint(seen.labels, mean.expand(len(own), -1, -1))),
            "own_colour": from_bytes(paint(seen.labels, own)),
        }
        for name, picture in pictures.items():
            self._measure_portrait(name, picture, seen)

    def on_validation_epoch_end(self) -> None:
        log_figures(self, self.figures, "validation", "portrait/person_l1")

    def on_test_epoch_end(self) -> None:
        log_figures(self, self.figures, "test", "portrait/person_l1")

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and portraits (B, 3, H, W) of the people of a batch, painted from their sketches."""
        seen = self.example(batch.person)
        return {"name": batch.name, "image": self.module("portray")(seen.condition)}

    # ------------------------------------------------------------------------------------------------ parts
    def _sketch_modules(self, seen: Example) -> list[str]:
        return [name for name in ("sketch", "body_sketch") if name in self.has and (name == "sketch" or seen.body is not None)]

    def _measure_sketches(self, name: str, seen: Example) -> None:
        true = clean_faces(seen.labels)
        body = seen.body if name == "body_sketch" else None
        drawn = self.draw(self.sample_codes(len(true), body is not None), body)
        metrics = self._metrics(name, label_histogram=LabelHistogramDistance, two_sample=TwoSampleAccuracy)
        for metric in metrics.values():
            metric.update(drawn, true)
        if body is not None:
            for which, labels in ((name, drawn), ("true_sketch", seen.labels), ("other_body", drawn.roll(1, dims=0))):
                self._metrics(which, body_iou=BodyAgreement)["body_iou"].update(labels, body)

    def _measure_portrait(self, name: str, picture: Tensor, seen: Example) -> None:
        region = (seen.labels != 0).unsqueeze(1).to(picture.dtype)
        kinds = {"l1": MaskedL1, "person_l1": MaskedL1, "ssim": MaskedSSIM, "person_ssim": MaskedSSIM}
        for figure, metric in self._metrics(name, **kinds).items():
            metric.update(picture, seen.picture, region if figure.startswith("person_") else None)

    def _metrics(self, name: str, **kinds: Callable[..., Metric]) -> dict[str, Metric]:
        """Those of `name` that are asked for, made when they are first asked for."""
        own = self.figures.setdefault(name, {})
        for figure, kind in kinds.items():
            if figure not in own:
                options = {"classes": len(LABELS)} if kind in (LabelHistogramDistance, TwoSampleAccuracy) else {}
                own[figure] = kind(**options).to(self.device)
        return {figure: own[figure] for figure in kinds}
