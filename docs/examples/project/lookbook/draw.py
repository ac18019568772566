"""Draws a shop that does not exist into the shop's layout: `python -m lookbook.draw data`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from fashiongen.mannequin import World
from fashiongen.mannequin.scenes import PoseScenes
from fashiongen.types import Person, to_pil
from lookbook.data import SIZE


def draw(root: Path, train: int, test: int, size: tuple[int, int] = SIZE) -> None:
    """Two pictures each of `train` and `test` people."""
    for split, count in (("train", train), ("test", test)):
        scenes = PoseScenes(World(*size, split=split, framing="full", look="market"), length=count)
        batch = scenes.batch(torch.arange(count))
        assert batch.target is not None
        for number, pictures in enumerate(zip(batch.person.unbind(), batch.target.unbind(), strict=True)):
            folder = root / split / f"{number:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            for pose, person in enumerate(pictures):
                _write(person, folder / f"{pose}.png")


def _write(person: Person, file: Path) -> None:
    assert person.keypoints is not None
    to_pil(person.image).save(file)
    file.with_suffix(".json").write_text(json.dumps({"joints": person.keypoints.tolist()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--train", type=int, default=64)
    parser.add_argument("--test", type=int, default=16)
    options = parser.parse_args()
    draw(options.root, options.train, options.test)


if __name__ == "__main__":
    main()
