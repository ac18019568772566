"""Dress Code: 48,392 training and 5,400 test pairs of a person and a garment at 1024 x 768 pixels, from your own copy.

D. Morelli, M. Fincato, M. Cornia, F. Landi, F. Cesari, R. Cucchiara, "Dress Code: High-Resolution Multi-Category Virtual Try-On",
ECCV 2022. Layout: `aimagelab/dress-code`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data.cutout import mask_on_white
from fashiongen.data.try_on_sets import TryOnDataModule, TryOnFiles
from fashiongen.data.viton_files import Pair, read_pairs

CATEGORIES = ("upper_body", "lower_body", "dresses")
_LISTS = {"train": "train_pairs.txt", "test": "test_pairs_unpaired.txt"}
_DETECTED = (512, 384)
"""Height and width of the pictures in which key points were detected."""
_MISSING = 1.0
"""Coordinates up to this mean a missing joint."""


class DressCodeFiles(TryOnFiles):
    """Where the files of Dress Code lie: people as `dresses/images/013563_0.jpg`, garments as `dresses/images/013563_1.jpg`.

    Args:
        root: folder of the categories.
        categories: which of them are read.

    Raises:
        FileNotFoundError: when the folder does not exist.
        ValueError: for an unknown category or none.
    """

    title = "Dress Code"
    source = "Its authors give it out to universities on request, see the README of aimagelab/dress-code"
    scheme = "atr18"

    def __init__(self, root: str, categories: Sequence[str] = CATEGORIES) -> None:
        super().__init__(root)
        unknown = [name for name in categories if name not in CATEGORIES]
        if unknown or not categories:
            raise ValueError(f"categories are some of {', '.join(CATEGORIES)}, not {', '.join(unknown) or 'none'}")
        self.categories = tuple(categories)

    def pairs(self, split: str) -> list[Pair]:
        lists = {category: read_pairs(self.root / category / _LISTS[split]) for category in self.categories}
        return [(f"{category}/images/{a}", f"{category}/images/{b}") for category, pairs in lists.items() for a, b in pairs]

    def own_garment(self, person: str) -> str:
        path = Path(person)
        return (path.parent / f"{path.stem.removesuffix('_0')}_1{path.suffix}").as_posix()

    def parsing(self, person: str) -> Path:
        return self._beside(person, "label_maps", "_4.png")

    def keypoints(self, person: str) -> Path:
        return self._beside(person, "keypoints", "_2.json")

    def read_keypoints(self, person: str, height: int, width: int) -> Tensor:
        return read_dress_code(self.keypoints(person)) * torch.tensor([width / _DETECTED[1], height / _DETECTED[0], 1])

    def read_mask(self, garment: str, image: Tensor) -> Tensor:
        return mask_on_white(image)

    def _beside(self, person: str, folder: str, ending: str) -> Path:
        path = self.root / person
        return path.parents[1] / folder / f"{path.stem.removesuffix('_0')}{ending}"


def read_dress_code(path: Path) -> Tensor:
    """Key points of a file of Dress Code, {"keypoints": [[x, y, score, id], ...]}.

    Returns:
        (18, 3) in the order "openpose18", in pixels of a picture of 384 x 512 (width x height).

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is no such file, or holds another number of points, or none that is known.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such key-point file")
    try:
        points = np.asarray(json.loads(path.read_bytes())["keypoints"], np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f'{path}: not a key-point file of Dress Code ({{"keypoints": [...]}}): {error}') from error
    if points.ndim != 2 or points.shape[0] != 18 or points.shape[1] < 2:
        raise ValueError(f"{path}: expected 18 points of (x, y, score, id), got an array of shape {points.shape}")
    place = torch.from_numpy(points[:, :2].copy())
    seen = (place > _MISSING).all(dim=1, keepdim=True) | ~place.isfinite().all(dim=1, keepdim=True)
    return joints.check(torch.cat([place + 0.5, torch.full((18, 1), 2.0, dtype=torch.float64)], dim=1) * seen, path)


class DressCodeDataModule(TryOnDataModule):
    """Dress Code with upper_body/, lower_body/ and dresses/, each with its pictures, annotations and pair lists.

    Args:
        root: folder of the categories.
        categories: which of them are read.
        height, width: of the examples, in pixels; 1024 x 768 as stored.
        scheme: labels of the parsing maps, which are ATR's as stored.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    def __init__(
        self,
        root: str,
        categories: Sequence[str] = CATEGORIES,
        height: int = 256,
        width: int = 192,
        scheme: str = "lip20",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names

    @property
    def files(self) -> DressCodeFiles:
        return DressCodeFiles(self.hparams["root"], self.hparams["categories"])
