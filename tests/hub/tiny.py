"""The smallest model that the Hub layer can handle: weights, a buffer of whole numbers, and a network for training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fashiongen.models.base import FashionModule, Stage
from fashiongen.registry import ModelCard

CARD = ModelCard(
    path="tiny:Tiny",
    title="Tiny: A Model for Tests",
    authors="Ada Lovelace, Alan Turing",
    venue="TEST 2018",
    arxiv="1234.56789",
    code="ada/tiny",
    task="try-on",
    changes="the garment",
    stages="1",
    adversarial="yes",
    verbs=("try_on",),
    presets=("official", "mannequin"),
    pretrained=("tiny.mannequin", "tiny.other"),
    figures={},
)


class Tiny(FashionModule):
    name = "tiny"
    stages = (Stage("only", 3, ("generator", "discriminator")),)
    needs_to_train = frozenset({"person"})
    needs_to_run = frozenset({"person"})

    def __init__(self, size: Sequence[int] = (8, 6), width: int = 4, rate: float = 1e-3, mode: Any = None, **base: Any) -> None:
        super().__init__(**base)
        self.save_hyperparameters()
        self.generator = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 3))
        self.discriminator = nn.Linear(3, 1)

    def inference_state(self) -> dict[str, Tensor]:
        return {key: value for key, value in self.state_dict().items() if not key.startswith("discriminator.")}

    def forward(self, picture: Tensor) -> Tensor:
        return self.generator(picture)

    def train_only(self, batch: Any) -> Mapping[str, Tensor]:
        with self.updating("only") as update:
            loss = self.discriminator(self(batch)).mean()
            update(loss)
        return {"loss": loss}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), self.hparams["rate"])
