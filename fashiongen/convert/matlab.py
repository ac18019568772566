"""MatConvNet files -> dictionaries of tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.data.mat_files import read_mat
from fashiongen.layers.vgg import LAYERS


def read_vgg_mat(path: str | Path) -> dict[str, Tensor]:
    """Weights of `imagenet-vgg-verydeep-19.mat` (MatConvNet), for `VGG19Taps(weights=..., normalization="caffe")`.

    Fields are found by name: older copies of the file have them in another order, or hold `filters` and `biases` in place of
    `weights`.

    Returns:
        "conv1_1.weight" (out, in, 3, 3), "conv1_1.bias" (out,), ... up to conv5_4.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not such a file, or a convolution is missing.
    """
    layers = read_mat(path, ["layers"])["layers"]
    state: dict[str, Tensor] = {}
    for cell in layers.flat:
        layer = _unwrap(cell)
        if not isinstance(layer, dict) or "name" not in layer or (name := str(_unwrap(layer["name"]))) not in LAYERS:
            continue
        filters, biases = _parameters(layer, path, name)
        state[f"{name}.weight"] = torch.from_numpy(filters.astype(np.float32)).permute(3, 2, 0, 1).contiguous()
        state[f"{name}.bias"] = torch.from_numpy(biases.astype(np.float32).reshape(-1))
    missing = [name for name in LAYERS if f"{name}.weight" not in state]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; it is not a complete VGG-19")
    return state


def _unwrap(value: Any) -> Any:
    """The one element of nested 1x1 arrays of objects and strings."""
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    return value


def _parameters(layer: dict[str, np.ndarray], path: str | Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    found: list[np.ndarray] = []
    if "weights" in layer:
        weights = layer["weights"]
        while weights.dtype == object and weights.size == 1:
            weights = weights.flat[0]
        found = list(weights.flat) if weights.dtype == object else []
    elif "filters" in layer and "biases" in layer:
        found = [layer["filters"], layer["biases"]]
    if len(found) != 2 or any(not isinstance(each, np.ndarray) or each.dtype.kind not in "fiu" for each in found):
        raise ValueError(f"{path}: layer {name} has neither 'weights' of two arrays nor 'filters' and 'biases'")
    filters, biases = found
    if filters.ndim != 4:  # MATLAB drops axes of length 1 from the end
        filters = filters.reshape(*filters.shape, *[1] * (4 - filters.ndim))
    return filters, biases
