import pytest
import torch

from fashiongen.models.disentangled_pig.losses import CODE_LOSSES, critic_loss, mapper_loss


def critic(codes):
    return codes.sum(dim=1)


@pytest.mark.parametrize("kind", CODE_LOSSES)
def test_a_critic_that_is_right_loses_less(kind):
    high, low = torch.tensor([[0.5, 0.5]] * 3), torch.tensor([[0.0, 0.0]] * 3)
    assert critic_loss(kind, critic, high, low) < critic_loss(kind, critic, low, high)
    assert mapper_loss(kind, critic(high)) < mapper_loss(kind, critic(low))


def test_the_penalty_has_its_weight():
    real, fake = torch.randn(4, 3), torch.randn(4, 3)
    plain = critic_loss("wgan", critic, real, fake)
    for weight in (0.0, 10.0):
        penalised = critic_loss("wgan-gp", critic, real, fake, penalty_weight=weight)
        assert (penalised - plain).item() == pytest.approx(weight * (3**0.5 - 1) ** 2, abs=1e-5)
