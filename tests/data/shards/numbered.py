"""Examples that carry their number, and a way to be killed while they are written."""

from __future__ import annotations

import os
import signal

import torch
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.types import Batch, Garment, Person


class Numbered(Dataset):
    """Pictures that 8 bits hold, masks that they do not hold, and every kind of annotation."""

    def __init__(self, length, split="train", kill_at=None):
        self.length, self.split, self.kill_at = length, split, kill_at

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        generator = torch.Generator().manual_seed(index)
        levels = torch.randint(256, (3, 8, 6), generator=generator)
        labels = torch.randint(20, (8, 6), generator=generator).to(torch.uint8)
        person = Person(levels / 127.5 - 1, torch.rand(18, 3, generator=generator), labels, "cihp20", text=f"a coat, № {index}")
        garment = Garment(person.image.flip(0), torch.rand(1, 8, 6, generator=generator))
        truth = None if self.split == "train" else Person(person.image.flip(1))
        return Batch(person, garment=garment, truth=truth, name=f"{self.split}{index}")


class NumberedData(FashionDataModule):
    provides = frozenset({"person", "keypoints", "parsing", "text", "garment", "truth"})

    def __init__(self, length=13, kill_at=None, **base):
        super().__init__(**base)
        self.save_hyperparameters(logger=False, ignore=["kill_at"])
        self.length, self.kill_at = length, kill_at

    def _set(self, split):
        return Numbered(self.length if split == "train" else 5, split, self.kill_at)
