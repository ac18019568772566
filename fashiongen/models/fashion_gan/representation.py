"""What FashionGAN's networks see of a person: the merged layout, one-hot and coloured label maps, a few measured numbers.

Label maps are of the scheme "fashiongan7": 0 background, 1 hair, 2 face, 3 upper clothes, 4 lower clothes and dresses, 5 legs and
shoes, 6 arms. The networks have the background as their *last* channel: channel k - 1 is label k. Made on the device, for a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.layers.resize import bicubic_resize
from fashiongen.types import Person

SCHEME = "fashiongan7"
CLASSES = 7
BACKGROUND, HAIR, FACE, UPPER, LOWER, LEGS, ARMS = range(CLASSES)
MERGED_CLASSES = 4
GRID = 8
"""Rows and columns of the layout."""

_MERGED = (3, 0, 1, 2, 2, 2, 2)  # hair, face, the rest of the person, background
_COLOURS = (
    (0.50, 0.50, 0.50), (0.75, 0.50, 0.25), (0.50, 0.75, 0.25), (0.25, 0.75, 0.50), (0.25, 0.50, 0.75), (0.50, 0.25, 0.75),
    (0.75, 0.25, 0.50),
)  # fmt: skip
_CORNER = ((0.0030, 0.0133, 0.0219), (0.0133, 0.0596, 0.0983), (0.0219, 0.0983, 0.1621))  # a quarter of the blur
_SMOOTHING_SIZE, _SMOOTHING_SIGMA = 5, 15.0

MEASURES = {"skin": 4, "body": 2, "hair": 1, "background": 3}
"""What can be measured on a person and joined to the code of the sentence, and how many numbers each has; see `measure`."""


def parsing_of(person: Person) -> Tensor:
    """(B, H, W) label maps of people.

    Raises:
        ValueError: when they are missing or in another scheme.
    """
    if person.parsing is None or person.scheme != SCHEME:
        found = "none" if person.parsing is None else person.scheme
        raise ValueError(
            f"fashion_gan reads parsing of the scheme {SCHEME!r}, not {found}; convert it with fashiongen.data.parsing.convert"
        )
    return person.parsing


def sentences_of(person: Person) -> list[str]:
    """What is said about the clothes of a batch of people.

    Raises:
        ValueError: when nothing is.
    """
    if not isinstance(person.text, list):
        raise ValueError("fashion_gan learns from a sentence about the clothes of every person (`person.text`)")
    return person.text


def layout(labels: Tensor) -> Tensor:
    """Where hair, face, the rest of the person and background roughly are; it does not tell the old clothes.

    Args:
        labels: (B, h, w) label map of any size.

    Returns:
        (B, 4, 8, 8) float, shares of each class (MATLAB's bicubic resize, which may leave [0, 1] by a little).
    """
    merged = torch.tensor(_MERGED, device=labels.device)[labels.long()]
    return bicubic_resize(F.one_hot(merged, MERGED_CLASSES).movedim(-1, 1).float(), GRID, GRID)


def class_index(labels: Tensor) -> Tensor:
    """Labels (...) -> int64 channels (...): the background comes last."""
    return (labels.long() - 1) % CLASSES


def one_hot(labels: Tensor) -> Tensor:
    """(B, H, W) labels -> (B, 7, H, W) float in {0, 1}, channels in the networks' order."""
    return F.one_hot(class_index(labels), CLASSES).movedim(-1, 1).float()


def labels_of(logits: Tensor) -> Tensor:
    """(B, 7, H, W) scores in the networks' order -> (B, H, W) uint8 labels of the largest; of equal ones the first."""
    return ((logits.argmax(dim=1) + 1) % CLASSES).to(torch.uint8)


def smooth(logits: Tensor) -> Tensor:
    """Logits (B, 7, H, W) summed over 5x5 pixels, as the authors do before the largest is taken.

    Their kernel, `image.gaussian(5, 3)`, has a standard deviation of 15 pixels: it is nearly flat and not normalised. Zeros lie
    beyond the border.
    """
    return _filtered(logits, _smoothing_kernel(logits.device, logits.dtype))


def coloured_map(labels: Tensor) -> Tensor:
    """Label maps (B, H, W) as the picture generator sees them: (B, 3, H, W), a colour a label, blurred, minus 0.5.

    Zeros lie beyond the border, which makes it darker.
    """
    colours = torch.tensor(_COLOURS, device=labels.device)[labels.long()].movedim(-1, 1)
    corner = torch.tensor(_CORNER, device=labels.device)
    rows = torch.cat([corner, corner[:2].flip(0)])
    return _filtered(colours, torch.cat([rows, rows[:, :2].flip(1)], dim=1)) - 0.5


def measure(image: Tensor, labels: Tensor, names: Sequence[str]) -> Tensor:
    """Numbers about people that the code of a sentence does not hold: the paper's human attributes, as far as pictures show them.

    "skin": median red, green and blue of face, legs and arms, and their luma; "body": height and width of the person's box as
    shares of the picture; "hair": how far hair reaches down, as a share of the box's height; "background": median red, green and
    blue (not in the paper, whose pictures have white backgrounds). What cannot be measured is 0.

    Args:
        image: (B, 3, H, W) in [0, 1].
        labels: (B, H, W).
        names: of `MEASURES`.

    Returns:
        (B, N) float32, N the sum of the numbers named.
    """
    found = [image.new_zeros(image.shape[0], 0)]
    person = labels != BACKGROUND
    top, bottom = _span(person.any(dim=2))
    left, right = _span(person.any(dim=1))
    height, width = labels.shape[-2:]
    for name in names:
        if name == "skin":
            skin = masked_median(image, (labels == FACE) | (labels == LEGS) | (labels == ARMS))
            luma = skin @ skin.new_tensor([0.299, 0.587, 0.114])
            found.append(torch.cat([skin, luma[:, None]], dim=1))
        elif name == "body":
            found.append(torch.stack([(bottom - top) / height, (right - left) / width], dim=1).float())
        elif name == "hair":
            _, end = _span((labels == HAIR).any(dim=2))
            found.append(((end - top).clamp(min=0) / (bottom - top).clamp(min=1)).float()[:, None])
        else:
            found.append(masked_median(image, ~person))
    return torch.cat(found, dim=1)


def masked_median(image: Tensor, mask: Tensor) -> Tensor:
    """Median of every channel inside a mask; of an even number of values the smaller one of the two in the middle.

    Args:
        image: (B, C, H, W).
        mask: (B, H, W) bool.

    Returns:
        (B, C); 0 for an empty mask.
    """
    inside = mask.flatten(1)[:, None]
    values = image.flatten(2).masked_fill(~inside, torch.inf).sort(dim=2).values
    count = inside.sum(dim=2)
    middle = ((count - 1).clamp(min=0) // 2)[..., None].expand(-1, image.shape[1], 1)
    return values.gather(2, middle).squeeze(2).where(count > 0, 0)


def _span(present: Tensor) -> tuple[Tensor, Tensor]:
    """First place and the place after the last one in (B, N) bool; 0 and 0 where there is none."""
    length = present.shape[1]
    some = present.any(dim=1)
    first = present.int().argmax(dim=1)
    last = length - present.flip(1).int().argmax(dim=1)
    return first.where(some, 0), last.where(some, 0)


def _filtered(maps: Tensor, kernel: Tensor) -> Tensor:
    """Every channel of (B, C, H, W) with a 5x5 kernel; zeros beyond the border."""
    flat = maps.flatten(0, 1)[:, None]
    return F.conv2d(flat, kernel[None, None], padding=kernel.shape[0] // 2).view_as(maps)


@lru_cache(maxsize=8)
def _smoothing_kernel(device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):
        places = torch.arange(_SMOOTHING_SIZE, dtype=torch.float64) - (_SMOOTHING_SIZE - 1) / 2
        slope = torch.exp(-0.5 * (places / _SMOOTHING_SIGMA) ** 2)
        return torch.outer(slope, slope).to(device, dtype)
