"""The shop's own layout: `<root>/<split>/<person>/<number>.png`, and the joints beside it, `<number>.json`."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

import fashiongen
from fashiongen.data.loading import TrainLoader
from fashiongen.types import Batch, Person

SIZE = (128, 64)


class Pairs(Dataset[Batch]):
    """The same person in two poses, both ways round; yields what fashiongen's models read: pictures and joints, nothing else."""

    def __init__(self, folder: Path, size: tuple[int, int] = SIZE) -> None:
        self.size = size
        people = [sorted(person.glob("*.png")) for person in sorted(folder.iterdir())]
        self.pairs = [pair for pictures in people for pair in permutations(pictures, 2)]
        if not self.pairs:
            raise FileNotFoundError(f"{folder} holds nobody in two poses; python -m lookbook.draw makes an example")

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Batch:
        source, target = self.pairs[place]
        return Batch(self.person(source), target=self.person(target), name=f"{source.parent.name}_{source.stem}_{target.stem}")

    def person(self, picture: Path) -> Person:
        joints = np.array(json.loads(picture.with_suffix(".json").read_text())["joints"], dtype=np.float32)
        return fashiongen.person(picture, keypoints=joints, height=self.size[0], width=self.size[1], annotator=None)


class LookbookData(pl.LightningDataModule):
    """Train and test split of the shop."""

    provides = frozenset({"person", "keypoints", "target"})
    """What the batches hold; a model that needs more says so before training starts."""

    def __init__(self, root: Path, size: tuple[int, int] = SIZE, batch_size: int = 8) -> None:
        super().__init__()
        self.root, self.size, self.batch_size = Path(root), size, batch_size

    def train_dataloader(self) -> TrainLoader:
        # A plain DataLoader does as well; this one goes on where a run was killed.
        return TrainLoader(Pairs(self.root / "train", self.size), self.batch_size, seed=0)

    def test_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(Pairs(self.root / "test", self.size), batch_size=self.batch_size, collate_fn=Batch.collate)
