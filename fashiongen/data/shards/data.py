"""Shards as a data module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.utils.data import DataLoader, Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.loading import TrainLoader, loader_options
from fashiongen.data.shards.order import EvenBatches, ShardSampler
from fashiongen.data.shards.reader import ShardSet
from fashiongen.data.shards.store import CACHE, ShardStore
from fashiongen.registry import ANNOTATIONS
from fashiongen.types import Batch

_SPLIT_OF = {"fit": "train", "validate": "validation", "test": "test", "predict": "test"}


class ShardsDataModule(FashionDataModule):
    """A set of shards that `fashiongen data shard` wrote; what its batches hold is what the index says.

    Training reads every example once an epoch over all processes and workers, and goes on inside an epoch. The other loops read
    every example once, too, in the same number of batches in each process.

    Args:
        root: folder of `index.json`, or its address: `s3://bucket/set`, `gs://...`, `https://host/set`; whatever fsspec opens, with
            the package that it names for it.
        cache: folder where shards of an address are kept; folders are read where they are.
        cache_gigabytes: about how much of a set is kept there; None keeps all of it.
        verify: compare the checksum of each shard when a process opens it for the first time.
        base: batch_size, num_workers, seed of `fashiongen.data.base.FashionDataModule`.

    Attributes:
        index: what the set holds.

    Raises:
        FileNotFoundError: when there is no set.
        ValueError: when its index cannot be read, or when writing it was stopped.
    """

    provides = frozenset(ANNOTATIONS)

    def __init__(
        self, root: str, cache: str = CACHE, cache_gigabytes: float | None = None, verify: bool = True, **base: Any
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)
        self.store = ShardStore(root, cache, cache_gigabytes, verify)
        self.index = self.store.index
        self.provides = frozenset[str]().union(*(split.provides for split in self.index.splits.values()))

    def setup(self, stage: str) -> None:
        """From now on `provides` is what the examples of this stage hold: training examples may lack what test examples have."""
        split = self.index.splits.get(_SPLIT_OF[stage])
        if split is not None:
            self.provides = frozenset(split.provides)

    def _set(self, split: str) -> Dataset[Batch]:
        if split not in self.index.splits:
            raise ValueError(f"{self.store.root} has no {split} split, only {' and '.join(self.index.splits)}")
        return ShardSet(self.index.splits[split], self.store, max(64, 2 * self.batch_size))

    def train_dataloader(self) -> TrainLoader:
        """Goes on with the batch that the trainer has not seen yet."""
        seen = self.trainer.fit_loop.total_batch_idx + 1 if self.trainer is not None else 0
        examples = self.train_set
        sampler = ShardSampler([shard.samples for shard in self.index.splits["train"].shards], self.batch_size, self.seed)
        return TrainLoader(examples, self.batch_size, self.seed, self.num_workers, start=seen, sampler=sampler)

    def val_dataloader(self) -> Any:
        """Nothing where the set has no validation split."""
        return super().val_dataloader() if "validation" in self.index.splits else []

    def _in_order(self, dataset: Dataset[Batch]) -> DataLoader[Batch]:
        sampler = EvenBatches(len(dataset), self.batch_size)  # type: ignore[arg-type]
        options = {name: option for name, option in loader_options(self.num_workers).items() if name != "collate_fn"}
        return DataLoader(_Batches(dataset), batch_size=None, sampler=sampler, num_workers=self.num_workers, **options)


class _Batches(Dataset[Batch]):
    """Lists of indices -> batches."""

    def __init__(self, examples: Dataset[Batch]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)  # type: ignore[arg-type]

    def __getitem__(self, indices: Sequence[int]) -> Batch:  # type: ignore[override]
        return Batch.collate([self.examples[index] for index in indices])
