import pytest
import torch
from torch import nn

from fashiongen.losses.wasserstein import clip_weights, gradient_penalty, wasserstein_critic_loss, wasserstein_generator_loss


def test_the_critic_wants_real_scores_high_and_the_generator_fake_ones():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([[-1.0], [2.0], [5.0]])
    assert wasserstein_critic_loss(real, fake).item() == 0
    assert wasserstein_critic_loss(real + 1, fake).item() == -1
    assert wasserstein_generator_loss(fake).item() == -2
    assert wasserstein_critic_loss(real.bfloat16(), fake.bfloat16()).dtype == torch.float32


def test_a_trained_critic_measures_the_distance_of_two_points():
    torch.manual_seed(0)
    critic = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(critic.parameters(), lr=0.02)
    real, fake = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    for _ in range(500):
        optimizer.zero_grad()
        loss = wasserstein_critic_loss(critic(real), critic(fake))
        (loss + 10 * gradient_penalty(critic, real, fake)).backward()
        optimizer.step()
    # The penalty allows a slope of 1 + distance / 20.
    assert -loss.item() == pytest.approx(5 * (1 + 5 / 20), rel=1e-3)


def test_all_parameters_are_clipped_biases_too():
    critic = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.fill_(0.5)
        critic[0].bias[0] = -0.5
        critic[0].bias[1] = 0.003
    clip_weights(critic, 0.01)
    assert all(parameter.abs().max() <= 0.01 for parameter in critic.parameters())
    assert critic[0].bias[0] == -0.01 and critic[0].bias[1] == 0.003
    assert all(parameter.requires_grad for parameter in critic.parameters())
    with pytest.raises(ValueError, match="positive limit, not 0"):
        clip_weights(critic, 0.0)


def test_the_penalty_of_a_linear_critic_is_known():
    critic = nn.Linear(4, 1, bias=False)
    real, fake = torch.randn(5, 2, 2), torch.randn(5, 2, 2)

    def scores(items):
        return critic(items.flatten(1))

    slope = critic.weight.norm().item()
    assert gradient_penalty(scores, real, fake).item() == pytest.approx((slope - 1) ** 2, rel=1e-5)


def test_the_penalty_is_taken_between_the_examples_and_trains_the_critic_alone():
    weight = torch.tensor(0.5, requires_grad=True)
    real, fake = torch.tensor([[1.0], [2.0]], requires_grad=True), torch.tensor([[3.0], [6.0]])
    mix = torch.tensor([[0.5], [0.25]])
    penalty = gradient_penalty(lambda x: weight * x.square().sum(dim=1), real, fake, mix)
    places = torch.tensor([2.0, 3.0])
    assert penalty.item() == pytest.approx(((2 * 0.5 * places - 1) ** 2).mean().item())
    penalty.backward()
    assert real.grad is None
    assert weight.grad.item() == pytest.approx((2 * (2 * 0.5 * places - 1) * 2 * places).mean().item())


def test_a_flat_critic_has_a_finite_gradient():
    weight = torch.zeros(1, requires_grad=True)
    penalty = gradient_penalty(lambda x: (weight * x).sum(dim=1), torch.ones(2, 3), torch.zeros(2, 3))
    penalty.backward()
    assert penalty.item() == 1 and weight.grad.isfinite().all()
