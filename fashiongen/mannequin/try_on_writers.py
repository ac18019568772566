"""The mannequin world written in the layouts of the try-on data sets after VITON, to try their loaders on true layouts.

Layouts: VITON-HD as its current release has it (`sangyun884/HR-VITON`), Dress Code (`aimagelab/dress-code`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from fashiongen.data.dress_code import CATEGORIES
from fashiongen.data.keypoints import convert
from fashiongen.types import Garment, Person

from .scenes import TryOnScenes
from .world import World

_CHUNK = 16
_DETECTED = (384, 512)  # width and height that Dress Code's key points count in


def write_viton_hd(world: World, folder: str | Path, train: int, test: int) -> Path:
    """VITON-HD: `{train,test}/{image,cloth,cloth-mask,image-parse-v3,openpose_json}` and the pair lists.

    Args:
        world: size (1024 x 768 in the original), look and textures; its split is not used, each folder has its own.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people, each with her own garment.
        test: number of test people, each with the garment of the next one.

    Returns:
        the folder.
    """
    folder = Path(folder)
    number = 0
    for split, count in {"train": train, "test": test}.items():
        root = folder / split
        for name in ("image", "cloth", "cloth-mask", "image-parse-v3", "openpose_json"):
            (root / name).mkdir(parents=True, exist_ok=True)
        names = []
        for person, garment in _wearing(world, split, count, "cihp20"):
            name = f"{number:05d}_00"
            person.to_pil().save(root / "image" / f"{name}.jpg", quality=95)
            garment.to_pil().save(root / "cloth" / f"{name}.jpg", quality=95)
            _grey((garment.mask[0] > 0.5) * 255).save(root / "cloth-mask" / f"{name}.jpg", quality=95)
            _grey(person.parsing).save(root / "image-parse-v3" / f"{name}.png")
            (root / "openpose_json" / f"{name}_keypoints.json").write_text(_body25(person.keypoints), encoding="utf-8")
            names.append(f"{name}.jpg")
            number += 1
        _write_pairs(folder / f"{split}_pairs.txt", names, names[1:] + names[:1] if split == "test" else names)
    return folder


def write_dress_code(world: World, folder: str | Path, train: int, test: int) -> Path:
    """Dress Code: `images/`, `keypoints/`, `label_maps/` and the pair lists, in each of its three categories.

    The garments are tops in every category: the world lays no others flat.

    Args:
        world: size (1024 x 768 in the original), look and textures; its split is not used, each list has its own.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people of each category, each with her own garment.
        test: number of test people of each category, in the unpaired list each with the garment of the next one.

    Returns:
        the folder.
    """
    folder = Path(folder)
    people = {split: list(_wearing(world, split, 3 * count, "atr18")) for split, count in {"train": train, "test": test}.items()}
    for place, category in enumerate(CATEGORIES):
        root, number = folder / category, 0
        for name in ("images", "keypoints", "label_maps"):
            (root / name).mkdir(parents=True, exist_ok=True)
        for split, wearing in people.items():
            names = []
            for person, garment in wearing[place :: len(CATEGORIES)]:
                name = f"{number:06d}"
                person.to_pil().save(root / "images" / f"{name}_0.jpg", quality=95)
                garment.to_pil().save(root / "images" / f"{name}_1.jpg", quality=95)
                (root / "keypoints" / f"{name}_2.json").write_text(_dress_code(person), encoding="utf-8")
                _grey(person.parsing).save(root / "label_maps" / f"{name}_4.png")
                names.append(name)
                number += 1
            shown, garments = ([f"{name}_{kind}.jpg" for name in names] for kind in (0, 1))
            if split == "train":
                _write_pairs(root / "train_pairs.txt", shown, garments)
            else:
                _write_pairs(root / "test_pairs_paired.txt", shown, garments)
                _write_pairs(root / "test_pairs_unpaired.txt", shown, garments[1:] + garments[:1])
    return folder


def _wearing(world: World, split: str, count: int, scheme: str) -> Iterator[tuple[Person, Garment]]:
    scenes = TryOnScenes(dataclasses.replace(world, split=split), count, warps=False, answers=False, scheme=scheme)
    for start in range(0, count, _CHUNK):
        batch = scenes.batch(torch.arange(start, min(start + _CHUNK, count)))
        assert batch.garment is not None
        yield from zip(batch.person.unbind(), batch.garment.unbind(), strict=True)


def _write_pairs(path: Path, people: list[str], garments: list[str]) -> None:
    path.write_text("".join(f"{person} {garment}\n" for person, garment in zip(people, garments, strict=True)), encoding="utf-8")


def _grey(values: Tensor | None) -> Image.Image:
    assert values is not None
    return Image.fromarray(values.to(torch.uint8).cpu().numpy(), "L")


def _body25(keypoints: Tensor | None) -> str:
    """OpenPose's JSON file with 25 points."""
    assert keypoints is not None
    points = convert(keypoints.cpu(), "openpose18", "body25")
    seen = points[:, 2:] > 0
    numbers = torch.cat([points[:, :2] - 0.5, torch.ones_like(points[:, 2:])], 1) * seen
    return json.dumps({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": numbers.flatten().tolist()}]})


def _dress_code(person: Person) -> str:
    """Key points in pixels of a picture of 384 x 512, missing ones as -1."""
    assert person.keypoints is not None
    height, width = person.size
    rows = []
    for joint, (x, y, visibility) in enumerate(person.keypoints.tolist()):
        place = [x * _DETECTED[0] / width - 0.5, y * _DETECTED[1] / height - 0.5, 1.0, float(joint)]
        rows.append(place if visibility > 0 else [-1.0, -1.0, 0.0, -1.0])
    return json.dumps({"keypoints": rows})
