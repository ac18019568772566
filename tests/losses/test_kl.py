import pytest
import torch
from torch.distributions import Normal, kl_divergence

from fashiongen.losses.kl import gaussian_kl


def test_it_is_the_divergence_from_the_standard_normal_distribution():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(5, 7, dtype=torch.float64), torch.randn(5, 7, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    assert gaussian_kl(mean, log_variance).item() == pytest.approx(expected.item())


def test_it_vanishes_for_the_standard_normal_distribution_alone():
    zero = torch.zeros(2, 3)
    assert gaussian_kl(zero, zero) == 0
    assert gaussian_kl(zero + 0.1, zero) > 0
    assert gaussian_kl(zero, zero + 0.1) > 0
