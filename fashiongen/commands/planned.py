"""Data sets that `predict` draws by a plan: every picture once, also when it is killed and started again.

A plan knows the names of all its pictures beforehand. A batch of the plan is drawn as long as one of its pictures is missing, and
always as a whole, so that a run in two parts gives the same bits as a run in one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset, Subset

from fashiongen.callbacks import PictureWriter
from fashiongen.data.loading import loader_options
from fashiongen.models.base import FashionModule

PICTURES = "bounding_box_train"
"""Folder of training pictures in Market-1501's layout."""
_RECORD = "plan.json"


class Plan(Dataset[Any]):
    """Batches of what is to be drawn; a subclass makes them.

    Args:
        names: files of all pictures, in the order in which they are drawn.
        batch_size: pictures of a batch.
        options: all that the pictures depend on, besides the weights; JSON can hold it.

    Raises:
        ValueError: when two pictures have one name.
    """

    def __init__(self, names: Sequence[str], batch_size: int, options: dict[str, Any]) -> None:
        if len(set(names)) < len(names):
            raise ValueError(f"{len(names) - len(set(names))} pictures of the plan would replace others of the same name")
        self.names, self.batch_size = names, batch_size
        self.options = {**options, "pictures": hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]}

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.names) // self.batch_size)

    def places(self, batch: int) -> range:
        """Numbers of the pictures of a batch."""
        return range(batch * self.batch_size, min((batch + 1) * self.batch_size, len(self.names)))

    def __getitem__(self, batch: int) -> Any:
        raise IndexError(f"{type(self).__name__} has no batch {batch}")

    def finish(self, folder: Path) -> None:
        """What is written beside the pictures once all of them are drawn; the same whenever it is called."""


class PlannedWriter(PictureWriter):
    """Writes the pictures of a plan, each once, into `bounding_box_train/`, and finishes the set when all are there.

    Args:
        plan: what is drawn.
        folder: of the set.
    """

    def __init__(self, plan: Plan, folder: str | Path) -> None:
        self.plan, self.set_folder = plan, Path(folder)
        super().__init__(self.set_folder / PICTURES, "jpg", once=True)

    def missing(self) -> list[int]:
        """Batches of which a picture is missing."""
        return [batch for batch in range(len(self.plan)) if not all(map(self._exists, self.plan.places(batch)))]

    def _exists(self, place: int) -> bool:
        return (self.folder / self.plan.names[place]).exists()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse to mix two sets in one folder.

        Raises:
            FileExistsError: when the folder holds a set of other options or weights.
        """
        assert isinstance(pl_module, FashionModule)
        record = {"model": pl_module.name, "weights": _fingerprint(pl_module), **self.plan.options}
        file = self.set_folder / _RECORD
        if file.is_file():
            known = json.loads(file.read_text(encoding="utf-8"))
            changed = [name for name in record if known.get(name) != record[name]]
            if changed:
                raise FileExistsError(
                    f"{self.set_folder} holds pictures of another {' and '.join(changed)}; name another folder, or delete this one"
                )
        elif trainer.is_global_zero:
            self.set_folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(record, indent=1), encoding="utf-8")

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.strategy.barrier()
        if trainer.is_global_zero and not self.missing():
            self.plan.finish(self.set_folder)


class PlannedData(LightningDataModule):
    """Gives the trainer the batches of a plan that a writer misses; the last one when it misses none, so that it can finish.

    Args:
        plan: what is drawn.
        writer: knows what is there.
        num_workers: processes that read ahead.
    """

    def __init__(self, plan: Plan, writer: PlannedWriter, num_workers: int = 0) -> None:
        super().__init__()
        self.plan, self.writer, self.num_workers = plan, writer, num_workers

    def predict_dataloader(self) -> DataLoader[Any]:
        wanted = self.writer.missing() or [len(self.plan) - 1]
        options = {name: value for name, value in loader_options(self.num_workers).items() if name != "collate_fn"}
        return DataLoader(Subset(self.plan, wanted), batch_size=None, num_workers=self.num_workers, **options)


def _fingerprint(model: FashionModule) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.inference_state().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
