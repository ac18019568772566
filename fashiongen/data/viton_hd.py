"""VITON-HD: 11,647 training and 2,032 test pairs of a woman and a top at 1024 x 768 pixels, from your own copy.

S. Choi, S. Park, M. Lee, J. Choo, "VITON-HD: High-Resolution Virtual Try-On via Misalignment-Aware Normalization", CVPR 2021.
Layouts: the first release (`shadow2496/VITON-HD`) and the current one, zalando-hd-resized (`sangyun884/HR-VITON`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data.try_on_sets import TryOnDataModule, TryOnFiles, first_file
from fashiongen.data.viton_files import Pair, read_garment_mask, read_pairs

_PARSING = ("image-parse-v3", "image-parse", "image_parse")
_KEYPOINTS = ("openpose_json", "openpose-json")
_LISTS = {"train": ("train_pairs.txt",), "test": ("test_pairs.txt", "test_pairs_unpaired.txt")}


class VitonHdFiles(TryOnFiles):
    """Where the files of VITON-HD lie: people as `train/image/00006_00.jpg`, garments as `train/cloth/00006_00.jpg`.

    A person and her garment share the name. Folders of parsing maps and key points have several spellings; all are known.
    """

    title = "VITON-HD"
    source = "Its authors give it out under CC BY-NC 4.0, see the README of shadow2496/VITON-HD"
    scheme = "cihp20"

    def pairs(self, split: str) -> list[Pair]:
        path = first_file([self.root / name for name in _LISTS[split]])
        return [(f"{split}/image/{person}", f"{split}/cloth/{garment}") for person, garment in read_pairs(path)]

    def own_garment(self, person: str) -> str:
        return person.replace("/image/", "/cloth/", 1)

    def parsing(self, person: str) -> Path:
        return self._beside(person, _PARSING, ".png")

    def keypoints(self, person: str) -> Path:
        return self._beside(person, _KEYPOINTS, "_keypoints.json")

    def mask(self, garment: str) -> Path:
        """Mask of a garment."""
        return self._beside(garment, ("cloth-mask", "cloth_mask"), Path(garment).suffix)

    def garment_files(self, garment: str) -> list[Path]:
        return [self.root / garment, self.mask(garment)]

    def read_keypoints(self, person: str, height: int, width: int) -> Tensor:
        return joints.read_openpose(self.keypoints(person))

    def read_mask(self, garment: str, image: Tensor) -> Tensor:
        return read_garment_mask(self.mask(garment), image, self.root / garment)

    def _beside(self, name: str, folders: tuple[str, ...], ending: str) -> Path:
        """A file of the same stem in another folder of the split."""
        path = self.root / name
        return first_file([path.parents[1] / folder / f"{path.stem}{ending}" for folder in folders])


class VitonHdDataModule(TryOnDataModule):
    """VITON-HD with train/, test/, train_pairs.txt and test_pairs.txt.

    Args:
        root: folder of the pair lists.
        height, width: of the examples, in pixels; 1024 x 768 as stored.
        scheme: labels of the parsing maps, which are CIHP's as stored; the torso's skin has no label in the other schemes.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    def __init__(self, root: str, height: int = 256, width: int = 192, scheme: str = "lip20", **base: Any) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names

    @property
    def files(self) -> VitonHdFiles:
        return VitonHdFiles(self.hparams["root"])
