from __future__ import annotations

import pytest
import torch

from fashiongen.layers.sample_norm import SampleNorm


def test_one_scale_and_one_shift_over_the_whole_sample() -> None:
    norm = SampleNorm(eps=1e-2)
    norm.weight.data.fill_(2.0)
    norm.bias.data.fill_(0.5)
    features = torch.randn(2, 3, 4, 5) * 3 + 1
    for sample, normalized in zip(features, norm(features), strict=True):
        expected = 2 * (sample - sample.mean()) / (sample.std(correction=0) + 1e-2) + 0.5
        torch.testing.assert_close(normalized, expected)
    assert sum(parameter.numel() for parameter in norm.parameters()) == 2


def test_a_constant_sample_has_finite_gradients() -> None:
    features = torch.full((1, 2, 3, 3), 4.0, requires_grad=True)
    output = SampleNorm()(features)
    output.square().sum().backward()
    assert not output.any()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_keeps_the_type(dtype: torch.dtype) -> None:
    assert SampleNorm()(torch.randn(1, 2, 3, 3, dtype=dtype)).dtype == dtype
