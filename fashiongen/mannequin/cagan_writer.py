"""The mannequin world written as CAGAN's data: people, garments, and who wears what (`fashiongen.data.cagan`)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from .scenes import TryOnScenes
from .world import World

_CHUNK = 16


def write_cagan(world: World, folder: str | Path, train: int, test: int) -> Path:
    """`people/ID.jpg`, `garments/ID.jpg`, `worn_train.txt`, and `worn_test.txt` with the garment to put on as the third name.

    Args:
        world: size, look and textures; its split is not used, each list has its own.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people, each with her own garment.
        test: number of test people, each to be given the garment of the next one.

    Returns:
        the folder.
    """
    folder = Path(folder)
    for name in ("people", "garments"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    first = 0
    for split, count in (("train", train), ("test", test)):
        names = [f"{number:06d}.jpg" for number in range(first, first + count)]
        first += count
        scenes = TryOnScenes(dataclasses.replace(world, split=split), count, warps=False, answers=False)
        for start in range(0, count, _CHUNK):
            batch = scenes.batch(torch.arange(start, min(start + _CHUNK, count)))
            assert batch.garment is not None
            for name, person, garment in zip(names[start:], batch.person.unbind(), batch.garment.unbind(), strict=False):
                person.to_pil().save(folder / "people" / name, quality=95)
                garment.to_pil().save(folder / "garments" / name, quality=95)
        following = names[1:] + names[:1]
        lines = [f"{name} {name}" + (f" {other}" if split == "test" else "") for name, other in zip(names, following, strict=True)]
        (folder / f"worn_{split}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder
