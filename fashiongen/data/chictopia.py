"""Chictopia10K with ClothNet's labels and body maps: pictures of people on black, their sketches and bodies, from your own copy.

C. Lassner, G. Pons-Moll, P. V. Gehler, "A Generative Model of People in Clothing", ICCV 2017; authors' code
`classner/generating_people`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.chictopia_files import SCHEME, Layout, Sketches, find_sketches
from fashiongen.data.parsing import parts_of_body_map
from fashiongen.data.pictures import resize, resize_labels
from fashiongen.data.sketches import STORED
from fashiongen.layers.resize import legacy_bilinear_resize, legacy_nearest_resize
from fashiongen.types import Batch, Person

Resize = Literal["antialias", "legacy", "none"]

_SHOWN = 256  # of the 286 stored pixels


class ChictopiaDataset(Dataset[Batch]):
    """Examples of one split: `person` with parsing in the scheme "clothnet22" and, of its body map, `parts`.

    Args:
        sketches: where they come from.
        side: of the pictures, in pixels.
        resize: "legacy" for TensorFlow 1's rules, otherwise antialiased.
        bodies: read body maps.
    """

    def __init__(self, sketches: Sketches, side: int = STORED, resize: Resize = "antialias", bodies: bool = True) -> None:
        self.sketches, self.side, self.resize, self.bodies = sketches, side, resize, bodies

    def __len__(self) -> int:
        return len(self.sketches)

    def __getitem__(self, index: int) -> Batch:
        sketch = self.sketches.read(index, self.bodies)
        parts = None if sketch.body is None else parts_of_body_map(self._labels(sketch.body))
        person = Person(self._picture(sketch.image), parsing=self._labels(sketch.labels), scheme=SCHEME, parts=parts)
        return Batch(person, name=sketch.name)

    def _picture(self, image: Tensor) -> Tensor:
        return (legacy_bilinear_resize if self.resize == "legacy" else resize)(image, self.side, self.side)

    def _labels(self, labels: Tensor) -> Tensor:
        return (legacy_nearest_resize if self.resize == "legacy" else resize_labels)(labels, self.side, self.side)


class Chictopia10KDataModule(FashionDataModule):
    """Chictopia10K as ClothNet's authors prepare it, in one of three layouts.

    "prepared" are their folders train/, val/ and test/ of pictures, "records" their files train_p0.tfrecords and so on,
    "humanparsing" the original pairs (JPEGImages/, SegmentationClassAug/) with 18 labels and no body maps, see
    `fashiongen.data.chictopia_files.HumanParsing`. A body map with its seven classes is handed on as `Person.parts`, see
    `fashiongen.data.parsing.parts_of_body_map`: `body_map` makes the seven classes of it again.

    Args:
        root: folder of your copy.
        layout: "prepared", "records", "humanparsing", or "auto" to look which one is there.
        side: of the examples, in pixels; they are square.
        crop: for training, cut a random `side` of the `side` * 286 / 256 pixels of a picture, as the authors do. It happens on the
            way to a trainer's step, so that a resumed run cuts as one that never stopped; the training set itself holds the
            larger pictures. Otherwise pictures are scaled, as for validation and testing.
        resize: how they are scaled: "antialias"; "legacy" for the authors' TensorFlow 1 (bilinear for pictures, nearest
            neighbour for labels); "none" hands out `side` * 286 / 256 pixels for the model to scale: ClothNet's sketches become
            colours before that, as the authors' do.
        bodies: provide `parts`. The layout "humanparsing" has none.
        pictures: pattern of the names that count in the layout "humanparsing", which mixes Chictopia10K with other pictures.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    provides = frozenset({"person", "parsing", "parts"})

    def __init__(
        self,
        root: str,
        layout: Literal["auto"] | Layout = "auto",
        side: int = _SHOWN,
        crop: bool = True,
        resize: Resize = "antialias",
        bodies: bool = True,
        pictures: str = "*",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names
        if not bodies:
            self.provides = self.provides - {"parts"}

    def _set(self, split: str) -> ChictopiaDataset:
        options = self.hparams
        sketches = find_sketches(options["root"], split, options["layout"], options["bodies"], options["pictures"])
        larger = options["resize"] == "none" or (split == "train" and options["crop"])
        side = options["side"] * STORED // _SHOWN if larger else options["side"]
        return ChictopiaDataset(sketches, side, options["resize"], options["bodies"])

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Cut the pictures of a training step, each at its own place."""
        if self.trainer is None or not self.trainer.training or not self.hparams["crop"]:
            return batch
        step, rank = self.trainer.fit_loop.total_batch_idx + 1, self.trainer.global_rank
        generator = torch.Generator().manual_seed(((self.seed * 1_000_003 + step) * 4096 + rank) % 2**63)
        return dataclasses.replace(batch, person=cut(batch.person, self.hparams["side"], generator))


def cut(person: Person, side: int, generator: torch.Generator) -> Person:
    """Random squares of a batch of people, one place for picture, parsing and parts of a person.

    Args:
        person: batch of people without key points.
        side: of the squares, in pixels, not larger than the pictures.
        generator: on the CPU; it is advanced.
    """
    height, width = person.size
    people = []
    for each in person.unbind():
        top, left = (int(torch.randint(length - side + 1, (), generator=generator)) for length in (height, width))
        rows, columns = slice(top, top + side), slice(left, left + side)
        maps = {name: getattr(each, name) for name in ("image", "parsing", "parts")}
        kept = {name: value[..., rows, columns] for name, value in maps.items() if value is not None}
        people.append(dataclasses.replace(each, **kept))
    return Person.stack(people)
