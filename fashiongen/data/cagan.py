"""People and the garments that they wear: all that CAGAN learns from. Your own pictures, or a copy of a try-on set.

The drawing of training examples is that of `shaoanlu/Conditional-Analogy-GAN-keras` (`CAGAN.ipynb`, cell `read_image`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.cagan_files import Layout, Wearing, find_wearing
from fashiongen.data.cutout import mask_on_white
from fashiongen.data.pictures import read_picture
from fashiongen.types import Batch, Garment, Person

Augment = Literal["none", "flip", "crop_flip"]
Others = Literal["drawn", "batch"]


@dataclass(frozen=True)
class CropWindow:
    """Where crops of training people are taken.

    Attributes:
        size: height and width that the picture is resized to first.
        rows, columns: offsets from the top and the left are below these (the largest possible one never occurs).
    """

    size: tuple[int, int]
    rows: int
    columns: int


def crop_window(height: int, width: int) -> CropWindow:
    """For crops of height x width: 148x111 for 128x96, and in proportion."""
    size = round(height * 148 / 128), round(width * 111 / 96)
    return CropWindow(size, max(1, size[0] - height), max(1, size[1] - width))


def pillow_resize(levels: Tensor, height: int, width: int) -> Tensor:
    """Pillow's bilinear resize (antialiased when shrinking): (3, h, w) uint8 -> (3, `height`, `width`) uint8."""
    picture = Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy(), "RGB")
    resized = np.array(picture.resize((width, height), Image.Resampling.BILINEAR))
    return torch.from_numpy(resized).permute(2, 0, 1)


def flipped(picture: Tensor) -> Tensor:
    """Mirror a picture (..., H, W) left and right."""
    return picture.flip(-1)


def network_values(levels: Tensor) -> Tensor:
    """uint8 -> float32 in [-1, 1], rounded once."""
    return (levels.double() / 255 * 2 - 1).float()


class CaganDataset(Dataset[Batch]):
    """Examples of one split: a person, the garment that she wears and another one.

    Args:
        wearing: who wears what.
        height, width: of the pictures, in pixels.
        draws: how many different examples are made of each person; example i is of person i modulo their number. 0 makes one each,
            in which the other garment is the one that the data names, else that of the next person who wears a different one.
        augment, others: see `CaganDataModule`; of no effect without `draws`.
        seed: of the other garments, crops and flips; an example depends on it and on its index alone.

    Raises:
        ValueError: when all people wear the same garment.
    """

    def __init__(
        self,
        wearing: Sequence[Wearing],
        height: int = 128,
        width: int = 96,
        draws: int = 0,
        augment: Augment = "none",
        others: Others = "drawn",
        seed: int = 0,
    ) -> None:
        self.wearing, self.height, self.width = list(wearing), height, width
        self.draws, self.augment, self.others, self.seed = draws, augment, others, seed
        self.garments = sorted({each.worn for each in self.wearing})
        self._places = {garment: place for place, garment in enumerate(self.garments)}
        if len(self.garments) < 2 and (draws or any(each.other is None for each in self.wearing)):
            raise ValueError(f"all {len(self.wearing)} people wear {self.garments[0]}; swapping needs at least two garments")

    def __len__(self) -> int:
        return len(self.wearing) * max(1, self.draws)

    def __getitem__(self, index: int) -> Batch:
        wearing = self.wearing[index % len(self.wearing)]
        if self.draws:
            return self._drawn(wearing, np.random.default_rng((self.seed, index)))
        other = wearing.other or self._next_other(index)
        size = self.height, self.width
        person, worn, target = (pillow_resize(_levels(path), *size) for path in (wearing.person, wearing.worn, other))
        return self._batch(wearing, other, person, worn, target)

    def _drawn(self, wearing: Wearing, random: np.random.Generator) -> Batch:
        choices = len(self.garments) - 1
        place = int(random.integers(choices))
        own = self._places[wearing.worn]
        other = self.garments[place + (place >= own)]
        size = self.height, self.width
        worn = pillow_resize(_levels(wearing.worn), *size)
        target = pillow_resize(_levels(other), *size) if self.others == "drawn" else None
        if self.augment == "crop_flip":
            window = crop_window(*size)
            top, left = int(random.integers(window.rows)), int(random.integers(window.columns))
            person = pillow_resize(_levels(wearing.person), *window.size)[:, top : top + self.height, left : left + self.width]
        else:
            person = pillow_resize(_levels(wearing.person), *size)
        if self.augment != "none":
            # A person and her garment are mirrored together, so that prints still agree.
            if random.random() < 0.5 and target is not None:
                target = flipped(target)
            if random.random() < 0.5:
                person, worn = flipped(person), flipped(worn)
        return self._batch(wearing, other, person, worn, target)

    def _next_other(self, index: int) -> Path:
        worn = self.wearing[index].worn
        following = (self.wearing[(index + step) % len(self.wearing)].worn for step in range(1, len(self.wearing)))
        return next(garment for garment in following if garment != worn)

    def _batch(self, wearing: Wearing, other: Path, person: Tensor, worn: Tensor, target: Tensor | None) -> Batch:
        return Batch(
            Person(network_values(person)),
            garment=_garment(worn),
            other_garment=None if target is None else _garment(target),
            name=f"{wearing.person.stem}_{other.stem}",
        )


class CaganDataModule(FashionDataModule):
    """Pictures of people, pictures of garments, and a list of who wears what; or a copy of a try-on set, which holds such pairs.

    Neither key points nor parsing are read. Validation and test examples are those of the test split, each with one other garment.

    Args:
        root: folder with `people/`, `garments/`, `worn_train.txt` and `worn_test.txt`, or in one of the other layouts.
        layout: "folders", "keras", "authors", "viton_resize", or "auto" to look which one is there; see
            `fashiongen.data.cagan_files.find_wearing`.
        people, garments: names of the two folders of the layout "folders".
        height, width: of the pictures, in pixels.
        augment: of training examples: "crop_flip" as in `CAGAN.ipynb` (the person is cropped out of a picture 16 % larger; person
            and worn garment are mirrored together, the other garment by itself, every second time each), "flip" or "none".
        others: training examples come with another garment that is "drawn" among those that training people wear, or without one:
            then the model takes that of another person of the "batch".
        draws: how many different examples (other garment, crop, flips) are made of each training person before they repeat.
        base: batch_size, num_workers, seed of `FashionDataModule`.

    Raises:
        ValueError: for an unknown choice, or fewer than one draw.
    """

    provides = frozenset({"person", "garment", "other_garment"})

    def __init__(
        self,
        root: str,
        layout: Literal["auto"] | Layout = "auto",
        people: str = "people",
        garments: str = "garments",
        height: int = 128,
        width: int = 96,
        augment: Augment = "crop_flip",
        others: Others = "drawn",
        draws: int = 64,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names
        for option, value, choices in (("augment", augment, ("none", "flip", "crop_flip")), ("others", others, ("drawn", "batch"))):
            if value not in choices:
                raise ValueError(f"{option} is one of {', '.join(choices)}, not {value!r}")
        if draws < 1:
            raise ValueError(f"draws is at least 1, not {draws}")

    def _set(self, split: str) -> CaganDataset:
        options = {name: self.hparams[name] for name in ("layout", "people", "garments")}
        size = {name: self.hparams[name] for name in ("height", "width")}
        if split == "train":
            wearing = find_wearing(self.hparams["root"], "train", **options)
            drawing = {name: self.hparams[name] for name in ("draws", "augment", "others")}
            return CaganDataset(wearing, seed=self.seed, **drawing, **size)
        return CaganDataset(find_wearing(self.hparams["root"], "test", **options), **size)


def _levels(path: Path) -> Tensor:
    """(3, h, w) uint8 of a picture file."""
    return ((read_picture(path) + 1) * 127.5).round().to(torch.uint8)


def _garment(levels: Tensor) -> Garment:
    image = network_values(levels)
    return Garment(image, mask_on_white(image))
