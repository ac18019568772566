"""The resampling rules of the papers' code, exactly, batched, on any device.

Each rule is linear and separable: a small matrix a axis, built once a size in float64 and kept. `F.interpolate` offers none
of them: TensorFlow 1 has no half-pixel shift, its `area` takes fractional edges, and MATLAB's `imresize` mirrors the border.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

Weights = Callable[[int, int], Tensor]


def legacy_bilinear_resize(image: Tensor, height: int, width: int) -> Tensor:
    """Bilinear resize of TensorFlow 1 (`tf.image.resize_bilinear`, `align_corners=False`): no half-pixel shift, no antialiasing.

    Output i lies at i*(in/out) of the input; the last sample is repeated past the border.

    Args:
        image: (..., h, w); integers become float32.
        height: output height H.
        width: output width W.

    Returns:
        (..., H, W), float.
    """
    return _resample(image, height, width, _legacy_bilinear)


def area_resize(image: Tensor, height: int, width: int) -> Tensor:
    """Box average of TensorFlow's `tf.image.resize_area`: the mean over [i*in/out, (i+1)*in/out), fractions of pixels included.

    Shapes as in `legacy_bilinear_resize`.
    """
    return _resample(image, height, width, _area)


def bicubic_resize(image: Tensor, height: int, width: int) -> Tensor:
    """Bicubic resize of MATLAB's `imresize`: Keys' kernel (a = -0.5), widened when shrinking, mirrored border.

    Shapes as in `legacy_bilinear_resize`.
    """
    return _resample(image, height, width, _bicubic)


def legacy_nearest_resize(image: Tensor, height: int, width: int) -> Tensor:
    """Nearest-neighbour resize of TensorFlow 1 (`tf.image.resize_nearest_neighbor`): source pixel floor(i*in/out).

    Args:
        image: (..., h, w) of any type, label maps included.
        height: output height H.
        width: output width W.

    Returns:
        (..., H, W) of the same type.
    """
    return _pick(image, height, width, _legacy_nearest_index)


def pillow_nearest_resize(image: Tensor, height: int, width: int) -> Tensor:
    """Nearest-neighbour resize of Pillow: source pixel floor((i + 0.5)*in/out). Shapes as in `legacy_nearest_resize`."""
    return _pick(image, height, width, _pillow_nearest_index)


def _resample(image: Tensor, height: int, width: int, weights: Weights) -> Tensor:
    kept = image.dtype if image.is_floating_point() else torch.float32
    dtype = torch.float64 if kept == torch.float64 else torch.float32
    rows = _constant(weights, image.shape[-2], height, image.device, dtype)
    columns = _constant(weights, image.shape[-1], width, image.device, dtype)
    with torch.autocast(image.device.type, enabled=False):
        return (rows @ image.to(dtype) @ columns.T).to(kept)


def _pick(image: Tensor, height: int, width: int, index: Weights) -> Tensor:
    rows = _constant(index, image.shape[-2], height, image.device, torch.int64)
    columns = _constant(index, image.shape[-1], width, image.device, torch.int64)
    return image.index_select(-2, rows).index_select(-1, columns)


def _constant(build: Weights, source: int, target: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    if source < 1 or target < 1:
        raise ValueError(f"cannot resize {source} pixels to {target}")
    function = _cached.__wrapped__ if torch.compiler.is_compiling() else _cached
    return function(build, source, target, device, dtype)


@lru_cache(maxsize=256)
def _cached(build: Weights, source: int, target: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return build(source, target).to(device, dtype)


def _legacy_bilinear(source: int, target: int) -> Tensor:
    position = _legacy_position(source, target)
    lower = position.floor()
    upper = (lower + 1).clamp(max=source - 1)
    fraction = (position - lower).double()
    return _one_hot(lower, source) * (1 - fraction)[:, None] + _one_hot(upper, source) * fraction[:, None]


def _legacy_nearest_index(source: int, target: int) -> Tensor:
    return _legacy_position(source, target).floor().long()


def _legacy_position(source: int, target: int) -> Tensor:
    # TensorFlow multiplies in float32, which decides on which side of an integer a position falls.
    scale = torch.tensor(source, dtype=torch.float32) / torch.tensor(target, dtype=torch.float32)
    return (torch.arange(target, dtype=torch.float32) * scale).clamp(max=source - 1)


def _pillow_nearest_index(source: int, target: int) -> Tensor:
    # Pillow walks in steps of the scale; adding up rounds differently from multiplying.
    steps = np.full(target, source / target)
    steps[0] *= 0.5
    return torch.from_numpy(np.cumsum(steps)).floor().long().clamp(max=source - 1)


def _area(source: int, target: int) -> Tensor:
    scale = source / target
    start = torch.arange(target, dtype=torch.float64)[:, None] * scale
    pixel = torch.arange(source, dtype=torch.float64)[None]
    overlap = torch.minimum(start + scale, pixel + 1) - torch.maximum(start, pixel)
    return overlap.clamp(min=0) / scale


def _bicubic(source: int, target: int) -> Tensor:
    scale = target / source
    stretch = max(1.0, 1 / scale)
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) / scale - 0.5
    taps = math.ceil(4 * stretch) + 2
    pixel = (centre - 2 * stretch).floor()[:, None] + torch.arange(taps, dtype=torch.float64)
    distance = ((centre[:, None] - pixel) / stretch).abs()
    inner = 1.5 * distance**3 - 2.5 * distance**2 + 1
    outer = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weight = torch.where(distance <= 1, inner, torch.where(distance < 2, outer, torch.zeros_like(distance)))
    weight = weight / weight.sum(dim=1, keepdim=True)
    mirrored = pixel.long() % (2 * source)
    mirrored = torch.minimum(mirrored, 2 * source - 1 - mirrored)
    return torch.zeros(target, source, dtype=torch.float64).scatter_add_(1, mirrored, weight)


def _one_hot(index: Tensor, length: int) -> Tensor:
    return torch.nn.functional.one_hot(index.long(), length).double()
