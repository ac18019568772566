"""Stage 1, the shape: from a layout and a sentence to a label map (section 3.1; authors' code: `sr1/net_graph_sr1.lua`).

Layers are made in the order in which the authors' files store them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from fashiongen.models.fashion_gan.blocks import convolution, growth, halvings
from fashiongen.models.fashion_gan.representation import CLASSES, GRID, MERGED_CLASSES

TEXT_FEATURES = 20


class ShapeGenerator(nn.Module):
    """Layout, code and noise -> logits of a label map.

    Args:
        size: height and width of the map, a power of 2 and at least 32.
        width: channels of the last level but one (64 of the authors), "n" of the tables.
        code: numbers of the code.
        noise: numbers of the noise (80 of the authors).
    """

    def __init__(self, size: int = 128, width: int = 64, code: int = 100, noise: int = 80) -> None:
        super().__init__()
        n = width
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0, norm=False)
        self.seed = nn.Sequential(growth(noise + TEXT_FEATURES, 16 * n, stride=1, padding=0), growth(16 * n, 8 * n))
        self.layout = nn.Sequential(convolution(MERGED_CLASSES, n, 3, 1, 1), convolution(n, 2 * n, 3, 1, 1))
        self.join = growth(10 * n, 4 * n)
        self.middle = nn.Sequential(
            convolution(4 * n, 8 * n, 3, 1, 1), convolution(8 * n, 8 * n, 3, 1, 1), convolution(8 * n, 4 * n, 3, 1, 1)
        )
        doublings = (size // (2 * GRID)).bit_length() - 1
        widths = [max(4 * n >> level, n) for level in range(doublings)]
        self.up = nn.Sequential(*(growth(*pair) for pair in pairwise(widths)))
        self.output = nn.ConvTranspose2d(widths[-1], CLASSES, 4, 2, 1, bias=False)

    def forward(self, layout: Tensor, code: Tensor, noise: Tensor) -> Tensor:
        """Draw the map.

        Args:
            layout: (B, 4, 8, 8).
            code: (B, C).
            noise: (B, Z), standard normal.

        Returns:
            (B, 7, H, W) logits; the background is the last channel.
        """
        text = self.text(code[:, :, None, None])
        seed = self.seed(torch.cat([noise[:, :, None, None], text], dim=1))
        features = self.join(torch.cat([seed, self.layout(layout)], dim=1))
        return self.output(self.up(self.middle(features)))


class ShapeDiscriminator(nn.Module):
    """Label map, layout and code -> one logit.

    A softmax over the channels comes first, for true one-hot maps as well, which leaves 0.31 of their 1: the authors' code.

    Args:
        size: height and width of the map, a power of 2 and at least 32.
        width: channels of the first level (64 of the authors).
        code: numbers of the code.
    """

    def __init__(self, size: int = 128, width: int = 64, code: int = 100) -> None:
        super().__init__()
        n = width
        self.down = halvings(CLASSES, 4 * n, (size // (2 * GRID)).bit_length() - 1, norm_first=False, bias=False)
        self.middle = nn.Sequential(
            convolution(4 * n, 8 * n, 3, 1, 1), convolution(8 * n, 8 * n, 3, 1, 1), convolution(8 * n, 4 * n, 3, 1, 1),
            convolution(4 * n, 8 * n, 4, 2, 1),
        )  # fmt: skip
        self.layout = nn.Sequential(convolution(MERGED_CLASSES, n, 3, 1, 1, norm=False), convolution(n, 2 * n, 3, 1, 1))
        self.join = convolution(10 * n, 8 * n, 4, 2, 1)
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0)
        self.match = convolution(8 * n + TEXT_FEATURES, 8 * n, 1, 1, 0)
        self.output = nn.Conv2d(8 * n, 1, 4, bias=False)

    def forward(self, maps: Tensor, layout: Tensor, code: Tensor) -> Tensor:
        """Judge maps.

        Args:
            maps: (B, 7, H, W) logits or one-hot.
            layout: (B, 4, 8, 8).
            code: (B, C).

        Returns:
            (B, 1, 1, 1) logits.
        """
        features = self.middle(self.down(maps.softmax(dim=1)))
        features = self.join(torch.cat([features, self.layout(layout)], dim=1))
        return self.output(self.match(with_text(features, self.text(code[:, :, None, None]))))


def with_text(features: Tensor, text: Tensor) -> Tensor:
    """(B, C, H, W) and (B, T, 1, 1) -> (B, C + T, H, W), the text everywhere."""
    return torch.cat([features, text.expand(-1, -1, *features.shape[-2:])], dim=1)
