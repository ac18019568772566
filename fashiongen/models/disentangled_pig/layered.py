"""A generator that draws person and background apart and lays one over the other; not in paper or code."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.compositor import composite
from fashiongen.models.disentangled_pig.networks import Generator, ResidualConvolutions, initialize


class Backdrop(nn.Module):
    """The code of a background -> its picture: linear to the deepest level, then residual convolutions with doublings between them.

    Args:
        size: height and width of the pictures, multiples of 2**(levels - 1).
        code: length of the code.
        width: channels of the finest level; level i has i + 1 times as many.
        levels: number of levels; levels - 1 doublings.
    """

    def __init__(self, size: Sequence[int], code: int, width: int, levels: int) -> None:
        super().__init__()
        height, breadth = (length // 2 ** (levels - 1) for length in size)
        self.grid = height, breadth
        widths = [width * (level + 1) for level in reversed(range(levels))]
        self.from_code = nn.Linear(code, widths[0] * height * breadth)
        self.blocks = nn.ModuleList(map(ResidualConvolutions, widths))
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in pairwise(widths))
        self.output = nn.Conv2d(widths[-1], 3, 3, padding=1)
        self.apply(initialize)

    def forward(self, code: Tensor) -> Tensor:
        """(B, `code`) -> (B, 3, H, W), linear."""
        features = self.from_code(code).unflatten(1, (-1, *self.grid))
        for level, block in enumerate(self.blocks):
            if level:
                features = F.interpolate(F.relu(self.up[level - 1](features), inplace=True), scale_factor=2, mode="nearest")
            features = block(features)
        return self.output(features)


class LayeredGenerator(nn.Module):
    """Codes of the appearance and maps of a pose -> a picture, in two layers that know nothing of each other.

    The generator of the paper draws the person and a matte from foreground and pose; a `Backdrop` draws what is behind her from the
    code of the background. So the code of one cannot change the other: in the paper's one network, which sees both codes, each
    learns to tell a little about the other's pixels. What the matte is to be, only `exchange_loss` says.

    Args:
        size: height and width of the pictures, multiples of 2**(levels - 1).
        foreground: length of the code of the foreground.
        background: length of the code of the background.
        width: channels of the first level of both networks.
        bottleneck: length of the bottleneck vector of the person's network.
        levels: number of levels of both networks.
        modulated: see `fashiongen.models.disentangled_pig.networks.Generator`.

    Raises:
        ValueError: when the size is not a multiple of 2**(levels - 1).
    """

    def __init__(
        self, size: Sequence[int], foreground: int, background: int, width: int, bottleneck: int, levels: int, modulated: bool
    ) -> None:
        super().__init__()
        self.lengths = [foreground, background]
        self.person = Generator(size, foreground, width, bottleneck, levels, modulated, channels=4)
        self.backdrop = Backdrop(size, background, width, levels)

    def forward(self, codes: Tensor, pose: Tensor) -> Tensor:
        """Draw pictures.

        Args:
            codes: (B, `foreground` + `background`).
            pose: (B, 18, H, W) in {-1, 1}, see `fashiongen.layers.pose_disks`.

        Returns:
            (B, 3, H, W), linear.
        """
        person, backdrop, matte = self.layers(codes, pose)
        return composite(person, backdrop, torch.sigmoid(matte))

    def layers(self, codes: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Person (B, 3, H, W) and background (B, 3, H, W), both linear, and logits (B, 1, H, W) of the matte of the person."""
        foreground, background = codes.split(self.lengths, dim=1)
        person, matte = self.person(foreground, pose).split([3, 1], dim=1)
        return person, self.backdrop(background), matte


class Exchanged(NamedTuple):
    """What `draw_exchanged` gives.

    Attributes:
        drawn: (B, 3, H, W), linear, every person before her own background.
        exchanged: (B, 3, H, W), linear, every person before the background of the one before (`roll(1, 0)`).
        matte: logits (B, 1, H, W) of the matte of people who are a layer of their own.
        backdrop: (B, 3, H, W), linear, backgrounds that are a layer of their own.
    """

    drawn: Tensor
    exchanged: Tensor
    matte: Tensor | None = None
    backdrop: Tensor | None = None


def draw_exchanged(
    generator: Generator | LayeredGenerator, foreground: Tensor, background: Tensor, pose: Tensor, mask: Tensor
) -> Exchanged:
    """Every person before her own background, and before that of the one before.

    Args:
        generator: draws them; layers are drawn once and laid over each other twice.
        foreground: (B, C) codes.
        background: (B, D) codes.
        pose: (B, 18, H, W) in {-1, 1}.
        mask: (B, 1, H, W) in {0, 1}, where the bodies may be: nothing is learned about backgrounds from what shows through there.
    """
    codes = torch.cat([foreground, background], dim=1)
    if not isinstance(generator, LayeredGenerator):
        return Exchanged(generator(codes, pose), generator(torch.cat([foreground, background.roll(1, 0)], dim=1), pose))
    person, backdrop, matte = generator.layers(codes, pose)
    opacity = torch.sigmoid(matte)
    seen = composite(backdrop.detach(), backdrop, mask)
    other = composite(backdrop.roll(1, 0).detach(), seen.roll(1, 0), mask)
    return Exchanged(composite(person, seen, opacity), composite(person, other, opacity), matte, backdrop)
