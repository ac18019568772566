from __future__ import annotations

import torch
from PIL import Image

from fashiongen.commands.pictures import ROW, Panel, draw, mosaic, sheet, stick_figure


def count(picture: Image.Image, colour: tuple[int, int, int]) -> int:
    return {shade: number for number, shade in picture.getcolors(picture.width * picture.height) or []}.get(colour, 0)


def test_a_panel_brings_pictures_to_one_height() -> None:
    small, large = Image.new("RGB", (6, 8), "red"), Image.new("RGB", (24, 32), "blue")
    panel = draw(Panel("A title", {"small": [small, small], "large": [large, large]}))
    assert count(panel, (255, 0, 0)) == count(panel, (0, 0, 255)) == 2 * ROW * ROW * 3 // 4


def test_captions_take_their_room_from_the_pictures() -> None:
    red = Image.new("RGB", (8, 8), "red")
    plain = draw(Panel("A title", {"one": [red, red]}))
    captioned = draw(Panel("A title", {"one": [red, red]}, ["a tee", "a long sentence about a coat, a dress and a pair of shoes"]))
    assert plain.height == captioned.height
    assert 0 < count(captioned, (255, 0, 0)) < count(plain, (255, 0, 0))


def test_a_sheet_sets_panels_beside_each_other() -> None:
    red = Image.new("RGB", (8, 8), "red")
    panel = Panel("A title", {"one": [red]})
    page = sheet([panel, panel, panel])
    assert count(page, (255, 0, 0)) == 3 * ROW * ROW and page.width > 3 * ROW


def test_a_long_title_is_shortened_from_its_beginning() -> None:
    red = Image.new("RGB", (4, 16), "red")
    panels = [
        draw(Panel("A title", {title: [red]})) for title in ("a/very/long/path/to/some/model", "another/long/path/to/some/model")
    ]
    assert panels[0].width == ROW // 4 and panels[0].tobytes() == panels[1].tobytes()


def test_a_mosaic_is_about_square() -> None:
    pictures = [Image.new("RGB", (32, 64), (level, 0, 0)) for level in range(8)]
    page = mosaic(pictures)
    assert all(count(page, (level, 0, 0)) == 32 * 64 for level in range(8))
    assert 0.7 < page.width / page.height < 1.4
    assert mosaic(pictures[:1]).size == (32 + 12, 64 + 12)


def test_a_stick_figure_has_a_limb_for_every_pair_of_joints() -> None:
    keypoints = torch.zeros(18, 3)
    empty = stick_figure(keypoints, (64, 32))
    assert empty.size == (ROW // 2, ROW) and len(empty.getcolors() or []) == 1
    keypoints[2] = torch.tensor([8.0, 16.0, 2.0])
    assert stick_figure(keypoints, (64, 32)).tobytes() == empty.tobytes()  # one joint is no limb
    keypoints[3] = torch.tensor([8.0, 48.0, 1.0])
    limb = stick_figure(keypoints, (64, 32))
    lit = [(x, y) for x in range(limb.width) for y in range(limb.height) if limb.getpixel((x, y)) != empty.getpixel((0, 0))]
    columns, rows = zip(*lit, strict=True)
    assert 18 <= min(columns) < 24 < max(columns) <= 30 and 40 <= min(rows) < 48 and 144 < max(rows) <= 152
