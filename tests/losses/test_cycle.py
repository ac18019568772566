import pytest
import torch

from fashiongen.losses.cycle import cycle_loss, matte_loss


def test_the_cycle_loss_is_a_mean_of_absolute_differences():
    image = torch.zeros(2, 3, 4, 5)
    assert cycle_loss(image, image) == 0
    assert cycle_loss(image, image - 0.25) == pytest.approx(0.25)
    assert cycle_loss(image, image.repeat(1, 1, 2, 2)[:, :, :4, :5] + 0.5) == pytest.approx(0.5), "independent of the size"


def test_the_matte_loss_is_the_share_that_is_painted_over():
    alpha = torch.zeros(2, 1, 4, 4)
    alpha[:, :, :2] = 1
    assert matte_loss(alpha) == pytest.approx(0.5)
    assert matte_loss(alpha, alpha) == 0
    assert matte_loss(alpha, 1 - alpha) == pytest.approx(1.0)


def test_gradients():
    alpha = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    matte_loss(alpha).backward()
    assert torch.equal(alpha.grad, torch.full((1, 1, 2, 2), 0.25))
