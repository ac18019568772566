"""MatConvNet files -> dictionaries of tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

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
    from scipy.io import loadmat

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = loadmat(path)
    except Exception as error:  # SciPy raises errors of many kinds for damaged files
        raise ValueError(f"{path} is not a readable MATLAB file (truncated?): {error}") from error
    if "layers" not in content:
        raise ValueError(f"{path} has no variable 'layers'; expected MatConvNet's imagenet-vgg-verydeep-19.mat")
    state: dict[str, Tensor] = {}
    for cell in content["layers"].flat:
        layer = _record(cell)
        if layer is None or (name := str(_unwrap(layer["name"]))) not in LAYERS:
            continue
        filters, biases = _parameters(layer, path, name)
        state[f"{name}.weight"] = torch.from_numpy(filters.astype(np.float32)).permute(3, 2, 0, 1).contiguous()
        state[f"{name}.bias"] = torch.from_numpy(biases.astype(np.float32).reshape(-1))
    missing = [name for name in LAYERS if f"{name}.weight" not in state]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; it is not a complete VGG-19")
    return state


def _unwrap(value: Any) -> Any:
    """The one element of nested 1x1 object arrays and strings."""
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    return value


def _record(cell: Any) -> Any:
    record = _unwrap(cell)
    fields = record.dtype.names if isinstance(record, np.void) else None
    return record if fields and "name" in fields else None


def _parameters(layer: Any, path: str | Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    fields = layer.dtype.names
    if "weights" in fields:
        weights = layer["weights"]
        while weights.dtype == object and weights.size == 1:
            weights = weights.flat[0]
        if weights.dtype == object and weights.size == 2:
            return weights.flat[0], weights.flat[1]
    if "filters" in fields and "biases" in fields:
        return layer["filters"], layer["biases"]
    raise ValueError(f"{path}: layer {name} has neither 'weights' of two arrays nor 'filters' and 'biases'")
