from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from fashiongen.optim import TFAdam, TFRMSprop


def test_it_follows_tensorflows_formula() -> None:
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = TFAdam([parameter], lr=0.01, betas=(0.5, 0.9), eps=1e-3)
    value, m, v = parameter.detach().clone(), torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for step in range(1, 6):
        gradient = torch.tensor([0.3, -1e-5, 2.0], dtype=torch.float64) * step
        parameter.grad = gradient.clone()
        optimizer.step()
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        value -= 0.01 * (1 - 0.9**step) ** 0.5 / (1 - 0.5**step) * m / (v.sqrt() + 1e-3)
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-12, atol=0)


def test_with_large_gradients_it_is_adam() -> None:
    ours, theirs = (nn.Parameter(torch.ones(4)) for _ in range(2))
    optimizers = TFAdam([ours], lr=0.01), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(3):
        ours.grad = theirs.grad = torch.randn(4) + 3
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_tiny_gradients_move_less_than_in_adam_at_first() -> None:
    ours, theirs = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    for parameter, optimizer in ((ours, TFAdam([ours], lr=1.0)), (theirs, torch.optim.Adam([theirs], lr=1.0))):
        parameter.grad = torch.tensor([1e-8])
        optimizer.step()
    assert abs(ours.item()) < 0.1 * abs(theirs.item())


def test_parameters_may_join_later_and_have_no_gradient() -> None:
    early, late = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    optimizer = TFAdam([early, late], lr=0.1)
    early.grad = torch.ones(2)
    optimizer.step()
    assert late.eq(0).all() and late not in optimizer.state
    late.grad = torch.ones(2)
    optimizer.step()
    assert optimizer.state[early]["step"] == 2 and optimizer.state[late]["step"] == 1
    torch.testing.assert_close(late.detach(), torch.full((2,), -0.1))


def test_its_state_can_be_resumed() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    optimizer = TFAdam(layer.parameters(), lr=0.1)

    def step(layer: nn.Linear, optimizer: TFAdam) -> None:
        optimizer.zero_grad()
        layer(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()

    step(layer, optimizer)
    other = copy.deepcopy(layer)
    resumed = TFAdam(other.parameters(), lr=0.1)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(layer, optimizer)
    step(other, resumed)
    assert torch.equal(layer.weight, other.weight)


def test_a_closure_is_evaluated_with_gradients() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = TFAdam([parameter], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = parameter.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 1.0
    assert parameter.item() < 1


@pytest.mark.parametrize("options", [{"lr": -1.0}, {"eps": -1.0}, {"betas": (0.5, 1.0)}])
def test_wrong_options_are_refused(options) -> None:
    with pytest.raises(ValueError, match=r"negative|betas"):
        TFAdam([nn.Parameter(torch.ones(1))], **options)


def test_rmsprop_follows_tensorflows_formula() -> None:
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = TFRMSprop([parameter], lr=0.01, decay=0.8, eps=1e-3)
    value, square = parameter.detach().clone(), torch.ones(3, dtype=torch.float64)
    for step in range(1, 6):
        gradient = torch.tensor([0.3, 0.0, 2.0], dtype=torch.float64) * step
        parameter.grad = gradient.clone()
        optimizer.step()
        square = 0.8 * square + 0.2 * gradient**2
        value -= 0.01 * gradient / (square + 1e-3).sqrt()
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-12, atol=0)


def test_rmsprop_begins_with_steps_in_proportion_to_the_gradient() -> None:
    ours, theirs = (nn.Parameter(torch.zeros(2)) for _ in range(2))
    for parameter, optimizer in ((ours, TFRMSprop([ours], lr=1.0)), (theirs, torch.optim.RMSprop([theirs], lr=1.0, alpha=0.9))):
        parameter.grad = torch.tensor([1e-3, 1e-2])
        optimizer.step()
    torch.testing.assert_close(ours.detach(), -torch.tensor([1e-3, 1e-2]) / 0.9**0.5, rtol=1e-3, atol=0)
    torch.testing.assert_close(theirs.detach(), torch.full((2,), -(10**0.5)), rtol=1e-3, atol=0)


def test_rmsprop_can_be_resumed_and_skips_parameters_without_gradient() -> None:
    first, idle = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = TFRMSprop([first, idle], lr=0.1)

    def step(parameter: nn.Parameter, optimizer: TFRMSprop) -> None:
        optimizer.zero_grad()
        parameter.square().sum().backward()
        assert optimizer.step() is None

    step(first, optimizer)
    assert idle.eq(1).all() and idle not in optimizer.state
    other, idle = copy.deepcopy(first), nn.Parameter(torch.ones(2))
    resumed = TFRMSprop([other, idle], lr=0.1)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(first, optimizer)
    step(other, resumed)
    assert torch.equal(first, other)


def test_rmsprop_evaluates_a_closure() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = TFRMSprop([parameter], lr=0.1)

    def closure() -> float:
        loss = parameter.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 1.0
    assert parameter.item() < 1


@pytest.mark.parametrize("options", [{"lr": -1.0}, {"eps": -1.0}, {"decay": 1.0}])
def test_wrong_options_of_rmsprop_are_refused(options) -> None:
    with pytest.raises(ValueError, match=r"negative|decay"):
        TFRMSprop([nn.Parameter(torch.ones(1))], **options)
