from __future__ import annotations

import pytest
import torch
from torch import nn

from fashiongen.losses.nearest_neighbour import nearest_neighbour_loss
from fashiongen.models.deformable_gan.losses import ContentLoss, StructureLoss, smoothness


class Halves(nn.Module):
    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"first": image / 2, "second": image[:, :1] * 3}


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generated, target = torch.rand(2, 2, 3, 8, 8).unbind()
    return generated.requires_grad_(), target.requires_grad_()


def test_pixels() -> None:
    generated, target = pair()
    torch.testing.assert_close(ContentLoss()(generated, target), (generated - target).abs().mean())
    torch.testing.assert_close(ContentLoss(neighbourhood=3)(generated, target), nearest_neighbour_loss(generated, target, 3))


def test_terms_of_several_feature_maps_add_up() -> None:
    generated, target = pair()
    loss = ContentLoss(Halves())(generated, target)
    difference = (generated - target).abs()
    torch.testing.assert_close(loss, difference.mean() / 2 + difference[:, :1].mean() * 3)
    loss.backward()
    assert target.grad is None


def test_structure_looks_at_eighteen_joints_of_a_bgr_picture() -> None:
    estimator = nn.Conv2d(3, 19, 2, stride=2)
    generated, target = pair()
    got, wanted = (estimator(image.flip(1) / 2)[:, :18] for image in (generated, target))
    torch.testing.assert_close(StructureLoss(estimator)(generated, target), (got - wanted).square().mean())


def test_smoothness() -> None:
    image = torch.zeros(2, 1, 4, 4)
    image[:, :, 1, 1] = 3
    assert smoothness(image).item() == pytest.approx(2 * (2 * 9**1.25 + 18**1.25))
    flat = torch.ones(1, 3, 4, 4, requires_grad=True)
    smoothness(flat).backward()
    assert not flat.grad.any()
