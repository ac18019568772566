from __future__ import annotations

import torch

from fashiongen.losses import label_colour_loss, masked_l1


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


def test_colours_of_labels_are_compared_by_their_means() -> None:
    labels = torch.tensor([[[0, 0], [2, 2]], [[1, 1], [1, 1]]])
    target = torch.zeros(2, 3, 2, 2)
    prediction = target.clone()
    prediction[0, :, 0, 0], prediction[0, :, 0, 1] = 0.5, -0.5  # a pattern around the right colour costs nothing
    prediction[0, 0, 1] = 0.6
    prediction[1, :, 0, 0] = 0.4
    # Three labels are there: 0 is right, 2 is 0.6 off in one channel of three, 1 is 0.1 off.
    expected = torch.tensor((0.6**2 / 3 + 0.1**2) / 3)
    torch.testing.assert_close(label_colour_loss(prediction, target, labels, 4), expected)


def test_colours_of_labels_that_are_nowhere_cost_nothing() -> None:
    prediction = torch.rand(1, 3, 2, 2, requires_grad=True)
    loss = label_colour_loss(prediction, prediction.detach(), torch.zeros(1, 2, 2, dtype=torch.uint8), 5)
    loss.backward()
    assert loss == 0 and prediction.grad is not None and prediction.grad.isfinite().all()
