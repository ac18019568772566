"""TensorFlow's record files without TensorFlow: a sequence of examples, each a dictionary of bytes.

Format: `tensorflow/core/lib/io/record_writer.h` (length, its checksum, content, its checksum) and `example.proto`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MASK = 0xA282EAD8


def record_places(path: str | os.PathLike[str]) -> list[tuple[int, int]]:
    """Where the records of a file lie.

    Returns:
        offset and length in bytes of each.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is no record file or is cut short.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such record file")
    places: list[tuple[int, int]] = []
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        offset = file.seek(0)
        while offset < size:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                raise _cut_short(path, len(places))
            length, checksum = _HEADER.unpack(header)
            if checksum != _masked_crc(header[:8]):
                raise ValueError(f"{path}: record {len(places)} does not begin like one; the file is damaged, copy it again")
            if offset + _HEADER.size + length + _FOOTER.size > size:
                raise _cut_short(path, len(places))
            places.append((offset + _HEADER.size, length))
            offset = file.seek(length + _FOOTER.size, os.SEEK_CUR)
    return places


def read_example(path: str | os.PathLike[str], place: tuple[int, int]) -> dict[str, bytes]:
    """One example: the first value of each of its features of bytes.

    The checksum of the content is not looked at: it takes Python longer than decoding, and the pictures inside have their own.

    Args:
        path: record file.
        place: one of `record_places`.

    Raises:
        ValueError: naming the file, when the record is damaged.
    """
    with open(path, "rb") as file:
        file.seek(place[0])
        content = file.read(place[1])
    try:
        features = (entry for field, entry in _fields(_only(content, 1)) if field == 1)
        named = ((_only(entry, 1).decode(), _bytes_feature(_only(entry, 2))) for entry in features)
        return {name: value for name, value in named if value is not None}
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: the record at byte {place[0]} is damaged ({error}); copy the file again") from error


def write_examples(examples: Iterable[Mapping[str, bytes]], path: str | os.PathLike[str]) -> None:
    """Write a record file; TensorFlow reads it."""
    with open(path, "wb") as file:
        for example in examples:
            entries = [_field(1, name.encode()) + _field(2, _field(1, _field(1, value))) for name, value in example.items()]
            _write_record(file, _field(1, b"".join(_field(1, entry) for entry in entries)))


def _write_record(file: BinaryIO, content: bytes) -> None:
    length = struct.pack("<Q", len(content))
    file.write(length + _FOOTER.pack(_masked_crc(length)) + content + _FOOTER.pack(_masked_crc(content)))


def _cut_short(path: str | os.PathLike[str], record: int) -> ValueError:
    return ValueError(f"{path} is cut short in record {record}; copy the file again")


def _only(message: bytes, number: int) -> bytes:
    """The last value of a field, empty where it is missing, as protocol buffers define it."""
    return next((value for field, value in reversed(list(_fields(message))) if field == number), b"")


def _bytes_feature(feature: bytes) -> bytes | None:
    values = next((value for field, value in _fields(feature) if field == 1), None)
    return None if values is None else next((value for field, value in _fields(values) if field == 1), None)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of the fields of a protocol buffer that have bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            _, place = _varint(message, place)
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"field of unknown kind {kind}")
        if place + length > len(message):
            raise ValueError("a field is longer than what it lies in")
        if kind == _BYTES:
            yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number takes more than ten bytes")


def _field(number: int, value: bytes) -> bytes:
    key, length, digits = number << 3 | _BYTES, len(value), bytearray()
    while length >= 0x80:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([key, *digits, length]) + value


def _masked_crc(content: bytes) -> int:
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


@lru_cache
def _crc_table() -> tuple[int, ...]:
    """Of CRC-32C (Castagnoli)."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
        table.append(value)
    return tuple(table)
