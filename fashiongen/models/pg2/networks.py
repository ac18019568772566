"""The two generators of PG2 (NIPS 2017, sections 3.1 and 3.2).

Authors' code: `models.py` (Market-1501), `models256.py` (DeepFashion). Their critic is `fashiongen.layers.dcgan.DCGANCritic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.same_convolution import SameConv2d

POSE_CHANNELS = 18


class Convolutions(nn.Module):
    """Two 3x3 convolutions, each followed by ReLU; with `residual` the input is added to what comes out, without activation.

    Args:
        incoming: channels of the input.
        features: channels of the output.
        residual: add the input.
    """

    def __init__(self, incoming: int, features: int, residual: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(incoming, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)
        self.residual = residual

    def forward(self, input: Tensor) -> Tensor:
        """(B, `incoming`, H, W) -> (B, `features`, H, W)."""
        output = F.relu(self.second(F.relu(self.first(input), inplace=True)), inplace=True)
        return input + output if self.residual else output


class CoarseGenerator(nn.Module):
    """Stage I, "G1": picture of a person and a target pose -> a coarse picture of the person in that pose.

    A U-net of residual blocks whose deepest level passes a fully connected bottleneck: it carries what no skip connection can move
    from one place to another. The authors enlarge before the 1x1 convolutions of the decoder; here they come first, which gives
    the same values at a quarter of the work.

    Args:
        size: height and width of the pictures, which the fully connected layers must know.
        width: channels of the first level (128 in the paper); level i has i + 1 times as many.
        code: length of the bottleneck vector (64 in the paper).
        blocks: number of levels; blocks - 1 halvings (5 for 128x64, 6 for 256x256).

    Raises:
        ValueError: when the size is not a multiple of 2**(blocks - 1).
    """

    def __init__(self, size: Sequence[int] = (128, 64), width: int = 128, code: int = 64, blocks: int = 5) -> None:
        super().__init__()
        height, breadth = size
        step = 2 ** (blocks - 1)
        if height % step or breadth % step:
            raise ValueError(
                f"a coarse generator with {blocks} blocks needs height and width in multiples of {step}, not {height}x{breadth}; "
                "choose another size or fewer blocks"
            )
        self.size = height, breadth
        self.grid = height // step, breadth // step
        widths = [width * (level + 1) for level in range(blocks)]
        self.stem = nn.Conv2d(3 + POSE_CHANNELS, width, 3, padding=1)
        self.encoder = nn.ModuleList(Convolutions(features, features, residual=True) for features in widths)
        self.down = nn.ModuleList(SameConv2d(fine, coarse, 3, stride=2) for fine, coarse in pairwise(widths))
        cells = self.grid[0] * self.grid[1]
        self.to_code = nn.Linear(cells * widths[-1], code)
        self.from_code = nn.Linear(code, cells * width)
        self.decoder = nn.ModuleList()  # from the deepest level up
        self.up = nn.ModuleList()
        incoming = width
        for features in reversed(widths):
            joined = incoming + features
            self.decoder.append(Convolutions(joined, joined, residual=True))
            incoming = features - width
            if incoming:
                self.up.append(nn.Conv2d(joined, incoming, 1))
        self.output = nn.Conv2d(joined, 3, 3, padding=1)
        self.apply(_initialize)

    def forward(self, image: Tensor, pose: Tensor) -> Tensor:
        """Draw the coarse picture.

        Args:
            image: (B, 3, H, W) in [-1, 1].
            pose: (B, 18, H, W) in {-1, 1}, see `fashiongen.layers.pose_disks`.

        Returns:
            (B, 3, H, W), linear: trained towards [-1, 1], not confined to it.

        Raises:
            ValueError: for pictures of another size than the network's.
        """
        if image.shape[-2:] != self.size:
            raise ValueError(
                f"this network draws {self.size[0]}x{self.size[1]}, not {image.shape[-2]}x{image.shape[-1]}: "
                "its fully connected layers are made for one size"
            )
        features = F.relu(self.stem(torch.cat([image, pose], dim=1)), inplace=True)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            features = block(features)
            skips.append(features)
            if level < len(self.down):
                features = F.relu(self.down[level](features))
        # Rows, columns, channels: the order in which the authors' weights read the map.
        code = self.to_code(features.permute(0, 2, 3, 1).flatten(1))
        features = self.from_code(code).unflatten(1, (*self.grid, -1)).permute(0, 3, 1, 2)
        for level, block in enumerate(self.decoder):
            features = block(torch.cat([features, skips.pop()], dim=1))
            if level < len(self.up):
                features = _doubled(F.relu(self.up[level](features), inplace=True))
        return self.output(features)


class DifferenceGenerator(nn.Module):
    """Stage II, "G2": coarse picture and the person's picture -> what must be added to the coarse picture.

    A fully convolutional U-net; it does not see the pose, which the coarse picture already has.

    Args:
        width: channels of the first level (128 in the paper); level i has i + 1 times as many.
        blocks: number of levels; blocks - 1 halvings (3 for 128x64, 4 for 256x256).
        finest_skip: whether the level of full resolution has a skip connection; the authors' Market-1501 network lacks it.
    """

    def __init__(self, width: int = 128, blocks: int = 3, finest_skip: bool = True) -> None:
        super().__init__()
        widths = [width * (level + 1) for level in range(blocks)]
        self.finest_skip = finest_skip
        self.stem = nn.Conv2d(6, width, 3, padding=1)
        self.encoder = nn.ModuleList(
            Convolutions(incoming, features) for incoming, features in zip([width, *widths[:-1]], widths, strict=True)
        )
        self.down = nn.ModuleList(SameConv2d(features, features, 3, stride=2) for features in widths[:-1])
        self.decoder = nn.ModuleList()  # from the deepest level up
        incoming = widths[-1]
        for level in reversed(range(blocks)):
            skipped = widths[level] if level or finest_skip else 0
            self.decoder.append(Convolutions(incoming + skipped, width))
            incoming = width
        self.output = nn.Conv2d(width, 3, 3, padding=1)
        self.apply(_initialize)

    def forward(self, coarse: Tensor, image: Tensor) -> Tensor:
        """(B, 3, H, W) coarse picture and (B, 3, H, W) picture of the person -> (B, 3, H, W) difference map, linear.

        Raises:
            ValueError: when height or width is not a multiple of 2**(blocks - 1).
        """
        height, width = image.shape[-2:]
        step = 2 ** len(self.down)
        if height % step or width % step:
            raise ValueError(
                f"a difference generator with {len(self.encoder)} blocks needs height and width in multiples of {step}, "
                f"not {height}x{width}"
            )
        features = F.relu(self.stem(torch.cat([coarse, image], dim=1)), inplace=True)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            features = block(features)
            skips.append(features)
            if level < len(self.down):
                features = F.relu(self.down[level](features))
        for level, block in enumerate(self.decoder):
            features = _doubled(features) if level else features
            skip = skips.pop()
            features = block(torch.cat([features, skip], dim=1) if skips or self.finest_skip else features)
        return self.output(features)


def _doubled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="nearest")


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
