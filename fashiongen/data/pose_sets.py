"""What the data sets of pose transfer share: where their files lie, pairs of pictures of a person, the data module."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.pictures import read_picture, resize
from fashiongen.data.pose_annotations import (
    Annotations,
    Pair,
    person_pairs,
    read_annotations,
    read_openpose_folder,
    read_pairs,
    sample_pairs,
    scale_keypoints,
    valid_names,
)
from fashiongen.types import Batch, Person

Columns = tuple[int, int]
"""First column, and the first behind the last."""

_LISTS_SOURCE = (
    "The authors of Deformable GAN (AliaksandrSiarohin/pose-gan) and of PATN (tengteng95/Pose-Transfer) publish such lists, see "
    "their READMEs; or run OpenPose with --write_json on the pictures and name its folder as `annotations`"
)


@dataclass(frozen=True)
class PoseLayout:
    """How people keep a data set.

    Attributes:
        title: of the data set.
        folders: split -> folders that may hold its pictures.
        lists: what the names of its lists begin with, `<this>-annotation-train.csv`.
        source: where one gets it, a sentence.
        tree: path of a picture in the original tree, by its flattened name.
        tree_folders: folders that may hold the original tree.
    """

    title: str
    folders: Mapping[str, tuple[str, ...]]
    lists: tuple[str, ...]
    source: str
    tree: Callable[[str], str] | None = None
    tree_folders: tuple[str, ...] = ()


class PoseFiles:
    """Where the pictures, key points and pairs of a copy lie.

    Args:
        root: folder of the copy.
        layout: how it may be laid out.
        annotations: folder with the lists, or with OpenPose's JSON files (also in its folders train/ and test/); by default `root`.
        lists: what the names of the lists begin with; "auto" takes the first of `layout.lists` that is there.

    Raises:
        FileNotFoundError: when one of the folders does not exist.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        layout: PoseLayout,
        annotations: str | os.PathLike[str] | None = None,
        lists: str = "auto",
    ) -> None:
        self.layout = layout
        self.root = Path(root).expanduser()
        self.annotations = self.root if annotations is None else Path(annotations).expanduser()
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder; root is that of your copy of {layout.title}. {layout.source}")
        if not self.annotations.is_dir():
            raise FileNotFoundError(f"{self.annotations}: no such folder; it should hold key points. {_LISTS_SOURCE}")
        there = [prefix for prefix in layout.lists if any(self._list(prefix, "annotation", split) for split in layout.folders)]
        self.lists = lists if lists != "auto" else (there or layout.lists)[0]

    def _list(self, prefix: str, kind: str, split: str) -> Path | None:
        paths = (folder / f"{prefix}-{kind}-{split}.csv" for folder in (self.annotations, self.root))
        return next((path for path in paths if path.is_file()), None)

    def _folders(self, split: str) -> list[Path]:
        folders = (self.root / name for name in self.layout.folders[split])
        return [folder for folder in folders if folder.is_dir()]

    def keypoints(self, split: str) -> Annotations:
        """Key points of the pictures of a split, "train" or "test": of its list, else of OpenPose's files.

        Raises:
            FileNotFoundError: when there are neither, with what was looked for and where one gets it.
            ValueError: naming the file, when it is damaged.
        """
        path = self._list(self.lists, "annotation", split)
        if path is not None:
            return read_annotations(path)
        names = [split, *self.layout.folders[split], "."]
        folder = next((self.annotations / name for name in names if any((self.annotations / name).glob("*_keypoints.json"))), None)
        if folder is None:
            looked_for = " or ".join(f"{prefix}-annotation-{split}.csv" for prefix in self.layout.lists)
            raise FileNotFoundError(
                f"{self.annotations} holds no key points of the {split} pictures: neither {looked_for} nor "
                f"*_keypoints.json, there or in {split}/. {_LISTS_SOURCE}"
            )
        return read_openpose_folder(folder, self._names(split))

    def _names(self, split: str) -> list[str]:
        """Pictures of a split: those of PATN's list (train.lst), else what its folder holds."""
        listed = self.root / f"{split}.lst"
        if listed.is_file():
            return listed.read_text(encoding="utf-8-sig").split()
        folders = self._folders(split)
        if not folders:
            looked_for = ", ".join((listed.name, *(f"{name}/" for name in self.layout.folders[split])))
            raise FileNotFoundError(
                f"{self.root} does not say which pictures are for the {split} split; OpenPose's files need one of {looked_for}"
            )
        return sorted(path.name for path in folders[0].iterdir() if path.suffix == ".jpg")

    def pairs(self, split: str, keypoints: Annotations, test_pairs: int) -> list[Pair]:
        """The published pairs of a split where they are there, else pairs made by the authors' rules.

        Args:
            split: "train" or "test".
            keypoints: of the pictures.
            test_pairs: most pairs that are drawn for testing.

        Raises:
            ValueError: naming the list, when it is damaged; when nobody has two usable pictures.
        """
        published = self._list(self.lists, "pairs", split)
        if published is not None:
            return read_pairs(published)
        pairs = person_pairs(valid_names(keypoints))
        if not pairs:
            raise ValueError(
                f"{self.annotations}: no {split} pairs can be made of {len(keypoints)} pictures; a person needs two of them with "
                "both shoulders and both hips"
            )
        return sample_pairs(pairs, test_pairs) if split == "test" else pairs

    def pictures(self, split: str, names: Sequence[str]) -> dict[str, Path]:
        """Where pictures lie: in the folder of their split, in that of another, or in the original tree.

        Raises:
            FileNotFoundError: naming the first picture that is missing and how many there are.
        """
        folders = [folder for each in (split, *self.layout.folders) for folder in self._folders(each)]
        trees = [self.root / name for name in self.layout.tree_folders if (self.root / name).is_dir()]
        if not folders and not trees:
            raise FileNotFoundError(self._without_pictures(split))
        found = {name: self._picture(name, folders, trees) for name in names}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            looked_in = ", ".join(str(folder) for folder in dict.fromkeys((*folders, *trees)))
            raise FileNotFoundError(
                f"{missing[0]} is missing, one of {len(missing)} pictures that the {split} pairs of {self.layout.title} need; "
                f"looked in {looked_in}. {self.layout.source}"
            )
        return {name: path for name, path in found.items() if path is not None}

    def _picture(self, name: str, folders: Sequence[Path], trees: Sequence[Path]) -> Path | None:
        paths = [folder / file for folder in folders for file in (name, f"{name}.jpg")]  # some copies end in .jpg.jpg
        if trees and self.layout.tree is not None:
            paths += [tree / self.layout.tree(name) for tree in trees]
        return next((path for path in paths if path.is_file()), None)

    def _without_pictures(self, split: str) -> str:
        looked_for = " nor ".join(f"{name}/" for name in (*self.layout.folders[split], *self.layout.tree_folders))
        return f"{self.root} is no copy of {self.layout.title}: it holds neither {looked_for}. {self.layout.source}"

    def dataset(
        self,
        split: str,
        size: tuple[int, int],
        test_pairs: int,
        crop: Columns | None = None,
        annotated: Columns | None = None,
        whole_pixels: bool = False,
    ) -> PosePairs:
        """The pairs of a split, "train" or "test", with everything they need looked up; see `PosePairs` for the other arguments.

        Raises:
            FileNotFoundError: naming what is missing and where one gets it.
            ValueError: naming the file, when a list is damaged or a picture of a pair has no key points.
        """
        keypoints = self.keypoints(split)
        pairs = self.pairs(split, keypoints, test_pairs)
        names = list(dict.fromkeys(name for pair in pairs for name in pair))
        others = [other for other in self.layout.folders if other != split and self._list(self.lists, "annotation", other)]
        if any(name not in keypoints for name in names):  # the authors look pictures up in both lists
            for other in others:
                keypoints = keypoints.joined(self.keypoints(other))
        unknown = [name for name in names if name not in keypoints]
        if unknown:
            raise ValueError(
                f"{self.annotations}: {unknown[0]} has no key points, one of {len(unknown)} pictures of the {split} pairs; "
                "complete the key points, or take these pictures out of the pair list"
            )
        return PosePairs(pairs, self.pictures(split, names), keypoints, size, crop, annotated, whole_pixels)


class PosePairs(Dataset[Batch]):
    """Pairs of pictures of one person: `person` and `target` with their key points.

    Args:
        pairs: names of the pictures.
        pictures: where they lie.
        keypoints: by name, in pixels of the stored pictures.
        size: height and width of the examples.
        crop: columns to cut out first; a picture that is just so wide is taken as it is.
        annotated: the columns that the key points were found in, when the lists count from the first of them; for a picture that
            is just so wide they count from its own first column.
        whole_pixels: truncate scaled key points to whole pixels, as the authors' resized lists do.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        pictures: Mapping[str, Path],
        keypoints: Annotations,
        size: tuple[int, int],
        crop: Columns | None = None,
        annotated: Columns | None = None,
        whole_pixels: bool = False,
    ) -> None:
        self.pairs, self.pictures, self.keypoints = pairs, pictures, keypoints
        self.size, self.crop, self.annotated, self.whole_pixels = size, crop, annotated, whole_pixels

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Batch:
        source, target = self.pairs[index]
        return Batch(self.person(source), target=self.person(target), name=f"{Path(source).stem}_{Path(target).stem}")

    def person(self, name: str) -> Person:
        """A person at the size of the set. Joints outside of the picture count as missing.

        Raises:
            ValueError: naming the picture, when it cannot be read or is too narrow for the crop.
        """
        image = read_picture(self.pictures[name])
        width = image.shape[-1]
        counted_from = 0 if self.annotated is None or width == _width(self.annotated) else self.annotated[0]
        left = 0
        if self.crop is not None and width != _width(self.crop):
            left, right = self.crop
            if right > width:
                raise ValueError(f"{self.pictures[name]} is {width} pixels wide; columns {left} to {right - 1} cannot be cut out")
            image = image[..., left:right]
        height, width = image.shape[-2:]
        keypoints = scale_keypoints(self.keypoints[name], (height, width), self.size, left - counted_from, self.whole_pixels)
        return Person(resize(image, *self.size), _inside(keypoints, *self.size))


def _width(columns: Columns) -> int:
    return columns[1] - columns[0]


def _inside(keypoints: Tensor, height: int, width: int) -> Tensor:
    place = keypoints[:, :2]
    inside = ((place >= 0) & (place < torch.tensor([width, height]))).all(dim=1, keepdim=True)
    return keypoints * inside


class PoseDataModule(FashionDataModule):
    """A data set of pose transfer. Validation examples are those of testing: the papers have no third part.

    A subclass makes the data set of "train" or "test" in `_pairs`.
    """

    provides = frozenset({"person", "keypoints", "target"})

    def _pairs(self, split: str) -> PosePairs:
        raise AttributeError(f"{type(self).__name__} has no {split} pairs")

    def _set(self, split: str) -> Dataset[Batch]:
        return self._pairs("train" if split == "train" else "test")
