"""The mannequin world written in the layouts of Chictopia10K, so that its loader can be tried on true layouts.

Layouts: the prepared folders and record files of ClothNet's authors (`classner/generating_people`), and the original pairs of
`lemondan/HumanParsing-Dataset`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from fashiongen.data.chictopia_files import SCHEME, Sketch, mirrored
from fashiongen.data.parsing import body_map, convert
from fashiongen.data.tfrecords import write_examples
from fashiongen.layers.segment_colours import paint, segment_colours
from fashiongen.layers.sketch_colours import colour_code
from fashiongen.types import Person, to_pil

from .scenes import PeopleScenes
from .world import World

_CHUNK = 16
_YAW = 60.0  # people on fashion blogs look at the camera, more or less
_BODIES = 7
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_COLUMNS = {
    "image:png": "image:png.png",
    "labels:png": "labels:png.png",
    "label_vis:png": "label_vis:png.png",
    "bodysegments:png": "bodysegments.png",
    "bodysegments_vis:png": "bodysegments_vis.png",
    "segcolors:png": "segcolors.png",
}
"""Features of a record, and what their files end in."""


def write_chictopia(world: World, folder: str | Path, train: int, test: int) -> Path:
    """ClothNet's prepared folders: `{train,val,test}/0_image:png.png`, `0_labels:png.png`, `0_bodysegments.png` and so on.

    As in the original, everything around a person is black, and every person is there twice, the second time mirrored. Windows
    has no file names with colons.

    Args:
        world: seed and textures; pictures are squares of its height (286 in the original), and framing and split are those of the
            data set.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people.
        test: number of test people, and of validation people.

    Returns:
        the folder.
    """
    folder = Path(folder)
    for split, count in {"train": train, "val": test, "test": test}.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        digits = max(1, math.ceil(math.log10(2 * count)))
        for index, sketch in enumerate(_sketches(world, _SPLITS[split], count)):
            stem = f"{folder / split / f'{index:0{digits}d}'}_"
            for column, picture in _pictures(sketch).items():
                picture.save(stem + _COLUMNS[column])
            Path(stem + "original_filename.txt").write_text(f"{sketch.name}.jpg\n", encoding="utf-8")
    return folder


def write_chictopia_records(world: World, folder: str | Path, train: int, test: int) -> Path:
    """ClothNet's record files `{train,val,test}_p0.tfrecords` with the same examples; arguments as for `write_chictopia`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in {"train": train, "val": test, "test": test}.items():
        examples = (_record(sketch) for sketch in _sketches(world, _SPLITS[split], count))
        write_examples(examples, folder / f"{split}_p0.tfrecords")
    return folder


def write_human_parsing(world: World, folder: str | Path, train: int, test: int) -> Path:
    """The original pairs, `JPEGImages/*.jpg` and `SegmentationClassAug/*.png` with 18 labels.

    The split is drawn when they are read, so train and test people lie in one folder.

    Args:
        world: size, seed and textures; framing and split are those of the data set.
        folder: made if it does not exist; files of the same names are replaced.
        train, test: together the number of people.

    Returns:
        the folder.
    """
    folder = Path(folder)
    for name in ("JPEGImages", "SegmentationClassAug"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, person in enumerate(_people(dataclasses.replace(world, framing="full", split="train"), train + test)):
        assert person.parsing is not None
        person.to_pil().save(folder / "JPEGImages" / f"{number:06d}.jpg", quality=95)
        _grey(convert(person.parsing, SCHEME, "atr18")).save(folder / "SegmentationClassAug" / f"{number:06d}.png")
    return folder


def _people(world: World, count: int) -> Iterator[Person]:
    scenes = PeopleScenes(world, count, yaw=_YAW, scheme=SCHEME)
    for start in range(0, count, _CHUNK):
        yield from scenes.batch(torch.arange(start, min(start + _CHUNK, count))).person.unbind()


def _sketches(world: World, split: str, count: int) -> Iterator[Sketch]:
    """Every person, and mirrored."""
    square = dataclasses.replace(world, width=world.height, framing="full", split=split)
    for number, person in enumerate(_people(square, count)):
        assert person.parsing is not None and person.parts is not None
        image = torch.where(person.parsing > 0, person.image, -1.0)
        sketch = Sketch(f"{number:06d}", image.cpu(), person.parsing.cpu(), body_map(person.parts).cpu())
        yield sketch
        yield mirrored(sketch)


def _pictures(sketch: Sketch) -> dict[str, Image.Image]:
    assert sketch.body is not None
    levels = ((sketch.image + 1) * 127.5).round().to(torch.uint8)
    colours = segment_colours(levels[None], sketch.labels[None])
    return {
        "image:png": to_pil(sketch.image),
        "labels:png": _grey(sketch.labels).convert("RGB"),
        "label_vis:png": _rgb(colour_code(sketch.labels)),
        "bodysegments:png": _grey(sketch.body),
        "bodysegments_vis:png": _rgb(colour_code(sketch.body, _BODIES)),
        "segcolors:png": _rgb(paint(sketch.labels[None], colours)[0]),
    }


def _record(sketch: Sketch) -> dict[str, bytes]:
    example = {"original_filename": f"{sketch.name}.jpg".encode()}
    for column, picture in _pictures(sketch).items():
        buffer = BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
        example[column] = buffer.getvalue()
    return example


def _grey(labels: Tensor) -> Image.Image:
    return Image.fromarray(labels.to(torch.uint8).cpu().numpy(), "L")


def _rgb(levels: Tensor) -> Image.Image:
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy(), "RGB")
