"""Keras HDF5 files -> dictionaries of arrays or tensors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.layers.vgg import LAYERS


def read_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Every weight of a Keras file, whether `model.save` or `model.save_weights` wrote it.

    Args:
        path: file ("generator-warp-mask.h5").

    Returns:
        place in the file -> array, as stored: "conv2d_1/conv2d_1/kernel:0". The state of the optimiser is left out, and so is
        the group "model_weights" in front of the names.

    Raises:
        ImportError: when h5py is not installed.
        FileNotFoundError: when there is no such file.
        ValueError: when it is not such a file, or is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    h5py = _h5py()
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer_weights/"):
            found[name] = np.asarray(item)

    try:
        with h5py.File(path, "r") as file:
            file.get("model_weights", file).visititems(keep)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path} is not a readable HDF5 file (truncated? download it again): {error}") from error
    if not found:
        raise ValueError(f"{path} holds no weights; expected a file that Keras' model.save or model.save_weights wrote")
    return found


def read_vgg_h5(path: str | Path) -> dict[str, Tensor]:
    """Weights of Keras' VGG-19, for `VGG19Taps(weights=..., normalization="caffe")`.

    The file of the Keras applications is `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`. Its filters read BGR; they are
    turned to RGB here.

    Returns:
        "conv1_1.weight" (out, in, 3, 3), "conv1_1.bias" (out,), ... up to conv5_4.

    Raises:
        ImportError, FileNotFoundError: as `read_weights`.
        ValueError: when it is not such a file, or a convolution is missing.
    """
    state: dict[str, Tensor] = {}
    for name, array in read_weights(path).items():
        if layer := re.match(r"block(\d)_conv(\d)/", name):
            variable = "weight" if array.ndim == 4 else "bias"
            value = torch.from_numpy(array)
            state[f"conv{layer[1]}_{layer[2]}.{variable}"] = value.permute(3, 2, 0, 1) if array.ndim == 4 else value
    missing = [layer for layer in LAYERS if f"{layer}.weight" not in state or f"{layer}.bias" not in state]
    if missing:
        raise ValueError(
            f"{path} has no {', '.join(missing)} of VGG-19; expected Keras' vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
        )
    first = f"{LAYERS[0]}.weight"
    return state | {first: state[first].flip(1)}


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError("reading a Keras file needs h5py: pip install 'fashiongen[convert]' (or h5py)") from error
    return h5py
