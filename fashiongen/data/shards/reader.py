"""The examples of a split of shards."""

from __future__ import annotations

import mmap
import tarfile
from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from typing import Any, NamedTuple

from torch.utils.data import Dataset

from fashiongen.data.shards.index import Shard, Split
from fashiongen.data.shards.samples import decode
from fashiongen.data.shards.store import ShardStore
from fashiongen.types import Batch


class ShardSet(Dataset[Batch]):
    """A map-style data set of the examples of a split, in the order in which they were written.

    Args:
        split: which shards there are.
        store: gives their bytes.
        open_shards: how many stay open; a batch should not need more.
    """

    def __init__(self, split: Split, store: ShardStore, open_shards: int = 64) -> None:
        self.split, self.store, self.open_shards = split, store, open_shards
        self.ends = list(accumulate(shard.samples for shard in split.shards))
        self._open: OrderedDict[int, _Opened] = OrderedDict()

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> Batch:
        if not 0 <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        number = bisect_right(self.ends, index)
        opened = self._opened(number)
        files = opened.samples[index - self.ends[number] + self.split.shards[number].samples]
        return decode({ending: opened.content[place : place + size] for ending, (place, size) in files.items()})

    def _opened(self, number: int) -> _Opened:
        if number not in self._open:
            while len(self._open) >= self.open_shards:
                self._open.popitem(last=False)
            self._open[number] = _Opened.of(self.split.shards[number], self.store)
        self._open.move_to_end(number)
        return self._open[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}


class _Opened(NamedTuple):
    """A shard, and of each example where its files are: ending -> first byte, number of bytes."""

    content: mmap.mmap
    samples: list[dict[str, tuple[int, int]]]

    @classmethod
    def of(cls, shard: Shard, store: ShardStore) -> _Opened:
        content = store.open(shard)
        samples: dict[str, dict[str, tuple[int, int]]] = {}
        with tarfile.open(fileobj=content, mode="r:") as archive:  # type: ignore[call-overload]
            for member in archive:
                key, _, ending = member.name.partition(".")
                samples.setdefault(key, {})[ending] = member.offset_data, member.size
        if len(samples) != shard.samples:
            raise ValueError(f"{store.root}/{shard.file} holds {len(samples)} examples, its index says {shard.samples}")
        return cls(content, list(samples.values()))
