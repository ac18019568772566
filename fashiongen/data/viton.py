"""VITON-Zalando: 14,221 training and 2,032 test pairs of a woman and a top, from your own copy.

The set was withdrawn for copyright reasons; this library neither ships nor downloads it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.pictures import read_picture, resize, resize_labels
from fashiongen.data.viton_files import Pair, SegmentFormat, VitonFiles, own_garment
from fashiongen.data.warps import WarpCache
from fashiongen.layers.pose_maps import quantize_keypoints
from fashiongen.layers.resize import legacy_bilinear_resize, legacy_nearest_resize
from fashiongen.types import Batch, Garment, Person

Resize = Literal["legacy", "antialias"]


class VitonDataset(Dataset[Batch]):
    """Pairs of one split.

    Args:
        files: where everything lies.
        split: "train" or "test": folder of the layout viton_resize.
        pairs: people and garments.
        height, width: of the pictures, in pixels.
        resize: "legacy" or "antialias", see `VitonDataModule`.
        worn: yield the second of a pair as `garment`, worn by the person; otherwise as `other_garment`.
        own: also yield the person's own garment as `garment`, beside `other_garment`.
        warps: control points of the pairs.
    """

    def __init__(
        self,
        files: VitonFiles,
        split: str,
        pairs: Sequence[Pair],
        height: int = 256,
        width: int = 192,
        resize: Resize = "antialias",
        worn: bool = True,
        own: bool = False,
        warps: WarpCache | None = None,
    ) -> None:
        self.files, self.split, self.pairs = files, split, list(pairs)
        self.height, self.width, self.resize = height, width, resize
        self.worn, self.own, self.warps = worn, own, warps

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Batch:
        name, product = self.pairs[index]
        person, garment = self.person(name), self.garment(product)
        points = None if self.warps is None else self.warps[name, product]
        label = f"{Path(name).stem}_{Path(product).stem}"
        if self.worn:
            return Batch(person, garment=garment, control_points=points, name=label)
        worn = self.garment(own_garment(name)) if self.own else None
        return Batch(person, garment=worn, other_garment=garment, control_points=points, name=label)

    def person(self, name: str) -> Person:
        """A person at the size of the set, parsing in LIP-20."""
        image = read_picture(self.files.person(self.split, name))
        height, width = image.shape[1:]
        keypoints = self.files.read_keypoints(self.split, name, first=self.resize == "legacy")
        parsing = self.files.read_parsing(self.split, name, height, width)
        if self.resize == "legacy":
            half = torch.tensor([0.5, 0.5, 0.0])
            size = torch.tensor([[height, width]])
            keypoints = quantize_keypoints((keypoints - half)[None], size, self.height, self.width)[0]
            parsing = legacy_nearest_resize(parsing, self.height, self.width)
        else:
            keypoints = keypoints * torch.tensor([self.width / width, self.height / height, 1])
            parsing = resize_labels(parsing, self.height, self.width)
        return Person(self._resized(image), keypoints, parsing)

    def garment(self, name: str) -> Garment:
        """A garment at the size of the set, with the stored mask, else everything that is not white."""
        image = read_picture(self.files.garment(self.split, name))
        return Garment(self._resized(image), self._resized(self.files.read_mask(self.split, name, image)))

    def _resized(self, image: Tensor) -> Tensor:
        function = legacy_bilinear_resize if self.resize == "legacy" else resize
        return function(image, self.height, self.width)


class VitonDataModule(FashionDataModule):
    """VITON-Zalando in the authors' layout (women_top/, segment/, pose/, tps/) or as viton_resize (train/image/, ...).

    Training examples are people with the garment they wear, validation examples the people of the test list with the garment they
    wear, test examples the pairs of the test list. The published lists have 14,221 and 2,032 lines; other lengths are fine.

    Args:
        root: folder with the pair lists.
        layout: "authors", "viton_resize", or "auto" to look which one is there.
        height, width: of the pictures, in pixels.
        resize: "antialias", or "legacy" for what the authors' code does: TensorFlow 1's bilinear and nearest-neighbour resizes, key
            points truncated to whole pixels twice, the first person of a key-point file, and matching on whole, 1-based pixels.
            Parsing is resized before the model makes its maps from it, which the authors do afterwards.
        segment_format: of the authors' `segment/*.mat`: "lip641_transposed", or "image" for maps that lie over the picture.
        warp: provide `control_points` of the training pairs: the stored ones (`tps/*.mat`), else matched by shape contexts, once.
        skip_unmatched: leave training pairs out whose silhouettes cannot be matched, as the authors do; a warning counts them and
            names the list. Otherwise they are an error.
        cache: folder for matched control points.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    provides = frozenset({"person", "keypoints", "parsing", "garment", "other_garment", "control_points"})

    def __init__(
        self,
        root: str,
        layout: Literal["auto", "authors", "viton_resize"] = "auto",
        height: int = 256,
        width: int = 192,
        resize: Resize = "antialias",
        segment_format: SegmentFormat = "lip641_transposed",
        warp: bool = True,
        skip_unmatched: bool = False,
        cache: str = "~/.cache/fashiongen/viton",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names
        if not warp:
            self.provides = self.provides - {"control_points"}

    @property
    def files(self) -> VitonFiles:
        """Where everything lies."""
        return VitonFiles.find(self.hparams["root"], self.hparams["layout"], self.hparams["segment_format"])

    def prepare_data(self) -> None:
        """Match the silhouettes of the training pairs that have no control points yet."""
        if self.hparams["warp"] and self.trainer is not None and self.trainer.state.fn == "fit":
            self._warps().fill(self._pairs("train"), self.num_workers)

    def _warps(self) -> WarpCache:
        return WarpCache(self.files, self.hparams["cache"], legacy=self.hparams["resize"] == "legacy")

    def _pairs(self, split: str) -> list[Pair]:
        pairs = self.files.pairs(split)
        self.files.check(split, pairs)
        return pairs

    def _set(self, split: str) -> VitonDataset:
        folder = "train" if split == "train" else "test"
        pairs = self._pairs(folder)
        options: dict[str, Any] = {name: self.hparams[name] for name in ("height", "width", "resize")}
        if split == "train":
            warps = self._warps() if self.hparams["warp"] else None
            if warps is not None:
                warps.fill(pairs, self.num_workers)
                pairs = self._matched(warps, pairs)
            return VitonDataset(self.files, folder, pairs, warps=warps, **options)
        own = [(person, own_garment(person)) for person, _ in pairs]
        if split == "validation":
            self.files.check(folder, own)
            return VitonDataset(self.files, folder, own, **options)
        worn_known = all(self.files.garment(folder, garment).is_file() for _, garment in own)
        return VitonDataset(self.files, folder, pairs, worn=False, own=worn_known, **options)

    def _matched(self, warps: WarpCache, pairs: list[Pair]) -> list[Pair]:
        """The pairs that have control points.

        Raises:
            ValueError: when some have none and `skip_unmatched` is off, or when none has any.
        """
        unmatched = warps.unmatched(pairs)
        if not unmatched:
            return pairs
        report = warps.report(unmatched)
        told = f"{len(unmatched)} of {len(pairs)} training pairs cannot be warped, their silhouettes are too small or missing"
        if not self.hparams["skip_unmatched"] or len(unmatched) == len(pairs):
            first = " ".join(next(iter(unmatched)))
            raise ValueError(
                f"{told} (the first is {first}, all are in {report}); set skip_unmatched=True to train without them, or warp=False"
            )
        warnings.warn(f"{told}; training goes on without them, they are listed in {report}", stacklevel=2)
        return [pair for pair in pairs if pair not in unmatched]
