from __future__ import annotations

import torch

from fashiongen.layers import composite


def test_where_the_mask_is_zero_or_one_a_picture_comes_through_unchanged() -> None:
    foreground, background = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    mask = torch.rand(2, 1, 8, 8)
    mask[:, :, :3], mask[:, :, 5:] = 0, 1
    result = composite(foreground, background, mask)
    assert torch.equal(result[:, :, :3], background[:, :, :3])
    assert torch.equal(result[:, :, 5:], foreground[:, :, 5:])


def test_between_them_it_mixes() -> None:
    result = composite(torch.ones(1, 3, 2, 2), -torch.ones(1, 3, 2, 2), torch.full((1, 1, 2, 2), 0.25))
    torch.testing.assert_close(result, torch.full((1, 3, 2, 2), -0.5))
