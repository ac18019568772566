"""Callbacks of a training: checkpoints and a progress bar that know about stages, and a writer of pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter, Checkpoint, RichProgressBar

from fashiongen.models.base import FashionModule, Stage
from fashiongen.types import to_pil

LAST = "last.ckpt"
_FORMATS = {"png": "PNG", "jpg": "JPEG"}


class StageCheckpoint(Checkpoint):
    """Writes `last.ckpt` every so many steps and when training ends, and `<stage>.ckpt` when a stage is done.

    Steps are those of the module (`FashionModule.steps_done`), one a batch; `Trainer.global_step` counts every update of every
    optimiser. A file is replaced in one piece: whenever the process is killed, what is there is a whole checkpoint.

    Args:
        every: steps between two `last.ckpt`.
        folder: where they go; None takes the folder of the log.

    Raises:
        ValueError: when `every` is not positive.
    """

    def __init__(self, every: int = 500, folder: str | None = None) -> None:
        if every < 1:
            raise ValueError(f"a checkpoint every {every} steps is impossible; give a positive number")
        self.every = every
        self.folder = None if folder is None else Path(folder)
        self._stage: Stage | None = None
        self._saved_at = 0

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self.folder is None:
            self.folder = Path(trainer.log_dir or trainer.default_root_dir)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_at = _fashion(pl_module).steps_done

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._stage = _fashion(pl_module).stage

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        module, before = _fashion(pl_module), self._stage
        if before is None:
            return
        stage_is_done = module.stage is not before
        if stage_is_done:
            self._save(trainer, f"{before.name}.ckpt")
        if stage_is_done or module.steps_done % self.every == 0:
            self._save_last(trainer, module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module = _fashion(pl_module)
        if module.steps_done != self._saved_at:
            self._save_last(trainer, module)

    def _save_last(self, trainer: Trainer, module: FashionModule) -> None:
        self._save(trainer, LAST)
        self._saved_at = module.steps_done

    def _save(self, trainer: Trainer, name: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        assert self.folder is not None
        # Lightning writes a file in the system's temporary folder first; from another disk it is copied, not moved, into place.
        unfinished = self.folder / f"{name}.part"
        trainer.save_checkpoint(unfinished, weights_only=False)  # every process takes part in it
        if trainer.is_global_zero:
            os.replace(unfinished, self.folder / name)


class StageProgressBar(RichProgressBar):
    """A bar for each stage: its name, the step in it, the latest losses.

    Args:
        interval: seconds between two looks at the losses, which waits for the device.
    """

    def __init__(self, interval: float = 0.25) -> None:
        super().__init__(refresh_rate=4)
        self.interval = interval
        self._stage: Stage | None = None
        self._shown = -float("inf")

    @property
    def total_train_batches(self) -> int | float:
        """Steps of the current stage."""
        module = _fashion(self.trainer.lightning_module)
        return module.plan[self._stage.name] if self._stage is not None else super().total_train_batches

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """The losses of the last step and the logged figures; the folder of the run is no news."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics | {name.rpartition("/")[2]: value.item() for name, value in _fashion(pl_module).losses.items()}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stage = _fashion(pl_module).stage
        super().on_train_epoch_start(trainer, pl_module)
        self._describe()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        stage = _fashion(pl_module).stage
        if stage is not self._stage:
            self._stage = stage
            if self.progress is not None and self.train_progress_bar_id is not None:
                self.progress.reset(self.train_progress_bar_id, total=self.total_train_batches)
            self._describe()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        module, stage = _fashion(pl_module), self._stage
        is_due = time.monotonic() - self._shown >= self.interval
        if stage is None or not (is_due or module.stage is not stage):
            return
        # The bar counts batches of an epoch; here they are the steps of the stage.
        super().on_train_batch_end(trainer, pl_module, outputs, batch, module.steps_in_stage[stage.name] - 1)
        self._describe()
        self._shown = time.monotonic()

    def _describe(self) -> None:
        if self._stage is not None and self.progress is not None and self.train_progress_bar_id is not None:
            self.progress.update(self.train_progress_bar_id, description=self._stage.name)


class PictureWriter(BasePredictionWriter):
    """Writes what `predict_step` returns, `{"name": names, "image": (B, 3, H, W) in [-1, 1]}`, as picture files.

    A file is written in one piece: whenever the process is killed, what is there is a whole picture.

    Args:
        folder: made if it does not exist; a picture is `<name>.<ending>`, or its number where the data has no names.
        ending: "png", or "jpg" as the data sets of surveillance pictures are stored.
        once: leave the pictures that are there already.
    """

    def __init__(self, folder: str | Path, ending: str = "png", once: bool = False) -> None:
        super().__init__(write_interval="batch")
        self.folder = Path(folder)
        self.ending = ending
        self.once = once
        self.written = 0

    def file(self, name: str) -> Path:
        """Where the picture of a name goes."""
        return self.folder / f"{name.replace('/', '_')}.{self.ending}"

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = batch_indices if batch_indices is not None else range(self.written, self.written + len(prediction["image"]))
        names = prediction["name"] or [f"{number:06d}" for number in numbers]
        for name, image in zip(names, prediction["image"], strict=True):
            file = self.file(name)
            if not (self.once and file.exists()):
                unfinished = file.with_name(f"{file.name}.part")
                to_pil(image).save(unfinished, format=_FORMATS[self.ending], quality=95)
                os.replace(unfinished, file)
        self.written += len(names)


def _fashion(module: LightningModule) -> FashionModule:
    if not isinstance(module, FashionModule):
        raise TypeError(f"stages are known of a FashionModule alone, not of {type(module).__name__}")
    return module
