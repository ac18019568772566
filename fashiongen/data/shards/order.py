"""In which order, and by which process, the examples of shards are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, distributed
from torch.utils.data.distributed import DistributedSampler

from fashiongen.data.loading import StepSampler


def epoch_order(samples: Sequence[int], batch: int, seed: int = 0, epoch: int = 0) -> Tensor:
    """A permutation of all examples in which few shards are open at a time.

    The shards are shuffled, and the examples inside each. The sequence is cut into `batch` pieces of equal length (but one), and
    each batch takes the next example of every piece. A place in the batch thus always reads the same few shards, and a process that
    owns some of the places reads that part of the shards alone.

    Args:
        samples: examples of each shard.
        batch: examples of a batch of all processes together.
        seed, epoch: of the shuffling.

    Returns:
        (sum of `samples`,) int64.
    """
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    starts = torch.tensor([0, *samples]).cumsum(0)
    order = torch.randperm(len(samples), generator=generator).tolist()
    sequence = torch.cat([starts[shard] + torch.randperm(samples[shard], generator=generator) for shard in order])
    length, extra = divmod(len(sequence), batch)
    place = torch.arange(len(sequence))
    piece = place % batch
    return sequence[piece * length + piece.clamp(max=extra) + place // batch]


class ShardSampler(StepSampler):
    """As `StepSampler`, in the order of `epoch_order`.

    The sequence is endless, holds every example once an epoch, and is the same for any number of processes whose batch of all
    together is the same; each process reads its own part of the shards.
    Every process takes the same number of steps, whether the processes divide the number of examples or not: the last batch of an
    epoch goes on with the next epoch.

    Args:
        samples: examples of each shard.
        batch_size: examples of one batch of one process.
        seed: of the order.
        rank, world_size: as of `StepSampler`.
    """

    def __init__(
        self, samples: Sequence[int], batch_size: int, seed: int = 0, rank: int | None = None, world_size: int | None = None
    ) -> None:
        super().__init__(sum(samples), batch_size, seed, rank, world_size)
        self.samples = samples

    def _index(self, place: int) -> int:
        epoch, position = divmod(place, self.length)
        if self._permutation is None or self._permutation[0] != epoch:
            self._permutation = epoch, epoch_order(self.samples, self.num_replicas * self.batch_size, self.seed, epoch)
        return int(self._permutation[1][position])


class EvenBatches(DistributedSampler):
    """Lists of indices: every index once over all processes, in the same number of batches in each.

    Nobody waits for a batch that another process does not have.
    Process r reads the r-th part of the data in order. Where the parts differ by one example, a batch differs by one.

    Args:
        length: of the data set.
        batch_size: examples of a batch; one more in the last batch where that alone makes the number of batches equal.
        rank, world_size: of this process; by default those of `torch.distributed`, else 0 and 1.

    Raises:
        ValueError: for fewer examples than processes.
    """

    def __init__(self, length: int, batch_size: int, rank: int | None = None, world_size: int | None = None) -> None:
        connected = distributed.is_available() and distributed.is_initialized()
        world_size = world_size or (distributed.get_world_size() if connected else 1)
        rank = rank if rank is not None else (distributed.get_rank() if connected else 0)
        super().__init__(range(length), world_size, rank, shuffle=False)  # type: ignore[arg-type]
        least, extra = divmod(length, world_size)
        if not least:
            raise ValueError(f"{length} examples cannot be shared by {world_size} processes; use fewer processes")
        start = rank * least + min(rank, extra)
        self.indices = range(start, start + least + (rank < extra))
        self.batch_size = batch_size
        self.batches = min(-(-(least + bool(extra)) // batch_size), least)

    def __iter__(self) -> Iterator[list[int]]:  # type: ignore[override]
        left = self.indices
        for others in reversed(range(self.batches)):
            count = min(self.batch_size, len(left) - others) if others else len(left)
            yield list(left[:count])
            left = left[count:]

    def __len__(self) -> int:
        """Number of batches, the same in every process."""
        return self.batches
