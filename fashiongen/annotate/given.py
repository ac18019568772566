"""Annotations as people have them, in files and arrays of others' tools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import keypoints as joints
from fashiongen.data import parsing as labels
from fashiongen.data.pictures import read_labels, resize_labels

Source = str | os.PathLike[str] | Tensor | np.ndarray

_ORDERS = {len(names): order for order, names in joints.ORDERS.items()}


def name_of(source: Any, otherwise: str) -> str:
    """What to call something in messages: its path, or `otherwise`."""
    return str(source) if isinstance(source, str | os.PathLike) else otherwise


def as_tensor(values: Tensor | np.ndarray[Any, Any] | Any) -> Tensor:
    """On the CPU, whatever it was."""
    return values.detach().cpu() if isinstance(values, Tensor) else torch.from_numpy(np.ascontiguousarray(values))


def read_keypoints(source: Source, image: Tensor, picture: str) -> Tensor:
    """Key points of a picture, whatever they come as.

    Args:
        source: path of OpenPose's JSON (18 or 25 points), of .mat with `candidate` and `subset`, of .npy; or an array (J, 3) of x,
            y (the centre of the first pixel at 0.5) and visibility or confidence, whose order follows from J.
        image: (3, H, W), the picture.
        picture: its name.

    Returns:
        (18, 3) in the order "openpose18".

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file and the fix: damaged, nobody in it, or points that lie outside of this picture.
    """
    points = _points(source)
    check_place(points, image, picture, name_of(source, "keypoints"))
    return points


def _points(source: Source) -> Tensor:
    name = name_of(source, "keypoints")
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
    points = as_tensor(source)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) not in _ORDERS:
        known = ", ".join(f"{count} ({order})" for count, order in sorted(_ORDERS.items()))
        raise ValueError(f"{name}: key points are (J, 3): x, y, visibility, with J one of {known}; got {tuple(points.shape)}")
    points = joints.check(points.float(), name, _ORDERS[len(points)])
    if not torch.isin(points[:, 2], torch.tensor([0.0, 1.0, 2.0])).all():  # confidences
        points[:, 2] = 2.0 * (points[:, 2] > 0)
    return joints.check(joints.convert(points, _ORDERS[len(points)], "openpose18"), name)


def check_place(points: Tensor, image: Tensor, picture: str, name: str) -> None:
    """Refuse key points (18, 3) that cannot belong to a picture (3, H, W) of this size.

    Raises:
        ValueError: naming the points by `name` and the picture by `picture`.
    """
    height, width = image.shape[1:]
    seen = points[points[:, 2] > 0]
    x, y = seen[:, 0], seen[:, 1]
    if ((x < -0.1 * width) | (x > 1.1 * width) | (y < -0.1 * height) | (y > 1.1 * height)).any():
        raise ValueError(
            f"{name}: key points reach from ({x.min():.0f}, {y.min():.0f}) to ({x.max():.0f}, {y.max():.0f}), {picture} has "
            f"{width}x{height} pixels (width x height); detect them in this picture, or scale them to it"
        )


def read_parsing(source: Source, scheme: str, image: Tensor, picture: str) -> Tensor:
    """The label map of a picture, whatever it comes as.

    Args:
        source: path of a palette or greyscale PNG, or an (H, W) array of integers. A map of another size is accepted when its
            aspect is that of the picture.
        scheme: a name of `fashiongen.data.parsing.SCHEMES`.
        image: (3, H, W), the picture.
        picture: its name.

    Returns:
        (H, W) uint8.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file and the fix: no label map, labels that the scheme does not have, another aspect.
    """
    name = name_of(source, "parsing")
    parsing = read_labels(source) if isinstance(source, str | os.PathLike) else as_tensor(source)
    if parsing.ndim != 2 or parsing.dtype == torch.bool:
        raise ValueError(f"{name}: a label map is (H, W) of integers, not {tuple(parsing.shape)} of {parsing.dtype}")
    labels.check(parsing, scheme, name)
    if not parsing.any():
        raise ValueError(f"{name}: every pixel is background; parse the picture again or leave it out")
    height, width = image.shape[1:]
    h, w = parsing.shape
    if abs(h - height * w / width) > 1 and abs(w - width * h / height) > 1:
        turned = " (the map fits the picture on its side: parse it upright, as EXIF says)" if (h, w) == (width, height) else ""
        raise ValueError(
            f"{name} has {w}x{h} pixels (width x height), {picture} has {width}x{height}{turned}; a label map lies over its "
            "picture: crop or resize one of them"
        )
    return resize_labels(parsing.to(torch.uint8), height, width)
