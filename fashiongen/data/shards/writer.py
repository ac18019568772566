"""Any data module -> tar shards in WebDataset's layout."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from fashiongen import __version__
from fashiongen.data.base import FashionDataModule
from fashiongen.data.loading import loader_options
from fashiongen.data.shards.index import FILE, SPLITS, Index, Shard, Split, sha256_of
from fashiongen.data.shards.samples import annotations_of, encode, field_names
from fashiongen.types import Batch

_CHUNK = 32
"""Most examples that are made at once; never of two shards."""
_LOADING = {"batch_size", "num_workers", "cache", "cache_workers", "cache_gigabytes", "verify"}
"""Options of data modules that do not change the examples."""


def write_shards(
    data: LightningDataModule,
    folder: str | os.PathLike[str],
    name: str,
    splits: Sequence[str] = SPLITS,
    samples_a_shard: int = 256,
    workers: int = 0,
) -> Index:
    """Write the examples of a data module as `<split>-000000.tar`, ... and `index.json`.

    A shard, and the index after it, appears whole or not at all: a run that was killed goes on after the last whole shard, and ends
    with the bytes of a run that never stopped.

    Args:
        data: whose `train_set`, `validation_set`, `test_set` are read in order.
        folder: made if it does not exist.
        name: of the data set, kept in the index.
        splits: which of "train", "validation", "test".
        samples_a_shard: examples of a file.
        workers: processes that make examples; 0 makes them in this one.

    Raises:
        ValueError: for a data module without data sets of examples, for impossible numbers, for an empty split, and for examples
            that do not hold the same annotations.
        FileExistsError: when the folder holds shards of something else.
    """
    if not isinstance(data, FashionDataModule):
        raise ValueError(f"shards are written from a FashionDataModule, which has a train_set; {type(data).__name__} is none")
    if samples_a_shard < 1 or not splits or not set(splits) <= set(SPLITS):
        raise ValueError(f"shards hold at least one sample, of the splits {', '.join(SPLITS)}; got {samples_a_shard} of {splits}")
    folder = Path(folder)
    data.prepare_data()
    sets: dict[str, Any] = {split: getattr(data, f"{split}_set") for split in SPLITS if split in splits}
    record = {"name": name, "options": _options(data)}
    index = Index(record, samples_a_shard, {split: _described(split, examples) for split, examples in sets.items()}, __version__)
    index = _continued(index, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split, examples in sets.items():
        for shards in _written(folder, split, index.splits[split], examples, samples_a_shard, workers):
            written = dataclasses.replace(index.splits[split], shards=shards)
            index = dataclasses.replace(index, splits={**index.splits, split: written})
            index.save(folder)
    return index


def _options(data: FashionDataModule) -> dict[str, Any]:
    """What the data was made with; of the place of a copy its last folder, since an index may be published."""
    options = {key: value for key, value in data.hparams.items() if key not in _LOADING}
    return {key: Path(value).name if key == "root" else value for key, value in sorted(options.items())}


def _described(split: str, examples: Any) -> Split:
    if not len(examples):
        raise ValueError(f"the {split} split is empty; leave it out")
    first = examples[0]
    digest = hashlib.sha256()
    for file, content in encode(first).items():
        digest.update(file.encode() + content)
    return Split(len(examples), tuple(sorted(annotations_of(first))), first.person.size, first.person.scheme, digest.hexdigest())


def _continued(index: Index, folder: Path) -> Index:
    """The index with the shards that an earlier run of the same command has written."""
    file = folder / FILE
    if not file.is_file():
        return index
    earlier = Index.from_json(file.read_bytes(), str(file))
    different = index.differences(earlier)
    if different:
        raise FileExistsError(
            f"{folder} holds shards of another {' and '.join(different)}; name another folder, or delete this one"
        )
    return earlier


def _written(
    folder: Path, split: str, state: Split, examples: Dataset[Batch], samples_a_shard: int, workers: int
) -> Iterator[tuple[Shard, ...]]:
    """Write what is missing of a split; after every shard those that are there."""
    known = {shard.file: shard for shard in state.shards if _is_there(folder, shard)}
    starts = range(0, state.samples, samples_a_shard)
    names = [f"{split}-{number:06d}.tar" for number in range(len(starts))]
    ranges = {name: range(start, min(start + samples_a_shard, state.samples)) for name, start in zip(names, starts, strict=True)}
    missing = [name for name in names if name not in known]
    chunks = {name: [ranges[name][place : place + _CHUNK] for place in range(0, len(ranges[name]), _CHUNK)] for name in missing}
    options = loader_options(workers) | {"collate_fn": list, "pin_memory": False, "persistent_workers": False}
    made = iter(
        DataLoader(_Encoded(examples), batch_sampler=list(chain.from_iterable(chunks.values())), num_workers=workers, **options)  # type: ignore[arg-type]
    )
    fields: frozenset[str] | None = None
    for name in track(missing, f"Writing {split}", transient=True, console=Console(stderr=True)):
        samples = [files for _ in chunks[name] for files in next(made)]
        for place, files in zip(ranges[name], samples, strict=True):
            fields = field_names(files) if fields is None else fields
            if field_names(files) != fields:
                odd = ", ".join(sorted(field_names(files) ^ fields))
                raise ValueError(f"example {place} of the {split} split differs from those before it in having or lacking {odd}")
        _write_tar(folder / name, ranges[name], samples)
        known[name] = Shard(name, len(samples), (folder / name).stat().st_size, sha256_of(folder / name))
        yield tuple(known[each] for each in names if each in known)


def _is_there(folder: Path, shard: Shard) -> bool:
    path = folder / shard.file
    return path.is_file() and path.stat().st_size == shard.bytes


def _write_tar(path: Path, places: range, samples: Sequence[dict[str, bytes]]) -> None:
    """Nothing but the content goes into the file: no times, no owners."""
    unfinished = path.with_name(f"{path.name}.part")
    with tarfile.open(unfinished, "w", format=tarfile.USTAR_FORMAT) as archive:
        for place, files in zip(places, samples, strict=True):
            for ending, content in files.items():
                member = tarfile.TarInfo(f"{place:08d}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    os.replace(unfinished, path)


class _Encoded(Dataset[dict[str, bytes]]):
    """The files of examples, so that the workers of a loader make them."""

    def __init__(self, examples: Any) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, bytes]:
        return self.__getitems__([index])[0]

    @torch.no_grad()
    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, bytes]]:
        at_once = getattr(self.examples, "__getitems__", None)
        made = at_once(list(indices)) if at_once is not None else [self.examples[index] for index in indices]
        return [encode(example) for example in made]
