"""Two habits of the authors' training code (`ih1*/train.lua`)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn


def zero_conv_biases(*networks: nn.Module) -> None:
    """Set the biases of all convolutions to 0."""
    with torch.no_grad():
        for network in networks:
            for module in network.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
                    module.bias.zero_()


def weights_as_they_are_then(on: bool = True) -> AbstractContextManager[object]:
    """What is computed within keeps its activations, but its gradient is taken with the weights of *that* time.

    A network of Torch7 whose weights change between `forward` and `backward` does so. PyTorch notices the change and refuses,
    unless it is given the bare data of the weights.

    Args:
        on: leave everything as it is when false.
    """

    def keep(tensor: Tensor) -> Tensor:
        return tensor.data if tensor.is_leaf and tensor.requires_grad else tensor

    return torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor) if on else nullcontext()
