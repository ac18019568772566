from __future__ import annotations

import torch

from fashiongen.layers.spatial_transformer import spatial_transformer

IDENTITY = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])


def test_convention_the_identity_loses_the_last_row_and_column() -> None:
    features = torch.rand(1, 2, 5, 5) + 1
    output = spatial_transformer(features, IDENTITY)
    for border in (output[..., -1, :], output[..., -1]):
        torch.testing.assert_close(border, torch.zeros_like(border), atol=1e-6, rtol=0)
    torch.testing.assert_close(output[..., 0, 0], features[..., 0, 0])
    # The grid counts the width, not the last pixel: 5/4 of a pixel from sample to sample.
    torch.testing.assert_close(output[..., 0, 1], 0.75 * features[..., 0, 1] + 0.25 * features[..., 0, 2])


def test_outside_is_zero() -> None:
    far = torch.tensor([[[1.0, 0, 5], [0, 1, -7]]])
    torch.testing.assert_close(spatial_transformer(torch.rand(1, 2, 4, 6), far), torch.zeros(1, 2, 4, 6), atol=1e-5, rtol=0)


def test_gradients_reach_features_and_map() -> None:
    features = torch.rand(2, 3, 6, 4, requires_grad=True)
    theta = (IDENTITY.expand(2, -1, -1) * 0.7).requires_grad_()
    spatial_transformer(features, theta).square().sum().backward()
    assert features.grad.abs().sum() > 0
    assert theta.grad.abs().sum() > 0


def test_lower_precision() -> None:
    assert spatial_transformer(torch.rand(1, 2, 4, 4).bfloat16(), IDENTITY).dtype == torch.bfloat16
