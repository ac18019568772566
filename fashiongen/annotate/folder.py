"""Annotated photographs as a folder that `fashiongen.person` and the command line read.

For a photograph `alice.jpg`:

- `alice.png`: the photograph, upright, RGB.
- `alice_keypoints.json`: as OpenPose writes it, 18 points of the one person that was chosen; `source_order` says in which order
  they were found.
- `alice_parsing.png`: label ids with a palette.
- `alice_mask.png`: the person, white on black.
- `records/alice.json`: source, size, label scheme, scores and notes. Written last: a photograph that has one is done.
- `annotations.json`, once for all: the annotator with weights, commits and licences, all records, and what went wrong with others.

Every file is written in one piece: whenever the process is killed, what is there is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError
from fashiongen.data.parsing import convert
from fashiongen.types import to_pil

FORMAT = 1
SUMMARY = "annotations.json"
RECORDS = "records"
KEYPOINTS, PARSING, MASK = "_keypoints.json", "_parsing.png", "_mask.png"
_PROBLEM, _UNFINISHED = ".problem", ".part"

_LIP = (
    (0, 0, 0), (128, 0, 0), (255, 0, 0), (0, 85, 0), (170, 0, 51), (255, 85, 0), (0, 0, 85), (0, 119, 221), (85, 85, 0),
    (0, 85, 85), (85, 51, 0), (52, 86, 128), (0, 128, 0), (0, 0, 255), (51, 170, 221), (0, 255, 255), (85, 255, 170),
    (170, 255, 85), (255, 255, 0), (255, 170, 0),
)  # fmt: skip


class AnnotatedFolder:
    """A folder of annotated people that grows photograph by photograph.

    Args:
        folder: made when the first file is written.
        header: facts that all photographs share: the annotator's record and the options.
        scheme: label scheme of the maps that are written; None keeps what the annotator found.
    """

    def __init__(self, folder: str | Path, header: Mapping[str, Any], scheme: str | None = "lip20") -> None:
        self.folder, self.scheme = Path(folder), scheme
        self.header = json.loads(json.dumps({"format": FORMAT, "scheme": scheme, **header}))

    def open(self) -> None:
        """Make the folder, or go on with it.

        Raises:
            FileExistsError: when it holds annotations of another annotator or of other options.
            ValueError: when its summary is damaged.
        """
        file = self.folder / SUMMARY
        if file.is_file():
            try:
                known = json.loads(file.read_bytes())
                changed = [name for name in self.header if known.get(name) != self.header[name]]
            except (ValueError, AttributeError) as error:
                raise ValueError(f"{file} is damaged; delete it, and the photographs that are done stay done") from error
            if changed:
                raise FileExistsError(
                    f"{self.folder} holds annotations of another {' and '.join(changed)}; name another folder, or delete this one"
                )
            return
        self._write(SUMMARY, _json({**self.header, "people": {}, "problems": {}}))

    def is_done(self, name: str) -> bool:
        """Whether a photograph is annotated: `name` is that of its file without the ending."""
        return (self.folder / RECORDS / f"{name}.json").is_file()

    def add(self, name: str, photograph: Photograph, annotation: Annotation) -> None:
        """Write a photograph and what was found in it."""
        height, width = photograph.image.shape[1:]
        files = {"picture": f"{name}.png"}
        self._write(files["picture"], _png(to_pil(photograph.image)))
        if annotation.keypoints is not None:
            files["keypoints"] = name + KEYPOINTS
            self._write(files["keypoints"], _json(openpose(annotation)))
        scheme = self.scheme or annotation.scheme
        if annotation.parsing is not None:
            files["parsing"] = name + PARSING
            self._write(files["parsing"], _png(with_palette(convert(annotation.parsing, annotation.scheme, scheme), scheme)))
        silhouette = annotation.silhouette
        if silhouette is not None:
            files["mask"] = name + MASK
            self._write(files["mask"], _png(Image.fromarray((silhouette[0].clamp(0, 1) * 255).round().byte().cpu().numpy())))
        record = {
            "source": photograph.name,
            "width": width,
            "height": height,
            "files": files,
            "scheme": scheme if annotation.parsing is not None else None,
            "source_scheme": annotation.scheme if annotation.parsing is not None else None,
            "source_order": annotation.order if annotation.keypoints is not None else None,
            "score": _rounded(annotation.score),
            "box": None if annotation.box is None else [_rounded(side) for side in annotation.box.tolist()],
            "joints": None if annotation.scores is None else [_rounded(score) for score in annotation.scores.tolist()],
            "people": annotation.people,
            "text": annotation.text,
            "notes": list(annotation.notes),
        }
        self._write(f"{RECORDS}/{name}.json", _json({key: value for key, value in record.items() if value is not None}))
        (self.folder / RECORDS / f"{name}{_PROBLEM}").unlink(missing_ok=True)

    def refuse(self, name: str, error: PhotographError) -> None:
        """Note what is wrong with a photograph; the next run looks at it again."""
        self._write(f"{RECORDS}/{name}{_PROBLEM}", _json({"kind": error.kind, "message": str(error)}))

    def finish(self) -> dict[str, dict[str, str]]:
        """Write the summary of all that is there.

        Returns:
            kind and message of every problem, by the name of the photograph.
        """
        records = self.folder / RECORDS
        people = {file.stem: json.loads(file.read_bytes()) for file in sorted(records.glob("*.json"))}
        problems = {
            file.name.removesuffix(_PROBLEM): json.loads(file.read_bytes()) for file in sorted(records.glob(f"*{_PROBLEM}"))
        }
        self._write(SUMMARY, _json({**self.header, "people": people, "problems": problems}))
        for unfinished in self.folder.rglob(f"*{_UNFINISHED}"):  # of a run that was killed
            unfinished.unlink()
        return problems

    def _write(self, name: str, content: bytes) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}.{os.getpid()}{_UNFINISHED}")
        unfinished.write_bytes(content)
        os.replace(unfinished, file)


def recorded_scheme(folder: Path, name: str) -> str | None:
    """The label scheme that `AnnotatedFolder` recorded for a photograph; None in other folders."""
    file = folder / RECORDS / f"{name}.json"
    if not file.is_file():
        return None
    return json.loads(file.read_bytes()).get("scheme")


def openpose(annotation: Annotation) -> dict[str, Any]:
    """Key points as OpenPose writes them: pixels from the centre of the first one, then confidence; 0, 0, 0 for a missing joint."""
    keypoints = annotation.keypoints
    assert keypoints is not None
    scores = torch.ones(len(keypoints)) if annotation.scores is None else annotation.scores
    numbers: list[float] = []
    for (x, y, visibility), score in zip(keypoints.tolist(), scores.tolist(), strict=True):
        numbers += [round(x - 0.5, 2), round(y - 0.5, 2), max(round(score, 4), 1e-4)] if visibility > 0 else [0, 0, 0]
    return {
        "version": 1.3,
        "people": [{"person_id": [-1], "pose_keypoints_2d": numbers}],
        "source_order": annotation.order,
    }


def with_palette(labels: Tensor, scheme: str) -> Image.Image:
    """Labels (H, W) as a palette picture: the usual colours of LIP, else those of Pascal VOC."""
    picture = Image.fromarray(labels.cpu().numpy(), "P")
    picture.putpalette([level for colour in (_LIP if scheme in ("lip20", "cihp20") else _voc()) for level in colour])
    return picture


def _voc(count: int = 32) -> list[tuple[int, int, int]]:
    """The colours of Pascal VOC: the bits of a label, dealt out to red, green and blue."""
    colours = []
    for label in range(count):
        levels = [0, 0, 0]
        for bit in range(8):
            levels[bit % 3] |= ((label >> bit) & 1) << (7 - bit // 3)
        colours.append((levels[0], levels[1], levels[2]))
    return colours


def _png(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
