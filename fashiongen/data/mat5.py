"""MATLAB files of version 5 (which MATLAB 5 to 7.2 and `-v6`, `-v7` write): numbers, strings, cells and structures.

SciPy's reader ends the process at some damaged files; this one checks every length and type before it is used. Format: "MAT-File
Format" of The MathWorks.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCTURE, _CHAR, _OPAQUE = 1, 2, 4, 17
_COMPLEX = 0x08
_DEEPEST = 16

_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_CHARACTERS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}


def read_mat5(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, np.ndarray]:
    """Those of the named variables that a file has.

    Returns:
        name -> array; cells are arrays of objects that hold arrays, structures arrays of objects that are dictionaries of arrays,
        strings arrays of their rows. The variable "" of a file with objects holds their content, see `read_matrix`.

    Raises:
        ValueError: when the file is damaged, is of another version, or a variable holds something else.
    """
    content = Path(path).read_bytes()
    if len(content) < _HEADER or content[126:128] not in (b"IM", b"MI"):
        raise ValueError("it does not begin as a MATLAB file")
    reader = _Reader("<" if content[126:128] == b"IM" else ">")
    found: dict[str, np.ndarray] = {}
    try:
        for kind, value in reader.elements(memoryview(content)[_HEADER:]):
            if kind == _COMPRESSED:
                kind, value = next(reader.elements(memoryview(zlib.decompress(value))), (0, memoryview(b"")))
            if kind == _MATRIX:
                variable = reader.variable(value, names)
                if variable is not None:
                    found[variable[0]] = variable[1]
    except (zlib.error, struct.error, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    return found


def read_matrix(content: bytes) -> np.ndarray:
    """A little-endian array without a file around it: the content of MATLAB objects, which lies in the file as bytes.

    Args:
        content: the array; what lies behind it is left aside.

    Returns:
        as `read_mat5`; the wrapper around an object's content is left out.

    Raises:
        ValueError: when it is damaged, or holds something else.
    """
    reader = _Reader("<")
    try:
        return reader.matrix(*next(reader.elements(memoryview(content)), (0, memoryview(b""))), 0)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


class _Reader:
    """Elements of a file whose bytes are in one order, "<" or ">"."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.tag, self.half = struct.Struct(f"{order}II"), struct.Struct(f"{order}HH")

    def elements(self, content: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Type and data of one element after the other."""
        place = 0
        while place < len(content):
            kind, length = self.tag.unpack_from(content, place)
            start = place + 8
            if kind >> 16:  # up to four bytes lie in the tag itself
                kind, length = kind & 0xFFFF, kind >> 16
                start = place + 4
                if length > 4:
                    raise ValueError(f"a short element claims {length} bytes")
            if start + length > len(content):
                raise ValueError(f"an element of {length} bytes goes beyond its end")
            yield kind, content[start : start + length]
            place = start + length if kind == _COMPRESSED else place + 8 if start == place + 4 else start + -(-length // 8) * 8

    def variable(self, matrix: memoryview, names: Collection[str]) -> tuple[str, np.ndarray] | None:
        """Name and value of a variable, None when its name is not asked for."""
        parts = self.elements(matrix)
        flags, shape, name = self._head(parts)
        if name not in names:
            return None
        return name, self._value(parts, flags, shape, 0)

    def _head(self, parts: Iterator[tuple[int, memoryview]]) -> tuple[int, tuple[int, ...], str]:
        head = list(islice(parts, 3))
        if len(head) < 3 or len(head[0][1]) < 4:
            raise ValueError("an array has no size or no name")
        (_, flags), sizes, (_, name) = head
        if flags[0 if self.order == "<" else 3] == _OPAQUE:  # three names, no size
            return _OPAQUE, (1,), bytes(sizes[1]).decode("latin-1")
        shape = tuple(int(side) for side in self._numbers(*sizes))
        if not 1 <= len(shape) <= 32 or min(shape) < 0:
            raise ValueError(f"an array has the impossible shape {shape}")
        return struct.unpack_from(f"{self.order}I", flags)[0], shape, bytes(name).decode("latin-1")

    def _value(self, parts: Iterator[tuple[int, memoryview]], flags: int, shape: tuple[int, ...], depth: int) -> np.ndarray:
        kind, count = flags & 0xFF, math.prod(shape)
        if depth >= _DEEPEST:
            raise ValueError(f"cells lie in cells {depth} times")
        if kind == _CELL:
            return _objects([self.matrix(*part, depth + 1) for part in parts], shape)
        if kind == _STRUCTURE:
            return self._structures(parts, shape, depth)
        if kind == _OPAQUE:
            wrapped = next((part for part in parts if part[0] == _MATRIX), (0, memoryview(b"")))
            return self.matrix(*wrapped, depth + 1)
        stored, data = next(parts, (0, memoryview(b"")))
        if kind == _CHAR:
            return self._rows(stored, data, shape)
        if kind not in _CLASSES or flags >> 8 & _COMPLEX:
            raise ValueError(f"a variable is of class {kind}, neither real numbers, strings, a cell nor a structure")
        values = self._numbers(stored, data) if count else np.zeros(0)
        if len(values) != count:
            raise ValueError(f"an array of shape {shape} has {len(values)} values")
        with np.errstate(invalid="ignore"):
            return values.astype(_CLASSES[kind]).reshape(shape, order="F")

    def _structures(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], depth: int) -> np.ndarray:
        """Dictionaries: after the names of the fields, padded to one length, the values of all fields of each in turn."""
        padded, (_, text) = self._numbers(*next(parts, (0, memoryview(b"")))), next(parts, (0, memoryview(b"")))
        if len(padded) != 1 or padded[0] < 1 or len(text) % padded[0]:
            raise ValueError("a structure does not name its fields")
        length = int(padded[0])
        fields = [bytes(text[start : start + length]).split(b"\0")[0].decode("latin-1") for start in range(0, len(text), length)]
        values = [self.matrix(*part, depth + 1) for part in parts]
        rows = [values[start : start + len(fields)] for start in range(0, len(values), len(fields) or 1)]
        if rows and len(rows[-1]) != len(fields):
            raise ValueError(f"a structure of {len(fields)} fields has {len(values)} values")
        return _objects([dict(zip(fields, row, strict=True)) for row in rows], shape)

    def matrix(self, kind: int, matrix: memoryview, depth: int) -> np.ndarray:
        """The value of an element that is an array."""
        if kind != _MATRIX:
            raise ValueError(f"an entry of a cell is of type {kind}")
        if not len(matrix):
            return np.zeros((0, 0))
        parts = self.elements(matrix)
        flags, shape, _ = self._head(parts)
        return self._value(parts, flags, shape, depth)

    def _numbers(self, kind: int, data: memoryview) -> np.ndarray:
        if kind not in _STORED:
            raise ValueError(f"numbers are of unknown type {kind}")
        dtype = np.dtype(self.order + _STORED[kind])
        if len(data) % dtype.itemsize:
            raise ValueError(f"{len(data)} bytes are no whole numbers of {dtype.itemsize} bytes")
        return np.frombuffer(data, dtype)

    def _rows(self, kind: int, data: memoryview, shape: tuple[int, ...]) -> np.ndarray:
        """Strings: the rows of a matrix of characters."""
        if not math.prod(shape):
            return np.zeros(0, "<U1")
        if kind not in _CHARACTERS or len(shape) != 2:
            raise ValueError(f"a string is of unknown type {kind} or has {len(shape)} axes")
        encoding = _CHARACTERS[kind]
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self.order == "<" else "-be"
        text = bytes(data).decode(encoding)
        if len(text) != math.prod(shape):
            raise ValueError(f"{len(text)} characters do not fill a matrix of {shape[0]} x {shape[1]}")
        return np.array(["".join(text[row :: shape[0]]) for row in range(shape[0])])


def _objects(values: list[np.ndarray] | list[dict[str, np.ndarray]], shape: tuple[int, ...]) -> np.ndarray:
    if len(values) != math.prod(shape):
        raise ValueError(f"a cell or structure of shape {shape} has {len(values)} entries")
    flat = np.empty(len(values), object)
    for place, value in enumerate(values):
        flat[place] = value
    return flat.reshape(shape, order="F")
