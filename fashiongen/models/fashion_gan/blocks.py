"""Blocks of all networks of FashionGAN."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.normalization import BatchNorm2d


class Norm(BatchNorm2d):
    """Batch normalisation that can also normalise each sample by its own statistics, as if it were the only one of its batch.

    The authors' demonstrations run their networks in training mode on batches of one.

    Attributes:
        per_sample: whether it does; running statistics then neither count nor change.
    """

    per_sample = False

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if self.per_sample:
            return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)
        return super().forward(input)


def convolution(
    incoming: int, outgoing: int, kernel: int, stride: int, padding: int, norm: bool = True, bias: bool = False
) -> nn.Sequential:
    """Convolution, batch normalisation if `norm`, LeakyReLU of slope 0.2."""
    layer = nn.Conv2d(incoming, outgoing, kernel, stride, padding, bias=bias)
    return nn.Sequential(layer, *([Norm(outgoing)] if norm else []), nn.LeakyReLU(0.2))


def growth(incoming: int, outgoing: int, stride: int = 2, padding: int = 1, bias: bool = False) -> nn.Sequential:
    """Transposed 4x4 convolution, batch normalisation, ReLU: twice the size with the default stride and padding."""
    return nn.Sequential(
        nn.ConvTranspose2d(incoming, outgoing, 4, stride, padding, bias=bias), Norm(outgoing), nn.ReLU(inplace=True)
    )


def halvings(incoming: int, widest: int, count: int, norm_first: bool, bias: bool) -> nn.Sequential:
    """`count` halvings that end with `widest` channels, each with twice the channels of the one before.

    Raises:
        ValueError: when `widest` is too small to be halved that often.
    """
    widths = [widest >> (count - 1 - level) for level in range(count)]
    if widths and widths[0] < 1:
        raise ValueError(f"{count} halvings to {widest} channels leave the first one without any; make the network wider")
    layers = nn.Sequential()
    for level, width in enumerate(widths):
        layers.append(convolution(incoming, width, 4, 2, 1, norm=norm_first or level > 0, bias=bias))
        incoming = width
    return layers


def initialize(network: nn.Module, std: float) -> None:
    """The authors' initial values: N(0, std) for weights of convolutions, N(1, 0.02) for scales, 0 for biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, std)
        elif isinstance(module, Norm):
            nn.init.normal_(module.weight, 1, 0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@contextmanager
def running_as(network: nn.Module, per_sample: bool, dropout: bool) -> Iterator[None]:
    """A network in evaluation mode, but with the statistics of each sample by itself, or with dropout on; afterwards as before."""
    norms = [module for module in network.modules() if isinstance(module, Norm)]
    drops = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    before = [(module, module.per_sample) for module in norms], [(module, module.training) for module in drops]
    for norm in norms:
        norm.per_sample = per_sample
    for drop in drops:
        drop.train(dropout)
    try:
        yield
    finally:
        for norm, each in before[0]:
            norm.per_sample = each
        for drop, mode in before[1]:
            drop.train(mode)
