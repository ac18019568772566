"""The mannequin world written in the layouts of real data sets, so that their loaders can be tried on true layouts.

Layouts: the authors' own of VITON (`xthan/VITON`, README and data scripts), and `viton_resize` of CP-VTON
(`sergeywong/cp-vton`, `cp_dataset.py`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat
from torch import Tensor

from fashiongen.types import Batch, Garment, Person

from .scenes import TryOnScenes
from .world import World

_CHUNK = 16
_LIP_SIDE = 641  # the parser's square; pictures fill 640 of it
_LIP_PALETTE = (
    (0, 0, 0), (128, 0, 0), (255, 0, 0), (0, 85, 0), (170, 0, 51), (255, 85, 0), (0, 0, 85), (0, 119, 221), (85, 85, 0),
    (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 255), (51, 170, 221), (0, 255, 255), (85, 255, 170),
    (170, 255, 85), (255, 255, 0), (255, 170, 0),
)  # fmt: skip


def write_viton(world: World, folder: str | Path, train: int, test: int) -> Path:
    """The authors' layout: `women_top/`, `segment/*.mat` (641 x 641, transposed), `pose/*.mat`, and the pair lists.

    Args:
        world: size, look and textures; its split is not used, each list has its own.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people, each with her own garment.
        test: number of test people, each with the garment of another one.

    Returns:
        the folder.
    """
    folder = Path(folder)
    for name in ("women_top", "segment", "pose"):
        (folder / name).mkdir(parents=True, exist_ok=True)

    def write(split: str, identifier: str, person: Person, garment: Garment) -> None:
        assert person.parsing is not None and person.keypoints is not None
        person.to_pil().save(folder / "women_top" / f"{identifier}_0.jpg", quality=95)
        garment.to_pil().save(folder / "women_top" / f"{identifier}_1.jpg", quality=95)
        savemat(folder / "segment" / f"{identifier}_0.mat", {"segment": _lip_square(person.parsing)}, do_compression=True)
        candidate, subset = _candidates(person.keypoints)
        savemat(folder / "pose" / f"{identifier}_0.mat", {"candidate": candidate, "subset": subset})

    people = _write_people(world, {"train": train, "test": test}, write)
    _write_pairs(folder / "viton_train_pairs.txt", people["train"], shift=0)
    _write_pairs(folder / "viton_train_images.txt", people["train"], shift=0)
    _write_pairs(folder / "viton_test_pairs.txt", people["test"], shift=1)
    return folder


def write_viton_resize(world: World, folder: str | Path, train: int, test: int) -> Path:
    """The layout of CP-VTON: `{train,test}/{image,cloth,cloth-mask,image-parse,pose}` and the pair lists.

    Args:
        world: size, look and textures; its split is not used, each folder has its own.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people, each with her own garment.
        test: number of test people, each with the garment of another one.

    Returns:
        the folder.
    """
    folder = Path(folder)
    for split in ("train", "test"):
        for name in ("image", "cloth", "cloth-mask", "image-parse", "pose"):
            (folder / split / name).mkdir(parents=True, exist_ok=True)

    def write(split: str, identifier: str, person: Person, garment: Garment) -> None:
        assert person.parsing is not None and person.keypoints is not None
        root = folder / split
        person.to_pil().save(root / "image" / f"{identifier}_0.jpg", quality=95)
        garment.to_pil().save(root / "cloth" / f"{identifier}_1.jpg", quality=95)
        mask = (garment.mask[0] > 0.5).to(torch.uint8).mul(255).cpu().numpy()
        Image.fromarray(mask, "L").save(root / "cloth-mask" / f"{identifier}_1.jpg", quality=95)
        labels = Image.fromarray(person.parsing.to(torch.uint8).cpu().numpy(), "P")
        labels.putpalette([level for colour in _LIP_PALETTE for level in colour])
        labels.save(root / "image-parse" / f"{identifier}_0.png")
        points = _pixels(person.keypoints) * (person.keypoints[:, 2:] > 0)
        people = {
            "face_keypoints": [],
            "pose_keypoints": points.flatten().tolist(),
            "hand_right_keypoints": [],
            "hand_left_keypoints": [],
        }
        text = json.dumps({"version": 1.0, "people": [people]})
        (root / "pose" / f"{identifier}_0_keypoints.json").write_text(text, encoding="utf-8")

    people = _write_people(world, {"train": train, "test": test}, write)
    _write_pairs(folder / "train_pairs.txt", people["train"], shift=0)
    _write_pairs(folder / "test_pairs.txt", people["test"], shift=1)
    return folder


def _write_people(world: World, counts: dict[str, int], write: Callable[[str, str, Person, Garment], None]) -> dict[str, list[str]]:
    people: dict[str, list[str]] = {}
    number = 0
    for split, count in counts.items():
        people[split] = []
        for batch in _examples(dataclasses.replace(world, split=split), count):
            assert batch.garment is not None
            for person, garment in zip(batch.person.unbind(), batch.garment.unbind(), strict=True):
                identifier = f"{number:06d}"
                write(split, identifier, person, garment)
                people[split].append(identifier)
                number += 1
    return people


def _examples(world: World, count: int) -> Iterator[Batch]:
    scenes = TryOnScenes(world, count, warps=False, answers=False)
    for start in range(0, count, _CHUNK):
        yield scenes.batch(torch.arange(start, min(start + _CHUNK, count)))


def _write_pairs(path: Path, people: list[str], shift: int) -> None:
    lines = [f"{person}_0.jpg {people[(index + shift) % len(people)]}_1.jpg\n" for index, person in enumerate(people)]
    path.write_text("".join(lines), encoding="utf-8")


def _lip_square(parsing: Tensor) -> np.ndarray:
    """(H, W) labels as the LIP parser leaves them: the longer side 640 pixels, in the corner of a square, transposed."""
    height, width = parsing.shape
    scale = (_LIP_SIDE - 1) / max(height, width)
    picture = Image.fromarray(parsing.to(torch.uint8).cpu().numpy(), "L")
    picture = picture.resize((round(width * scale), round(height * scale)), Image.Resampling.NEAREST)
    square = np.zeros((_LIP_SIDE, _LIP_SIDE), np.uint8)
    square[: picture.height, : picture.width] = np.asarray(picture)
    return square.T


def _pixels(keypoints: Tensor) -> Tensor:
    """(18, 3) -> x, y as pixel indices (0 is the centre of the first pixel) and a score, as detectors write them."""
    return torch.cat([keypoints[:, :2] - 0.5, (keypoints[:, 2:] > 0).to(keypoints)], 1).cpu()


def _candidates(keypoints: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(18, 3) -> `candidate` (n, 4) and `subset` (1, 20) of Realtime Multi-Person Pose Estimation."""
    seen = (keypoints[:, 2] > 0).cpu().numpy()
    found = np.flatnonzero(seen)
    candidate = np.concatenate([_pixels(keypoints).numpy()[found], np.arange(len(found))[:, None]], 1).astype(np.float64)
    subset = np.full((1, 20), -1.0)
    subset[0, found] = np.arange(len(found))
    subset[0, 18:] = len(found), len(found)
    return candidate, subset
