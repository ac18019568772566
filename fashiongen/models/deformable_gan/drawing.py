"""Pictures of a pose, as in the figures of Deformable GAN (scikit-image's anti-aliased lines and discs)."""

from __future__ import annotations

import torch
from torch import Tensor

_LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17)),
)
_COLOURS = (
    *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85)),
    *((0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255)),
    *((255, 0, 170), (255, 0, 85)),
)
"""One a joint, OpenPose's."""


def draw_skeleton(keypoints: Tensor, height: int, width: int, radius: int = 2) -> tuple[Tensor, Tensor]:
    """Grey lines between joints, a coloured disc on each.

    Args:
        keypoints: (18, 3) x, y in pixels with pixel centres at .5, then visibility, 0 for a missing joint.
        height: height H.
        width: width W.
        radius: of the discs, pixels.

    Returns:
        (H, W, 3) uint8 RGB, black where nothing is drawn, and (H, W) bool, where something is.
    """
    picture = torch.zeros(height, width, 3, dtype=torch.uint8)
    drawn = torch.zeros(height, width, dtype=torch.bool)
    places = keypoints[:, :2].floor().long().flip(1).tolist()
    seen = (keypoints[:, 2] > 0).tolist()
    for start, end in _LIMBS:
        if seen[start] and seen[end]:
            shade = antialiased_line(tuple(places[start]), tuple(places[end]), height, width)
            touched = ~shade.isnan()
            picture[touched] = (255 * shade[touched]).to(torch.uint8)[:, None]
            drawn |= touched
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    for (row, column), visible, colour in zip(places, seen, _COLOURS, strict=True):
        if visible:
            disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            picture[disc] = torch.tensor(colour, dtype=torch.uint8)
            drawn |= disc
    return picture, drawn


def antialiased_line(start: tuple[int, int], end: tuple[int, int], height: int, width: int) -> Tensor:
    """A line one pixel wide, by Bresenham's algorithm with the neighbours shaded by their distance.

    Args:
        start: row and column.
        end: row and column.
        height: height H.
        width: width W; what lies outside is cut off.

    Returns:
        (H, W) float64 coverage in [0, 1]; NaN where the line does not touch a pixel.
    """
    (row, column), (last_row, last_column) = start, end
    down, across = abs(last_row - row), abs(last_column - column)
    row_step = 1 if last_row > row else -1
    column_step = 1 if last_column > column else -1
    error = across - down
    length = float(torch.tensor(down * down + across * across, dtype=torch.float32).sqrt()) or 1.0
    coverage = torch.full((height, width), torch.nan, dtype=torch.float64)

    def put(at_row: int, at_column: int, distance: int) -> None:
        if 0 <= at_row < height and 0 <= at_column < width:
            coverage[at_row, at_column] = 1 - abs(distance) / length

    while True:
        put(row, column, error - across + down)
        before, column_before = error, column
        if 2 * before >= -across:
            if column == last_column:
                break
            if before + down < length:
                put(row + row_step, column, before + down)
            error -= down
            column += column_step
        if 2 * before <= down:
            if row == last_row:
                break
            if across - before < length:
                put(row, column_before + column_step, across - before)
            error += across
            row += row_step
    return coverage
