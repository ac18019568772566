"""The networks of Disentangled PIG (CVPR 2018): from pictures and poses to codes and back, and from noise to codes.

Authors' code: `models.py`, `wgan_gp.py`. Their critic of pictures is `fashiongen.layers.dcgan.DCGANCritic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.region_crop import region_crop
from fashiongen.layers.same_convolution import SameConv2d

JOINTS = 18
REGIONS = ("head", "upper_body", "legs", "left_arm", "right_arm", "left_leg", "right_leg")
"""The regions of interest, in the order of their codes: the first seven of `fashiongen.layers.part_boxes.PARTS`."""
_SLOPE = 0.2


# ------------------------------------------------------------------------------------------------------------ pictures
class ResidualConvolutions(nn.Module):
    """Two 3x3 convolutions, each followed by ReLU, and the input added to what comes out: (B, C, H, W) of the same shape."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        return input + F.relu(self.second(F.relu(self.first(input), inplace=True)), inplace=True)


class Trunk(nn.Module):
    """Feature map -> one code: levels of residual convolutions with halvings between them, then a linear layer over all places.

    Args:
        size: height and width of the map. Another size does as well when its halvings end at the same one.
        width: channels of the map; level i has i + 1 times as many.
        levels: number of levels; levels - 1 halvings, each rounded up.
        code: length of the code.
    """

    def __init__(self, size: tuple[int, int], width: int, levels: int, code: int) -> None:
        super().__init__()
        widths = [width * (level + 1) for level in range(levels)]
        self.blocks = nn.ModuleList(map(ResidualConvolutions, widths))
        self.down = nn.ModuleList(SameConv2d(fine, coarse, 3, stride=2) for fine, coarse in pairwise(widths))
        cells = 1
        for length in size:
            cells *= -(-length // 2 ** (levels - 1))
        self.to_code = nn.Linear(cells * widths[-1], code)

    def forward(self, features: Tensor) -> Tensor:
        """(B, `width`, H, W) -> (B, `code`), linear."""
        for level, block in enumerate(self.blocks):
            features = block(F.relu(self.down[level - 1](features), inplace=True) if level else features)
        return self.to_code(_rows_columns_channels(features))


class AppearanceEncoder(nn.Module):
    """Picture and where its parts are -> the code of the foreground, region by region, and that of the background.

    A stem at full resolution serves both. Features on the body, cut into regions of interest, go through one trunk; features
    beside the body go through another. The mask lies on features, not on the picture: they have seen two pixels further.

    Args:
        size: height and width of the pictures.
        width: channels of the stem and of the first levels (128 in the paper).
        levels: of both trunks (5 for 128x64, 7 for 256x256).
        region_size: side of the regions of interest, pixels (48 for 128x64, 64 for 256x256).
        region_code: numbers a region (32).
        background_code: numbers of the background (128); 0 leaves out both the background and the mask.
    """

    def __init__(
        self, size: tuple[int, int], width: int, levels: int, region_size: int, region_code: int = 32, background_code: int = 128
    ) -> None:
        super().__init__()
        self.region_size = region_size
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.features = ResidualConvolutions(width)
        self.foreground = Trunk((region_size, region_size), width, levels, region_code)
        self.background = Trunk(size, width, levels, background_code) if background_code else None
        self.apply(initialize)

    def forward(
        self,
        image: Tensor,
        boxes: Tensor,
        visible: Tensor | None,
        mask: Tensor,
        region_size: int | None = None,
        hidden: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Encode pictures.

        Args:
            image: (B, 3, H, W) in [-1, 1].
            boxes: (B, N, 4) y1, x1, y2, x2 of the regions of interest, pixels.
            visible: (B, N) which regions are seen; the codes of the others are 0. None keeps all.
            mask: (B, 1, H, W) in {0, 1}, where the body is; not looked at without a background.
            region_size: in place of the network's own, where the halvings end at the same size.
            hidden: (B, 1, H, W) in {0, 1}, what the code of the background must not see; the body by default.

        Returns:
            foreground (B, N * `region_code`), and background (B, `background_code`) or None.
        """
        features = self.features(F.relu(self.stem(image), inplace=True))
        body = features if self.background is None else features * mask
        regions = region_crop(body, boxes, region_size or self.region_size)
        codes = self.foreground(regions.flatten(0, 1)).unflatten(0, boxes.shape[:2])
        if visible is not None:
            codes = codes * visible[..., None].to(codes.dtype)
        beside = features * (1 - (mask if hidden is None else hidden))
        return codes.flatten(1), None if self.background is None else self.background(beside)


class Generator(nn.Module):
    """Codes of the appearance and maps of a pose -> a picture (the generator of PG2's first stage, the picture replaced by codes).

    The codes are laid on every pixel. A U-net of residual convolutions whose deepest level passes a fully connected bottleneck.
    The authors enlarge before the 1x1 convolutions of the decoder; here they come first, which gives the same values at a quarter
    of the work. The first convolution sees the codes once instead of on every pixel: away from the border all places look alike.

    Args:
        size: height and width of the pictures, which the fully connected layers must know.
        code: length of the codes, foreground and background together.
        width: channels of the first level (128 in the paper); level i has i + 1 times as many.
        bottleneck: length of the bottleneck vector (64 in the paper).
        levels: number of levels (5); levels - 1 halvings.
        modulated: scale and shift the features of every level of the decoder by linear functions of the codes. Not in paper or
            code, where all that codes say has to pass the `width` channels of the first convolution: 128 are enough, a few are not.
        channels: of the picture.

    Raises:
        ValueError: when the size is not a multiple of 2**(levels - 1).
    """

    def __init__(
        self,
        size: Sequence[int],
        code: int,
        width: int = 128,
        bottleneck: int = 64,
        levels: int = 5,
        modulated: bool = False,
        channels: int = 3,
    ) -> None:
        super().__init__()
        height, breadth = size
        step = 2 ** (levels - 1)
        if height % step or breadth % step:
            raise ValueError(
                f"a generator with {levels} levels needs height and width in multiples of {step}, not {height}x{breadth}; "
                "choose another size or fewer levels"
            )
        self.code = code
        self.grid = height // step, breadth // step
        widths = [width * (level + 1) for level in range(levels)]
        self.stem = nn.Conv2d(code + JOINTS, width, 3, padding=1)
        self.encoder = nn.ModuleList(map(ResidualConvolutions, widths))
        self.down = nn.ModuleList(SameConv2d(fine, coarse, 3, stride=2) for fine, coarse in pairwise(widths))
        cells = self.grid[0] * self.grid[1]
        self.to_code = nn.Linear(cells * widths[-1], bottleneck)
        self.from_code = nn.Linear(bottleneck, cells * width)
        self.decoder = nn.ModuleList()  # from the deepest level up
        self.up = nn.ModuleList()
        self.modulation = nn.ModuleList()
        incoming = width
        for features in reversed(widths):
            joined = incoming + features
            self.decoder.append(ResidualConvolutions(joined))
            if modulated:
                self.modulation.append(nn.Linear(code, 2 * joined))
            incoming = features - width
            if incoming:
                self.up.append(nn.Conv2d(joined, incoming, 1))
        self.output = nn.Conv2d(joined, channels, 3, padding=1)
        self.apply(initialize)
        for parameter in self.modulation.parameters():
            nn.init.zeros_(parameter)

    def forward(self, codes: Tensor, pose: Tensor) -> Tensor:
        """Draw pictures.

        Args:
            codes: (B, `code`) foreground, then background.
            pose: (B, 18, H, W) in {-1, 1}, see `fashiongen.layers.pose_disks`.

        Returns:
            (B, `channels`, H, W), linear: trained towards [-1, 1], not confined to it.
        """
        features = F.relu(self._first(codes, pose), inplace=True)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            features = block(F.relu(self.down[level - 1](features), inplace=True) if level else features)
            skips.append(features)
        vector = self.from_code(self.to_code(_rows_columns_channels(features)))
        features = vector.unflatten(1, (*self.grid, -1)).permute(0, 3, 1, 2)
        for level, block in enumerate(self.decoder):
            features = block(torch.cat([features, skips.pop()], dim=1))
            if self.modulation:
                scale, shift = self.modulation[level](codes)[:, :, None, None].chunk(2, dim=1)
                features = features * (1 + scale) + shift
            if level < len(self.up):
                features = F.interpolate(F.relu(self.up[level](features), inplace=True), scale_factor=2, mode="nearest")
        return self.output(features)

    def _first(self, codes: Tensor, pose: Tensor) -> Tensor:
        """The convolution over codes on every pixel and pose maps; a map of 3x3 pixels holds all that a constant one can give."""
        from_codes, from_pose = self.stem.weight.split([self.code, JOINTS], dim=1)
        corners = F.conv2d(codes[:, :, None, None].expand(-1, -1, 3, 3), from_codes, self.stem.bias, padding=1)
        rows, columns = (_border_middle_border(length, codes.device) for length in pose.shape[-2:])
        return F.conv2d(pose, from_pose, padding=1) + corners[:, :, rows[:, None], columns]


def _border_middle_border(length: int, device: torch.device) -> Tensor:
    """0, 1, 1, ..., 1, 2."""
    places = torch.arange(length, device=device)
    return (places > 0).long() + (places == length - 1).long()


# ------------------------------------------------------------------------------------------------------------ vectors
class ResidualLayers(nn.Module):
    """Pairs of linear layers with leaky ReLU, the input of each pair added to its output: (B, `features`) of the same shape.

    Args:
        features: numbers of a vector.
        pairs: number of pairs.
    """

    def __init__(self, features: int, pairs: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(features, features) for _ in range(2 * pairs))

    def forward(self, input: Tensor) -> Tensor:
        for first, second in zip(self.layers[::2], self.layers[1::2], strict=True):
            input = input + F.leaky_relu(second(F.leaky_relu(first(input), _SLOPE)), _SLOPE)
        return input


class VectorEncoder(nn.Module):
    """A vector -> another, linear at the end: noise to codes (authors' `GaussianFCRes`), poses to codes (`G_Pose_Encoder`).

    Args:
        incoming: numbers of the input.
        hidden: numbers of the layers between (512 in the paper, 256 for the background).
        outgoing: numbers of the output.
    """

    def __init__(self, incoming: int, hidden: int, outgoing: int) -> None:
        super().__init__()
        self.input = nn.Linear(incoming, hidden)
        self.residual = ResidualLayers(hidden)
        self.output = nn.Linear(hidden, outgoing)
        self.apply(initialize)

    def forward(self, vector: Tensor) -> Tensor:
        """(B, ..., `incoming`) -> (B, ..., `outgoing`)."""
        return self.output(self.residual(F.leaky_relu(self.input(vector), _SLOPE)))


class PoseDecoder(nn.Module):
    """Code of a pose -> joints (authors' `G_Pose_Decoder`).

    Args:
        code: length of the code (32).
        hidden: numbers of the layers between (512).
    """

    def __init__(self, code: int, hidden: int) -> None:
        super().__init__()
        self.input = nn.Linear(code, hidden)
        self.residual = ResidualLayers(hidden)
        self.places = nn.Linear(hidden, 2 * JOINTS)
        self.visibility = nn.Linear(hidden, JOINTS)
        self.apply(initialize)

    def forward(self, code: Tensor) -> Tensor:
        """Decode poses.

        Args:
            code: (B, `code`).

        Returns:
            (B, 18, 3) row, column and visibility as `fashiongen.models.disentangled_pig.representation.normalized_pose` has them:
            places linear, visibility in {0, 1}, whose rounding lets gradients pass.
        """
        features = self.residual(self.input(code))
        places = self.places(features).unflatten(-1, (JOINTS, 2))
        seen = torch.sigmoid(self.visibility(features))[..., None]
        return torch.cat([places, seen.round().detach() + (seen - seen.detach())], dim=-1)


class CodeCritic(nn.Module):
    """Code -> how real it looks (authors' `FCDiscriminator`).

    Args:
        code: length of the codes.
        hidden: numbers of the layers between (512).
    """

    def __init__(self, code: int, hidden: int) -> None:
        super().__init__()
        layers = [nn.Linear(incoming, hidden) for incoming in (code, hidden, hidden, hidden)]
        self.layers = nn.ModuleList(layers)
        self.output = nn.Linear(hidden, 1)
        self.apply(initialize)
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")

    def forward(self, codes: Tensor) -> Tensor:
        """(B, `code`) -> (B,) scores."""
        for layer in self.layers:
            codes = F.leaky_relu(layer(codes), _SLOPE)
        return self.output(codes).squeeze(-1)


def _rows_columns_channels(features: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H * W * C), the order in which the authors' fully connected weights read a map."""
    return features.permute(0, 2, 3, 1).flatten(1)


def initialize(module: nn.Module) -> None:
    """Weights as the authors' code draws them, for `nn.Module.apply`."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
