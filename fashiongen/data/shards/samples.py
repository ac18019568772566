"""An example as the files of a WebDataset sample, and back, bit for bit."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fashiongen.registry import ANNOTATIONS
from fashiongen.types import Batch

WORDS = "json"
"""The file of everything that is not a tensor: names, schemes, sentences."""

#: Fields of a batch that are dataclasses themselves, and which.
_KINDS: dict[str, type] = {
    name: kind
    for name, hint in get_type_hints(Batch).items()
    for kind in (hint, *get_args(hint))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}
#: value = level / scale + offset: floats that 8 bits can hold.
_EIGHT_BITS = {"image": (127.5, -1.0), "mask": (255.0, 0.0)}


def encode(example: Batch) -> dict[str, bytes]:
    """An example without a batch axis as files: ending of the name -> content.

    `person.image.png`, `person.parsing.png`, `person.keypoints.npy`, `garment.mask.png`, ..., and `json` for words. Pictures, masks
    and label maps are PNG files where 8 bits hold them exactly, else compressed NumPy arrays: nothing is lost.
    """
    files: dict[str, bytes] = {}
    words: dict[str, Any] = {}
    for name, value in _fields(example):
        if isinstance(value, Tensor):
            ending, content = _stored(name, value.detach().cpu())
            files[f"{name}.{ending}"] = content
        else:
            words[name] = value
    return {**files, WORDS: json.dumps(words, ensure_ascii=False, sort_keys=True).encode()}


def decode(files: Mapping[str, bytes]) -> Batch:
    """The inverse of `encode`."""
    values: dict[str, Any] = json.loads(files[WORDS])
    for file, content in files.items():
        if file != WORDS:
            name, _, ending = file.rpartition(".")
            values[name] = _READERS[ending](name, content)
    fields: dict[str, Any] = {}
    for name, value in values.items():
        owner, _, field = name.rpartition(".")
        (fields.setdefault(owner, {}) if owner else fields)[field] = value
    return Batch(**{name: _KINDS[name](**value) if name in _KINDS else value for name, value in fields.items()})


def annotations_of(example: Batch) -> frozenset[str]:
    """Which of `fashiongen.registry.ANNOTATIONS` an example holds."""
    held = {name for name, _ in _fields(example)}
    return frozenset(name for name in ANNOTATIONS if not held.isdisjoint((name, f"{name}.image", f"person.{name}")))


def _fields(item: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(item):
        value, name = getattr(item, field.name), prefix + field.name
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{name}.")
        elif value is not None:
            yield name, value


def _stored(name: str, value: Tensor) -> tuple[str, bytes]:
    levels = _levels(name.rpartition(".")[2], value)
    file = io.BytesIO()
    if levels is not None:
        Image.fromarray(levels.numpy()).save(file, "PNG")
        return "png", file.getvalue()
    if name.rpartition(".")[2] in _EIGHT_BITS:
        np.savez_compressed(file, array=value.numpy())
        return "npz", file.getvalue()
    np.save(file, value.numpy(), allow_pickle=False)
    return "npy", file.getvalue()


def _levels(field: str, value: Tensor) -> Tensor | None:
    """(H, W) or (H, W, 3) uint8 that stand for exactly these values; None where there are none."""
    if field not in _EIGHT_BITS:
        return value.contiguous() if value.dtype == torch.uint8 and value.ndim == 2 else None
    if value.dtype != torch.float32 or value.ndim != 3 or len(value) not in (1, 3):
        return None
    scale, offset = _EIGHT_BITS[field]
    levels = ((value - offset) * scale).round().clamp(0, 255).to(torch.uint8)
    if not torch.equal(levels.float() / scale + offset, value):
        return None
    return (levels[0] if len(levels) == 1 else levels.permute(1, 2, 0)).contiguous()


def _from_array(name: str, content: bytes) -> Tensor:
    read = np.load(io.BytesIO(content))
    return torch.from_numpy(read if isinstance(read, np.ndarray) else read["array"])


def _from_png(name: str, content: bytes) -> Tensor:
    levels = torch.from_numpy(np.array(Image.open(io.BytesIO(content))))
    field = name.rpartition(".")[2]
    if field not in _EIGHT_BITS:
        return levels
    scale, offset = _EIGHT_BITS[field]
    channels = levels[None] if levels.ndim == 2 else levels.permute(2, 0, 1)
    return channels.float() / scale + offset


_READERS: dict[str, Callable[[str, bytes], Tensor]] = {"png": _from_png, "npy": _from_array, "npz": _from_array}


def field_names(files: Iterable[str]) -> frozenset[str]:
    """Names of the tensors among the files of a sample, however they are stored."""
    return frozenset(file.rpartition(".")[0] for file in files if file != WORDS)
