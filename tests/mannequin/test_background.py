from __future__ import annotations

import torch

from fashiongen.mannequin.background import KINDS, draw, sample_background
from fashiongen.mannequin.numerics import take


def test_range_and_kinds():
    background = sample_background(torch.arange(80))
    assert torch.bincount(background.kind, minlength=len(KINDS)).min() > 5
    pages = draw(background, 32, 24)
    assert pages.shape == (80, 3, 32, 24) and pages.min() >= 0 and pages.max() <= 1
    assert pages.flatten(1).std(0).mean() > 0.05  # they differ


def test_a_page_does_not_depend_on_its_batch():
    seeds = torch.arange(17)
    feet = torch.tensor([[10.0, 28], [15, 29]]) + seeds[:, None, None] * 0.1
    together = draw(sample_background(seeds), 33, 21, feet)
    for row in range(17):
        assert torch.equal(together[row], draw(sample_background(seeds[row : row + 1]), 33, 21, feet[row : row + 1])[0])


def test_the_floor_begins_at_the_horizon_and_can_be_left_out():
    background = take(sample_background(torch.arange(80)), (sample_background(torch.arange(80)).kind != 0).nonzero()[:20, 0])
    with_floor = draw(background, 200, 20)
    wall = draw(background, 200, 20, floor=False)
    for row in range(20):
        start = int(background.horizon[row] * 200)
        assert torch.equal(with_floor[row, :, : start - 4], wall[row, :, : start - 4])
        assert (with_floor[row, :, start + 5 :] - wall[row, :, start + 5 :]).abs().amax() > 0.02
    shown = torch.arange(20) % 2 == 0
    mixed = draw(background, 200, 20, floor=shown)
    assert torch.equal(mixed[shown], with_floor[shown]) and torch.equal(mixed[~shown], wall[~shown])


def test_wallpaper_is_quiet():
    background = sample_background(torch.arange(200))
    background = take(background, (background.kind == KINDS.index("wallpaper")).nonzero()[:, 0])
    page = draw(background, 128, 96, floor=False)
    neighbours = (page[:, :, :, 1:] / page[:, :, :, :-1] - 1).abs().amax((1, 2, 3))
    assert neighbours.min() > 0.01 and neighbours.max() < 0.07


def test_feet_cast_shadows_below_them():
    background = sample_background(torch.arange(6))
    feet = torch.tensor([[30.0, 115], [66, 115]]).expand(6, 2, 2)
    share = draw(background, 128, 96, feet) / draw(background, 128, 96)
    assert share.max() <= 1 and share[:, :, :100].min() > 0.999
    assert (share[:, :, 118, 30] < 0.65).all() and (share[:, :, 118, 66] < 0.65).all() and (share[:, :, 118, 90] > 0.9).all()
