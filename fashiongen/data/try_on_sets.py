"""What the try-on data sets after VITON share: where people and garments lie, examples of them, the data module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from fashiongen.data import parsing as schemes
from fashiongen.data.base import FashionDataModule
from fashiongen.data.pictures import read_labels, read_picture, resize, resize_labels
from fashiongen.data.viton_files import Pair
from fashiongen.types import Batch, Garment, Person


class TryOnFiles(ABC):
    """Where everything lies. People and garments are named by the paths of their pictures from `root`.

    Args:
        root: folder of the copy.

    Attributes:
        title: of the data set.
        source: where one gets it, a sentence.
        scheme: labels of its parsing maps.

    Raises:
        FileNotFoundError: when the folder does not exist.
    """

    title: str
    source: str
    scheme: str

    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder; root is that of your copy of {self.title}. {self.source}")

    @abstractmethod
    def pairs(self, split: str) -> list[Pair]:
        """(person, garment) of every line of the lists of a split, "train" or "test"; of the unpaired ones for testing."""

    @abstractmethod
    def own_garment(self, person: str) -> str:
        """The garment that a person wears."""

    @abstractmethod
    def parsing(self, person: str) -> Path:
        """Parsing map of a person."""

    @abstractmethod
    def keypoints(self, person: str) -> Path:
        """Key points of a person."""

    @abstractmethod
    def read_keypoints(self, person: str, height: int, width: int) -> Tensor:
        """(18, 3) in pixels of the stored picture, which has this height and width."""

    @abstractmethod
    def read_mask(self, garment: str, image: Tensor) -> Tensor:
        """(1, H, W) float, 0 or 1: where the garment is in its picture (3, H, W)."""

    def garment_files(self, garment: str) -> list[Path]:
        """What is needed of a garment."""
        return [self.root / garment]

    def read_parsing(self, person: str, height: int, width: int) -> Tensor:
        """(height, width) uint8 labels of `scheme`; height and width are those of the stored picture.

        Raises:
            ValueError: naming the file and the fix, when it cannot be read, has another size, or holds other ids.
        """
        path = self.parsing(person)
        labels = read_labels(path)
        if labels.shape != (height, width):
            raise ValueError(
                f"{path} has {labels.shape[1]}x{labels.shape[0]} pixels (width x height), its picture {width}x{height}; "
                "use both at one resolution"
            )
        schemes.check(labels, self.scheme, path)
        return labels

    def check(self, people: Iterable[str], garments: Iterable[str]) -> None:
        """Look for every file that is needed.

        Raises:
            FileNotFoundError: naming the first missing file and how many there are.
        """
        needed = dict.fromkeys(path for name in people for path in (self.root / name, self.parsing(name), self.keypoints(name)))
        needed.update(dict.fromkeys(path for name in garments for path in self.garment_files(name)))
        missing = [path for path in needed if not path.is_file()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]} is missing, one of {len(missing)} files that the pairs of {self.title} need; restore them, or take "
                f"their lines out of the pair lists. {self.source}"
            )


class TryOnPairs(Dataset[Batch]):
    """Examples of one split: `person` with key points and parsing, her `garment`, and where there are `others`, `other_garment`.

    Args:
        files: where everything lies.
        people: their names.
        others: of each the garment to put on; None for none.
        height, width: of the pictures, in pixels.
        scheme: labels wanted of the parsing maps.
    """

    def __init__(
        self,
        files: TryOnFiles,
        people: Sequence[str],
        others: Sequence[str] | None = None,
        height: int = 256,
        width: int = 192,
        scheme: str = "lip20",
    ) -> None:
        self.files, self.people, self.others = files, people, others
        self.height, self.width, self.scheme = height, width, scheme

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> Batch:
        name = self.people[index]
        own, label = self.files.own_garment(name), Path(name).stem
        if self.others is None:
            return Batch(self.person(name), garment=self.garment(own), name=label)
        other = self.others[index]
        garments = {each: self.garment(each) for each in dict.fromkeys((own, other))}
        label = f"{label}_{Path(other).stem}"
        return Batch(self.person(name), garment=garments[own], other_garment=garments[other], name=label)

    def person(self, name: str) -> Person:
        """A person at the size of the set."""
        image = read_picture(self.files.root / name)
        height, width = image.shape[1:]
        parsing = schemes.convert(self.files.read_parsing(name, height, width), self.files.scheme, self.scheme)
        keypoints = self.files.read_keypoints(name, height, width) * torch.tensor([self.width / width, self.height / height, 1])
        size = self.height, self.width
        return Person(resize(image, *size), keypoints, resize_labels(parsing, *size), self.scheme)

    def garment(self, name: str) -> Garment:
        """A garment at the size of the set."""
        image = read_picture(self.files.root / name)
        size = self.height, self.width
        return Garment(resize(image, *size), resize(self.files.read_mask(name, image), *size))


class TryOnDataModule(FashionDataModule):
    """A try-on data set in pairs. A subclass makes its `files`.

    Training examples are people with the garment that they wear, and as `other_garment` the one that their line names, or, where it
    names their own, that of the next line. Validation examples are the test people with their own garments, test examples the
    unpaired test list.
    """

    provides = frozenset({"person", "keypoints", "parsing", "garment", "other_garment"})

    @property
    def files(self) -> TryOnFiles:
        """Where everything lies."""
        raise AttributeError(f"{type(self).__name__} has no files")

    def _set(self, split: str) -> TryOnPairs:
        files = self.files
        pairs = files.pairs("train" if split == "train" else "test")
        people = [person for person, _ in pairs]
        own = [files.own_garment(person) for person in people]
        others: list[str] | None = [garment for _, garment in pairs]
        if split == "train":
            following = [*own[1:], own[0]]
            named = zip(pairs, own, following, strict=True)
            others = [after if garment == worn else garment for (_, garment), worn, after in named]
        elif split == "validation":
            others = None
        files.check(people, [*own, *(others or [])])
        options: dict[str, Any] = {name: self.hparams[name] for name in ("height", "width", "scheme")}
        return TryOnPairs(files, people, others, **options)


def first_file(paths: Sequence[Path]) -> Path:
    """The first of the places of a file that is there; else the first of them."""
    return next((path for path in paths if path.is_file()), paths[0])
