import math

import pytest
import torch

from fashiongen.models.disentangled_pig.losses import CODE_LOSSES, critic_loss, exchange_loss, mapper_loss


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


def test_exchanged_pictures_are_compared_where_they_are_known():
    image = torch.stack([torch.full((3, 4, 6), value) for value in (0.1, 0.5)])
    mask = torch.zeros(2, 1, 4, 6)
    mask[0, ..., :3] = mask[1, ..., 2:5] = 1
    middle = torch.zeros(2, 1, 4, 6)
    middle[0, ..., 1] = middle[1, ..., 3] = 1
    exchanged = torch.full((2, 3, 4, 6), torch.nan)
    exchanged[0, ..., 1], exchanged[1, ..., 3] = 0.1, 0.5 + 0.6  # the people themselves
    exchanged[0, ..., 5], exchanged[1, ..., 5] = 0.5, 0.1  # what lies beside both bodies
    loss = exchange_loss(exchanged.nan_to_num(7), image, middle, mask)
    assert loss.item() == pytest.approx(0.6 / 12)
    matte = torch.full_like(mask, 2.0)  # logits; of 2 columns in the middles and 6 beside the bodies, out of 12
    both = exchange_loss(exchanged.nan_to_num(7), image, middle, mask, matte)
    assert (both - loss).item() == pytest.approx(0.1 * (2 * math.log1p(math.exp(-2)) + 6 * math.log1p(math.exp(2))) / 12)
    backdrop = torch.zeros(2, 3, 4, 6)
    backdrop[0, ..., 2:] = 0.3  # a step behind the first body: between columns 1 and 2
    uneven = exchange_loss(exchanged.nan_to_num(7), image, middle, mask, None, backdrop)
    assert (uneven - loss).item() == pytest.approx(0.3 / (2 * 5))
