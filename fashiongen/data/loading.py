"""Loaders with which a run that was killed and resumed sees the batches of a run that never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import distributed
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from fashiongen.types import Batch


class StepSampler(DistributedSampler):
    """An endless sequence of indices that depends on the seed and the step alone, dealt out to processes batch by batch.

    The data set is read in one seeded permutation after another, without a gap between them. Step k of `world_size` processes takes
    the next `world_size * batch_size` indices, rank r the r-th block of `batch_size`: together they see what one process with the
    larger batch would see. A `DistributedSampler`, which Lightning leaves in place.

    Args:
        length: length of the data set.
        batch_size: examples of one batch of one process.
        seed: of the permutations.
        rank, world_size: of this process; by default those of `torch.distributed`, else 0 and 1.

    Raises:
        ValueError: for an empty data set, a batch size below 1, or a rank outside of the world.
    """

    def __init__(self, length: int, batch_size: int, seed: int = 0, rank: int | None = None, world_size: int | None = None) -> None:
        if length < 1 or batch_size < 1:
            raise ValueError(f"a loader needs at least one example and a batch size of at least 1, got {length} and {batch_size}")
        connected = distributed.is_available() and distributed.is_initialized()
        world_size = world_size or (distributed.get_world_size() if connected else 1)
        rank = rank if rank is not None else (distributed.get_rank() if connected else 0)
        super().__init__(range(length), world_size, rank, seed=seed, drop_last=True)  # type: ignore[arg-type]
        self.length, self.batch_size = length, batch_size
        self.step = 0
        self._permutation: tuple[int, torch.Tensor] | None = None

    def batch(self, step: int) -> list[int]:
        """Indices that this process reads at a step."""
        first = (step * self.num_replicas + self.rank) * self.batch_size
        return [self._index(place) for place in range(first, first + self.batch_size)]

    def _index(self, place: int) -> int:
        epoch, position = divmod(place, self.length)
        if self._permutation is None or self._permutation[0] != epoch:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._permutation = epoch, torch.randperm(self.length, generator=generator)
        return int(self._permutation[1][position])

    def __iter__(self) -> Iterator[int]:
        """The indices of the steps from `step` on, as many as one pass has."""
        for step in range(self.step, self.step + self.steps_a_pass):
            yield from self.batch(step)

    @property
    def steps_a_pass(self) -> int:
        """Steps in which all processes together read the data set once, rounded down, at least one."""
        return max(1, self.length // (self.num_replicas * self.batch_size))

    def __len__(self) -> int:
        return self.steps_a_pass * self.batch_size


class TrainLoader(DataLoader):
    """A training loader that knows its step: each pass goes on where the one before ended, also in a resumed run.

    Lightning saves and restores `state_dict` with its checkpoints; what counts is the batches that were handed out, not those that
    workers prepared ahead. Random numbers for workers come from a generator of its own, so that the model's stay untouched.

    Args:
        dataset: map-style data set of `Batch` without a batch axis.
        batch_size: examples of one batch of one process.
        seed: of the order.
        num_workers: processes that read ahead, one thread each; 0 reads in this one.
        start: number of batches that this process has seen in an earlier run.
        options: for `DataLoader`.
    """

    def __init__(
        self, dataset: Dataset[Batch], batch_size: int = 1, seed: int = 0, num_workers: int = 0, start: int = 0, **options: Any
    ) -> None:
        sampler = StepSampler(len(dataset), batch_size, seed)  # type: ignore[arg-type]
        options = {**loader_options(num_workers, seed), "sampler": sampler, **options}
        super().__init__(dataset, batch_size=batch_size, drop_last=True, num_workers=num_workers, **options)
        self.step = start

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        if isinstance(self.sampler, StepSampler):  # Lightning's overfit_batches puts a sequential one in its place
            self.sampler.step = self.step
        for batch in super().__iter__():
            self.step += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.step = state["step"]


def loader_options(num_workers: int, seed: int = 0) -> dict[str, Any]:
    """What every loader of this library passes to `DataLoader`: collation, worker threads, and random numbers of its own."""
    return {
        "collate_fn": Batch.collate,
        "generator": torch.Generator().manual_seed(seed),
        "worker_init_fn": _one_thread if num_workers else None,
        "persistent_workers": num_workers > 0,
        "pin_memory": torch.cuda.is_available(),
    }


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
