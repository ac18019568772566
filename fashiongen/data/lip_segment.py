"""Parsing maps as the LIP network's authors store them."""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.layers.resize import pillow_nearest_resize


def unpad_segment(segment: Tensor, height: int, width: int) -> Tensor:
    """Undo the layout of a LIP_SSL segment file: transposed, scaled so that the longer side fits, padded to a square.

    The square (641x641 for that network) is turned back, resized to the longer side of the picture as Pillow does (nearest
    neighbour) and cropped (VITON, authors' `process_segment_map`). The square is one pixel larger than the scaled picture; the
    authors ignore that, and so does this.

    Args:
        segment: (N, N) labels, width first.
        height: height of the picture.
        width: width of the picture.

    Returns:
        (height, width) uint8 labels.

    Raises:
        ValueError: when `segment` is not square: then it is an ordinary label map and must not pass through here.
    """
    if segment.ndim != 2 or segment.shape[0] != segment.shape[1]:
        raise ValueError(
            f"a padded LIP segment is square, this map is {'x'.join(map(str, segment.shape))}; "
            "if it lies over the picture as it is, read it as an ordinary label map"
        )
    longer = max(height, width)
    return pillow_nearest_resize(segment.T.to(torch.uint8), longer, longer)[:height, :width].contiguous()
