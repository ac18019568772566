from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from fashiongen.mannequin import glyphs, palette, textures
from fashiongen.mannequin.numerics import take
from fashiongen.mannequin.photographs import PhotographBank
from fashiongen.mannequin.textures import KINDS, Pattern, paint, sample_pattern


def points(images: int, size: int = 24) -> dict[str, torch.Tensor]:
    """A grid over the chest, front and back in turn."""
    ticks = (torch.arange(size) + 0.5) / size
    x, y = ticks.repeat(size) * 0.24 - 0.12, 0.84 - ticks.repeat_interleave(size) * 0.3
    return {
        "image_index": torch.arange(images).repeat_interleave(size * size),
        "x": x.repeat(images),
        "y": y.repeat(images),
        "front": (torch.arange(images) % 3 > 0).repeat_interleave(size * size),
        "flat_x": (x / 0.24 + 0.5).repeat(images),
        "flat_y": ((0.84 - y) / 0.3).repeat(images),
    }


def paint_all(pattern: Pattern, size: int = 24, height: int = 128) -> torch.Tensor:
    at = points(len(pattern.kind), size)
    return paint(pattern, **at, height=height, allow_print=torch.ones_like(at["front"]))


def one(pattern: Pattern, **changes: float) -> Pattern:
    """The first garment of a pattern with some numbers replaced."""
    first = take(pattern, torch.tensor([0]))
    return dataclasses.replace(first, **{name: torch.full_like(getattr(first, name), value) for name, value in changes.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("garments")
    for number, colour in enumerate([(200, 40, 40), (40, 60, 180)]):
        picture = Image.new("RGB", (96, 96), "white")
        ImageDraw.Draw(picture).rectangle((20, 16, 75, 82), fill=colour)
        ImageDraw.Draw(picture).rectangle((20, 16, 47, 48), fill=(30, 160, 60))
        picture.save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("item", ["top", "trousers", "skirt", "coat", "shoes"])
def test_colours_are_in_range_and_told_apart(item):
    pattern = sample_pattern(torch.arange(300), 11, item)
    colours = paint_all(pattern, 8)
    assert colours.shape == (300 * 64, 3) and colours.min() >= 0 and colours.max() <= 1
    for other in (pattern.second, pattern.accent):
        assert (other - pattern.base).abs().sum(1).min() > 0.35
        assert (palette.luma(other) - palette.luma(pattern.base)).abs().min() > 0.08


def test_every_kind_of_top_occurs():
    pattern = sample_pattern(torch.arange(600), 11, "top")
    counts = torch.bincount(pattern.kind, minlength=len(KINDS))
    assert counts[:-1].min() > 5 and counts[-1] == 0
    logos = pattern.kind == KINDS.index("logo")
    assert (pattern.front[logos] < len(glyphs.SHAPES)).all() and (pattern.front[logos] >= 0).all()


def test_coats_are_printed_on_the_back_alone():
    coats = sample_pattern(torch.arange(300), 14, "coat")
    assert (coats.front == -1).all() and (coats.back >= 0).sum() > 10


def test_unknown_item_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'hat'.*trousers"):
        sample_pattern(torch.arange(2), 11, "hat")


def test_a_garment_does_not_depend_on_its_batch():
    pattern = sample_pattern(torch.arange(23), 11, "top")
    together = paint_all(pattern).view(23, -1, 3)
    at = points(23)
    for row in range(23):
        alone = sample_pattern(torch.tensor([row]), 11, "top")
        assert torch.equal(alone.base[0], pattern.base[row]) and torch.equal(alone.frequency[0], pattern.frequency[row])
        here = {name: value.view(23, -1)[row][3:] for name, value in at.items()}  # from an odd place in memory
        here["image_index"] = torch.zeros_like(here["image_index"])
        painted = paint(alone, **here, height=128, allow_print=torch.ones_like(here["front"]))
        assert torch.equal(painted, together[row, 3:])


def test_stripes_follow_their_direction():
    pattern = sample_pattern(torch.arange(300), 11, "top")
    for kind, axis in (("horizontal stripes", 1), ("vertical stripes", 0)):
        chosen = take(pattern, (pattern.kind == KINDS.index(kind)).nonzero()[:, 0])
        image = paint_all(chosen, 24).view(-1, 24, 24, 3)
        assert image.std(axis + 1).max() < 1e-5  # constant along the stripe
        assert image.std(2 - axis).amax((1, 2)).min() > 0.05


def test_edges_follow_the_height_of_the_page():
    stripes = sample_pattern(torch.arange(300), 11, "top")
    stripes = take(stripes, (stripes.kind == KINDS.index("horizontal stripes")).nonzero()[:1, 0])
    black = dataclasses.replace(
        stripes,
        base=torch.zeros(1, 3),
        second=torch.ones(1, 3),
        line=torch.full((1,), textures.NEVER),
        frequency=torch.full((1,), 15.0),
    )
    pure = [
        ((v := paint_all(black, 96, height)[:, 0]) < 0.02).logical_or(v > 0.98).float().mean().item() for height in (64, 128, 512)
    ]
    assert pure[0] < pure[1] < pure[2] and pure[2] > 0.9


def test_letters_read_right_on_both_sides_and_only_where_prints_are_allowed():
    glyph = glyphs.NAMES.index("07")
    plain = one(sample_pattern(torch.arange(1), 15, "shoes"), front=glyph, back=glyph, glyph_size=0.06)
    at = points(1, 64)
    outside = at["x"].clone()  # what a viewer before the panel calls right: the wearer's left in front, his right behind
    front = paint(plain, **at | {"front": torch.ones_like(at["front"])}, height=512, allow_print=torch.ones_like(at["front"]))
    behind = at | {"x": -outside, "front": torch.zeros_like(at["front"])}
    back = paint(plain, **behind, height=512, allow_print=torch.ones_like(at["front"]))
    assert torch.equal(front, back) and (front - plain.base).abs().max() > 0.3
    ink = (front - plain.base).abs().sum(1).view(64, 64) > 0.3
    seven = ink[:, 32:]
    rows = seven.any(1).nonzero()[:, 0]
    assert seven[rows[0] + 1].sum() > 2 * seven[rows[-1] - 1].sum()
    bare = paint(plain, **at, height=512, allow_print=torch.zeros_like(at["front"]))
    assert torch.allclose(bare, plain.base.expand_as(bare))


def test_motifs_repeat():
    plain = one(sample_pattern(torch.arange(1), 15, "shoes"), motif=glyphs.NAMES.index("heart"), frequency=20.0, phase=0.0)
    x = torch.rand(400, generator=torch.Generator().manual_seed(0)) * 0.1
    y = torch.rand(400, generator=torch.Generator().manual_seed(1)) * 0.1 + 0.6
    index, yes = torch.zeros(400, dtype=torch.long), torch.ones(400, dtype=torch.bool)

    def at(shift_x: float, shift_y: float) -> torch.Tensor:
        return paint(plain, index, x + shift_x, y + shift_y, yes, x, y, 256, ~yes)

    row = 1 / (20 * 1.15)
    assert at(0, 0).std(0).min() > 0.05
    assert (at(0, 0) - at(0.05, 0)).abs().mean() < 0.01
    assert (at(0, 0) - at(0.025, row)).abs().mean() < 0.01  # staggered
    assert (at(0, 0) - at(0.025, 0)).abs().mean() > 0.05


def test_photographs_lie_on_the_front_and_their_mean_on_the_back(folder):
    bank = PhotographBank(folder, size=16)
    pattern = sample_pattern(torch.arange(6), 11, "top", bank, 1.0)
    assert pattern.has_photograph.all() and (pattern.kind == KINDS.index("photograph")).all()
    image = paint_all(pattern, 32).view(6, 32, 32, 3)
    green = torch.tensor([30, 160, 60]) / 255
    for row in range(6):
        if row % 3:
            assert (image[row, 4, 4] - green).abs().max() < 0.1 and (image[row, 28, 28] - green).abs().max() > 0.3
        else:
            assert torch.allclose(image[row], pattern.base[row].expand(32, 32, 3))


def test_photographs_reach_the_wanted_share_only_and_join_other_garments(folder):
    bank = PhotographBank(folder, size=16)
    tops = sample_pattern(torch.arange(200), 11, "top", bank, 0.3)
    assert 0.2 < tops.has_photograph.float().mean() < 0.4
    without = sample_pattern(torch.arange(200), 11, "top")
    kept = ~tops.has_photograph
    assert torch.equal(tops.base[kept], without.base[kept]) and torch.equal(tops.kind[kept], without.kind[kept])
    shoes = sample_pattern(torch.arange(200), 15, "shoes")
    joined = Pattern.cat([tops, shoes])
    assert joined.photograph is not None and joined.photograph.shape == (400, 4, 16, 16)
    assert torch.equal(paint_all(joined, 6)[: 200 * 36], paint_all(tops, 6))
    assert Pattern.cat([shoes, shoes]).photograph is None
    assert np.isfinite(paint_all(joined, 6).numpy()).all()
