"""How the camera changes the picture that was drawn: studio pictures stay as they are, street cameras blur and tint."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.mannequin import random

_MARKET_STREAM = 21
_NOISE_STREAM = 22
_BLOCK = 8


def apply_look(image: Tensor, seed: Tensor, look: str) -> Tensor:
    """Give pictures the look of a camera.

    Args:
        image: (B, 3, H, W) RGB in [0, 1].
        seed: (B,) int64, names of the pictures.
        look: "studio", the picture itself, or "market", a surveillance camera as in Market-1501: exposure and colour cast, blur,
            sensor noise, and the 8 x 8 blocks of a strong JPEG compression.

    Returns:
        (B, 3, H, W) in [0, 1].

    Raises:
        ValueError: for another look.
    """
    if look not in _LOOKS:
        raise ValueError(f"no look is called {look!r}; known: {', '.join(_LOOKS)}")
    return _LOOKS[look](image, seed)


def _market(image: Tensor, seed: Tensor) -> Tensor:
    u = random.uniform(seed, _MARKET_STREAM, 8)[:, :, None, None, None].unbind(1)
    warm, green = (u[0] - 0.5) * 0.16, (u[1] - 0.5) * 0.06
    image = image * (0.68 + 0.40 * u[2]) * torch.cat([1 + warm, 1 + green, 1 - warm], 1)
    haze = 0.02 + 0.08 * u[3]
    image = haze * 0.55 + (1 - haze) * image
    blur = (0.20 + 0.25 * u[4]) * min(1.0, image.shape[2] / 128)
    image = _blur(_blur(image, blur, 2), blur, 3)
    image = image + (0.008 + 0.020 * u[5]) * _noise(seed, image.shape[2], image.shape[3])
    return _block(image, 0.25 + 0.35 * u[6], 0.03 + 0.04 * u[7]).clamp(0, 1)


def _blur(image: Tensor, weight: Tensor, axis: int) -> Tensor:
    """Mean with both neighbours along an axis, which weigh `weight` each of 1 + 2 weight."""
    size = image.shape[axis]
    edge = image.narrow(axis, 0, 1), image.narrow(axis, size - 1, 1)
    before = torch.cat([edge[0], image.narrow(axis, 0, size - 1)], axis)
    after = torch.cat([image.narrow(axis, 1, size - 1), edge[1]], axis)
    return (image + (before + after) * weight) / (1 + 2 * weight)


def _noise(seed: Tensor, height: int, width: int) -> Tensor:
    """(B, 3, H, W) of mean 0 and variance 1: each channel the sum of three 7-bit numbers of the pixel's 64 random bits."""
    bits = random.bits(seed, _NOISE_STREAM, height * width).view(-1, height, width)
    channels = []
    for channel in range(3):
        first, second, third = ((bits >> (21 * channel + 7 * part)) & 127 for part in range(3))
        channels.append(((first + second + third).float() - 190.5) / 64)
    return torch.stack(channels, 1)


def _block(image: Tensor, strength: Tensor, step: Tensor) -> Tensor:
    """What coarse quantisation leaves of every 8 x 8 block: its mean in steps, its detail weaker; colour loses more than light."""
    height, width = image.shape[2:]
    luma = image[:, :1] * 0.299 + image[:, 1:2] * 0.587 + image[:, 2:] * 0.114
    parts = []
    for plane, loss in ((luma, 0.35), (image - luma, 1.0)):
        padded = F.pad(plane, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
        mean = F.avg_pool2d(padded, _BLOCK)
        mean = torch.lerp(mean, (mean / step).round() * step, 0.6)
        smooth = mean.repeat_interleave(_BLOCK, 2).repeat_interleave(_BLOCK, 3)[:, :, :height, :width]
        parts.append(plane + (smooth - plane) * (strength * loss))
    return parts[0] + parts[1]


_LOOKS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"studio": lambda image, seed: image, "market": _market}
LOOKS = tuple(_LOOKS)
"""Names of the looks."""
