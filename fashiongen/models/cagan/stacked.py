"""The generator of CAGAN at three scales, for 256 pixels.

From the same hand as `KerasGenerator` (`shaoanlu/Conditional-Analogy-GAN-keras`,
`CAGAN_stackGANv2-256-covar-refiner-mixup.ipynb`), after StackGAN-v2. Kernels are higher than wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.same_convolution import SameConv2d
from fashiongen.models.cagan.networks import (
    CONDITION_CHANNELS,
    Condition,
    InstanceNorm2d,
    Swap,
    check_size,
    condition_pictures,
    initialize,
    pooled,
    split,
)

_KERNEL = (4, 3)


class SqueezeExcite(nn.Module):
    """Weighs the channels of a picture by what they hold on average (squeeze and excitation).

    Args:
        channels: C; an eighth of them in between, rounded down.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 8)
        self.excite = nn.Linear(channels // 8, channels)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        weights = torch.sigmoid(self.excite(F.relu(self.squeeze(input.mean(dim=(2, 3))))))
        return input * weights[:, :, None, None]


class Refiner(nn.Module):
    """Two residual blocks of fewer channels between two 1x1 convolutions, added to what came in.

    Args:
        channels: C of the input.
        width: channels of the blocks, at least 8.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                _convolution(width, width),
                InstanceNorm2d(width),
                nn.ReLU(),
                _convolution(width, width),
                InstanceNorm2d(width),
                SqueezeExcite(width),
            )
            for _ in range(2)
        )
        self.expand = nn.Conv2d(width, channels, 1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        features = self.reduce(input)
        for block in self.blocks:
            features = features + block(features)
        return input + self.expand(features)


class StackedGenerator(nn.Module):
    """Draws at a quarter, a half and the full size; two halvings, then wide kernels instead of more of them.

    Args:
        width: channels of the first level (64 in the original); even.
        refiner_widths: of the two refiners.
        condition: see `fashiongen.models.cagan.networks.KerasGenerator`; here "target" in the original.
    """

    sizes: ClassVar[tuple[int, int, str]] = (32, 96, "stacked")

    def __init__(self, width: int = 64, refiner_widths: Sequence[int] = (64, 32), condition: Condition = "target") -> None:
        super().__init__()
        self.condition: Condition = condition
        extra = 0 if condition == "none" else CONDITION_CHANNELS
        wide = 4 * width
        self.encoder = nn.ModuleList(
            [
                _convolution(9, width, stride=2),
                _convolution(width + extra, 2 * width, stride=2),
                _convolution(2 * width + extra, wide),
                *(_dilated(wide + extra, wide) for _ in range(2)),
            ]
        )
        self.encoder_norms = nn.ModuleList(InstanceNorm2d(features) for features in (2 * width, wide, wide, wide))
        self.decoder = nn.ModuleList(
            [
                _dilated(wide + extra, wide),
                _dilated(2 * wide + extra, wide),
                _convolution(2 * wide + extra, 2 * width),
                _doubling(wide + extra, width),
                _doubling(width + extra, width // 2),
            ]
        )
        self.decoder_norms = nn.ModuleList(InstanceNorm2d(features) for features in (wide, wide, 2 * width, width, width // 2))
        first, second = refiner_widths
        self.refiners = nn.ModuleList([Refiner(wide + extra, first), Refiner(width + extra, second)])
        self.outputs = nn.ModuleList([_convolution(wide, 4), _convolution(width, 4), _convolution(width // 2, 4, kernel=(8, 6))])
        self.apply(initialize)

    def forward(self, person: Tensor, worn: Tensor, target: Tensor, back: bool = False) -> tuple[Swap, Swap, Swap]:
        """Put garments on people in place of those that they wear, at a quarter, a half and the full size.

        Args:
            person: (B, 3, H, W) in [-1, 1], as worn and target.
            worn: the garment that the person wears.
            target: the garment that the person is to wear.
            back: whether this is the pass that undoes a swap; nothing changes here.

        Raises:
            ValueError: when height or width is no multiple of 32, or below 96.
        """
        check_size(person.shape[-2:], *self.sizes)
        pictures = condition_pictures(self.condition, person, worn, target)
        half, quarter = pooled(pictures, 2), pooled(pictures, 4)

        def encoded(level: int, features: Tensor) -> Tensor:
            return self.encoder_norms[level - 1](self.encoder[level](features))

        def decoded(level: int, features: Tensor) -> Tensor:
            return self.decoder_norms[level](self.decoder[level](features))

        def with_copies(features: Tensor, copies: Tensor) -> Tensor:
            return torch.cat([features, copies], dim=1)

        features = with_copies(F.leaky_relu(self.encoder[0](torch.cat([person, worn, target], dim=1)), 0.2), half)
        second = encoded(1, features)
        third = encoded(2, with_copies(F.leaky_relu(second, 0.2), quarter))
        fourth = with_copies(F.leaky_relu(encoded(3, with_copies(F.leaky_relu(third, 0.2), quarter)), 0.2), quarter)
        # The original applies the activation once more to all of this, copies included, but not on the way of the skip.
        features = with_copies(F.leaky_relu(encoded(4, F.leaky_relu(fourth, 0.2)), 0.2), quarter)

        features = torch.cat([F.relu(decoded(0, features)), fourth], dim=1)
        features = with_copies(F.relu(torch.cat([decoded(1, features), third], dim=1)), quarter)
        features = F.relu(torch.cat([decoded(2, features), second], dim=1))
        small = split(self.outputs[0](features))
        features = F.relu(decoded(3, F.relu(self.refiners[0](with_copies(features, quarter)))))
        middle = split(self.outputs[1](features))
        features = decoded(4, F.relu(self.refiners[1](with_copies(features, half))))
        return small, middle, split(self.outputs[2](features))


def _convolution(incoming: int, outgoing: int, stride: int = 1, kernel: tuple[int, int] = _KERNEL) -> SameConv2d:
    return SameConv2d(incoming, outgoing, kernel, stride=stride, bias=False)  # type: ignore[arg-type]


def _dilated(incoming: int, outgoing: int) -> nn.Conv2d:
    """Every second pixel of 7x5: as much padding on either side."""
    return nn.Conv2d(incoming, outgoing, _KERNEL, padding=(3, 2), dilation=2, bias=False)


def _doubling(incoming: int, outgoing: int) -> nn.ConvTranspose2d:
    """A row is cut off at top and bottom, and a column at the left alone."""
    return nn.ConvTranspose2d(incoming, outgoing, _KERNEL, stride=2, padding=1, output_padding=(0, 1), bias=False)
