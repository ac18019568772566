"""Are the joints of drawn people where they should be? An annotator that did not draw them looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from fashiongen.annotate.named import annotator
from fashiongen.annotate.photographs import Annotation, Annotator, Photograph
from fashiongen.metrics.pckh import PCKh
from fashiongen.types import Batch

_JOINTS = 18


class JointFigures(Callback):
    """Logs `test/<who>/pckh` while a trainer tests a model: PCKh@0.5 of what an annotator reads off pictures.

    *Who* is the model, with the pictures of its `predict_step`; "real_data", the true pictures, which shows how well the annotator
    reads; and "do_nothing", the person as she came. Joints should be where `Batch.target` has them, else `Batch.truth`, else the
    person.

    Args:
        reader: an annotator, or what `fashiongen.annotate.annotator` takes: "mannequin", "photo", a callable.
    """

    def __init__(self, reader: str | Annotator | Callable[[Tensor], Any]) -> None:
        self.annotator = annotator(reader)
        self.metrics: dict[str, PCKh] = {}

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(self.annotator, nn.Module):
            self.annotator.to(pl_module.device)
        self.metrics = {}

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        truth = batch.target or batch.truth or batch.person
        if truth.keypoints is None:
            raise ValueError("PCKh needs the key points of the true pictures; this data lacks them")
        drawn = pl_module.predict_step(batch, batch_idx)["image"]
        for name, image in ((pl_module.name, drawn), ("real_data", truth.image), ("do_nothing", batch.person.image)):
            metric = self.metrics.setdefault(str(name), PCKh(self._read).to(pl_module.device))
            metric.update(image, truth.keypoints)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, metric in self.metrics.items():
            pl_module.log(f"test/{name}/pckh", metric.compute().float())

    def _read(self, image: Tensor) -> Tensor:
        """(B, 18, 3) key points; those of people who are not found are missing."""
        found = self.annotator.detect([Photograph(picture.clamp(-1, 1)) for picture in image])
        missing = torch.zeros(_JOINTS, 3)
        points = [each.keypoints if isinstance(each, Annotation) else None for each in found]
        return torch.stack([missing if each is None else each.float().cpu() for each in points]).to(image)
