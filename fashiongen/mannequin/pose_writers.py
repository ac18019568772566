"""The mannequin world written in the layouts of the data sets of pose transfer, so that their loaders can be tried on true layouts.

Layouts: Market-1501's own folders and names, DeepFashion In-shop as Deformable GAN flattens it, with the lists of
`AliaksandrSiarohin/pose-gan` beside the pictures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from fashiongen.data.pose_annotations import (
    DeepFashionName,
    MarketName,
    person_pairs,
    sample_pairs,
    valid_names,
    write_annotations,
    write_pairs,
)
from fashiongen.types import Person

from .world import World

_CAMERAS = 6
_CATEGORIES = ("Tees_Tanks", "Blouses_Shirts", "Sweaters", "Jackets_Coats", "Dresses")
_VIEWS = ((1, "front"), (2, "side"), (3, "back"), (4, "full"), (7, "additional"))
_NOBODY = ("-1", "0000")  # junk boxes and distractors

Name = Callable[[int, int], str]


def write_market1501(world: World, folder: str | Path, train: int, test: int, poses: int = 4) -> Path:
    """Market-1501: `bounding_box_train/`, `bounding_box_test/`, `market-annotation-*.csv` and `market-pairs-*.csv`.

    Each picture of a person has a pose, camera and place of its own. As in the original, the test folder also holds junk boxes (-1)
    and distractors (0000), here one person each, of whom no pairs are made.

    Args:
        world: size (128 x 64 in the original), seed and textures; look, framing and split are those of the data set.
        folder: made if it does not exist; files of the same names are replaced.
        train, test: number of people.
        poses: pictures of each.

    Returns:
        the folder.

    Raises:
        ValueError: for fewer than two poses, which make no pair.
    """
    folder = Path(folder)
    world = dataclasses.replace(world, look="market", framing="full")

    def name(identity: str, variant: int) -> str:
        return str(MarketName(identity, 1 + variant % _CAMERAS, 1, 451 + 25 * variant, 0))

    def train_name(person: int, variant: int) -> str:
        return name(f"{2 + person:04d}", variant)

    def test_name(person: int, variant: int) -> str:
        return name(f"{2 + train + person:04d}" if person < test else _NOBODY[person - test], variant)

    folders = {"train": "bounding_box_train", "test": "bounding_box_test"}
    names = {"train": (train, train_name), "test": (test + len(_NOBODY), test_name)}
    _write(world, folder, "market", folders, poses, names, places=True)
    return folder


def write_deepfashion_inshop(world: World, folder: str | Path, train: int, test: int, poses: int = 4) -> Path:
    """DeepFashion In-shop: `train/`, `test/` with flattened names, `fasion-annotation-*.csv` and `fasion-pairs-*.csv`.

    Args:
        world: size (256 x 256 in the original), seed, look and textures; framing and split are those of the data set.
        folder: made if it does not exist; files of the same names are replaced.
        train, test: number of people.
        poses: pictures of each, 2 to 5: a person has one of each view. The view in a name says nothing about the pose.

    Returns:
        the folder.

    Raises:
        ValueError: for another number of poses.
    """
    folder = Path(folder)
    if poses > len(_VIEWS):
        raise ValueError(f"DeepFashion names {len(_VIEWS)} views of a person, so poses is 2 to {len(_VIEWS)}, not {poses}")

    def named(first: int) -> Name:
        def name(person: int, variant: int) -> str:
            number = first + person
            category = _CATEGORIES[number % len(_CATEGORIES)]
            return DeepFashionName("WOMEN", category, f"{number:08d}", "01", *_VIEWS[variant]).pose_gan

        return name

    names = {"train": (train, named(1)), "test": (test, named(1 + train))}
    _write(dataclasses.replace(world, framing="full"), folder, "fasion", {"train": "train", "test": "test"}, poses, names)
    return folder


def _write(
    world: World,
    folder: Path,
    lists: str,
    folders: dict[str, str],
    poses: int,
    names: Mapping[str, tuple[int, Name]],
    places: bool = False,
) -> None:
    """Pictures and lists of both splits. `places`: every picture of a person has another background and camera."""
    if poses < 2:
        raise ValueError(f"a pair needs two pictures of a person, so poses is at least 2, not {poses}")
    for split, (people, name) in names.items():
        pictures = folder / folders[split]
        pictures.mkdir(parents=True, exist_ok=True)
        people_of_split = dataclasses.replace(world, split=split)
        annotations: dict[str, Tensor] = {}
        for person in range(people):
            for variant, picture in enumerate(_draw(people_of_split, person, poses, places).unbind()):
                assert picture.keypoints is not None
                file = name(person, variant)
                picture.to_pil().save(pictures / file, quality=95)
                annotations[file] = picture.keypoints.cpu()
        write_annotations(annotations, folder / f"{lists}-annotation-{split}.csv")
        pairs = person_pairs(valid_names(annotations))
        write_pairs(sample_pairs(pairs) if split == "test" else pairs, folder / f"{lists}-pairs-{split}.csv")


def _draw(world: World, person: int, poses: int, places: bool) -> Person:
    index, variant = torch.full((poses,), person), torch.arange(poses)
    place, view = (person * poses + variant, variant) if places else (index, torch.zeros_like(variant))
    return world.render(
        world.identity(index), world.pose(index, variant), world.outfit(index), world.background(place), world.camera(index, view)
    ).person()
