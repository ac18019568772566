"""From a photograph to what the model sees, as the authors' complete demonstration does it (`complete_demo/`, MATLAB).

The order there: `person_box` of a pose detector's joints, `crop_person` to 224x224, a parser's probabilities of 18 labels (ATR),
`fashiongen.layers.dense_crf.dense_crf`, `parser_labels`, and the crop at 128x128 (`fashiongen.layers.resize.area_resize`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CROP = 224
_BODY = 168.0  # height of the box in the crop
_LEAST_CONFIDENCE = 0.1
_ATR = (1, 1, 2, 3, 4, 4, 4, 4, 5, 5, 2, 5, 5, 6, 6, 4, 3, 0)  # of ATR's labels 1 to 17; the parser's last channel is background


def person_box(keypoints: Tensor) -> tuple[float, float, float, float]:
    """The largest box around the joints of one of several people.

    Args:
        keypoints: (P, J, 3): x, y and confidence, of any set of joints.

    Returns:
        left, right, top and bottom in the units of the key points, of joints with a confidence above 0.1.

    Raises:
        ValueError: when nobody has such joints.
    """
    boxes = []
    for joints in keypoints:
        seen = joints[joints[:, 2] > _LEAST_CONFIDENCE, :2]
        if len(seen):
            (left, top), (right, bottom) = seen.amin(dim=0).tolist(), seen.amax(dim=0).tolist()
            boxes.append((left, right, top, bottom))
    if not boxes:
        raise ValueError(f"none of {len(keypoints)} people has a joint with a confidence above {_LEAST_CONFIDENCE}")
    return max(boxes, key=lambda box: (box[1] - box[0]) * (box[3] - box[2]))


def crop_person(image: Tensor, box: tuple[float, float, float, float], size: int = CROP) -> Tensor:
    """Scale and shift a picture so that a box is 3/4 of the page high and in its middle; 0 beyond the picture.

    Coordinates count from 1, pixel centres are whole numbers, as MATLAB has it. Whether the authors' warp fades out over the last
    pixel at the border or cuts it off is not known; here it cuts.

    Args:
        image: (3, H, W).
        box: left, right, top, bottom, see `person_box`.
        size: height and width of the page.

    Returns:
        (3, size, size) float.

    Raises:
        ValueError: for a box without height.
    """
    left, right, top, bottom = box
    if bottom <= top:
        raise ValueError(f"a box from {top} to {bottom} has no height")
    scale = _BODY / CROP * size / (bottom - top)
    places = (torch.arange(1, size + 1, dtype=torch.float64, device=image.device) - size / 2) / scale
    x, y = places + (left + right) / 2, places + (top + bottom) / 2
    height, width = image.shape[-2:]

    def relative(place: Tensor, length: int) -> Tensor:
        return 2 * (place - 1) / max(length - 1, 1) - 1

    grid = torch.stack(torch.meshgrid(relative(x, width), relative(y, height), indexing="xy"), dim=-1)
    sampled = F.grid_sample(image.double()[None], grid[None], mode="bilinear", padding_mode="border", align_corners=True)[0]
    inside = ((y >= 1) & (y <= height))[:, None] & ((x >= 1) & (x <= width))
    return (sampled * inside).to(image.dtype if image.is_floating_point() else torch.float32)


def parser_labels(channels: Tensor) -> Tensor:
    """Channels of the authors' parser -> label map of the scheme "fashiongan7".

    Args:
        channels: (...) integer, 0 to 16 for ATR's labels 1 to 17, 17 for background.

    Returns:
        (...) uint8.

    Raises:
        ValueError: for other numbers.
    """
    if channels.numel() and (int(channels.min()) < 0 or int(channels.max()) >= len(_ATR)):
        raise ValueError(f"the parser has the channels 0 to {len(_ATR) - 1}, not {int(channels.min())} to {int(channels.max())}")
    return torch.tensor(_ATR, dtype=torch.uint8, device=channels.device)[channels.long()]
