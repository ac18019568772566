from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.losses.nearest_neighbour import nearest_neighbour_distance, nearest_neighbour_loss


def unfolded(generated: Tensor, reference: Tensor, size: int) -> Tensor:
    """The definition: all windows laid out."""
    windows = F.unfold(F.pad(reference, (size // 2,) * 4, value=-1e4), size)
    windows = windows.unflatten(1, (generated.shape[1], size**2)).unflatten(-1, generated.shape[-2:])
    return (generated[:, :, None] - windows).abs().sum(dim=1).amin(dim=1)


@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_equals_the_minimum_over_unfolded_windows(size: int) -> None:
    generated, reference = torch.randn(2, 2, 4, 7, 6).unbind()
    results = []
    for function in (nearest_neighbour_distance, unfolded):
        leaf = generated.clone().requires_grad_()
        distance = function(leaf, reference, size)
        distance.mean().backward()
        results.append((distance.detach(), leaf.grad))
    torch.testing.assert_close(*results)


def test_a_shift_within_the_window_costs_nothing() -> None:
    reference = torch.rand(1, 3, 12, 12)
    shifted = reference.roll((2, -1), dims=(2, 3))[..., 2:-1, :-1]
    padded = F.pad(shifted, (0, 1, 2, 1), mode="replicate")
    distance = nearest_neighbour_distance(padded, reference, 5)
    assert not distance[:, 2:-1, :-1].any()
    assert nearest_neighbour_loss(padded, reference, 1) > nearest_neighbour_loss(padded, reference, 5)


def test_the_reference_gets_its_gradient() -> None:
    generated, reference = torch.rand(2, 1, 3, 5, 5).unbind()
    reference.requires_grad_()
    nearest_neighbour_loss(generated, reference, 3).backward()
    assert reference.grad.abs().sum() > 0


def test_what_is_kept_for_the_backward_pass_does_not_grow_with_the_window() -> None:
    generated, reference = torch.rand(2, 1, 8, 16, 16).unbind()
    generated.requires_grad_()

    def kept(size: int) -> int:
        sizes: list[int] = []

        def pack(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel() * tensor.element_size())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            nearest_neighbour_loss(generated, reference, size)
        return sum(sizes)

    assert kept(9) == kept(3)


def test_flat_features_have_finite_gradients() -> None:
    generated = torch.zeros(1, 4, 6, 6, requires_grad=True)
    nearest_neighbour_loss(generated, torch.zeros(1, 4, 6, 6), 3).backward()
    assert generated.grad.isfinite().all()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="odd"):
        nearest_neighbour_loss(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4), 4)
    with pytest.raises(ValueError, match="compare"):
        nearest_neighbour_loss(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 5), 3)
