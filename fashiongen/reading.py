"""Your own pictures: files -> `Person` and `Garment`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data import parsing as labels
from fashiongen.data.cutout import garment_mask
from fashiongen.data.pictures import Picture, read_labels, read_picture, resize, resize_labels
from fashiongen.types import Garment, Person

Path_ = str | os.PathLike[str]
Annotator = Callable[[Tensor], Mapping[str, Any]]
Fit = Literal["pad", "crop", "stretch"]

_ORDERS = {len(names): order for order, names in joints.ORDERS.items()}


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
    annotator: Annotator | None = None,
) -> Person:
    """Read a picture of a person with its annotations, and bring everything to one size.

    Annotations are made by others' tools and passed here: key points by OpenPose (its JSON) or any pose estimator, parsing by any
    human parser. What is not passed stays None; a model that needs it says so.

    Args:
        picture: path, Pillow image, tensor or array, see `fashiongen.data.pictures.read_picture`.
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
        annotator: called with the picture (3, h, w) when key points or parsing are missing; returns some of "keypoints", "parsing",
            "scheme", "text" as they are passed here.

    Raises:
        FileNotFoundError: when a file does not exist.
        ValueError: naming the file and the fix: for pictures, key points and label maps that cannot be read, hold nobody, or
            belong to a picture of another size.
    """
    if fit not in ("pad", "crop", "stretch"):
        raise ValueError(f"fit is 'pad', 'crop' or 'stretch', not {fit!r}")
    name = _name(picture, "picture")
    image = read_picture(picture)
    if annotator is not None and (keypoints is None or parsing is None):
        found = annotator(image)
        keypoints = found.get("keypoints") if keypoints is None else keypoints
        text = found.get("text") if text is None else text
        if parsing is None:
            parsing, scheme = found.get("parsing"), found.get("scheme", scheme)
    frame = _Frame.of(image, height, width, fit)
    points = None
    if keypoints is not None:
        points = _read_keypoints(keypoints)
        _check_place(points, image, name, _name(keypoints, "keypoints"))
        points = frame.move(points)
    label_map = None
    if parsing is not None:
        label_map = labels.convert(_read_parsing(parsing, scheme, image, name), scheme, target_scheme or scheme)
        label_map = frame.label(label_map)
    return Person(frame.picture(image, 1.0), points, label_map, target_scheme or scheme, text=text)


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
    name = _name(picture, "picture")
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


def _name(source: Any, otherwise: str) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else otherwise


def _array(values: Tensor | np.ndarray[Any, Any] | Any) -> Tensor:
    return values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))


def _read_keypoints(source: Path_ | Tensor | np.ndarray[Any, Any]) -> Tensor:
    """(18, 3) in pixels of the picture, whatever the source."""
    name = _name(source, "keypoints")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such key-point file")
        if path.suffix == ".json":
            return joints.read_openpose(path)
        if path.suffix == ".mat":
            return joints.read_mat(path)
        if path.suffix != ".npy":
            raise ValueError(f"{path}: key points are read from .json (OpenPose), .mat (candidate, subset) or .npy")
        try:
            source = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"{path} is not a NumPy array: {error}") from error
    points = _array(source)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) not in _ORDERS:
        known = ", ".join(f"{count} ({order})" for count, order in sorted(_ORDERS.items()))
        raise ValueError(f"{name}: key points are (J, 3): x, y, visibility, with J one of {known}; got {tuple(points.shape)}")
    points = joints.check(points.float(), name, _ORDERS[len(points)])
    if not torch.isin(points[:, 2], torch.tensor([0.0, 1.0, 2.0])).all():  # confidences
        points[:, 2] = 2.0 * (points[:, 2] > 0)
    return joints.check(joints.convert(points, _ORDERS[len(points)], "openpose18"), name)


def _check_place(points: Tensor, image: Tensor, picture: str, name: str) -> None:
    """Refuse points that cannot belong to a picture of this size."""
    height, width = image.shape[1:]
    seen = points[points[:, 2] > 0]
    x, y = seen[:, 0], seen[:, 1]
    if ((x < -0.1 * width) | (x > 1.1 * width) | (y < -0.1 * height) | (y > 1.1 * height)).any():
        raise ValueError(
            f"{name}: key points reach from ({x.min():.0f}, {y.min():.0f}) to ({x.max():.0f}, {y.max():.0f}), {picture} has "
            f"{width}x{height} pixels (width x height); detect them in this picture, or scale them to it"
        )


def _read_parsing(source: Path_ | Tensor | np.ndarray[Any, Any], scheme: str, image: Tensor, picture: str) -> Tensor:
    """(H, W) uint8 of the picture's size."""
    name = _name(source, "parsing")
    parsing = read_labels(source) if isinstance(source, str | os.PathLike) else _array(source)
    if parsing.ndim != 2 or parsing.dtype == torch.bool:
        raise ValueError(f"{name}: a label map is (H, W) of integers, not {tuple(parsing.shape)} of {parsing.dtype}")
    labels.check(parsing, scheme, name)
    if not parsing.any():
        raise ValueError(f"{name}: every pixel is background; parse the picture again or leave it out")
    height, width = image.shape[1:]
    h, w = parsing.shape
    if abs(h - height * w / width) > 1 and abs(w - width * h / height) > 1:
        raise ValueError(
            f"{name} has {w}x{h} pixels (width x height), {picture} has {width}x{height}; a label map lies over its picture: "
            "crop or resize one of them"
        )
    return resize_labels(parsing.to(torch.uint8), height, width)


def _read_mask(source: Path_ | Tensor | np.ndarray[Any, Any], image: Tensor, picture: str) -> Tensor:
    """(1, H, W) float in [0, 1]."""
    name = _name(source, "mask")
    if isinstance(source, str | os.PathLike):
        mask = (read_picture(source).mean(0) + 1) / 2
    else:
        mask = _array(source).squeeze(0)
        if mask.dtype == torch.uint8 and int(mask.max()) > 1:
            mask = mask / 255
        mask = mask.float()
    if mask.shape != image.shape[1:]:
        shown, wanted = ("x".join(map(str, reversed(shape))) for shape in (mask.shape, image.shape[1:]))
        raise ValueError(f"{name} has {shown} pixels (width x height), {picture} has {wanted}; a mask lies over its picture")
    if not math.isfinite(float(mask.sum())) or not (mask > 0.5).any() or float(mask.min()) < 0 or float(mask.max()) > 1:
        raise ValueError(f"{name}: a mask is 1 on the garment and 0 elsewhere, this one marks no garment or leaves [0, 1]")
    return mask[None]
