"""The two layouts in which people keep VITON-Zalando: the authors' (`xthan/VITON`) and viton_resize (`sergeywong/cp-vton`)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data import parsing as labels
from fashiongen.data.cutout import mask_on_white
from fashiongen.data.lip_segment import unpad_segment
from fashiongen.data.mat_files import read_mat
from fashiongen.data.pickles import read_pickle
from fashiongen.data.pictures import read_labels, read_picture

Pair = tuple[str, str]
SegmentFormat = Literal["lip641_transposed", "image"]
Layout = Literal["authors", "viton_resize"]

_POSES = "pose.pkl"
_PAIR_LISTS: dict[Layout, dict[str, tuple[str, ...]]] = {
    "authors": {"train": ("viton_train_pairs.txt", "viton_train_images.txt"), "test": ("viton_test_pairs.txt",)},
    "viton_resize": {"train": ("train_pairs.txt",), "test": ("test_pairs.txt",)},
}


@dataclass(frozen=True)
class VitonFiles:
    """Where everything lies. People are named by their picture (`000001_0.jpg`), garments by theirs (`000001_1.jpg`).

    Attributes:
        root: folder with the pair lists.
        layout: "authors" or "viton_resize".
        segment_format: of the authors' segment/*.mat: "lip641_transposed" as the LIP parser leaves them (a map of the picture's own
            size is taken as it is, unless it is square), or "image" for maps that lie over the picture.
    """

    root: Path
    layout: Layout
    segment_format: SegmentFormat = "lip641_transposed"

    @classmethod
    def find(
        cls,
        root: str | os.PathLike[str],
        layout: Literal["auto", "authors", "viton_resize"] = "auto",
        segment_format: SegmentFormat = "lip641_transposed",
    ) -> VitonFiles:
        """Recognise the layout of a folder.

        Raises:
            FileNotFoundError: when the folder does not exist or has neither layout, with what was looked for.
        """
        folder = Path(root).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; root is the folder of your copy of VITON-Zalando")
        if layout != "auto":
            return cls(folder, layout, segment_format)
        if (folder / "women_top").is_dir():
            return cls(folder, "authors", segment_format)
        if (folder / "train" / "image").is_dir() or (folder / "test" / "image").is_dir():
            return cls(folder, "viton_resize", segment_format)
        raise FileNotFoundError(
            f"{folder} holds neither women_top/ (the authors' layout) nor train/image/ or test/image/ (viton_resize)"
        )

    def pairs(self, split: str) -> list[Pair]:
        """(person, garment) of every line of a pair list; `split` is "train" or "test".

        Raises:
            FileNotFoundError: when the list is missing.
            ValueError: naming file and line, when a line does not hold two names, or when the list is empty.
        """
        candidates = [self.root / name for name in _PAIR_LISTS[self.layout][split]]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        return read_pairs(path or candidates[0])

    def person(self, split: str, name: str) -> Path:
        """Picture of a person."""
        return self.root / "women_top" / name if self.layout == "authors" else self.root / split / "image" / name

    def garment(self, split: str, name: str) -> Path:
        """Picture of a garment."""
        return self.root / "women_top" / name if self.layout == "authors" else self.root / split / "cloth" / name

    def mask(self, split: str, name: str) -> Path | None:
        """Mask of a garment, where the layout has one."""
        return None if self.layout == "authors" else self.root / split / "cloth-mask" / name

    def keypoints(self, split: str, name: str) -> Path:
        """Key points of a person: a file of hers, or in the authors' layout the pickle of all people."""
        stem = Path(name).stem
        if self.layout == "authors":
            path, together = self.root / "pose" / f"{stem}.mat", self.root / _POSES
            return together if together.is_file() and not path.is_file() else path
        return self.root / split / "pose" / f"{stem}_keypoints.json"

    def parsing(self, split: str, name: str) -> Path:
        """Parsing map of a person."""
        stem = Path(name).stem
        if self.layout == "authors":
            return self.root / "segment" / f"{stem}.mat"
        return self.root / split / "image-parse" / f"{stem}.png"

    def warp(self, pair: Pair) -> Path | None:
        """Stored control points of a pair: the authors' layout can have them for people in their own garments."""
        path = self.root / "tps" / f"{Path(pair[0]).stem}.mat"
        return path if self.layout == "authors" and pair[1] == own_garment(pair[0]) and path.is_file() else None

    def check(self, split: str, pairs: Iterable[Pair]) -> None:
        """Look for every file that the pairs need.

        Raises:
            FileNotFoundError: naming the first missing file and how many there are.
            ValueError: naming the person, when the pickle of key points lacks her.
        """
        pairs = list(pairs)
        needed: dict[Path, None] = {}
        for person, garment in pairs:
            paths = (self.person(split, person), self.garment(split, garment), self.mask(split, garment))
            needed.update(dict.fromkeys(path for path in paths if path is not None))
            needed.update(dict.fromkeys((self.keypoints(split, person), self.parsing(split, person))))
        missing = [path for path in needed if not path.is_file()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]} is missing, one of {len(missing)} files that the {split} pairs need; "
                "restore them, or take their lines out of the pair list"
            )
        together = self.root / _POSES
        if together in needed:
            for person, _ in pairs:
                if self.keypoints(split, person) == together:
                    _pose(together, Path(person).stem)

    def read_keypoints(self, split: str, name: str, first: bool) -> Tensor:
        """(18, 3) key points of a person in pixels of the stored picture.

        Args:
            first: of several people take the first, as the authors do, instead of the one with the best score.
        """
        path, person = self.keypoints(split, name), 0 if first else None
        if self.layout != "authors":
            return joints.read_openpose(path)
        if path.name != _POSES:
            return joints.read_mat(path, person)
        stem = Path(name).stem
        return joints.read_candidate_subset(*_pose(path, stem), person, f"{path}, {stem}")

    def read_parsing(self, split: str, name: str, height: int, width: int) -> Tensor:
        """(height, width) uint8 LIP-20 labels of a person; height and width are those of the stored picture.

        Raises:
            ValueError: naming the file and the fix, when it cannot be read, has another size, or holds other ids.
        """
        path = self.parsing(split, name)
        padded = self.layout == "authors" and self.segment_format == "lip641_transposed"
        parsing = _read_segment(path) if self.layout == "authors" else read_labels(path)
        if padded and parsing.shape[0] == parsing.shape[1]:
            parsing = unpad_segment(parsing, height, width)
        if parsing.shape != (height, width):
            expected = f"{width}x{height} like its picture" + (", or a square map of the LIP parser" if padded else "")
            fix = "parse the picture again" + (", or see segment_format" if self.layout == "authors" else "")
            raise ValueError(
                f"{path} has {parsing.shape[1]}x{parsing.shape[0]} pixels (width x height), expected {expected}; {fix}"
            )
        labels.check(parsing, "lip20", path)
        return parsing

    def read_mask(self, split: str, name: str, image: Tensor) -> Tensor:
        """(1, H, W) float, 0 or 1: the stored mask of a garment, else everything that is not white in its picture.

        Args:
            image: (3, H, W) the garment's picture.

        Raises:
            ValueError: naming both files, when the stored mask has another size than the picture.
        """
        path = self.mask(split, name)
        return mask_on_white(image) if path is None else read_garment_mask(path, image, self.garment(split, name))

    def read_warp(self, path: Path) -> Tensor:
        """(100, 2) control points in [-1, 1] from a file of the authors, see `warp`.

        Raises:
            ValueError: naming the file, when it is damaged.
        """
        points = read_mat(path, ["control_points"])["control_points"]
        if points.size != 200 or points.dtype.kind not in "iuf" or not np.isfinite(points).all():
            raise ValueError(
                f"{path}: control_points are 2x10x10 numbers, not {points.shape}; delete the file to have them computed"
            )
        return torch.from_numpy(points.astype(np.float32).reshape(2, 100).T * 2 - 1)


def own_garment(person: str) -> str:
    """Name of the garment that a person wears: `000001_0.jpg` -> `000001_1.jpg`."""
    path = Path(person)
    return f"{path.stem.removesuffix('_0')}_1{path.suffix}"


def read_pairs(path: Path) -> list[Pair]:
    """The two names of every line of a pair list.

    Raises:
        FileNotFoundError: when the list is missing.
        ValueError: naming file and line, when a line does not hold two names, or when the list is empty.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such pair list; it holds a line 'person.jpg garment.jpg' for each pair")
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if len(words) == 2:
            pairs.append((words[0], words[1]))
        elif words:
            raise ValueError(f"{path}, line {number}: expected 'person.jpg garment.jpg', found {line!r}")
    if not pairs:
        raise ValueError(f"{path} lists no pairs")
    return pairs


def read_garment_mask(path: Path, image: Tensor, garment: Path) -> Tensor:
    """(1, H, W) float, 0 or 1: a stored mask; JPEGs are cut at half of the range.

    Args:
        path: of the mask.
        image: (3, H, W) the garment's picture.
        garment: path of that picture, for messages.

    Raises:
        ValueError: naming both files, when the mask has another size than the picture.
    """
    mask = (read_picture(path)[:1] > 0).float()
    if mask.shape[1:] != image.shape[1:]:
        sizes = [f"{each.shape[2]}x{each.shape[1]}" for each in (mask, image)]
        raise ValueError(f"{path} has {sizes[0]} pixels (width x height), its garment {garment} has {sizes[1]}")
    return mask


def _pose(path: Path, name: str) -> tuple[Any, Any]:
    """`candidate` and `subset` of a person in the pickle of all people."""
    poses = _poses(path, path.stat().st_mtime_ns)
    try:
        return poses[name]["candidate"], poses[name]["subset"]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} has no candidate and subset of {name}; add them, or leave her out of the pair list") from error


@lru_cache(maxsize=1)
def _poses(path: Path, changed: int) -> Any:
    return read_pickle(path)


def _read_segment(path: Path) -> Tensor:
    segment = read_mat(path, ["segment"])["segment"].squeeze()
    if segment.ndim != 2 or segment.dtype.kind not in "iuf":
        raise ValueError(f"{path}: segment is a label map (two axes), not {segment.shape} of {segment.dtype}")
    return torch.from_numpy(np.ascontiguousarray(segment).astype(np.uint8))
