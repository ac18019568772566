"""The folders in which people keep what CAGAN learns from: people, garments, and who wears what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from fashiongen.data.viton_files import VitonFiles, own_garment

Split = Literal["train", "test"]
Layout = Literal["folders", "keras", "authors", "viton_resize"]

LISTS: dict[Split, str] = {"train": "worn_train.txt", "test": "worn_test.txt"}
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Wearing:
    """Pictures of a person, of the garment that she wears, and of another one where the data names it."""

    person: Path
    worn: Path
    other: Path | None = None


def find_wearing(
    root: str | Path,
    split: Split,
    layout: Literal["auto"] | Layout = "auto",
    people: str = "people",
    garments: str = "garments",
) -> list[Wearing]:
    """Who wears what in one split of a folder, every picture being there.

    Args:
        root: the folder.
        split: "train" or "test".
        layout: "folders": pictures in `people` and `garments`, lists `worn_train.txt` and `worn_test.txt` of lines
            "person.jpg garment.jpg", in the test list optionally with a third name, the garment to put on. "keras":
            `imgs/1/ID_1.jpg` wears `imgs/5/ID_5.jpg`, as in `shaoanlu/Conditional-Analogy-GAN-keras`, or the same under
            `imgs_train` and `imgs_test`; `imgs` alone serves as both splits. "authors" and "viton_resize": those of VITON. "auto"
            looks which one is there.
        people, garments: folders of the layout "folders".

    Raises:
        FileNotFoundError: when the folder, a list or a picture is missing, with what to do.
        ValueError: naming file and line, when a line of a list does not hold two or three names, or when nothing is listed.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; root is the folder of your people and garments")
    if layout == "auto":
        layout = _recognise(folder)
    if layout == "keras":
        return _keras(folder, split)
    if layout == "folders":
        source = folder / LISTS[split]
        found = _listed(source, folder / people, folder / garments)
    else:
        files = VitonFiles.find(folder, layout)
        source = folder
        found = []
        for person, garment in files.pairs(split):
            own = garment if split == "train" else own_garment(person)
            other = None if split == "train" else files.garment(split, garment)
            found.append(Wearing(files.person(split, person), files.garment(split, own), other))
    _check(found, split, source)
    return found


def _recognise(folder: Path) -> Layout:
    if any((folder / name).is_file() for name in LISTS.values()):
        return "folders"
    if any((folder / name / "1").is_dir() for name in ("imgs", "imgs_train")):
        return "keras"
    if (folder / "women_top").is_dir():
        return "authors"
    if any((folder / split / "image").is_dir() for split in LISTS):
        return "viton_resize"
    raise FileNotFoundError(
        f"{folder} holds none of {' or '.join(LISTS.values())} (lists of who wears what), imgs/1/ or imgs_train/1/ (layout keras), "
        "women_top/ (VITON's authors) and train/image/ (viton_resize)"
    )


def _listed(path: Path, people: Path, garments: Path) -> list[Wearing]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such list; it holds a line 'person.jpg garment.jpg' for each person, saying who wears what"
        )
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        names = [name.strip() for name in line.split("\t")] if "\t" in line else line.split()
        if not names:
            continue
        if len(names) not in (2, 3):
            raise ValueError(
                f"{path}, line {number}: expected 'person.jpg garment.jpg', or a third name, the garment to put on; found "
                f"{line!r}; separate names that hold blanks by tabs"
            )
        found.append(Wearing(people / names[0], garments / names[1], garments / names[2] if len(names) == 3 else None))
    return found


def _keras(root: Path, split: Split) -> list[Wearing]:
    folder = next((root / name for name in (f"imgs_{split}", "imgs") if (root / name / "1").is_dir()), None)
    if folder is None:
        raise FileNotFoundError(
            f"{root} holds neither imgs_{split}/1/ nor imgs/1/; people are imgs/1/ID_1.jpg, garments imgs/5/ID_5.jpg"
        )
    people = sorted(path for path in (folder / "1").iterdir() if path.suffix.lower() in _ENDINGS)
    found = [
        Wearing(path, folder / "5" / f"{path.stem.removesuffix('_1')}_5{path.suffix}")
        for path in people
        if path.stem.endswith("_1")
    ]
    _check(found, split, folder / "1")
    return found


def _check(found: list[Wearing], split: Split, source: Path) -> None:
    if not found:
        raise ValueError(f"{source} names nobody in the {split} split; add people and the garments that they wear")
    needed = dict.fromkeys(chain.from_iterable((each.person, each.worn, each.other) for each in found))
    missing = [path for path in needed if path is not None and not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} is missing, one of {len(missing)} pictures that the {split} split of {source} needs; "
            "restore them, or take these people out"
        )
