"""The three layouts in which people keep Chictopia10K: ClothNet's prepared folders, its record files, and the original pairs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fashiongen.data import parsing as schemes
from fashiongen.data.pictures import read_labels, read_picture
from fashiongen.data.sketches import PARSED, STORED, fill_holes, scale_sketch, square_sketch
from fashiongen.data.tfrecords import read_example, record_places

Layout = Literal["prepared", "records", "humanparsing"]
SCHEME = "clothnet22"

SOURCE = (
    "ClothNet's authors publish prepared folders and record files (classner/generating_people), the original pairs are the data of "
    "lemondan/HumanParsing-Dataset"
)
_FOLDERS = {"train": "train", "validation": "val", "test": "test"}
_PICTURE, _LABELS, _BODY, _NAME = "image:png.png", "labels:png.png", "bodysegments.png", "original_filename.txt"
_INSIDE = ("", "extracted", "pose/extracted", "people/full", "humanparsing")


@dataclass(frozen=True)
class Sketch:
    """A picture and what is known about it.

    Attributes:
        name: of the original picture, without its ending; mirrored copies end in "_swapped".
        image: (3, H, W) float RGB in [-1, 1], black around the person.
        labels: (H, W) uint8 of the scheme "clothnet22".
        body: (H, W) uint8 of the scheme "body7", None where there is none.
    """

    name: str
    image: Tensor
    labels: Tensor
    body: Tensor | None = None

    def checked(self, path: object) -> Sketch:
        """Itself, when sizes and ids are right.

        Raises:
            ValueError: naming `path` and the fix.
        """
        maps = {"labels": (self.labels, SCHEME), "the body map": (self.body, "body7")}
        for title, (ids, scheme) in maps.items():
            if ids is None:
                continue
            if ids.shape != self.image.shape[-2:]:
                sizes = [f"{width}x{height}" for height, width in (ids.shape, self.image.shape[-2:])]
                raise ValueError(f"{path}: {title} has {sizes[0]} pixels (width x height), its picture {sizes[1]}; make it again")
            schemes.check(ids, scheme, f"{path}, {title}")
        return self


class Sketches(ABC):
    """The examples of one split."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, index: int, body: bool = True) -> Sketch:
        """Example number `index`, without its body map when `body` is off.

        Raises:
            FileNotFoundError, ValueError: naming the file and the fix, when something is missing or damaged.
        """


class Prepared(Sketches):
    """A folder of `00012_image:png.png`, `00012_labels:png.png`, `00012_bodysegments.png` and `00012_original_filename.txt`.

    Args:
        folder: of one split.
        body: body maps are needed.

    Raises:
        FileNotFoundError: when the folder holds no examples or one is incomplete; the authors' own packer ends there in silence.
    """

    def __init__(self, folder: Path, body: bool = True) -> None:
        self.folder = folder
        suffixes = (_PICTURE, _LABELS, _BODY)
        found = {suffix: {path.name.removesuffix(f"_{suffix}") for path in folder.glob(f"*_{suffix}")} for suffix in suffixes}
        self.examples = sorted(found[_PICTURE] | found[_LABELS] | found[_BODY])
        if not self.examples:
            raise FileNotFoundError(f"{folder} holds no examples (00000_{_PICTURE}, 00000_{_LABELS}, ...). {SOURCE}")
        for suffix in suffixes if body else suffixes[:2]:
            missing = [example for example in self.examples if example not in found[suffix]]
            if missing:
                without = " or read without body maps (bodies=False)," if suffix == _BODY else ""
                raise FileNotFoundError(
                    f"{folder / f'{missing[0]}_{suffix}'} is missing, one of {len(missing)} such files; restore them,{without} or "
                    "remove what else these examples have"
                )

    def __len__(self) -> int:
        return len(self.examples)

    def read(self, index: int, body: bool = True) -> Sketch:
        example = self.examples[index]
        stem = self.folder / example
        title = Path(f"{stem}_{_NAME}")
        name = Path(title.read_text(encoding="utf-8", errors="replace").strip()).stem if title.is_file() else ""
        image, labels = read_picture(f"{stem}_{_PICTURE}"), read_labels(f"{stem}_{_LABELS}")
        return Sketch(name or example, image, labels, read_labels(f"{stem}_{_BODY}") if body else None).checked(stem)


class Records(Sketches):
    """The record files of one split, `train_p0.tfrecords` and so on.

    Args:
        files: in their order.
    """

    def __init__(self, files: list[Path]) -> None:
        self.places = [(path, place) for path in files for place in record_places(path)]
        if not self.places:
            raise ValueError(f"{files[0]} holds no records. {SOURCE}")

    def __len__(self) -> int:
        return len(self.places)

    def read(self, index: int, body: bool = True) -> Sketch:
        path, place = self.places[index]
        example = read_example(path, place)
        told = f"{path}, example {index}"
        needed = ["original_filename", "image:png", "labels:png", *(["bodysegments:png"] if body else [])]
        missing = [name for name in needed if name not in example]
        if missing:
            without = "; read without body maps (bodies=False)" if missing == ["bodysegments:png"] else ""
            raise ValueError(f"{told} has no feature {missing[0]!r}, only {', '.join(sorted(example)) or 'none'}{without}")
        levels = _decode(example["image:png"], f"{told}, image:png")
        return Sketch(
            Path(example["original_filename"].decode(errors="replace")).stem,
            levels.permute(2, 0, 1) / 127.5 - 1,
            _decode_labels(example["labels:png"], f"{told}, labels:png"),
            _decode_labels(example["bodysegments:png"], f"{told}, bodysegments:png") if body else None,
        ).checked(told)


class HumanParsing(Sketches):
    """The original pairs, `JPEGImages/<name>.jpg` and `SegmentationClassAug/<name>.png`, prepared when they are read.

    Labels are cleaned of holes and the person is put on a black square of `side` pixels, as the authors' tools do it. What needs
    dlib's face landmarks is left out: lips, nose and eyes stay face. Each picture is followed by its mirrored copy. Grey pictures,
    which the authors leave out, are kept.

    Args:
        root: folder of the two folders.
        split: "train", "validation" or "test": 80, 10 and 10 % of a permutation of the sorted names.
        pattern: of the names that count, for example "dataset10k_*".
        side: of the squares, in pixels.

    Raises:
        FileNotFoundError: when a picture has no labels or labels have no picture.
        ValueError: when the split is empty.
    """

    def __init__(self, root: Path, split: str, pattern: str = "*", side: int = STORED) -> None:
        self.root, self.side = root, side
        pictures = {path.stem for path in (root / "JPEGImages").glob(f"{pattern}.jpg")}
        maps = {path.stem for path in (root / "SegmentationClassAug").glob(f"{pattern}.png")}
        alone = sorted(pictures ^ maps)
        if alone:
            path = self._labels(alone[0]) if alone[0] in pictures else self._picture(alone[0])
            raise FileNotFoundError(
                f"{path} is missing, one of {len(alone)} pictures or label maps alone; restore them, or remove the other half"
            )
        self.names = [sorted(pictures)[place] for place in split_places(len(pictures), split)]
        if not self.names:
            raise ValueError(f"{root}: {len(pictures)} pictures match {pattern!r}, too few for a {split} split")

    def __len__(self) -> int:
        return 2 * len(self.names)

    def read(self, index: int, body: bool = True) -> Sketch:
        name = self.names[index // 2]
        path = self._labels(name)
        picture, stored = read_picture(self._picture(name)), read_labels(path)
        schemes.check(stored, "atr18", path)
        Sketch(name, picture, stored).checked(path)
        levels, labels = scale_sketch(((picture + 1) * 127.5).round().to(torch.uint8), stored, PARSED)
        levels, labels = square_sketch(levels, fill_holes(labels), self.side)
        sketch = Sketch(name, levels / 127.5 - 1, labels)
        return sketch if index % 2 == 0 else mirrored(sketch)

    def _picture(self, name: str) -> Path:
        return self.root / "JPEGImages" / f"{name}.jpg"

    def _labels(self, name: str) -> Path:
        return self.root / "SegmentationClassAug" / f"{name}.png"


def mirrored(sketch: Sketch) -> Sketch:
    """The mirrored copy of an example: left and right change places."""
    body = None if sketch.body is None else schemes.mirror(sketch.body, "body7")
    labels = schemes.mirror(sketch.labels, SCHEME)
    return replace(sketch, name=f"{sketch.name}_swapped", image=sketch.image.flip(-1), labels=labels, body=body)


def split_order(count: int) -> np.ndarray:
    """The order in which the authors deal sorted names out to the splits: NumPy's permutation of seed 1."""
    return np.random.RandomState(1).permutation(count)


def split_places(count: int, split: str) -> list[int]:
    """Places of a split in the sorted names: `split_order` cut at 80 and 90 %."""
    cuts = [0, int(0.8 * count), int(0.9 * count), count]
    part = tuple(_FOLDERS).index(split)
    return split_order(count)[cuts[part] : cuts[part + 1]].tolist()


def find_sketches(
    root: str | os.PathLike[str], split: str, layout: Literal["auto"] | Layout = "auto", body: bool = True, pattern: str = "*"
) -> Sketches:
    """The examples of a split, wherever they lie in a folder.

    Args:
        root: folder of a copy, or one above: `generation/data` of the authors' project, too.
        split: "train", "validation" or "test".
        layout: "prepared", "records", "humanparsing", or "auto" to look which one is there.
        body: body maps are needed.
        pattern: of the names that count, in the layout "humanparsing".

    Raises:
        FileNotFoundError: when the folder does not exist or has no such layout, with what was looked for; when files are missing.
        ValueError: when body maps are needed and the layout has none.
    """
    top = Path(root).expanduser()
    if not top.is_dir():
        raise FileNotFoundError(f"{top}: no such folder; root is that of your copy of Chictopia10K. {SOURCE}")
    name = _FOLDERS[split]
    for folder in (top / inside for inside in _INSIDE):
        if layout in ("auto", "prepared") and any((folder / each).is_dir() for each in _FOLDERS.values()):
            if not (folder / name).is_dir():
                raise FileNotFoundError(f"{folder / name}: no such folder; it holds the {split} examples. {SOURCE}")
            return Prepared(folder / name, body)
        if layout in ("auto", "records") and any(folder.glob("*_p*.tfrecords")):
            files = sorted(folder.glob(f"{name}_p*.tfrecords"), key=lambda path: (len(path.name), path.name))
            if not files:
                raise FileNotFoundError(f"{folder / f'{name}_p0.tfrecords'} is missing; it holds the {split} examples. {SOURCE}")
            return Records(files)
        if layout in ("auto", "humanparsing") and (folder / "JPEGImages").is_dir():
            if body:
                raise ValueError(
                    f"{folder} has no body maps: set bodies=False, or use the prepared folders of ClothNet's authors. {SOURCE}"
                )
            return HumanParsing(folder, split, pattern)
    looked_for = {"prepared": f"{name}/", "records": f"{name}_p0.tfrecords", "humanparsing": "JPEGImages/"}
    wanted = " nor ".join(looked_for.values() if layout == "auto" else [looked_for[layout]])
    raise FileNotFoundError(f"{top} is no copy of Chictopia10K: it holds neither {wanted}. {SOURCE}")


def _decode(content: bytes, told: str) -> Tensor:
    """(H, W, 3) uint8."""
    try:
        return torch.from_numpy(np.array(Image.open(BytesIO(content)).convert("RGB")))
    except Exception as error:  # Pillow raises errors of many kinds for damaged files
        raise ValueError(f"{told} is not a readable PNG ({error}); copy the file again") from error


def _decode_labels(content: bytes, told: str) -> Tensor:
    channels = _decode(content, told)
    if not (channels == channels[..., :1]).all():
        raise ValueError(f"{told} holds colours, not label ids")
    return channels[..., 0]
