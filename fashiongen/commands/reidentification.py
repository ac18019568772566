"""A re-posed training set for re-identification: Deformable GAN's augmentation of Market-1501, in the layout of Market-1501.

The authors' `create_dataset_for_reid.py` draws every training picture in two poses of other training pictures and puts the results
beside the originals; the paper speaks of ten poses.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytorch_lightning import LightningDataModule
from torch import Tensor

from fashiongen.commands.planned import PICTURES, Plan
from fashiongen.data.pose_annotations import MarketName, identity, valid_names, write_annotations
from fashiongen.data.pose_pairs import reid_names, reid_pairs, reid_train_file
from fashiongen.data.pose_sets import PoseDataModule, PoseFiles, PosePairs
from fashiongen.types import Batch

_GENERATED = 0
"""Sequence in the names of generated pictures; those of the cameras are counted from 1."""
_MOST_POSES = 99


@dataclass(frozen=True)
class Reidentification:
    """Options of a re-posed training set.

    Args:
        poses: in how many poses each training picture is drawn; 2 in the authors' script, 10 in the paper.
        out: folder of the set; by default `reid` in the folder of the run.
        seed: of the drawn poses.
        originals: put the real training pictures beside the generated ones, as the authors do.
        names: "market" gives names of Market-1501's form: identity and camera of the person, sequence 0, number of the person's
            picture, number of the pose. "authors" are the script's: the name of the person's picture, g and a running number.
    """

    poses: int = 2
    out: str | None = None
    seed: int = 0
    originals: bool = True
    names: Literal["market", "authors"] = "market"

    def __post_init__(self) -> None:
        if not 1 <= self.poses <= _MOST_POSES:
            raise ValueError(f"reid.poses is a number from 1 to {_MOST_POSES}, not {self.poses}")


class Reposed(Plan):
    """Every usable training picture of a data set, in some poses of others.

    Args:
        data: of pairs of pictures, `Market1501DataModule` for example.
        options: how many poses, which names.

    Attributes:
        pairs: picture of the person and picture of the pose, of each picture to draw.
        originals: real training pictures -> their names in the set.

    Raises:
        ValueError: when `data` has no pictures of its own, or too few for so many poses.
    """

    def __init__(self, data: LightningDataModule, options: Reidentification) -> None:
        if not isinstance(data, PoseDataModule):
            raise ValueError(
                f"a re-posed training set is made of a folder of pictures, not of {type(data).__name__}: "
                "--data market1501 --data.root FOLDER; fashiongen data mannequin --layout market1501 writes such a folder"
            )
        trained = data.train_set
        assert isinstance(trained, PosePairs)
        files: PoseFiles = data.files  # type: ignore[attr-defined]
        kept = valid_names(files.keypoints("train"))
        self.pairs = reid_pairs(kept, options.poses, options.seed)
        self.originals = dict(zip(kept, _market_names(kept), strict=True))
        names = reid_names(self.pairs) if options.names == "authors" else list(_generated(self.originals.values(), options.poses))
        super().__init__(names, data.batch_size, {"poses": options.poses, "seed": options.seed, "size": list(trained.size)})
        self.examples = PosePairs(
            self.pairs,
            files.pictures("train", kept),
            trained.keypoints,
            trained.size,
            trained.crop,
            trained.annotated,
            trained.whole_pixels,
        )
        if not options.originals:
            self.originals = {}

    def __getitem__(self, batch: int) -> Batch:
        places = self.places(batch)
        return Batch.collate([dataclasses.replace(self.examples[p], name=Path(self.names[p]).stem) for p in places])

    def finish(self, folder: Path) -> None:
        """Copy the originals, and write the key points of all pictures and the classes of the baselines."""
        keypoints: dict[str, Tensor | None] = {}
        for name, copy in self.originals.items():
            _copy(self.examples.pictures[name], folder / PICTURES / copy)
            keypoints[copy] = self.examples.keypoints[name]
        taken = {pose: self.examples.person(pose).keypoints for pose in dict.fromkeys(pose for _, pose in self.pairs)}
        keypoints |= {drawn: taken[pose] for drawn, (_, pose) in zip(self.names, self.pairs, strict=True)}
        found = {name: keypoints[name] for name in sorted(keypoints)}
        write_annotations(
            {name: points for name, points in found.items() if points is not None}, folder / "market-annotation-train.csv"
        )
        (folder / "train.txt").write_text(reid_train_file(found, folder=PICTURES), encoding="utf-8")


def _market_names(names: Sequence[str]) -> list[str]:
    """The names themselves where they are Market-1501's, else new ones: people and pictures in the order of the list."""
    people = {person: number for number, person in enumerate(dict.fromkeys(map(identity, names)), 1)}
    try:
        return [str(MarketName.parse(name)) for name in names]
    except ValueError:
        return [str(MarketName(f"{people[identity(name)]:04d}", 1, 1, number, 0)) for number, name in enumerate(names, 1)]


def _generated(originals: Iterable[str], poses: int) -> Iterator[str]:
    for number, original in enumerate(originals, 1):
        name = MarketName.parse(original)
        for pose in range(1, poses + 1):
            yield str(dataclasses.replace(name, sequence=_GENERATED, frame=number, box=pose))


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.part")
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
