"""Examples that are dear to make, kept on disk."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fashiongen.types import Batch, Garment, Person

_KINDS: dict[str, type[Person] | type[Garment]] = {
    "person": Person,
    "target": Person,
    "donor": Person,
    "truth": Person,
    "garment": Garment,
    "other_garment": Garment,
}


class Scenes(Protocol):
    """A data set that makes many examples at once."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> Batch: ...


class Rendered(Dataset[Batch]):
    """`Scenes` as a map-style data set, made when they are asked for; a loader's whole batch at once."""

    def __init__(self, scenes: Scenes) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Batch]:
        return self.scenes.batch(torch.tensor(indices)).unbind()


class DiskCache(Dataset[Batch]):
    """`Scenes` made once and read from disk afterwards, bit for bit as they were made when pictures are 8-bit.

    Args:
        scenes: where the examples come from.
        folder: where chunks are written, one safetensors file each; a chunk appears whole or not at all, so a filling that was
            killed goes on where it stopped.
        chunk: examples a file.
    """

    def __init__(self, scenes: Scenes, folder: str | os.PathLike[str], chunk: int = 64) -> None:
        self.scenes = scenes
        self.folder = Path(folder)
        self.chunk = chunk
        self._open: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.scenes)

    def _path(self, chunk: int) -> Path:
        return self.folder / f"{chunk:06d}.safetensors"

    def fill(self, workers: int = 0) -> None:
        """Make and write every chunk that is not there yet.

        Chunks are made in a random order and looked for once more before they are made, so that processes which fill one folder at
        the same time share the work.

        Args:
            workers: processes that make chunks, with one thread each; 0 makes them in this process.
        """
        missing = [chunk for chunk in range(-(-len(self) // self.chunk)) if not self._path(chunk).exists()]
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        random.Random().shuffle(missing)
        workers = min(workers, len(missing)) if len(missing) > 1 else 0
        # The generator of its own keeps the global one as it is: a run that finds the cache filled draws the same numbers.
        loader = DataLoader(_Filling(self, missing), batch_size=None, num_workers=workers, generator=torch.Generator())
        for _ in track(loader, f"Drawing {len(self)} examples", total=len(missing), transient=True):
            pass

    def write(self, chunk: int) -> None:
        """Make and write a chunk, unless it is there."""
        if self._path(chunk).exists():
            return
        indices = torch.arange(chunk * self.chunk, min((chunk + 1) * self.chunk, len(self)))
        tensors, words = pack(self.scenes.batch(indices))
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            temporary = file.name
        try:
            save_file(tensors, temporary, metadata={"words": json.dumps(words)})
            os.replace(temporary, self._path(chunk))
        finally:
            Path(temporary).unlink(missing_ok=True)

    def __getitem__(self, index: int) -> Batch:
        chunk, place = divmod(index, self.chunk)
        if chunk not in self._open:
            if not self._path(chunk).exists():
                raise FileNotFoundError(f"{self._path(chunk)} is missing: fill the cache first (`prepare_data`)")
            file = safe_open(self._path(chunk), "pt")
            self._open[chunk] = file, json.loads(file.metadata()["words"])
        file, words = self._open[chunk]
        tensors = {name: file.get_slice(name)[place] for name in file.keys()}  # noqa: SIM118 (not a mapping)
        return unpack(tensors, {name: each if isinstance(each, str) else each[place] for name, each in words.items()})

    def __getitems__(self, indices: list[int]) -> list[Batch]:
        return [self[index] for index in indices]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}


class _Filling(Dataset[int]):
    """Chunks as items of a data set, so that the workers of a loader can write them."""

    def __init__(self, cache: DiskCache, chunks: list[int]) -> None:
        self.cache, self.chunks = cache, chunks

    def __len__(self) -> int:
        return len(self.chunks)

    def __getitem__(self, index: int) -> int:
        self.cache.write(self.chunks[index])
        return index


def pack(batch: Batch) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A batch as flat tensors, pictures and masks as 8 bits, and its words (names, schemes, sentences)."""
    tensors: dict[str, Tensor] = {}
    words: dict[str, Any] = {}

    def visit(item: Any, prefix: str) -> None:
        for field in dataclasses.fields(item):
            value = getattr(item, field.name)
            name = prefix + field.name
            if isinstance(value, Tensor):
                if field.name == "image":
                    value = ((value + 1) * 127.5).round().to(torch.uint8)
                elif field.name == "mask":
                    value = (value * 255).round().to(torch.uint8)
                tensors[name] = value.cpu().clone(memory_format=torch.contiguous_format)  # shared memory cannot be written
            elif isinstance(value, Person | Garment):
                visit(value, f"{name}.")
            elif value is not None:
                words[name] = value

    visit(batch, "")
    return tensors, words


def unpack(tensors: dict[str, Tensor], words: dict[str, Any]) -> Batch:
    """The inverse of `pack`."""
    fields: dict[str, Any] = {}
    for name, value in {**tensors, **words}.items():
        if name.endswith("image"):
            value = value.float() / 127.5 - 1
        elif name.endswith("mask"):
            value = value.float() / 255
        owner, _, field = name.rpartition(".")
        (fields.setdefault(owner, {}) if owner else fields)[field] = value
    made: dict[str, Any] = {name: _KINDS[name](**value) if isinstance(value, dict) else value for name, value in fields.items()}
    return Batch(**made)
