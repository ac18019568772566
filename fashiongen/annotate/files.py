"""Annotations that people have already, looked up beside photographs by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.annotate.folder import recorded_scheme
from fashiongen.annotate.given import check_place, read_keypoints, read_parsing
from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError, box_of, choose
from fashiongen.data import keypoints as joints
from fashiongen.data.pose_annotations import HEADER, read_annotations

_POSE_FOLDERS = ("pose", "keypoint")
_LABEL_FOLDERS = ("pars", "seg", "label")
_ORDERS = {54: "openpose18", 75: "body25"}  # by how many numbers a person has


class FilesAnnotator:
    """Reads OpenPose's JSON, .mat, .npy and lists of key points, and label maps.

    Of `alice.jpg` these are looked for, in this order:

    - key points: `alice_keypoints.json`, `alice.json`, `alice_keypoints.npy`, `alice.npy`, `alice.mat`, in the folder, then in its
      folders whose name speaks of poses or key points (`pose/`, `openpose_json/`, `keypoints/`); then a line of a .csv list
      (`name:keypoints_y:keypoints_x`) in the folder.
    - label map: `alice_parsing.png`, `alice.png`, the latter in folders of parsing, segments or labels alone (`image-parse-v3/`,
      `SegmentationClassAug/`, `label_maps/`), or where the photographs lie elsewhere.

    Args:
        folder: where the files are.
        scheme: label scheme of the maps; None takes what `fashiongen annotate` recorded beside them, else "lip20". Files do not
            tell LIP, ATR and CIHP apart.
        person: which of several people of a JSON file: 1 for the leftmost; None takes the largest.

    Raises:
        FileNotFoundError: when there is no such folder.
    """

    def __init__(self, folder: str | Path, scheme: str | None = None, person: int | None = None) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder {self.folder} with annotations")
        self.scheme, self.person = scheme, person
        self.record: Mapping[str, Any] = {"annotator": "files", "scheme": scheme, "person": person}

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """See `fashiongen.annotate.photographs.Annotator`."""
        found: list[Annotation | PhotographError] = []
        for photograph in photographs:
            try:
                found.append(self._annotation(photograph))
            except PhotographError as error:
                found.append(error)
            except (ValueError, OSError) as error:
                found.append(PhotographError(str(error), "bad annotations"))
        return found

    def _annotation(self, photograph: Photograph) -> Annotation:
        stem = Path(photograph.name).stem
        points, label_map = self._first(self._pose_files(stem)), self._first(self._label_files(stem, photograph.path))
        listed = None if points is not None else self._listed(Path(photograph.name).name)
        if points is None and label_map is None and listed is None:
            raise PhotographError(
                f"{photograph.name}: {self.folder} holds no annotations of it; looked for {stem}_keypoints.json, "
                f"{stem}_parsing.png and their like, and a line of a .csv list",
                "no annotations",
            )
        annotation = Annotation()
        if points is not None and points.suffix == ".json":
            annotation = _openpose(points, self.person, photograph)
        elif points is not None or listed is not None:
            source = points if points is not None else listed
            assert source is not None
            annotation = Annotation(read_keypoints(source, photograph.image, photograph.name))
        if label_map is None:
            return annotation
        scheme = self.scheme or recorded_scheme(label_map.parent, stem) or "lip20"
        parsing = read_parsing(label_map, scheme, photograph.image, photograph.name)
        return replace(annotation, parsing=parsing, scheme=scheme)

    # ------------------------------------------------------------------------------------------------ places
    @staticmethod
    def _first(paths: Iterator[Path]) -> Path | None:
        return next((path for path in paths if path.is_file()), None)

    def _pose_files(self, stem: str) -> Iterator[Path]:
        for folder in (self.folder, *self._folders(_POSE_FOLDERS)):
            for ending in ("_keypoints.json", ".json", "_keypoints.npy", ".npy", ".mat"):
                yield folder / f"{stem}{ending}"

    def _label_files(self, stem: str, photograph: Path | None) -> Iterator[Path]:
        yield self.folder / f"{stem}_parsing.png"
        for folder in self._folders(_LABEL_FOLDERS):
            yield folder / f"{stem}_parsing.png"
            yield folder / f"{stem}.png"
        if photograph is not None and photograph.parent.resolve() != self.folder.resolve():
            yield self.folder / f"{stem}.png"

    def _folders(self, words: Sequence[str]) -> list[Path]:
        return [folder for folder in self._all_folders if any(word in folder.name.lower() for word in words)]

    @cached_property
    def _all_folders(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_dir())

    def _listed(self, name: str) -> Tensor | None:
        return next((poses[name] for poses in self._lists if name in poses), None)

    @cached_property
    def _lists(self) -> list[Mapping[str, Tensor]]:
        return [read_annotations(path) for path in sorted(self.folder.glob("*.csv")) if _is_list(path)]


def _is_list(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return "".join(file.readline().split()) == HEADER


def _openpose(path: Path, person: int | None, photograph: Photograph) -> Annotation:
    """The chosen person of an OpenPose file, with scores."""
    content = json.loads(path.read_bytes())
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not people:
        if people == []:
            raise PhotographError(f"{photograph.name}: nobody was found, says {path}", "nobody")
        raise ValueError(f'{path}: not a key-point file of OpenPose ({{"people": [...]}})')
    chosen = 0
    notes: tuple[str, ...] = ()
    if len(people) > 1 or person not in (None, 1):
        people = [each for each in people if (_numbers(each)[:, 2] > 0).any()]
        boxes = [box_of(_numbers(each)) for each in people]
        chosen, notes = choose(torch.stack(boxes) if boxes else torch.zeros(0, 4), person, photograph.name)
    raw = _numbers(people[chosen])
    order = _ORDERS.get(raw.numel())
    if order is None:
        raise ValueError(f"{path}: expected 54 or 75 numbers a person (18 or 25 points), got {raw.numel()}")
    scored = joints.convert(joints.check(raw, path, order), order, "openpose18")
    seen = scored[:, 2:] > 0
    points = torch.cat([scored[:, :2] + 0.5, torch.full_like(scored[:, 2:], 2)], dim=1) * seen
    check_place(points, photograph.image, photograph.name, str(path))
    written = content.get("source_order", order)
    return Annotation(points, scored[:, 2].clamp(max=1), order=written, people=len(people), notes=notes)


def _numbers(person: Any) -> Tensor:
    """(J, 3) as they are in the file."""
    numbers = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
    if not isinstance(numbers, list) or len(numbers) % 3:
        raise ValueError("a person of a key-point file of OpenPose has a list 'pose_keypoints_2d' of x, y, confidence")
    return torch.from_numpy(np.asarray(numbers, np.float64).reshape(-1, 3)).float()
