"""The annotator as a LightningModule: it learns key points and parsing from people whose true answers are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, overload

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import AdamW, Optimizer

from fashiongen.data.parsing import SCHEMES
from fashiongen.models.annotator.augmentation import Window, looked_at, random_window, recoloured, upper, whole
from fashiongen.models.annotator.figures import AnnotatorFigures
from fashiongen.models.annotator.networks import PersonReader, Reading, locate
from fashiongen.models.base import Stage
from fashiongen.types import Batch, Person

JOINTS = 18
SCHEME = "lip20"
LABELS = SCHEMES[SCHEME]
CELL = 2
"""Pixels of a cell of the heat maps."""
_LARGEST_LOGITS = 1024  # longest side in pixels at which label maps are compared; larger pictures take the nearest label


class Found(NamedTuple):
    """What is known of one picture (3, h, w).

    Attributes:
        keypoints: (18, 3) in its pixels, visibility 0, 1 or 2.
        scores: (18,) in [0, 1].
        parsing: (h, w) uint8, ids of LIP-20.
    """

    keypoints: Tensor
    scores: Tensor
    parsing: Tensor


class Annotator(AnnotatorFigures):
    """Key points and parsing of a person who fills the picture, whole or from the waist up.

    A small convolutional network that learns from random weights on the mannequin world alone: it annotates the people of that
    world, on any machine and without a download. Of photographs it has seen none; `fashiongen.annotate` has readers for them.

    Training looks at windows of whole figures (far, close, moved, turned) in changed light. Joints are learned as distributions
    over the places of a heat map (cross entropy against a Gaussian), visibility as one of unknown, hidden and seen, parsing as one
    label a pixel, in which rare labels count more.

    Args:
        size: height and width in pixels that the network works at, multiples of 32; pictures of any size are brought to it and
            back.
        backbone: residual network of `timm`, see `fashiongen.models.annotator.networks.PersonReader`.
        channels: of its four levels.
        width: channels of the decoder.
        sigma: of the Gaussian around a joint, in pixels of `size`.
        visibility_weight: factor of the loss of the visibility.
        parsing_weight: factor of the loss of the parsing.
        augment: train on random windows in changed light; else on the pictures as they are.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every,
            channels_last, cooldown.

    Raises:
        ValueError: for a size that is not a multiple of 32.
    """

    name = "annotator"
    stages: ClassVar[tuple[Stage, ...]] = (Stage("annotation", 8000, ("network",)),)
    needs_to_train = frozenset({"person", "keypoints", "parsing"})
    needs_to_run = frozenset({"person"})

    def __init__(
        self,
        size: Sequence[int] = (128, 96),
        backbone: str = "resnet18d",
        channels: Sequence[int] = (48, 80, 112, 160),
        width: int = 32,
        sigma: float = 2.5,
        visibility_weight: float = 0.5,
        parsing_weight: float = 1.0,
        augment: bool = True,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        **base: Any,
    ) -> None:
        if any(side < 32 or side % 32 for side in size):
            raise ValueError(f"size is height and width in multiples of 32, not {'x'.join(map(str, size))}")
        super().__init__(**base)
        self.save_hyperparameters()
        self.network = PersonReader(backbone, channels, width, JOINTS, len(LABELS))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the network works at."""
        height, width = self.hparams["size"]
        return height, width

    # ------------------------------------------------------------------------------------------------ forward
    def forward(self, image: Tensor) -> Reading:
        """Pictures (B, 3, H, W) of `size` in [-1, 1] -> logits."""
        return self.network(image)

    def points(self, reading: Reading) -> tuple[Tensor, Tensor]:
        """Key points (B, 18, 3) in pixels of `size`, and their scores (B, 18) in [0, 1]."""
        places, share = locate(reading.joints)
        chances = reading.visibility.float().softmax(dim=2)
        visibility = chances.argmax(dim=2)
        keypoints = torch.cat([places * CELL, visibility[..., None].to(places)], dim=2)
        return keypoints * (visibility > 0)[..., None], (1 - chances[..., 0]) * share

    def labels(self, reading: Reading, height: int, width: int) -> Tensor:
        """Label maps (B, height, width), uint8, of the whole page."""
        scores = F.interpolate(reading.parsing.float(), (height, width), mode="bilinear", align_corners=False)
        return scores.argmax(dim=1).to(torch.uint8)

    @torch.no_grad()
    def find(self, pictures: Sequence[Tensor]) -> list[Found]:
        """Annotate pictures of any sizes, (3, h, w) in [-1, 1] each, all in one pass of the network in evaluation mode."""
        was_training = self.training
        self.eval()
        windows = [whole(Person(picture[None].to(self.device)), self.size) for picture in pictures]
        pages = [self._page(picture.to(self.device), window) for picture, window in zip(pictures, windows, strict=True)]
        reading = self(torch.cat(pages))
        keypoints, scores = self.points(reading)
        self.train(was_training)
        found = []
        for place, (picture, window) in enumerate(zip(pictures, windows, strict=True)):
            height, width = picture.shape[1:]
            scale = float(window.height) / self.size[0]
            corner = window.centre[0] - scale * window.centre.new_tensor(self.size[::-1]) / 2
            points = torch.cat([keypoints[place, :, :2] * scale + corner, keypoints[place, :, 2:]], dim=1)
            limits = points.new_tensor([width, height])
            inside = ((points[:, :2] >= 0) & (points[:, :2] < limits)).all(dim=1) & (points[:, 2] > 0)
            parsing = self._cut(Reading(*(part[place : place + 1] for part in reading)), height, width)
            found.append(Found(points * inside[:, None], scores[place] * inside, parsing))
        return found

    def _page(self, picture: Tensor, window: Window) -> Tensor:
        """(1, 3, H, W): the picture in the middle of a white page."""
        height, width = picture.shape[1:]
        page_height = round(float(window.height))
        page_width = max(width, round(page_height * self.size[1] / self.size[0]))
        left, top = (page_width - width) // 2, (page_height - height) // 2
        around = (left, page_width - width - left, top, page_height - height - top)
        padded = F.pad(picture[None], around, value=1.0)
        return F.interpolate(padded, self.size, mode="bilinear", antialias=True, align_corners=False).clamp(-1, 1)

    def _cut(self, reading: Reading, height: int, width: int) -> Tensor:
        """(height, width) label map of a picture that lies in the middle of the page."""
        scale = max(height / self.size[0], width / self.size[1])
        shrink = min(1.0, _LARGEST_LOGITS / (scale * max(self.size)))
        page = [max(1, round(side * scale * shrink)) for side in self.size]
        labels = self.labels(reading, *page)[0]
        part = min(page[0], max(1, round(height * shrink))), min(page[1], max(1, round(width * shrink)))
        top, left = (page[0] - part[0]) // 2, (page[1] - part[1]) // 2
        labels = labels[top : top + part[0], left : left + part[1]]
        if labels.shape == (height, width):
            return labels
        return F.interpolate(labels[None, None].float(), (height, width), mode="nearest-exact")[0, 0].to(torch.uint8)

    # ------------------------------------------------------------------------------------------------ the verb
    @overload
    def annotate(self, person: Person) -> Person: ...

    @overload
    def annotate(self, person: Sequence[Person]) -> list[Person]: ...

    def annotate(self, person: Any) -> Any:
        """The same people with new key points and parsing (LIP-20); everything else stays.

        Args:
            person: a `Person`, a list of them (of any sizes), or a batch.

        Returns:
            what was passed: one, a list, or a batch; pictures keep their size.

        Raises:
            TypeError: when `person` is something else.
        """
        if isinstance(person, (list, tuple)):
            return [self.annotate(each) for each in person]
        if not isinstance(person, Person):
            raise TypeError(f"annotate takes a Person, a list of them or a batch, not {type(person).__name__}")
        batch = person.image if person.image.ndim == 4 else person.image[None]
        found = self.find(list(batch))
        keypoints, _, parsing = (torch.stack(field).to(person.image.device) for field in zip(*found, strict=True))
        if person.image.ndim == 3:
            keypoints, parsing = keypoints[0], parsing[0]
        return dataclasses.replace(person, keypoints=keypoints.to(person.image.dtype), parsing=parsing, scheme=SCHEME)

    # ------------------------------------------------------------------------------------------------ training
    def losses_of(self, reading: Reading, person: Person) -> dict[str, Tensor]:
        """What the network's answer costs: "joints", "visibility", "parsing", and "total", their weighted sum.

        Args:
            reading: of the pictures of `person`.
            person: batch at `size` with key points and parsing.
        """
        keypoints, parsing = person.keypoints, person.parsing
        assert keypoints is not None and parsing is not None
        known = keypoints[..., 2] > 0
        wanted = self._gaussians(keypoints)
        surprise = -(wanted * reading.joints.float().flatten(2).log_softmax(dim=2)).sum(dim=2)
        losses = {"joints": (surprise * known).sum() / known.sum().clamp(min=1)}
        losses["visibility"] = F.cross_entropy(reading.visibility.float().flatten(0, 1), keypoints[..., 2].long().flatten())
        scores = F.interpolate(reading.parsing.float(), self.size, mode="bilinear", align_corners=False)
        share = torch.bincount(parsing.flatten().long(), minlength=len(LABELS)) / parsing.numel()
        losses["parsing"] = F.cross_entropy(scores, parsing.long(), weight=torch.rsqrt(share + 1e-3).to(scores))
        losses["total"] = (
            losses["joints"]
            + self.hparams["visibility_weight"] * losses["visibility"]
            + self.hparams["parsing_weight"] * losses["parsing"]
        )
        return losses

    def _gaussians(self, keypoints: Tensor) -> Tensor:
        """(B, 18, cells), each adding up to 1: where the heat maps should be."""
        height, width = (side // CELL for side in self.size)
        y = (torch.arange(height, device=keypoints.device) + 0.5) * CELL
        x = (torch.arange(width, device=keypoints.device) + 0.5) * CELL
        square = (x - keypoints[..., :1]).square()[..., None, :] + (y - keypoints[..., 1:2]).square()[..., :, None]
        return (-square.flatten(2) / (2 * self.hparams["sigma"] ** 2)).softmax(dim=2)

    def train_annotation(self, batch: Batch) -> dict[str, Tensor]:
        person = _annotated(batch)
        if self.hparams["augment"]:
            person = looked_at(person, random_window(person, self.size), self.size)
            person = dataclasses.replace(person, image=recoloured(person.image))
        else:
            person = looked_at(person, whole(person, self.size), self.size)
        with self.updating("annotation") as update:
            losses = self.losses_of(self(person.image), person)
            update(losses["total"])
        return losses

    def configure_optimizers(self) -> Optimizer:
        return AdamW(self.parameters(), lr=self.hparams["learning_rate"], weight_decay=self.hparams["weight_decay"])

    # ------------------------------------------------------------------------------------------------ the rest
    def views(self, batch: Batch) -> dict[str, Person]:
        """What figures are measured on: the "whole" pictures, and their "upper" parts, head to thigh; batches at `size`."""
        person = _annotated(batch)
        windows = {"whole": whole(person, self.size), "upper": upper(person, self.size)}
        return {name: looked_at(person, window, self.size) for name, window in windows.items()}


def _annotated(batch: Batch) -> Person:
    person = batch.person
    if person.keypoints is None or person.parsing is None:
        raise ValueError("annotator learns from people with key points and parsing; this batch lacks one of them")
    if person.scheme != SCHEME:
        raise ValueError(f"annotator learns the labels of {SCHEME}, not of {person.scheme}; draw the data with scheme={SCHEME}")
    return person
