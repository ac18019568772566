"""The smallest model with two stages, one of them adversarial, and endless data for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.utils.data import DataLoader, IterableDataset

from fashiongen.models.base import FashionModule, Stage
from fashiongen.types import Batch, Person


class Tiny(FashionModule):
    """Learns to copy a picture: "coarse" with batch statistics and dropout, "refinement" with a discriminator."""

    name = "tiny"
    stages = (Stage("coarse", 6, ("coarse",)), Stage("refinement", 6, ("refinement", "discriminator")))
    needs_to_train = frozenset({"person"})
    needs_to_run = frozenset({"person"})
    optimizer_names = ("coarse", "refinement", "discriminator")

    def __init__(self, width: int = 4, kill_at: int | None = None, **base: Any) -> None:
        super().__init__(**base)
        self.save_hyperparameters()
        self.coarse = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.Dropout(), nn.Conv2d(width, 3, 1))
        self.refinement = nn.Conv2d(3, 3, 1)
        self.discriminator = nn.Conv2d(3, 1, 4)
        self.seen: list[int] = []
        self.modes: list[dict[str, bool]] = []
        self.trainable: list[str] = []

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self.seen += [int(name) for name in batch.name or []]
        self.modes.append({name: network.training for name, network in self.named_children()})
        if self.steps_done == self.hparams["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_predict_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if batch_idx == self.hparams["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def train_coarse(self, batch: Batch) -> dict[str, Tensor]:
        with self.updating("coarse") as update:
            self._note_trainable()
            loss = (self.coarse(batch.person.image) - batch.person.image).abs().mean()
            update(loss)
        return {"image": loss}

    def train_refinement(self, batch: Batch) -> dict[str, Tensor]:
        real = batch.person.image
        with torch.no_grad():
            coarse = self.coarse(real)
        with self.updating("discriminator") as update:
            self._note_trainable()
            critic = self.discriminator(self.refinement(coarse).detach()).mean() - self.discriminator(real).mean()
            update(critic)
        with self.updating("refinement") as update:
            self._note_trainable()
            adversarial = -self.discriminator(self.refinement(coarse)).mean()
            update(adversarial)
        return {"critic": critic, "adversarial": adversarial}

    def _note_trainable(self) -> None:
        self.trainable.append(" ".join(name for name, network in self.named_children() if next(network.parameters()).requires_grad))

    def configure_optimizers(self) -> list[Optimizer]:
        return [Adam(network.parameters(), lr=1e-2) for network in (self.coarse, self.refinement, self.discriminator)]

    def on_train_end(self) -> None:
        for name, parameter in self.named_parameters():
            everywhere = self.all_gather(parameter.detach()).reshape(-1, *parameter.shape)
            assert torch.equal(everywhere, parameter.expand_as(everywhere)), f"{name} differs between the processes"

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        error = (self.coarse(batch.person.image) - batch.person.image).abs().mean()
        self.log("validation/error", error, batch_size=2, sync_dist=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("test/error", (self.coarse(batch.person.image) - batch.person.image).abs().mean(), batch_size=2)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        return {"name": batch.name, "image": self.coarse(batch.person.image)}


class Virtual(Tiny):
    """Paints people who do not exist in one colour each, a pixel for the pose."""

    size = (32, 16)

    def virtual(
        self, identities: int, poses: Tensor | None, pictures: int, seed: int, first: int = 0
    ) -> Iterator[tuple[str, Tensor]]:
        for identity in range(first, identities):
            generator = torch.Generator().manual_seed(seed * 1000 + identity)
            colour = torch.rand(3, 1, 1, generator=generator)
            for number in range(1, pictures + 1):
                picture = colour.expand(3, *self.size).clone()
                if poses is not None:
                    picture[:, :, :4] = float(poses[number % len(poses), 1, 0]) / 16
                yield f"{identity + 1:04d}_c1s1_{number:06d}_00", picture


class Pictures(IterableDataset[Batch]):
    def __init__(self, start: int, stop: int, rank: int = 0, ranks: int = 1) -> None:
        self.numbers = range(start, stop)
        self.rank, self.ranks = rank, ranks

    def __iter__(self) -> Iterator[Batch]:
        for number in self.numbers:
            images = torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(number * self.ranks + self.rank)).clamp(-1, 1)
            yield Batch(Person(images), name=[f"{2 * number}", f"{2 * number + 1}"])


class TinyData(LightningDataModule):
    provides = frozenset({"person"})

    def train_dataloader(self) -> DataLoader[Batch]:
        trainer = self.trainer
        assert trainer is not None
        start = trainer.lightning_module.steps_done
        return DataLoader(Pictures(start, 10**9, trainer.global_rank, trainer.world_size), batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(Pictures(0, 2), batch_size=None)

    test_dataloader = val_dataloader
    predict_dataloader = val_dataloader


class NamelessData(TinyData):
    """Data without anything that a model could need."""

    provides = frozenset({"text"})
