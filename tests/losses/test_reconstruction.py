from __future__ import annotations

import torch

from fashiongen.losses import masked_l1


def test_without_a_weight_it_is_the_mean_difference() -> None:
    prediction, target = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(masked_l1(prediction, target), (prediction - target).abs().mean())


def test_a_mask_counts_its_part_alone() -> None:
    prediction, target, mask = torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    mask[..., 0] = 1
    torch.testing.assert_close(masked_l1(prediction, target, mask), torch.tensor(0.25))
    torch.testing.assert_close(masked_l1(prediction, target, mask, normalize=True), torch.tensor(1.0))


def test_an_empty_mask_costs_nothing() -> None:
    prediction = torch.ones(1, 3, 4, 4, requires_grad=True)
    loss = masked_l1(prediction, torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4), normalize=True)
    loss.backward()
    assert loss == 0 and prediction.grad is not None and prediction.grad.eq(0).all()
