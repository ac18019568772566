"""Where shards lie: a folder, or an address that fsspec opens, whose files are kept in a folder of this machine."""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path

import fsspec
from filelock import FileLock
from fsspec.implementations.local import LocalFileSystem

from fashiongen.data.shards.index import FILE, Index, Shard, sha256_of

CACHE = "~/.cache/fashiongen/shards"


class ShardStore:
    """Whole, verified shards of one set.

    A file that is fetched is read once from its first to its last byte, by one process of a machine while the others wait for it.

    Args:
        root: folder of `index.json`, or its address: `s3://bucket/set`, `https://host/set`, ...
        cache: folder for fetched shards; a set has its own folder inside. What lies in a folder already is read where it is.
        cache_gigabytes: about how much is kept there: those that were not opened for the longest time go. None keeps everything.
        verify: compare the checksum of a shard when a process opens it for the first time.

    Attributes:
        index: what is there.

    Raises:
        FileNotFoundError: when there is no index.
        ValueError: when it cannot be read, or was left unfinished.
    """

    def __init__(
        self, root: str | os.PathLike[str], cache: str = CACHE, cache_gigabytes: float | None = None, verify: bool = True
    ) -> None:
        self.root = os.fspath(root).rstrip("/")
        self.verify, self.limit = verify, None if cache_gigabytes is None else cache_gigabytes * 1e9
        self._verified: set[str] = set()
        system, path = fsspec.core.url_to_fs(os.path.expanduser(self.root))
        try:
            text = system.cat_file(f"{path}/{FILE}")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{self.root} holds no {FILE}; `fashiongen data shard` writes a set of shards") from error
        self.index = Index.from_json(text, f"{self.root}/{FILE}")
        for name, split in self.index.splits.items():
            if not split.is_whole:
                there = sum(shard.samples for shard in split.shards)
                raise ValueError(
                    f"{self.root} is unfinished: {there} of the {split.samples} examples of its {name} split are there; "
                    "run the command that writes it again, it goes on"
                )
        self.is_local = isinstance(system, LocalFileSystem)
        self.folder = Path(path) if self.is_local else Path(cache).expanduser() / hashlib.sha256(text).hexdigest()[:16]

    def open(self, shard: Shard) -> mmap.mmap:
        """The bytes of a shard.

        Raises:
            FileNotFoundError: naming a shard that is missing.
            ValueError: naming a shard that is damaged.
        """
        path = self.folder / shard.file
        if self.is_local:
            self._check(path, shard)
            return _mapped(path)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            try:
                self._check(path, shard)
            except (FileNotFoundError, ValueError):  # not fetched yet, or damaged since then
                self._make_room(shard.bytes)
                self._fetch(path, shard)
            os.utime(path)
            return _mapped(path)

    def _check(self, path: Path, shard: Shard) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; copy the set again, or write it again with `fashiongen data shard`")
        size = path.stat().st_size
        if size != shard.bytes:
            raise ValueError(f"{path} has {size} bytes, its index says {shard.bytes}; copy it again")
        if self.verify and shard.file not in self._verified:
            if sha256_of(path) != shard.sha256:
                raise ValueError(f"{path} is damaged: its SHA-256 is not that of its index; copy it again")
            self._verified.add(shard.file)

    def _fetch(self, path: Path, shard: Shard) -> None:
        # File systems of fsspec with connections of their own belong to one process, so each asks for its own; fsspec keeps them.
        system, root = fsspec.core.url_to_fs(self.root)
        unfinished = path.with_name(f"{path.name}.part")
        self._verified.discard(shard.file)
        try:
            system.get_file(f"{root}/{shard.file}", str(unfinished))
            self._check(unfinished, shard)
        except (FileNotFoundError, ValueError) as error:
            unfinished.unlink(missing_ok=True)
            raise type(error)(f"{self.root}/{shard.file} is missing or damaged; upload it again ({error})") from error
        os.replace(unfinished, path)

    def _make_room(self, needed: int) -> None:
        if self.limit is None:
            return
        kept = sorted(self.folder.glob("*.tar"), key=lambda file: file.stat().st_mtime)
        used = sum(file.stat().st_size for file in kept)
        for file in kept:
            if used + needed <= self.limit:
                break
            used -= file.stat().st_size
            file.unlink()  # who has opened it goes on reading it


def _mapped(path: Path) -> mmap.mmap:
    # A map, unlike a file, has no position that forked processes would share.
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
