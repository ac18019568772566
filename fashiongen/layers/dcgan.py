"""The discriminator of DCGAN as PG2 and Disentangled PIG use it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from fashiongen.layers.same_convolution import SameConv2d


class DCGANCritic(nn.Module):
    """Halvings by 5x5 convolutions, then one linear layer over what is left (authors' `DCGANDiscriminator`).

    Batch normalisation *always* uses the statistics of the batch, also in evaluation mode. A logit therefore depends on the
    pictures that are judged beside it: what belongs together must be given in one call.

    Args:
        size: height and width that the linear layer is made for. A picture n times as large gives n logits: the linear layer reads
            its features in n parts (Disentangled PIG at 256x256).
        width: channels of the first level, doubled a level up to eight times this (64 in the papers).
        levels: number of halvings (4 for 128x64, 5 for PG2 at 256x256).
        channels: of the input; 6 for pairs of pictures.

    Raises:
        ValueError: when the size is not a multiple of 2**levels.
    """

    def __init__(self, size: Sequence[int] = (128, 64), width: int = 64, levels: int = 4, channels: int = 3) -> None:
        super().__init__()
        height, breadth = size
        step = 2**levels
        if height % step or breadth % step:
            raise ValueError(
                f"a critic with {levels} halvings needs height and width in multiples of {step}, not {height}x{breadth}; "
                "choose another size or fewer levels"
            )
        self.layers = nn.Sequential()
        incoming = channels
        for level in range(levels):
            features = width * min(2**level, 8)
            self.layers.append(SameConv2d(incoming, features, 5, stride=2))
            if level:
                self.layers.append(nn.BatchNorm2d(features, track_running_stats=False))
            self.layers.append(nn.LeakyReLU(0.2, inplace=True))
            incoming = features
        self.output = nn.Linear(incoming * (height // step) * (breadth // step), 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.uniform_(module.weight, -0.02 * math.sqrt(3), 0.02 * math.sqrt(3))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """(B, `channels`, H, W) in [-1, 1] -> (B, n) logits, n = 1 at the critic's own size.

        Raises:
            ValueError: for a picture of another size than the critic's or a multiple of it.
        """
        features = self.layers(image).flatten(1)
        rows = self.output.in_features
        if features.shape[1] % rows:
            raise ValueError(f"{image.shape[-2]}x{image.shape[-1]} is not a multiple of the size that this critic was made for")
        return self.output(features.unflatten(1, (-1, rows))).squeeze(-1)
