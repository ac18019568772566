"""`index.json`: what a folder of shards holds, with the checksum of every file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "index.json"
FORMAT = 1
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Shard:
    """A tar file: its name beside the index, examples, bytes, SHA-256."""

    file: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Split:
    """Examples of a split.

    Attributes:
        samples: how many there are.
        provides: names of the annotations (`fashiongen.registry.ANNOTATIONS`) that each of them holds.
        size: height and width of the pictures.
        scheme: labels of the parsing maps.
        first: SHA-256 of the first example; tells whether two data sets are the same.
        shards: files in the order of the examples; fewer than all of them while they are being written.
    """

    samples: int
    provides: tuple[str, ...]
    size: tuple[int, int]
    scheme: str
    first: str
    shards: tuple[Shard, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every example is in a shard."""
        return sum(shard.samples for shard in self.shards) == self.samples


@dataclass(frozen=True)
class Index:
    """A folder of shards.

    Attributes:
        data: name and options of what it was written from.
        samples_a_shard: examples of every shard but the last of a split.
        splits: name -> split.
        fashiongen: version that wrote it.
    """

    data: Mapping[str, Any]
    samples_a_shard: int
    splits: Mapping[str, Split]
    fashiongen: str

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1, ensure_ascii=False, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Index:
        """Read what `to_json` wrote.

        Args:
            where: named in errors.

        Raises:
            ValueError: for something else, and for a format of another version.
        """
        try:
            record = json.loads(text)
            if record.pop("format") != FORMAT:
                raise ValueError(
                    f"{where} is of another format than {FORMAT}; read it with the version of fashiongen that wrote it"
                )
            splits = {name: _split(split) for name, split in record.pop("splits").items()}
            return cls(splits=splits, **record)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{where} is no index of shards ({error}); `fashiongen data shard` writes one") from error

    def save(self, folder: Path) -> None:
        """Replace the index of a folder, in one piece."""
        unfinished = folder / f"{FILE}.part"
        unfinished.write_text(self.to_json(), encoding="utf-8")
        os.replace(unfinished, folder / FILE)

    def differences(self, other: Index) -> list[str]:
        """In what two sets differ, besides the shards that are there."""
        mine, theirs = self._told(), other._told()
        return [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"version of fashiongen": self.fashiongen, "number of samples a shard": self.samples_a_shard}
        told |= {f"data.{name}": value for name, value in json.loads(json.dumps(dict(self.data), default=str)).items()}
        for name, split in self.splits.items():
            told[f"{name} split"] = dataclasses.replace(split, shards=())
        return told


def _split(record: dict[str, Any]) -> Split:
    shards = tuple(Shard(**shard) for shard in record.pop("shards"))
    height, width = record.pop("size")
    return Split(shards=shards, size=(height, width), provides=tuple(record.pop("provides")), **record)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
