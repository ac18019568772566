from __future__ import annotations

import pytest
import torch

from fashiongen.mannequin import glyphs


def draw(name: str, pixels: int, level: int) -> torch.Tensor:
    ticks = (torch.arange(pixels) + 0.5) * (2 / pixels) - 1
    x, y = ticks.repeat(pixels), (-ticks).repeat_interleave(pixels)
    glyph = torch.full_like(x, glyphs.NAMES.index(name)).long()
    return glyphs.lookup(glyph, x, y, torch.full_like(glyph, level)).view(pixels, pixels)


def test_every_glyph_is_crisp_and_inside_its_box():
    for name in glyphs.NAMES:
        image = draw(name, glyphs.SIZE, 0)
        assert 0.06 < image.mean() < 0.85, name
        assert ((image < 0.02) | (image > 0.98)).float().mean() > 0.8, name
        assert image[0].max() < 0.05 and image[-1].max() < 0.05, name


@pytest.mark.parametrize("name", ["emblem", "star", "heart", "flower", "cat", "smiley", "crown", "butterfly"])
def test_shapes_are_symmetric_and_centred(name):
    image = draw(name, glyphs.SIZE, 0)
    assert torch.allclose(image, image.flip(1), atol=0.26) and (image - image.flip(1)).abs().mean() < 0.002


def test_words_read_from_left_to_right_and_upright():
    letter = draw("07", glyphs.SIZE, 0)
    seven = letter[:, glyphs.SIZE // 2 :]
    rows = seven.mean(1)
    top, bottom = rows[rows > 0][:12].mean(), rows[rows > 0][-12:].mean()
    assert top > 2 * bottom  # the bar of a seven is on its top


def test_levels_keep_the_mean_and_follow_the_size():
    for name in ("heart", "1984"):
        means = [draw(name, glyphs.SIZE >> level, level).mean() for level in range(glyphs.LEVELS)]
        assert torch.allclose(torch.stack(means), means[0].expand(4), atol=1e-5)
    assert glyphs.level_for(torch.tensor([200.0, 60.0, 30.0, 10.0])).tolist() == [0, 1, 2, 3]
