"""A training set for re-identification of people who do not exist, as the authors of Disentangled PIG made their Virtual Market.

An identity is one foreground code; each of its pictures has another background and the pose of a real person. The authors published
500 people in 24 pictures.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fashiongen.commands.planned import PICTURES, Plan
from fashiongen.data.base import FashionDataModule
from fashiongen.data.pose_pairs import reid_train_file


@dataclass(frozen=True)
class VirtualPeople:
    """Options of a data set of people who do not exist.

    Args:
        identities: number of people.
        pictures: of each.
        out: folder of the set; by default `virtual` in the folder of the run.
        seed: of everything that is drawn.
        poses: how many training examples lend their poses; 0 draws poses from noise.
    """

    identities: int = 500
    pictures: int = 24
    out: str | None = None
    seed: int = 0
    poses: int = 1000

    def __post_init__(self) -> None:
        if min(self.identities, self.pictures) < 1 or self.poses < 0:
            raise ValueError(
                f"{self.identities} people in {self.pictures} pictures with {self.poses} poses are no data set; "
                "give --virtual.identities and --virtual.pictures 1 or more"
            )


class VirtualMarket(Plan):
    """The pictures of people who do not exist; a batch is a person.

    Args:
        model: samples them, see `fashiongen.models.disentangled_pig.factors.FactorVerbs.virtual`.
        data: whose training people lend their poses.
        options: how many people, in how many pictures.

    Raises:
        ValueError: when the model cannot sample people, or when the data has no people.
    """

    def __init__(self, model: Any, data: Any, options: VirtualPeople) -> None:
        if not hasattr(model, "virtual"):
            raise ValueError(f"{model.name} draws no people who do not exist; --virtual belongs to disentangled_pig")
        names = [
            f"{identity:04d}_c1s1_{number:06d}_00.jpg"
            for identity in range(1, options.identities + 1)
            for number in range(1, options.pictures + 1)
        ]
        if options.poses and not isinstance(data, FashionDataModule):
            raise ValueError(
                f"{type(data).__name__} has no training people to lend poses; --virtual.poses=0 draws poses from noise"
            )
        super().__init__(names, options.pictures, {"seed": options.seed, "poses": options.poses, "size": list(model.size)})
        self.model, self.data, self.choice = model, data, options

    @cached_property
    def poses(self) -> Tensor | None:
        """(N, 18, 3) of training people, in pixels of their pictures.

        Raises:
            ValueError: when the data has no key points.
        """
        if not self.choice.poses:
            return None
        people = self.data.train_set
        order = torch.randperm(len(people), generator=torch.Generator().manual_seed(self.choice.seed))
        known = [people[place].person.keypoints for place in order[: self.choice.poses].tolist()]
        found = [keypoints for keypoints in known if keypoints is not None]
        if not found:
            raise ValueError(f"{type(self.data).__name__} has no key points; --virtual.poses=0 draws poses from noise")
        return torch.stack(found)

    def __getitem__(self, batch: int) -> int:
        """The number of a person, from 0."""
        return batch

    def draw(self, batch: int, batch_idx: int = 0) -> dict[str, Any]:
        """All pictures of a person: what the trainer calls in place of the model's `predict_step`."""
        options = self.choice
        people = self.model.virtual(options.identities, self.poses, options.pictures, options.seed, first=batch)
        names, pictures = zip(*itertools.islice(people, options.pictures), strict=True)
        return {"name": list(names), "image": torch.stack(pictures)}

    def finish(self, folder: Path) -> None:
        """Write the classes of the baselines."""
        (folder / "train.txt").write_text(reid_train_file(self.names, folder=PICTURES), encoding="utf-8")
