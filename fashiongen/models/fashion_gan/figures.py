"""Steps that measure redressing: does the person wear what the sentence says, and is the rest as it was?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from fashiongen.metrics.masked import MaskedL1
from fashiongen.models.fashion_gan.readers import (
    COLOUR_THRESHOLD,
    KINDS,
    garment_region,
    read_colour,
    read_kind,
    read_sleeve,
)
from fashiongen.models.fashion_gan.redress import Redress
from fashiongen.models.fashion_gan.representation import BACKGROUND, FACE, HAIR
from fashiongen.models.fashion_gan.text import CATEGORIES, COLOURS, SLEEVES, UNSAID, read_attributes
from fashiongen.models.figures import log_figures
from fashiongen.types import Batch, Person

_DRESS = CATEGORIES.index("dress")
_MULTICOLOUR = COLOURS.index("multicolor")


class RedressFigures(Redress):
    """Validation, test and prediction steps.

    A figure "a" on the test examples is logged as `test/<who>/a`. *Who* is

    - the model;
    - "true_map": its picture stage alone, on the label map of the true answer;
    - "do_nothing": the person as she is;
    - "chance": the model's picture of another person of the batch (what the sentence says left aside).

    The figures:

    - `colour`: share of people the mean colour of whose garment lies within 20 of the true one (CIELAB), and `colour_distance`, how
      far it lies on average, both of those whose sentence names a colour ("multicolor" names none);
    - `sleeve`, `kind`: share of people whose label map shows the sleeve (long, short, none, half) and the garment (top or dress)
      that the sentence says; `sleeve_balanced`, `kind_balanced`: the mean of these shares over the classes, so that rare ones
      count as much as frequent ones;
    - `identity_l1`, `background_l1`: change of the picture on the person's hair and face, and on background that is seen before and
      after; 0 is best;
    - `silhouette_iou`: agreement of the outline of the person with the true one: is the pose kept?
    - `garment_l1`, `l1`: distance from the true answer, on its garment and everywhere.
    """

    # ------------------------------------------------------------------------------------------------ steps
    def on_validation_epoch_start(self) -> None:
        self.figures = {self.name: _metrics(self.device)}  # type: ignore[attr-defined]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of redressing where the data has the true answer, else of dressing people in what they wear."""
        sentences, truth = _question(batch)
        redressed = self._redrawn(batch.person, sentences, batch_idx)
        self._measure(self.name, redressed.image, redressed.labels, batch.person, truth, sentences)

    def on_validation_epoch_end(self) -> None:
        log_figures(self, self.figures, "validation", f"{self.name}/colour")

    def on_test_epoch_start(self) -> None:
        names = (self.name, "true_map", "do_nothing", "chance")
        self.figures = {name: _metrics(self.device) for name in names}  # type: ignore[attr-defined]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card against the true answer.

        Raises:
            ValueError: when the data does not know it.
        """
        if batch.truth is None or batch.other_text is None:
            raise ValueError("these figures need the true answer; only the mannequin world's task 'redress' knows it (`truth`)")
        sentences, truth = _question(batch)
        person = batch.person
        redressed = self._redrawn(person, sentences, batch_idx)
        painted = self._redrawn(person, sentences, batch_idx, labels=truth.parsing)
        assert person.parsing is not None
        self._measure(self.name, redressed.image, redressed.labels, person, truth, sentences)
        self._measure("true_map", painted.image, painted.labels, person, truth, sentences)
        self._measure("do_nothing", person.image, person.parsing, person, truth, sentences)
        if len(batch) > 1:
            self._measure("chance", redressed.image.roll(1, 0), redressed.labels.roll(1, 0), person, truth, sentences)

    def on_test_epoch_end(self) -> None:
        log_figures(self, self.figures, "test", f"{self.name}/colour")

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and pictures (B, 3, H, W) of the people of a batch in the clothes of their `other_text`, else `person.text`."""
        sentences, _ = _question(batch)
        return {"name": batch.name, "image": self._redrawn(batch.person, sentences, batch_idx).image}

    # ------------------------------------------------------------------------------------------------ measuring
    def _redrawn(self, person: Person, sentences: Sequence[str], batch_idx: int, labels: Tensor | None = None) -> Any:
        """What the model makes of people, with noise that depends on the number of the batch alone."""
        generator = torch.Generator().manual_seed(self.hparams.get("seed", 0) * 1_000_003 + batch_idx)  # type: ignore[attr-defined]
        count, numbers = len(person.image), self.hparams["noise"]  # type: ignore[attr-defined]
        shape, picture = torch.randn(2, count, numbers, generator=generator).to(person.image)
        code = self.encode(sentences)
        return self.redraw(person, code, code, shape, picture, labels=labels)  # type: ignore[attr-defined]

    def _measure(self, who: str, image: Tensor, labels: Tensor, person: Person, truth: Person, sentences: Sequence[str]) -> None:
        metrics = self.figures[who]
        said = read_attributes(sentences)
        kind = (said.category == _DRESS).long().to(labels.device)
        assert truth.parsing is not None and person.parsing is not None
        region = garment_region(truth.parsing, kind)
        distance = (read_colour(image, garment_region(labels, kind)) - read_colour(truth.image, region)).norm(dim=1)
        distance = distance[(said.colour != _MULTICOLOUR).to(labels.device)]
        metrics["colour"].update((distance <= COLOUR_THRESHOLD).float())
        metrics["colour_distance"].update(distance[distance.isfinite()])
        known = (said.category != UNSAID).to(labels.device)
        for name in ("kind", "kind_balanced"):
            metrics[name].update(read_kind(labels)[known], kind[known])
        if truth.parts is not None:
            for name in ("sleeve", "sleeve_balanced"):
                metrics[name].update(read_sleeve(labels, truth.parts), said.sleeve.to(labels.device))
        own = person.parsing[:, None]
        metrics["identity_l1"].update(image, person.image, ((own == HAIR) | (own == FACE)).float())
        behind = (own == BACKGROUND) & (truth.parsing[:, None] == BACKGROUND)
        metrics["background_l1"].update(image, person.image, behind.float())
        metrics["silhouette_iou"].update(_overlap(labels != BACKGROUND, truth.parsing != BACKGROUND))
        metrics["garment_l1"].update(image, truth.image, region)
        metrics["l1"].update(image, truth.image)


def _metrics(device: torch.device) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {
        "colour": MeanMetric(),
        "colour_distance": MeanMetric(),
        "sleeve": MulticlassAccuracy(len(SLEEVES), average="micro"),
        "sleeve_balanced": MulticlassAccuracy(len(SLEEVES), average="macro"),
        "kind": MulticlassAccuracy(len(KINDS), average="micro"),
        "kind_balanced": MulticlassAccuracy(len(KINDS), average="macro"),
        "identity_l1": MaskedL1(),
        "background_l1": MaskedL1(),
        "silhouette_iou": MeanMetric(),
        "garment_l1": MaskedL1(),
        "l1": MaskedL1(),
    }
    return {name: metric.to(device) for name, metric in metrics.items()}


def _overlap(first: Tensor, second: Tensor) -> Tensor:
    """(B, H, W) bool, twice -> (B,) intersection over union; 1 for two empty masks."""
    both, either = ((mask).flatten(1).sum(dim=1).float() for mask in (first & second, first | second))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def _question(batch: Batch) -> tuple[list[str], Person]:
    """Sentences that people are to be dressed by, and the answer: the true one, else themselves in what they wear.

    Raises:
        ValueError: when there are no sentences.
    """
    if batch.truth is not None and isinstance(batch.other_text, list):
        return batch.other_text, batch.truth
    if isinstance(batch.other_text, list):
        return batch.other_text, batch.person
    if not isinstance(batch.person.text, list):
        raise ValueError("fashion_gan needs sentences: `other_text`, or `text` of the people")
    return batch.person.text, batch.person
