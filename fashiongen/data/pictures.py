"""Pictures and label maps from files, arrays and tensors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from fashiongen.types import to_pil

LARGEST = 178_956_970
"""Pixels beyond which a picture is refused: Pillow's own limit against decompression bombs."""

Picture = str | os.PathLike[str] | Image.Image | Tensor | np.ndarray


def read_picture(picture: Picture) -> Tensor:
    """Read a picture, whatever it comes as.

    Turned as its EXIF entry says; greyscale, palette and CMYK become RGB, 16 bits become 8, transparency is laid on white.

    Args:
        picture: a path; a Pillow image; a tensor (3, H, W), float in [-1, 1] or uint8; an array (H, W, 3), (H, W, 4) or
            (H, W), uint8 or uint16.

    Returns:
        (3, H, W) float32 RGB in [-1, 1].

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file and the reason: a folder, empty, cut short, not a picture, too large; or a tensor or array of
            another shape, type or range.
    """
    if isinstance(picture, Tensor):
        return _from_tensor(picture)
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if isinstance(picture, Image.Image):
        return _from_pillow(picture, "picture")
    with _open(picture) as image:
        return _from_pillow(image, str(picture))


def read_labels(path: str | os.PathLike[str]) -> Tensor:
    """Read a label map: a greyscale or palette picture whose values are label ids, as they are.

    Returns:
        (H, W) uint8.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, as for `read_picture`; also when it holds colours, or is a JPEG, which changes ids.
    """
    with _open(path) as image:
        if image.format == "JPEG":
            raise ValueError(f"{path}: JPEG changes label ids; store label maps as PNG")
        _load(image, str(path))
        values = np.asarray(image)
    if values.ndim == 3 and (values[..., :1] == values[..., :3]).all():
        values = values[..., 0]
    if values.ndim != 2:
        raise ValueError(f"{path}: a label map has one channel (palette or greyscale), this one has colours; save the ids instead")
    if values.min() < 0 or values.max() > 255:
        raise ValueError(f"{path}: label ids are 0 to 255, this file holds {values.min()} to {values.max()}")
    return torch.from_numpy(values.astype(np.uint8))


def write_picture(image: Tensor, path: str | os.PathLike[str]) -> None:
    """Write a picture (3, H, W) in [-1, 1] with 8 bits a channel; the ending of `path` says how. Makes the folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    to_pil(image).save(path)


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Bilinear resize, antialiased when shrinking; values keep their range.

    Args:
        image: (C, h, w) or (B, C, h, w) float.

    Returns:
        the same with height H and width W.
    """
    if image.shape[-2:] == (height, width):
        return image
    batch = image if image.ndim == 4 else image[None]
    resized = F.interpolate(batch, (height, width), mode="bilinear", antialias=True, align_corners=False)
    resized = resized.clamp(float(image.min()), float(image.max()))
    return resized if image.ndim == 4 else resized[0]


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """Nearest-neighbour resize of a label map (h, w) by pixel centres."""
    if labels.shape == (height, width):
        return labels
    return F.interpolate(labels[None, None].float(), (height, width), mode="nearest-exact")[0, 0].to(labels.dtype)


def _open(path: str | os.PathLike[str]) -> Image.Image:
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such picture")
    if file.is_dir():
        raise ValueError(f"{file} is a folder, not a picture; pass one of its files")
    if file.stat().st_size == 0:
        raise ValueError(f"{file} is empty (0 bytes); copy the picture again")
    try:
        image = Image.open(file)
    except Image.DecompressionBombError as error:
        raise ValueError(_too_large(str(file), None)) from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{file} is not a picture in a known format; PNG and JPEG are the usual ones") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{file} cannot be read as a picture: {error}; copy it again") from error
    if image.width * image.height > LARGEST:
        raise ValueError(_too_large(str(file), image.size))
    return image


def _too_large(name: str, size: tuple[int, int] | None) -> str:
    shown = f" ({size[0]}x{size[1]})" if size else ""
    return f"{name} is too large{shown}: more than {LARGEST} pixels; shrink it first"


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except (OSError, SyntaxError, EOFError, ValueError) as error:
        raise ValueError(f"{name} cannot be decoded: {error}; the file is damaged or cut short, copy it again") from error


def _from_pillow(image: Image.Image, name: str) -> Tensor:
    if image.width * image.height > LARGEST:
        raise ValueError(_too_large(name, image.size))
    _load(image, name)
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError(f"{name} holds floating-point values of unknown range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if image.mode.startswith("I;16") or values.max() > 255:
            values = (values.clip(0, 65535) + 128) // 257
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        page = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(page, image)
    return _scaled(torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))


def _from_array(values: np.ndarray[Any, Any]) -> Tensor:
    if values.dtype == np.uint16:
        values = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype != np.uint8 or values.size == 0 or not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))):
        raise ValueError(
            f"an array is a picture when it is (H, W, 3) or (H, W) of uint8, not {values.shape} of {values.dtype}; "
            "a float picture is passed as a tensor (3, H, W) in [-1, 1]"
        )
    return _from_pillow(Image.fromarray(np.ascontiguousarray(values)), "array")


def _from_tensor(image: Tensor) -> Tensor:
    if image.ndim != 3 or image.shape[0] != 3 or image.numel() == 0:
        raise ValueError(f"a tensor is a picture when it is (3, H, W), not {tuple(image.shape)}")
    if image.dtype == torch.uint8:
        return _scaled(image)
    if not image.is_floating_point():
        raise ValueError(f"a picture tensor is float in [-1, 1] or uint8, not {image.dtype}")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1.001 and high <= 1.001):
        raise ValueError(f"a float picture lies in [-1, 1], this tensor in [{low:.3g}, {high:.3g}]; scale it or pass uint8")
    return image.float().clamp(-1, 1)


def _scaled(levels: Tensor) -> Tensor:
    return levels.float() / 127.5 - 1
