"""Pictures that strangers send: what is not a picture, too large or damaged is refused before or while it is decoded."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from fashiongen.annotate.photographs import check_size
from fashiongen.data.pictures import read_picture

FORMATS = ("JPEG", "PNG", "WEBP")
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_LONGEST = 1024


@dataclass(frozen=True)
class Limits:
    """What one visitor may ask for.

    Attributes:
        megabytes: of an uploaded file.
        megapixels: of an uploaded picture.
        seconds: of a request; it ends before the next model once they are over.
        waiting: requests that wait for their turn; more are refused.
        samples: people drawn at once.
        letters: of a sentence.
    """

    megabytes: float = 10.0
    megapixels: float = 40.0
    seconds: float = 60.0
    waiting: int = 20
    samples: int = 8
    letters: int = 300

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} is a limit and has to be positive, not {value}")


def read_upload(content: bytes, limits: Limits) -> Tensor:
    """Decode a picture, upright, with its longer side shrunk to 1024 pixels.

    Args:
        content: of a JPEG, PNG or WebP file.
        limits: `megabytes` and `megapixels` are looked at.

    Returns:
        (3, H, W) uint8 RGB.

    Raises:
        ValueError: saying what is wrong with the file and what would be right.
    """
    if not content:
        raise ValueError("the file is empty; choose another one")
    if len(content) > limits.megabytes * 1e6:
        raise ValueError(f"the file has {len(content) / 1e6:.1f} MB; up to {limits.megabytes:g} MB are taken, shrink the picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(f"the picture has too many pixels; up to {limits.megapixels:g} megapixels are taken") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ValueError("this is not a JPEG, PNG or WebP picture, whatever its name says; save it as one of them") from error
    with image:
        return _decoded(image, limits)


def _decoded(image: Image.Image, limits: Limits) -> Tensor:
    pixels = image.width * image.height
    if pixels > limits.megapixels * 1e6:
        raise ValueError(
            f"the picture has {image.width}x{image.height} pixels; up to {limits.megapixels:g} megapixels are taken, shrink it"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError("this is an animation; choose a single picture")
    image.draft("RGB", (2 * _LONGEST, 2 * _LONGEST))  # a JPEG is decoded at a fraction of its size where that is enough
    try:
        image.load()
        if max(image.size) > _LONGEST and image.mode in ("RGB", "RGBA", "L", "CMYK"):
            image = ImageOps.exif_transpose(image)
            image.thumbnail((_LONGEST, _LONGEST))
        picture = read_picture(image)
    except (OSError, SyntaxError, EOFError, ValueError) as error:
        raise ValueError("the picture cannot be decoded: the file is damaged or cut short; export it again") from error
    return ((check_size(picture, "the picture") + 1) * 127.5).round().to(torch.uint8)


def as_pillow(picture: Tensor) -> Image.Image:
    """(3, H, W) uint8 -> Pillow image."""
    return Image.fromarray(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()))
