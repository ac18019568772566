"""Measures a named protocol of a paper: the numbers of a run, every setting, and the published table beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torchmetrics import Metric

from fashiongen import published, registry
from fashiongen.metrics.figures import Figure, Mask, Network, Reading
from fashiongen.metrics.networks import published_inception
from fashiongen.published import REAL, Protocol
from fashiongen.types import Batch, Person

_WIDTH = 118


@dataclass
class Measurement:
    """The numbers of one run. `str` is the report: every setting, the numbers, and the published table beside them.

    Attributes:
        protocol: how it was measured.
        readings: "<name of the model>" or "real data" -> label of a figure -> its number.
        left_out: label of a figure -> why it was not measured.
        differences: what this run did otherwise than the protocol says.
    """

    protocol: Protocol
    readings: dict[str, dict[str, Reading]]
    left_out: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told, paper = self.protocol, self.protocol.published
        names = list(self.readings)
        published_rows = [row for row in (paper.ours, REAL) if row in paper.rows]
        rows = [["figure", *names, *(f"{row}*" for row in published_rows)]]
        for figure in told.figures:
            numbers = [str(self.readings[name].get(figure.label, "-")) for name in names]
            rows.append([figure.label, *numbers, *(paper.number(row, figure.label) for row in published_rows)])
        header, *numbered = _table(rows)
        lines = [f"Protocol {told.name}: {told.title}", "", *_wrapped(told.settings()), "", header]
        for figure, line in zip(told.figures, numbered, strict=True):
            lines += [line, *textwrap.wrap(str(figure), _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)]
        for title, notes in (("Not measured", self.left_out), ("Differs from the protocol", dict(enumerate(self.differences, 1)))):
            if notes:
                lines += ["", title, *_wrapped({str(key): text for key, text in notes.items()})]
        lines += [
            "",
            "± population deviation over pictures; of the Inception Score, over splits",
            f"* Published table ({paper.mark})",
        ]
        lines += _table([["", *paper.columns], *([name, *numbers] for name, numbers in paper.rows.items())])
        return "\n".join(line.rstrip() for line in lines)


def _wrapped(texts: Mapping[str, str]) -> list[str]:
    first = max(map(len, texts)) + 2
    return [
        line
        for name, text in texts.items()
        for line in textwrap.wrap(text, _WIDTH, initial_indent=f"  {name:<{first}}", subsequent_indent=" " * (first + 2))
    ]


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]


class ProtocolFigures(Callback):
    """Measures a protocol while a trainer tests or predicts, and prints the report at the end.

    Pictures are those of the module's `predict_step`; beside the model, the true pictures are measured as if they were generated
    ("real data"). What differs from the protocol (another data set, fewer pairs, another size) is part of the report. Works on one
    process: several would see some pairs twice.

    Example::

        figures = ProtocolFigures("deformable-gan-market", detector=detector)
        Trainer(callbacks=[figures], logger=False).predict(model, data, return_predictions=False)
        figures.measurement.readings["deformable_gan"]["SSIM"].value

    Args:
        protocol: a name of `fashiongen.published.PROTOCOLS`, or one of your own.
        inception: network of the Inception Scores in place of the published one, see
            `fashiongen.metrics.inception_score.InceptionScore`.
        detector: of the detection score, see `fashiongen.metrics.detection_score.DetectionScore`; without it, it is left out.

    `measurement` holds the numbers afterwards.
    """

    def __init__(self, protocol: str | Protocol, inception: Network | None = None, detector: Network | None = None) -> None:
        self.protocol = protocol if isinstance(protocol, Protocol) else published.protocol(protocol)
        self.networks = {"inception": inception, "detector": detector}
        self.measurement: Measurement | None = None

    # ------------------------------------------------------------------------------------------------ the loops
    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin(trainer, pl_module)

    def on_predict_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin(trainer, pl_module)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._measure(pl_module, pl_module.predict_step(batch, batch_idx)["image"], batch)

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._measure(pl_module, outputs["image"], batch)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        measurement = self._finish(trainer, pl_module)
        for name, readings in measurement.readings.items():
            for label, reading in readings.items():
                pl_module.log(f"{self.protocol.name}/{name}/{label}", reading.value)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._finish(trainer, pl_module)

    # ------------------------------------------------------------------------------------------------ the work
    def _begin(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.world_size > 1:
            raise ValueError("the figures of a protocol are those of one process; run it with --trainer.devices 1")
        networks, self.left_out = self._networks()
        self.figures = [figure for figure in self.protocol.figures if figure.label not in self.left_out]
        self.metrics: dict[str, dict[Figure, Metric]] = {}
        for name in (_name(module), REAL):
            shared = dict.fromkeys(figure.shared for figure in self.figures)
            self.metrics[name] = {figure: figure.metric(networks.get(figure.needs)).to(module.device) for figure in shared}
        self.count, self.sizes = 0, set[tuple[int, int]]()

    def _networks(self) -> tuple[dict[str, Network], dict[str, str]]:
        """Networks by what needs them, and why some figures are left out."""
        found = {name: network for name, network in self.networks.items() if network is not None}
        missing = {figure.needs for figure in self.protocol.figures if figure.needs} - found.keys()
        why = {"detector": "it needs a detector of people: ProtocolFigures(..., detector=...)"}
        if "inception" in missing:
            try:
                found["inception"] = published_inception()
            except (ImportError, OSError) as error:
                why["inception"] = str(error)
        labels = {figure.label: why[figure.needs] for figure in self.protocol.figures if figure.needs in missing - found.keys()}
        return found, labels

    def _measure(self, module: LightningModule, picture: Tensor, batch: Batch) -> None:
        truth = _truth(batch)
        self.count += len(picture)
        self.sizes.add((picture.shape[-2], picture.shape[-1]))
        regions = {mask: _region(mask, batch, picture) for figure in self.figures if (mask := figure.mask) is not None}
        for name, image in ((_name(module), picture), (REAL, truth.image)):
            for figure, metric in self.metrics[name].items():
                region = None if figure.mask is None else regions[figure.mask]
                figure.update(metric, image, truth.image, region)

    def _finish(self, trainer: Trainer, module: LightningModule) -> Measurement:
        readings: dict[str, dict[str, Reading]] = {}
        for name, metrics in self.metrics.items():
            computed = {figure: metric.compute() for figure, metric in metrics.items()}
            readings[name] = {figure.label: figure.read(computed[figure.shared]) for figure in self.figures}
        differences = self._differences(trainer, module)
        self.measurement = Measurement(self.protocol, readings, self.left_out, differences)
        print(f"\n{self.measurement}\n")
        return self.measurement

    def _differences(self, trainer: Trainer, module: LightningModule) -> list[str]:
        told = self.protocol
        data = type(getattr(trainer, "datamodule", None)).__name__.replace("NoneType", "data of no data module")
        wanted = registry.DATA[told.data].path.rpartition(":")[2]
        sizes = ", ".join(f"{height} x {width}" for height, width in sorted(self.sizes))
        pairs = [
            (_name(module) != told.model, f"{_name(module)} instead of {told.model}"),
            (data != wanted, f"{data} instead of {wanted}"),
            (self.count != told.count, f"{self.count:,} pairs instead of {told.count:,}"),
            (self.sizes != {told.size}, f"pictures of {sizes} instead of {told.size[0]} x {told.size[1]}"),
        ]
        for name, network in self.networks.items():
            if network is not None and name in {figure.needs for figure in self.figures}:
                pairs.append((True, f"{name}: {getattr(network, '__name__', type(network).__name__)}, given by the caller"))
        return [text for differs, text in pairs if differs]


def _name(module: LightningModule) -> str:
    return getattr(module, "name", type(module).__name__)


def _truth(batch: Batch) -> Person:
    """What is real: the target of pose transfer, the true answer of another task, else the picture of the person."""
    return batch.target or batch.truth or batch.person


def _region(mask: Mask, batch: Batch, picture: Tensor) -> Tensor:
    target = batch.target
    if target is None or target.keypoints is None or batch.person.keypoints is None:
        raise ValueError("masked figures need the key points of the person and of the target; this data lacks them")
    return mask.region(batch.person.keypoints, target.keypoints, picture.shape[-2], picture.shape[-1])
