"""Sheets of pictures: titled panels beside each other, mosaics, and stick figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont
    from torch import Tensor

    Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

ROW = 192
"""Height of a row of a panel, pixels."""
_GAP = 6
_MARGIN = 18
_TITLE, _HEAD = 34, 22
_TITLE_SIZE, _HEAD_SIZES, _CAPTION_SIZE = 20, (13, 12, 11, 10), 12
_LINE = 15
_INK, _SOFT = (24, 24, 28), (96, 96, 104)

_LIMBS = ((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13))
_FACE = ((1, 0), (0, 14), (14, 16), (0, 15), (15, 17))
_SMOOTH = 4


@dataclass(frozen=True)
class Panel:
    """A titled table of pictures.

    Attributes:
        title: above all.
        columns: title -> pictures, one a row.
        captions: a sentence below each row.
    """

    title: str
    columns: Mapping[str, Sequence[Image.Image]]
    captions: Sequence[str] = field(default=())

    @property
    def rows(self) -> int:
        """Of the longest column."""
        return max(map(len, self.columns.values()))


def sheet(panels: Sequence[Panel]) -> Image.Image:
    """Panels beside each other on white, with rows of one height."""
    from PIL import Image

    drawn = [draw(panel) for panel in panels]
    width = sum(picture.width for picture in drawn) + _MARGIN * (len(drawn) + 1)
    page = Image.new("RGB", (width, max(picture.height for picture in drawn) + _MARGIN), "white")
    left = _MARGIN
    for picture in drawn:
        page.paste(picture, (left, 0))
        left += picture.width + _MARGIN
    return page


def draw(panel: Panel) -> Image.Image:
    """One panel. Pictures fill the height of a row, less the lines of a caption."""
    from PIL import Image, ImageDraw, ImageFont

    lines = _wrapped(panel)
    height = ROW - _LINE * max(map(len, lines), default=0)
    columns = {title: [_fitted(picture, height) for picture in column] for title, column in panel.columns.items()}
    widths = [max(picture.width for picture in column) for column in columns.values()]
    size = sum(widths) + _GAP * (len(widths) - 1), _TITLE + _HEAD + panel.rows * (ROW + _GAP)
    page = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(page)
    pen.text((0, _TITLE / 2 + 2), panel.title, _INK, ImageFont.load_default(_TITLE_SIZE), anchor="lm")
    left = 0
    for (title, column), width in zip(columns.items(), widths, strict=True):
        shown, font = _fitting(title, width, pen)
        pen.text((left + width / 2, _TITLE + _HEAD / 2 - 1), shown, _SOFT, font, anchor="mm")
        for row, picture in enumerate(column):
            page.paste(picture, (left + (width - picture.width) // 2, _TITLE + _HEAD + row * (ROW + _GAP)))
        left += width + _GAP
    caption = ImageFont.load_default(_CAPTION_SIZE)
    for row, sentence in enumerate(lines):
        for place, line in enumerate(sentence):
            top = _TITLE + _HEAD + row * (ROW + _GAP) + height + place * _LINE
            pen.text((size[0] / 2, top + _LINE / 2 + 1), line, _INK, caption, anchor="mm")
    return page


def _wrapped(panel: Panel) -> list[list[str]]:
    """The captions in lines that fit below pictures of the height of a row."""
    width = sum(max(_fitted_width(picture, ROW) for picture in column) for column in panel.columns.values())
    return [textwrap.wrap(caption, max(16, round(0.8 * width / (_CAPTION_SIZE / 2)))) for caption in panel.captions]


def _fitted_width(picture: Image.Image, height: int) -> int:
    return round(picture.width * height / picture.height)


def _fitted(picture: Image.Image, height: int) -> Image.Image:
    from PIL import Image

    return picture.resize((_fitted_width(picture, height), height), Image.Resampling.BICUBIC)


def _fitting(title: str, width: int, pen: ImageDraw.ImageDraw) -> tuple[str, Font]:
    """A title in letters small enough for its column; what is too long for the smallest loses its beginning."""
    from PIL import ImageFont

    fonts = [ImageFont.load_default(size) for size in _HEAD_SIZES]
    font = next((font for font in fonts if pen.textlength(title, font) <= width), fonts[-1])
    shown = title
    while len(title) > 1 and pen.textlength(shown, font) > width:
        title = title[1:]  # the end of a path says more than its beginning
        shown = f"…{title}"
    return shown, font


def mosaic(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one size, in rows of about equal number, close to a square."""
    from PIL import Image

    width, height = pictures[0].size
    columns = min(len(pictures), math.ceil(math.sqrt(len(pictures) * height / width)))
    rows = math.ceil(len(pictures) / columns)
    page = Image.new("RGB", (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), "white")
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        page.paste(picture, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
    return page


def stick_figure(keypoints: Tensor, size: tuple[int, int]) -> Image.Image:
    """A pose as coloured limbs on black, the person's right side warm and left side cold.

    Args:
        keypoints: (18, 3) in pixels of a page of `size`; limbs without both joints are left out.
        size: height and width of the page.

    Returns:
        A picture of that size times `ROW` / height, so that it is as sharp as the row of a panel.
    """
    import colorsys

    from PIL import Image, ImageDraw

    height, width = size
    scale = _SMOOTH * ROW / height
    page = Image.new("RGB", (round(width * scale), _SMOOTH * ROW), _INK)
    pen = ImageDraw.Draw(page)
    places = [(x * scale, y * scale) if seen else None for x, y, seen in keypoints.tolist()]
    thick = ROW * _SMOOTH // 45
    for links, line in ((_LIMBS, thick), (_FACE, thick // 2)):
        for order, (start, end) in enumerate(links):
            first, second = places[start], places[end]
            if first is None or second is None:
                continue
            colour = tuple(round(255 * level) for level in colorsys.hsv_to_rgb(0.8 * order / len(links), 0.75, 1.0))
            pen.line((*first, *second), colour, line)
            for x, y in (first, second):
                pen.ellipse((x - line / 2, y - line / 2, x + line / 2, y + line / 2), colour)
    return page.resize((page.width // _SMOOTH, ROW), Image.Resampling.LANCZOS)
