"""Your own pictures: files -> `Person` and `Garment`."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.annotate.given import as_tensor, name_of, read_keypoints, read_parsing
from fashiongen.annotate.named import AUTO, AutomaticAnnotator
from fashiongen.annotate.named import annotator as annotator_of
from fashiongen.annotate.photographs import Annotation, Annotator, Photograph, PhotographError, checked
from fashiongen.data import parsing as labels
from fashiongen.data.cutout import garment_mask
from fashiongen.data.pictures import Picture, read_picture, resize, resize_labels
from fashiongen.types import Garment, Person

Path_ = str | os.PathLike[str]
Fit = Literal["pad", "crop", "stretch"]


def person(
    picture: Picture,
    keypoints: Path_ | Tensor | np.ndarray | None = None,
    parsing: Path_ | Tensor | np.ndarray | None = None,
    scheme: str = "lip20",
    text: str | None = None,
    height: int = 256,
    width: int = 192,
    fit: Fit = "pad",
    target_scheme: str | None = "lip20",
    annotator: str | Annotator | Callable[[Tensor], Mapping[str, Any]] | None = AUTO,
) -> Person:
    """Read a picture of a person, annotate what is not given, and bring everything to one size.

    Args:
        picture: path, Pillow image, tensor or array, see `fashiongen.data.pictures.read_picture`. Files are turned upright as their
            EXIF entry says.
        keypoints: in pixels of `picture`. A path: JSON of OpenPose (18 or 25 points), .mat with `candidate` and `subset`, .npy.
            Or an array (J, 3) of x, y (the centre of the first pixel at 0.5) and visibility or confidence, 0 for a missing joint;
            its order follows from J: 18 OpenPose, 25 BODY_25, 17 COCO, 16 MPII, 14 LSP.
        parsing: label ids of the pixels of `picture`: path of a palette or greyscale PNG, or an (H, W) array of integers. A map of
            another size is accepted when its aspect is that of the picture.
        scheme: label scheme that `parsing` was made in, a name of `fashiongen.data.parsing.SCHEMES`.
        text: a sentence about the clothes.
        height: of the result.
        width: of the result.
        fit: what happens when the aspect differs: "pad" keeps the whole picture and adds white (background, in the parsing) on both
            sides, "crop" cuts both sides off, "stretch" distorts.
        target_scheme: label scheme of the result; None keeps `scheme`.
        annotator: who finds key points and parsing that are not given. "auto" takes the files beside the picture
            (`alice_keypoints.json`, `alice_parsing.png`), then the networks of "photo" where their weights were downloaded before,
            else "mannequin", with a warning; it downloads nothing, and what it does not find stays None, with a warning. None
            annotates nothing. Others see `fashiongen.annotate.named.annotator`: "photo", "mannequin", "files:FOLDER", an
            annotator, or a callable that takes the picture (3, h, w).

    Raises:
        FileNotFoundError: when a file does not exist.
        PhotographError: a ValueError, when the annotator that was asked for finds nobody, or somebody too small.
        ValueError: naming the file and the fix: for pictures, key points and label maps that cannot be read, hold nobody, or
            belong to a picture of another size.
    """
    if fit not in ("pad", "crop", "stretch"):
        raise ValueError(f"fit is 'pad', 'crop' or 'stretch', not {fit!r}")
    name = name_of(picture, "picture")
    image = read_picture(picture)
    if annotator is not None and (keypoints is None or parsing is None):
        path = Path(picture) if isinstance(picture, str | os.PathLike) else None
        found = _annotated(Photograph(image, name, path), annotator, scheme)
        keypoints = found.keypoints if keypoints is None else keypoints
        text = found.text if text is None else text
        if parsing is None and found.parsing is not None:
            parsing, scheme = found.parsing, found.scheme
    frame = _Frame.of(image, height, width, fit)
    points = None if keypoints is None else frame.move(read_keypoints(keypoints, image, name))
    label_map = None
    if parsing is not None:
        label_map = labels.convert(read_parsing(parsing, scheme, image, name), scheme, target_scheme or scheme)
        label_map = frame.label(label_map)
    return Person(frame.picture(image, 1.0), points, label_map, target_scheme or scheme, text=text)


def _annotated(photograph: Photograph, source: Any, scheme: str) -> Annotation:
    """What an annotator finds; the default one warns where others raise."""
    automatic = isinstance(source, str) and source == AUTO
    if automatic:
        chosen: Annotator = AutomaticAnnotator()
    elif isinstance(source, str) and source.startswith("files:") and scheme != "lip20":
        chosen = annotator_of(source, scheme=scheme)
    else:
        chosen = annotator_of(source)
    (found,) = chosen.detect([photograph])
    if isinstance(found, Annotation):
        for note in found.notes:
            warnings.warn(f"{photograph.name}: {note}", stacklevel=3)
        try:
            return checked(found, photograph, body="any") if isinstance(source, str) else found
        except PhotographError as error:
            found = error
    if not automatic:
        raise found
    warnings.warn(f"{found} (annotator=None leaves annotations out)", stacklevel=3)
    return Annotation()


def garment(
    picture: Picture,
    mask: Path_ | Tensor | np.ndarray | None = None,
    height: int = 256,
    width: int = 192,
    margin: float = 0.04,
) -> Garment:
    """Read a photograph of a garment, cut it out and lay it in the middle of a white page, as shops do.

    Args:
        picture: path, Pillow image, tensor or array, see `fashiongen.data.pictures.read_picture`.
        mask: where the garment is: path of a greyscale picture, or an array (H, W) or (1, H, W): bool, float in [0, 1], or uint8
            up to 255. Without it the garment is searched for, see `fashiongen.data.cutout.garment_mask`.
        height: of the page.
        width: of the page.
        margin: white left on each side of the page, as a share of its longer side.

    Raises:
        FileNotFoundError: when a file does not exist.
        ValueError: naming the file and the fix: for a picture that cannot be read, one in which no garment stands out, and a mask
            that is empty or of another size.
    """
    if not 0 <= margin < 0.25:
        raise ValueError(f"margin is a share of the page from 0 to 0.25, not {margin}")
    name = name_of(picture, "picture")
    image = read_picture(picture)
    if mask is None:
        try:
            alpha = garment_mask(image)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    else:
        alpha = _read_mask(mask, image, name)
    cut = image * alpha + (1 - alpha)
    rows, columns = (torch.nonzero(alpha[0].amax(axis) > 0.5).flatten().tolist() for axis in (1, 0))
    box = (..., slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cut, alpha = cut[box], alpha[box]
    free = round(margin * max(height, width))
    scale = min((height - 2 * free) / alpha.shape[1], (width - 2 * free) / alpha.shape[2])
    size = [max(1, round(side * scale)) for side in alpha.shape[1:]]
    cut, alpha = resize(cut, *size), resize(alpha, *size)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    around = (left, width - size[1] - left, top, height - size[0] - top)
    return Garment(F.pad(cut, around, value=1.0), F.pad(alpha, around))


class _Frame(NamedTuple):
    """The window of a picture that becomes the result: its size, and what is added (or, below zero, cut off) on each side."""

    height: int
    width: int
    around: tuple[int, int, int, int]
    """left, right, top, bottom, in pixels of the picture"""
    scale: tuple[float, float]
    """result pixels a picture pixel, in x and y"""

    @classmethod
    def of(cls, image: Tensor, height: int, width: int, fit: Fit) -> _Frame:
        if height < 1 or width < 1:
            raise ValueError(f"height and width are at least 1 pixel, not {height} and {width}")
        h, w = image.shape[1:]
        window_h, window_w = h, w
        if fit != "stretch":
            choose = max if fit == "pad" else min
            window_h = max(1, choose(h, round(w * height / width)))
            window_w = max(1, choose(w, round(h * width / height)))
        extra_x, extra_y = window_w - w, window_h - h
        around = (extra_x // 2, extra_x - extra_x // 2, extra_y // 2, extra_y - extra_y // 2)
        return cls(height, width, around, (width / window_w, height / window_h))

    def picture(self, image: Tensor, fill: float) -> Tensor:
        return resize(F.pad(image, self.around, value=fill), self.height, self.width)

    def label(self, parsing: Tensor) -> Tensor:
        return resize_labels(F.pad(parsing, self.around), self.height, self.width)

    def move(self, keypoints: Tensor) -> Tensor:
        x = (keypoints[:, 0] + self.around[0]) * self.scale[0]
        y = (keypoints[:, 1] + self.around[2]) * self.scale[1]
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        return torch.stack([x, y, keypoints[:, 2]], dim=1) * (inside & (keypoints[:, 2] > 0))[:, None]


def _read_mask(source: Path_ | Tensor | np.ndarray[Any, Any], image: Tensor, picture: str) -> Tensor:
    """(1, H, W) float in [0, 1]."""
    name = name_of(source, "mask")
    if isinstance(source, str | os.PathLike):
        mask = (read_picture(source).mean(0) + 1) / 2
    else:
        mask = as_tensor(source).squeeze(0)
        if mask.dtype == torch.uint8 and int(mask.max()) > 1:
            mask = mask / 255
        mask = mask.float()
    if mask.shape != image.shape[1:]:
        shown, wanted = ("x".join(map(str, reversed(shape))) for shape in (mask.shape, image.shape[1:]))
        raise ValueError(f"{name} has {shown} pixels (width x height), {picture} has {wanted}; a mask lies over its picture")
    if not math.isfinite(float(mask.sum())) or not (mask > 0.5).any() or float(mask.min()) < 0 or float(mask.max()) > 1:
        raise ValueError(f"{name}: a mask is 1 on the garment and 0 elsewhere, this one marks no garment or leaves [0, 1]")
    return mask[None]
