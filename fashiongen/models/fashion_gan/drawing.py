"""FashionGAN when it runs: from a person and a sentence to the label map and to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from fashiongen.models.base import FashionModule
from fashiongen.models.fashion_gan import representation
from fashiongen.models.fashion_gan.blocks import running_as
from fashiongen.models.fashion_gan.compositing import composite_person
from fashiongen.models.fashion_gan.figures import RedressFigures
from fashiongen.models.fashion_gan.picture_networks import PlainGenerator, UNetGenerator
from fashiongen.models.fashion_gan.representation import FACE, HAIR, parsing_of
from fashiongen.models.fashion_gan.shape_networks import ShapeGenerator
from fashiongen.models.fashion_gan.text import LanguageEncoder
from fashiongen.types import Person

_OUTPUTS = ("picture", "painted", "map")


class Redressed(NamedTuple):
    """What `redraw` makes of B people.

    Attributes:
        image: (B, 3, H, W) the people in their new clothes, in [-1, 1].
        painted: (B, 3, H, W) the picture stage's picture alone, before anything of the person's own is laid over it.
        labels: (B, H, W) uint8, the label map of the shape stage.
    """

    image: Tensor
    painted: Tensor
    labels: Tensor


class Condition(NamedTuple):
    """What a stage is told about B people.

    Attributes:
        map: (B, 4, 8, 8) layout for the shape stage, (B, 3, H, W) coloured map for the picture stage.
        code: (B, C) code of the sentence, and what was measured on the person.
    """

    map: Tensor
    code: Tensor


class Drawing(RedressFigures, FashionModule):
    """The networks at work; `FashionGan` makes and trains them.

    Attributes:
        encoder, shape, picture: the networks of the three stages.
        mean: (3, H, W), the picture in [0, 1] that the picture stage's pictures are relative to.
    """

    encoder: LanguageEncoder
    shape: ShapeGenerator
    picture: PlainGenerator | UNetGenerator
    mean: Tensor

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    def encode(self, sentences: Sequence[str], unknown: Literal["error", "skip"] = "error") -> Tensor:
        """Codes (B, code) of sentences, without gradient.

        Raises:
            ValueError: for unknown words, see `fashiongen.models.fashion_gan.text.Vocabulary.encode`.
        """
        numbers = [self.vocabulary.encode(sentence, unknown) for sentence in sentences]
        with torch.no_grad():
            return self.encoder(numbers)

    def condition(self, person: Person, code: Tensor) -> Tensor:
        """(B, C): the codes of sentences, and what is measured on the people."""
        measured = representation.measure((person.image + 1) / 2, parsing_of(person), self.hparams["measures"])
        return torch.cat([code, measured.to(code)], dim=1)

    def forward(self, labels: Tensor, code: Tensor, noise: Tensor) -> Tensor:
        """The picture stage.

        Args:
            labels: (B, H, W) label map.
            code: (B, C), see `condition`.
            noise: (B, noise), standard normal.

        Returns:
            (B, 3, H, W) a picture in [0, 1] minus the mean picture, in [-1, 1].
        """
        return self._paint(Condition(representation.coloured_map(labels).to(code), code), noise, labels)

    def _paint(self, condition: Condition, noise: Tensor, labels: Tensor) -> Tensor:
        return self.picture(*condition, noise, labels if self.hparams["compositional"] else None)

    def redraw(
        self,
        person: Person,
        shape_code: Tensor,
        picture_code: Tensor,
        shape_noise: Tensor,
        picture_noise: Tensor,
        keep: Sequence[int] = (HAIR, FACE),
        skin: bool = True,
        background: bool | None = None,
        statistics: Literal["running", "sample"] | None = None,
        dropout: bool | None = None,
        labels: Tensor | None = None,
    ) -> Redressed:
        """Both stages and what follows them.

        Args:
            person: batch at the model's size, with parsing.
            shape_code, picture_code: (B, code) of the sentences of each stage.
            shape_noise, picture_noise: (B, noise), standard normal.
            keep: labels of the person's picture that are kept where they are: hair (1) and face (2).
            skin: mix painted legs and arms with the person's own median colours.
            background: keep the person's background where the new map has background, too.
            statistics: of batch normalisation, "running" or "sample".
            dropout: keep dropout on.
            labels: (B, H, W), paint this label map in place of that of the shape stage.

        `background`, `statistics` and `dropout` are as the options `keep_background`, `statistics` and `dropout_at_test` say when
        None.

        Raises:
            ValueError: when the parsing is missing or in another scheme.
        """
        statistics = statistics or self.hparams["statistics"]
        dropout = self.hparams["dropout_at_test"] if dropout is None else dropout
        background = self.hparams["keep_background"] if background is None else background
        own = parsing_of(person)
        with running_as(self.shape, statistics == "sample", dropout), running_as(self.picture, statistics == "sample", dropout):
            if labels is None:
                code = self.condition(person, shape_code)
                logits = self.shape(representation.layout(own).to(code), code, shape_noise)
                labels = representation.labels_of(representation.smooth(logits))
            painted = self(labels, self.condition(person, picture_code), picture_noise) + self.mean
        image = composite_person((person.image + 1) / 2, own, painted, labels, keep, skin, background)
        return Redressed(image.clamp(0, 1) * 2 - 1, painted.clamp(0, 1) * 2 - 1, labels)

    def dress(
        self,
        person: Person,
        shape_code: Tensor,
        picture_code: Tensor,
        shape_noise: Tensor,
        picture_noise: Tensor,
        output: Literal["picture", "painted", "map"] = "picture",
        **controls: Any,
    ) -> Tensor:
        """What the verbs show.

        Args:
            person, shape_code, picture_code, shape_noise, picture_noise: of `redraw`.
            output: the "picture"; what was "painted", before anything of the person's own is laid over it; or the new label
                "map", one colour a label.
            controls: of `redraw`: keep, skin, background, statistics, dropout.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: for another `output`.
        """
        if output not in _OUTPUTS:
            raise ValueError(f"output is one of {', '.join(_OUTPUTS)}, not {output!r}")
        redressed = self.redraw(person, shape_code, picture_code, shape_noise, picture_noise, **controls)
        if output == "map":
            return representation.coloured_map(redressed.labels) * 2
        return redressed.painted if output == "painted" else redressed.image
