from __future__ import annotations

import torch

from fashiongen.losses import total_variation


def test_sum_of_both_directions_for_each_picture() -> None:
    ramp = torch.arange(4.0).view(1, 1, 1, 4).expand(2, 1, 3, 4).clone()
    ramp[1] *= 2
    assert total_variation(ramp).tolist() == [9, 18]
    assert total_variation(ramp.transpose(2, 3)).tolist() == [9, 18]


def test_it_is_not_divided_by_the_size() -> None:
    stripe = torch.tensor([0.0, 1.0]).repeat(4).expand(1, 2, 5, 8)
    assert total_variation(stripe).tolist() == [2 * 5 * 7]
