"""Thin-plate-spline control points of garments on people, matched once and kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fashiongen.data.pictures import read_picture
from fashiongen.data.viton_files import Pair, VitonFiles
from fashiongen.layers.contours import garment_silhouette, label_region, soft_region
from fashiongen.layers.shape_context import match

WORKING_SIZE = (128, 96)
"""Height and width at which silhouettes of the training set are matched (authors' `extract_tps.m`)."""
_VERSION = 1


class WarpCache:
    """Control points of VITON's training pairs: those stored with the set, else matched by shape contexts and kept in a folder.

    A pair's file appears whole or not at all, so a filling that was killed goes on where it stopped. A pair that cannot be matched
    has an empty file.

    Args:
        files: the data set.
        folder: of the matched points; each data set and each way of matching has a folder inside.
        legacy: match as the authors do (white below 255, 1-based whole pixels) instead of with masks and sub-pixel inversion.
    """

    def __init__(self, files: VitonFiles, folder: str | os.PathLike[str], legacy: bool = False) -> None:
        self.files, self.legacy = files, legacy
        identity = repr((_VERSION, str(files.root.resolve()), files.layout, files.segment_format, legacy))
        self.folder = Path(folder).expanduser() / hashlib.sha256(identity.encode()).hexdigest()[:16]

    def __getitem__(self, pair: Pair) -> Tensor:
        """(100, 2) control points of a pair.

        Raises:
            FileNotFoundError: when the pair was not matched yet.
            ValueError: when it cannot be matched, or its file is damaged.
        """
        stored = self.files.warp(pair)
        if stored is not None:
            return self.files.read_warp(stored)
        path = self._path(pair)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: fill the cache first (`prepare_data`)")
        try:
            points = torch.from_numpy(np.load(path, allow_pickle=False))
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"{path} is damaged: {error}; delete it") from error
        if points.numel() == 0:
            raise ValueError(f"{' '.join(pair)} cannot be matched, see `unmatched`")
        return points

    def fill(self, pairs: Iterable[Pair], num_workers: int = 0) -> None:
        """Match the pairs that have no control points yet, in `num_workers` processes."""
        todo = [pair for pair in pairs if self.files.warp(pair) is None and not self._path(pair).is_file()]
        if not todo:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        # The generator of its own keeps the global one as it is: a run that finds the cache filled draws the same numbers.
        loader = DataLoader(
            _Matching(self, todo), batch_size=None, num_workers=min(num_workers, len(todo)), generator=torch.Generator()
        )
        for _ in track(loader, "Matching garments with people", total=len(todo), transient=True):
            pass

    def unmatched(self, pairs: Iterable[Pair]) -> dict[Pair, None]:
        """The pairs, in order, that have no control points because their silhouettes cannot be matched."""
        empty = {path.name for path in self.folder.glob("*.npy") if path.stat().st_size <= _EMPTY_SIZE}
        return dict.fromkeys(pair for pair in pairs if self._path(pair).name in empty)

    def report(self, unmatched: Mapping[Pair, None]) -> Path:
        """Write the list of pairs that cannot be matched, a line each; returns its path."""
        path = self.folder / "unmatched.txt"
        path.write_text("".join(f"{person} {garment}\n" for person, garment in unmatched), encoding="utf-8")
        return path

    def match(self, pair: Pair) -> None:
        """Match one pair and keep the outcome."""
        person, product = pair
        picture = read_picture(self.files.person("train", person))
        region = label_region(self.files.read_parsing("train", person, *picture.shape[1:]).numpy(), WORKING_SIZE)
        garment = read_picture(self.files.garment("train", product))
        if self.legacy:
            levels = ((garment + 1) * 127.5).round().to(torch.uint8)
            silhouette = garment_silhouette(levels.permute(1, 2, 0).numpy(), WORKING_SIZE)
        else:
            silhouette = soft_region(self.files.read_mask("train", product, garment)[0].numpy(), WORKING_SIZE)
        try:
            points = match(silhouette, region, one_based=self.legacy, subpixel=not self.legacy).control_points
        except ValueError:  # too few boundary points, or all of them on one line
            points = np.zeros((0, 2), np.float32)
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            np.save(file, points)
        os.replace(file.name, self._path(pair))

    def _path(self, pair: Pair) -> Path:
        return self.folder / f"{Path(pair[0]).stem}_{Path(pair[1]).stem}.npy"


_EMPTY_SIZE = 128  # bytes of an array file without content: its header


class _Matching(Dataset[bool]):
    """Work for the processes of a loader."""

    def __init__(self, cache: WarpCache, pairs: list[Pair]) -> None:
        self.cache, self.pairs = cache, pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> bool:
        self.cache.match(self.pairs[index])
        return True
