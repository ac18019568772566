"""Torch7 binary files (`torch.save`) -> tables, arrays and objects, without running anything from them.

The readers on the package index date from 2017, follow recursion as deep as a file asks for and believe every length in it; this
one checks each length against what is left of the file, and its errors name the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_NIL, _NUMBER, _STRING, _TABLE, _OBJECT, _BOOLEAN = 0, 1, 2, 3, 4, 5
_FUNCTIONS = (6, 7, 8)
_MOST_NESTED = 350  # the authors' graphs of modules reach half of that
_MOST_AXES = 32
_DTYPES = {
    "Double": "<f8", "Float": "<f4", "Half": "<f2", "Long": "<i8", "Int": "<i4", "Short": "<i2", "Char": "<i1", "Byte": "<u1",
    "Cuda": "<f4", "CudaDouble": "<f8", "CudaHalf": "<f2", "CudaLong": "<i8", "CudaInt": "<i4", "CudaShort": "<i2",
    "CudaChar": "<i1", "CudaByte": "<u1",
}  # fmt: skip


@dataclass(eq=False)
class TorchObject:
    """An object of a class that is neither tensor nor storage: a module, a node of a graph.

    Attributes:
        name: its class, for example "nn.SpatialConvolution".
        fields: what it holds, usually a dictionary.
    """

    name: str
    fields: Any = None


@dataclass(eq=False)
class TorchFunction:
    """A Lua function, of which only what it closes over is kept.

    Attributes:
        upvalues: that.
    """

    upvalues: Any = None


@dataclass(eq=False)
class _Reader:
    """Values of a file in order; a value that was met before is the same object again."""

    data: bytes
    place: int = 0
    known: dict[int, Any] = field(default_factory=dict)

    def take(self, count: int) -> bytes:
        if count < 0 or count > len(self.data) - self.place:
            raise ValueError(f"{count} bytes are announced at byte {self.place}, {len(self.data) - self.place} are left")
        self.place += count
        return self.data[self.place - count : self.place]

    def integer(self) -> int:
        return struct.unpack("<i", self.take(4))[0]

    def longs(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}q", self.take(8 * count))

    def text(self) -> str:
        return self.take(self.integer()).decode("utf-8", "surrogateescape")

    def value(self, depth: int = 0) -> Any:
        if depth > _MOST_NESTED:
            raise ValueError(f"values are nested more than {_MOST_NESTED} deep at byte {self.place}")
        tag = self.integer()
        if tag == _NIL:
            return None
        if tag == _NUMBER:
            return struct.unpack("<d", self.take(8))[0]
        if tag == _STRING:
            return self.text()
        if tag == _BOOLEAN:
            return self.integer() != 0
        if tag not in (_TABLE, _OBJECT, *_FUNCTIONS):
            raise ValueError(f"byte {self.place - 4} begins a value of the unknown kind {tag}")
        index = self.integer()
        if index in self.known:
            return self.known[index]
        if tag == _TABLE:
            return self.table(index, depth)
        if tag == _OBJECT:
            return self.object(index, depth)
        function = self.known[index] = TorchFunction()
        self.take(self.integer())
        function.upvalues = self.value(depth + 1)
        return function

    def table(self, index: int, depth: int) -> dict[Any, Any]:
        entries: dict[Any, Any] = {}
        self.known[index] = entries
        for _ in range(self.count(self.integer(), 8)):
            key = self.value(depth + 1)
            # A table as a key is compared by identity in Lua; nothing of a module is looked up by one.
            entries[id(key) if isinstance(key, dict | np.ndarray) else key] = self.value(depth + 1)
        return entries

    def count(self, count: int, size: int) -> int:
        """A number of things that take `size` bytes at least, once it is known that there is room for them."""
        if count < 0 or count * size > len(self.data) - self.place:
            raise ValueError(f"{count} entries are announced at byte {self.place}, {len(self.data) - self.place} bytes are left")
        return count

    def object(self, index: int, depth: int) -> Any:
        version = self.text()
        name = self.text() if version.startswith("V ") else version  # the oldest files have no version
        package, _, kind = name.partition(".")
        if package == "torch" and kind.endswith("Storage") and (dtype := _DTYPES.get(kind.removesuffix("Storage"))):
            count = self.count(self.longs(1)[0], np.dtype(dtype).itemsize)
            self.known[index] = np.frombuffer(self.take(count * np.dtype(dtype).itemsize), dtype)
            return self.known[index]
        if package == "torch" and kind.endswith("Tensor") and (dtype := _DTYPES.get(kind.removesuffix("Tensor"))):
            self.known[index] = self.tensor(dtype, depth)
            return self.known[index]
        made = self.known[index] = TorchObject(name)
        made.fields = self.value(depth + 1)
        return made

    def tensor(self, dtype: str, depth: int) -> np.ndarray:
        axes = self.integer()
        if not 0 <= axes <= _MOST_AXES:
            raise ValueError(f"byte {self.place - 4} begins a tensor of {axes} axes")
        sizes, strides, (offset,) = self.longs(axes), self.longs(axes), self.longs(1)
        storage = self.value(depth + 1)
        if storage is None or not axes or 0 in sizes:
            return np.zeros(sizes if axes else 0, dtype)
        if not isinstance(storage, np.ndarray) or storage.ndim != 1 or storage.dtype != np.dtype(dtype):
            raise ValueError(f"a tensor before byte {self.place} has no storage of its own kind")
        last = offset - 1 + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        if min(sizes) < 0 or min(strides) < 0 or offset < 1 or last >= len(storage):
            raise ValueError(f"a tensor {sizes} before byte {self.place} reaches beyond the {len(storage)} values of its storage")
        if np.prod(sizes, dtype=object) > len(self.data):  # strides of 0 repeat values
            raise ValueError(f"a tensor {sizes} before byte {self.place} is larger than the file")
        bytes_apart = [stride * storage.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(storage[offset - 1 :], sizes, bytes_apart, writeable=False)


def read_t7(path: str | Path) -> Any:
    """The value that a file holds.

    Little endian with 64-bit longs, as `torch.save` writes on every usual machine. CUDA tensors become arrays like all others.

    Args:
        path: of the file.

    Returns:
        None, bool, float, str; dictionaries for tables (the entries of a list have the keys 1.0, 2.0, ...); NumPy arrays for
        tensors and storages; `TorchObject` for objects of other classes; `TorchFunction` for functions. What is one object in
        the file is one object here, so that graphs may have cycles.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it is no such file or is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    reader = _Reader(Path(path).read_bytes())
    try:
        value = reader.value()
    except (ValueError, struct.error, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a readable Torch7 file (truncated, or no binary file of torch.save? copy it again): {error}"
        ) from error
    if reader.place != len(reader.data):
        left = len(reader.data) - reader.place
        raise ValueError(f"{path} is not a readable Torch7 file: {left} bytes follow its value; copy it again")
    return value
