"""Stage 2, the picture: from a label map and a sentence to colours (section 3.2), in the three released variants.

Authors' code: `ih1/`, `ih1_skip/`, `ih1_p2p/net_graph_ih1.lua`. Layers are made in the order in which their files store them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from fashiongen.models.fashion_gan.blocks import Norm, convolution, growth, halvings
from fashiongen.models.fashion_gan.compositing import compositional_mapping
from fashiongen.models.fashion_gan.shape_networks import TEXT_FEATURES, with_text

VARIANTS = ("skip", "plain", "p2p")
"""The U-net with text and noise that the authors' demonstrations use; their first network; pix2pix without text and noise."""


class PlainGenerator(nn.Module):
    """Variant "plain": the map joins text and noise at 1/8 of the size.

    Args:
        size: height and width of the pictures, a power of 2 and at least 64.
        width: channels of the last level but one (64 of the authors).
        code: numbers of the code.
        noise: numbers of the noise.
        channels: of the output: 3, or 21 for the compositional mapping.
    """

    def __init__(self, size: int = 128, width: int = 64, code: int = 100, noise: int = 80, channels: int = 3) -> None:
        super().__init__()
        n = width
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0, norm=False, bias=True)
        self.seed = nn.Sequential(
            growth(noise + TEXT_FEATURES, 16 * n, stride=1, padding=0, bias=True),
            growth(16 * n, 8 * n, bias=True), growth(8 * n, 8 * n, bias=True),
        )  # fmt: skip
        self.down = halvings(3, 4 * n, (size // 16).bit_length() - 1, norm_first=True, bias=True)
        self.join = growth(12 * n, 8 * n, bias=True)
        middle = pairwise([8 * n, 8 * n, 8 * n, 8 * n, 4 * n, 2 * n])
        self.middle = nn.Sequential(*(convolution(*pair, 3, 1, 1, bias=True) for pair in middle))
        widths = [2 * n, *[n] * ((size // 32).bit_length() - 2)]
        self.up = nn.Sequential(*(growth(*pair, bias=True) for pair in pairwise(widths)))
        self.output = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1)

    def forward(self, condition: Tensor, code: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Paint.

        Args:
            condition: (B, 3, H, W) coloured label map.
            code: (B, C).
            noise: (B, Z), standard normal.
            labels: (B, H, W) the label map itself, for the compositional mapping of 21 channels.

        Returns:
            (B, 3, H, W) in [-1, 1]; (B, `channels`, H, W) without `labels`.
        """
        text = self.text(code[:, :, None, None])
        seed = self.seed(torch.cat([noise[:, :, None, None], text], dim=1))
        features = self.join(torch.cat([seed, self.down(condition)], dim=1))
        return _painted(self.output(self.up(self.middle(features))), labels)


class UNetGenerator(nn.Module):
    """Variants "skip", whose bottleneck also has text and noise, and "p2p", which has neither: pix2pix.

    The first activation of the decoder throws away the negative half of the noise, as in the authors' code.

    Args:
        size: height and width of the pictures, a power of 2 and at least 32.
        width: channels of the first level (64 of the authors), doubled a level up to eight times this.
        code: numbers of the code.
        noise: numbers of the noise.
        channels: of the output: 3, or 21 for the compositional mapping.
        text: "skip" if true, else "p2p".
        dropout: of the three deepest levels of the decoder.
        shifts: add a linear function of the code to what each level of the decoder gives. Not in the authors' networks, where
            the sentence has to pass all levels from the bottleneck on; colours are learned much sooner with it.
    """

    def __init__(
        self, size: int = 128, width: int = 64, code: int = 100, noise: int = 80, channels: int = 3, text: bool = True,
        dropout: float = 0.5, shifts: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0, norm=False, bias=True) if text else None
        levels = size.bit_length() - 1
        widths = [width * min(2**level, 8) for level in range(levels)]
        self.encoder = nn.ModuleList([nn.Conv2d(3, width, 4, 2, 1)])
        for level, (fine, coarse) in enumerate(pairwise(widths), 2):
            norm = [Norm(coarse)] if level < levels else []
            self.encoder.append(nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(fine, coarse, 4, 2, 1), *norm))
        self.decoder = nn.ModuleList()  # from the deepest level up
        incoming = widths[-1] + (noise + TEXT_FEATURES if text else 0)
        for place, fine in enumerate(reversed(widths[:-1])):
            drop = [nn.Dropout(dropout)] if place < 3 else []
            self.decoder.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(incoming, fine, 4, 2, 1), Norm(fine), *drop))
            incoming = 2 * fine
        self.output = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(incoming, channels, 4, 2, 1))
        shifted = [*reversed(widths[:-1]), channels] if shifts else []
        self.shifts = nn.ModuleList(nn.Linear(code, features) for features in shifted)

    def forward(self, condition: Tensor, code: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """As `PlainGenerator.forward`; "p2p" looks at neither code nor noise."""
        features, skips = condition, []
        for block in self.encoder:
            features = block(features)
            skips.append(features)
        features = skips.pop()
        if self.text is not None:
            text = self.text(code[:, :, None, None])
            features = torch.cat([noise[:, :, None, None], text, features], dim=1)
        shifts = [shift(code)[:, :, None, None] for shift in self.shifts] or [0.0] * (len(self.decoder) + 1)
        for block, shift in zip(self.decoder, shifts[:-1], strict=True):
            features = torch.cat([block(features) + shift, skips.pop()], dim=1)
        return _painted(self.output(features) + shifts[-1], labels)


def _painted(candidates: Tensor, labels: Tensor | None) -> Tensor:
    # The tanh of a choice is the choice of a tanh, for a seventh of the work.
    return (candidates if labels is None else compositional_mapping(candidates, labels)).tanh()


class PlainDiscriminator(nn.Module):
    """Picture, coloured map and code -> one logit; goes with variant "plain".

    Args:
        size: height and width of the pictures, a power of 2 and at least 32.
        width: channels of the first level (64 of the authors).
        code: numbers of the code.
    """

    def __init__(self, size: int = 128, width: int = 64, code: int = 100) -> None:
        super().__init__()
        n = width
        count = (size // 16).bit_length() - 1
        self.down = halvings(3, 4 * n, count, norm_first=False, bias=True)
        self.condition = halvings(3, 4 * n, count, norm_first=False, bias=True)
        self.middle = nn.Sequential(*(convolution(8 * n, 8 * n, 3, 1, 1, bias=True) for _ in range(5)))
        self.reduce = nn.Sequential(convolution(8 * n, 8 * n, 4, 2, 1, bias=True), convolution(8 * n, 16 * n, 4, 2, 1, bias=True))
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0, bias=True)
        self.match = convolution(16 * n + TEXT_FEATURES, 16 * n, 1, 1, 0, bias=True)
        self.output = nn.Conv2d(16 * n, 1, 4)

    def forward(self, image: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        """Judge pictures.

        Args:
            image: (B, 3, H, W), a picture in [0, 1] minus the mean picture.
            condition: (B, 3, H, W) coloured label map.
            code: (B, C).

        Returns:
            (B, 1, 1, 1) logits.
        """
        features = self.reduce(self.middle(torch.cat([self.down(image), self.condition(condition)], dim=1)))
        return self.output(self.match(with_text(features, self.text(code[:, :, None, None]))))


class PatchDiscriminator(nn.Module):
    """Picture, coloured map and code -> a logit for every patch; goes with "skip", and without text with "p2p".

    Args:
        size: height and width of the pictures, a power of 2 and at least 32.
        width: channels of the first level (64 of the authors).
        code: numbers of the code.
        text: whether it sees the code.
    """

    def __init__(self, size: int = 128, width: int = 64, code: int = 100, text: bool = True) -> None:
        super().__init__()
        n = width
        self.down = halvings(6, 4 * n, 3, norm_first=False, bias=True)
        self.text = convolution(code, TEXT_FEATURES, 1, 1, 0, bias=True) if text else None
        self.match = convolution(4 * n + (TEXT_FEATURES if text else 0), 8 * n, 4, 1, 1, bias=True)
        self.output = nn.Conv2d(8 * n, 1, 4, 1, 1)

    def forward(self, image: Tensor, condition: Tensor, code: Tensor) -> Tensor:
        """As `PlainDiscriminator.forward`, but (B, 1, H/8 - 2, W/8 - 2) logits."""
        features = self.down(torch.cat([image, condition], dim=1))
        if self.text is not None:
            features = with_text(features, self.text(code[:, :, None, None]))
        return self.output(self.match(features))
