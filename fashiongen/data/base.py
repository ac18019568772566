"""`FashionDataModule`: what all data sets share as LightningDataModules."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from fashiongen.data.loading import TrainLoader, loader_options
from fashiongen.types import Batch


class FashionDataModule(LightningDataModule):
    """A data set with its splits. A subclass names what its batches hold and makes the data set of a split in `_set`.

    Attributes:
        provides: names of the annotations (`fashiongen.registry.ANNOTATIONS`) that its batches hold.

    Args:
        batch_size: examples of one batch of one process.
        num_workers: processes that read ahead; 0 reads in the training process.
        seed: of the order of the training examples.
    """

    provides: frozenset[str] = frozenset({"person"})

    def __init__(self, batch_size: int = 16, num_workers: int = 0, seed: int = 0) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"batch_size is at least 1, not {batch_size}")
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed

    def _set(self, split: str) -> Dataset[Batch]:
        """The data set of a split: "train", "validation" or "test"."""
        raise AttributeError(f"{type(self).__name__} has no {split} set")

    @cached_property
    def train_set(self) -> Dataset[Batch]:
        """Training examples; what `train_dataloader` shuffles."""
        return self._set("train")

    @cached_property
    def validation_set(self) -> Dataset[Batch]:
        """Examples to watch the training with."""
        return self._set("validation")

    @cached_property
    def test_set(self) -> Dataset[Batch]:
        """Examples for the final figures; also those of `predict`."""
        return self._set("test")

    def train_dataloader(self) -> TrainLoader:
        """Goes on with the batch that the trainer has not seen yet, also after a checkpoint from the end of an epoch, whose loader
        state Lightning does not restore."""
        seen = self.trainer.fit_loop.total_batch_idx + 1 if self.trainer is not None else 0
        return TrainLoader(self.train_set, self.batch_size, self.seed, self.num_workers, start=seen)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._in_order(self.validation_set)

    def test_dataloader(self) -> DataLoader[Batch]:
        return self._in_order(self.test_set)

    def predict_dataloader(self) -> DataLoader[Batch]:
        return self._in_order(self.test_set)

    def _in_order(self, dataset: Dataset[Batch]) -> DataLoader[Batch]:
        options: dict[str, Any] = loader_options(self.num_workers, self.seed)
        return DataLoader(dataset, batch_size=self.batch_size, num_workers=self.num_workers, **options)

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        return batch.to(device, non_blocking=True)
