from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fashiongen.losses.adversarial import discriminator_loss, fake_loss, real_loss, zero_centred_penalty

LOGITS = torch.linspace(-4, 4, 9)


@pytest.mark.parametrize("epsilon", [0.0, 1e-7])
def test_cross_entropy(epsilon: float) -> None:
    expected = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(real_loss(LOGITS, epsilon), expected(LOGITS, torch.ones(9)))
    torch.testing.assert_close(fake_loss(LOGITS, epsilon), expected(LOGITS, torch.zeros(9)))
    torch.testing.assert_close(discriminator_loss(LOGITS, -LOGITS, epsilon), 2 * real_loss(LOGITS, epsilon))


@pytest.mark.parametrize("epsilon", [0.0, 1e-7])
def test_certain_discriminators_give_finite_losses_and_gradients(epsilon: float) -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    loss = real_loss(logits, epsilon) + fake_loss(logits, epsilon)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_epsilon_bounds_the_loss() -> None:
    certain = torch.tensor([-200.0])
    assert real_loss(certain, 1e-7).item() == pytest.approx(16.118, abs=1e-3)
    assert real_loss(certain).item() == pytest.approx(200)


def test_half_precision_logits_are_judged_in_float32() -> None:
    assert real_loss(LOGITS.bfloat16(), 1e-7).dtype == torch.float32


def test_zero_centred_penalty_is_the_squared_slope_at_real_examples() -> None:
    real = torch.randn(3, 4)
    slope = torch.randn(4, requires_grad=True)
    penalty = zero_centred_penalty(lambda x: (x * slope).sum(dim=1), real)
    torch.testing.assert_close(penalty, slope.square().sum())
    (gradient,) = torch.autograd.grad(penalty, slope)
    torch.testing.assert_close(gradient, 2 * slope)
