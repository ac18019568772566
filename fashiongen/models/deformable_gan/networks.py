"""Generator and discriminators of Deformable GAN (CVPR 2018, section 3.1).

Authors' code: `pose_transform.py`, `conditional_gan.py`, and the blocks of their `gan` package.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.deformable_skip import deformable_skip
from fashiongen.layers.sample_norm import SampleNorm
from fashiongen.layers.spatial_transformer import spatial_transformer

WARP_SKIPS = ("none", "full", "mask", "stn")
DISCRIMINATORS = ("call", "sim", "warp")
POSE_CHANNELS = 18
WARPED_LEVELS = 4
"""Skips of this many finest levels are warped; the coarser ones are passed on as they are."""
_DECODER_LEVELS_WITH_DROPOUT = 3
_SMALLEST_JUDGED = 34  # five halvings, the first without padding


class Encoder(nn.Module):
    """A 3x3 convolution, then halvings by 4x4 convolutions; activations come first in a block, so its output is signed.

    Args:
        channels: of the input.
        width: channels of the first level, doubled a level up to eight times this.
        levels: number of levels; levels - 1 halvings.
    """

    def __init__(self, channels: int, width: int, levels: int) -> None:
        super().__init__()
        widths = _widths(width, levels)
        self.stem = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            _down(incoming, features, normalized=level < levels - 2) for level, (incoming, features) in enumerate(pairwise(widths))
        )

    def forward(self, input: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> feature maps, finest first: (B, width, H, W), (B, 2*width, H/2, W/2), ..."""
        features = [self.stem(input)]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features


class Decoder(nn.Module):
    """Doublings by transposed 4x4 convolutions from the deepest skip up, each followed by the skip of its level.

    Args:
        skips: channels of the skips, finest first.
        width: as of the encoder.
        dropout: probability of dropping a value of the three deepest levels, in training.
        channels: of the output.
    """

    def __init__(self, skips: list[int], width: int, dropout: float, channels: int = 3) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        incoming = 0
        for level in range(len(skips) - 1, 0, -1):
            features = width * min(2**level, 8)
            block = nn.Sequential(
                nn.ReLU(),
                nn.ConvTranspose2d(incoming + skips[level], features, 4, stride=2, padding=1, bias=False),
                SampleNorm(),
            )
            if len(self.blocks) < _DECODER_LEVELS_WITH_DROPOUT:
                block.append(nn.Dropout(dropout))
            self.blocks.append(block)
            incoming = features
        self.output = nn.Conv2d(incoming + skips[0], channels, 3, padding=1)

    def forward(self, skips: list[Tensor]) -> Tensor:
        """Skips, finest first -> (B, `channels`, H, W) in [-1, 1]."""
        *skips, features = skips
        for block in self.blocks:
            features = torch.cat([block(features), skips.pop()], dim=1)
        return torch.tanh(self.output(F.relu(features)))


class Generator(nn.Module):
    """Picture and pose of a person, and another pose -> the person in that pose.

    Args:
        warp_skip: how skips of the finest four levels follow the pose. "none": one encoder sees everything and nothing is
            moved (the paper's baseline). With the others one encoder sees the person, one the target pose, and the person's
            features are moved: "mask" by ten part transforms, each within its part's region (the paper's deformable skip);
            "full" by one transform of the whole body; "stn" by a spatial transformer that reads both poses (the default of
            the authors' command line, not in the paper).
        width: channels of the first level (64 in the paper).
        levels: number of levels: 6 in the paper for 128x64, 7 for 256x256.
        source_channels: channels of the person's input: picture 3, and source pose 18 unless it is left out.
        target_channels: channels of the target's input: pose 18, with a background picture 21.
        dropout: see `Decoder`.
        aggregation: how the parts are joined, "max" or "avg"; see `fashiongen.layers.deformable_skip`.
        interpolation: "nearest" as the authors, or "bilinear".
        warp_gradient: "tensorflow" as the authors (with "nearest"), or "exact".
        patch: side of the squares of pixels that enter and leave side by side as channels (ours; 1 in the paper): the finest level
            is then smaller by this, which saves most of the work.

    Raises:
        ValueError: for an unknown `warp_skip`, or fewer than three levels.
    """

    def __init__(
        self,
        warp_skip: str = "mask",
        width: int = 64,
        levels: int = 6,
        source_channels: int = 3 + POSE_CHANNELS,
        target_channels: int = POSE_CHANNELS,
        dropout: float = 0.5,
        aggregation: str = "max",
        interpolation: str = "bilinear",
        warp_gradient: str = "exact",
        patch: int = 1,
    ) -> None:
        super().__init__()
        if warp_skip not in WARP_SKIPS:
            raise ValueError(f"warp_skip is one of {', '.join(WARP_SKIPS)}, not {warp_skip!r}")
        if levels < 3:
            raise ValueError(f"the generator needs at least 3 levels, not {levels}")
        self.warp_skip = warp_skip
        self.levels = levels
        self.aggregation = aggregation
        self.interpolation = interpolation
        self.warp_gradient = warp_gradient
        self.patch = patch
        source_channels, target_channels = (patch**2 * channels for channels in (source_channels, target_channels))
        streams = 1 if warp_skip == "none" else 2
        if warp_skip == "none":
            self.encoder = Encoder(source_channels + target_channels, width, levels)
        else:
            self.source_encoder = Encoder(source_channels, width, levels)
            self.target_encoder = Encoder(target_channels, width, levels)
        self.decoder = Decoder([streams * features for features in _widths(width, levels)], width, dropout, 3 * patch**2)
        self.apply(_initialize)
        if warp_skip == "stn":
            self.localization = Localization()

    def forward(
        self,
        source: Tensor,
        target: Tensor,
        transforms: Tensor | None = None,
        masks: Tensor | None = None,
        joints: Tensor | None = None,
    ) -> Tensor:
        """Paint the person in the target pose.

        Args:
            source: (B, `source_channels`, H, W) picture in [-1, 1] and maps of the source pose.
            target: (B, `target_channels`, H, W) maps of the target pose, with a background picture behind them if asked for.
            transforms: (B, 10, 8) with "mask", (B, 1, 8) with "full".
            masks: (B, 10, H, W) bool, with "mask".
            joints: (B, 72) with "stn": (y, x) of the 18 source joints, then of the target's, in pixel indices, -1 if missing.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the size is not a multiple of `patch` * 2**(levels - 1), or what the mode needs is not given.
        """
        height, width = source.shape[-2:]
        step = self.patch * 2 ** (self.levels - 1)
        if height % step or width % step:
            raise ValueError(
                f"a generator with {self.levels} levels and patches of {self.patch} needs height and width in multiples of {step}, "
                f"not {height}x{width}; choose another size or fewer levels"
            )
        source, target = (F.pixel_unshuffle(each, self.patch) for each in (source, target))
        if self.warp_skip == "none":
            skips = self.encoder(torch.cat([source, target], dim=1))
        else:
            appearance = self.source_encoder(source)
            appearance[:WARPED_LEVELS] = self.warp(appearance[:WARPED_LEVELS], transforms, masks, joints)
            skips = [torch.cat(pair, dim=1) for pair in zip(appearance, self.target_encoder(target), strict=True)]
        return F.pixel_shuffle(self.decoder(skips), self.patch)

    def warp(
        self, features: list[Tensor], transforms: Tensor | None = None, masks: Tensor | None = None, joints: Tensor | None = None
    ) -> list[Tensor]:
        """Move feature maps, finest first, from the source to the target pose; arguments as in `forward`."""
        if self.warp_skip == "stn":
            theta = self.localization(_given(joints, "joints"))
            return [spatial_transformer(level, theta) for level in features]
        transforms = _given(transforms, "transforms")
        masks = _given(masks, "masks") if self.warp_skip == "mask" else None
        size = (self.patch * features[0].shape[-2], self.patch * features[0].shape[-1])
        return [
            deformable_skip(level, transforms, masks, size, self.aggregation, self.interpolation, self.warp_gradient)
            for level in features
        ]


class Localization(nn.Module):
    """Both poses -> one affine map; starts as the identity."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(32, 6)
        self.layers = nn.Sequential(nn.Linear(4 * POSE_CHANNELS, 64), nn.LeakyReLU(0.2), nn.Linear(64, 32), nn.LeakyReLU(0.2), last)
        self.layers.apply(_initialize)
        nn.init.zeros_(last.weight)
        last.bias.data.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, joints: Tensor) -> Tensor:
        """(B, 72) -> (B, 2, 3)."""
        features = joints
        for layer in self.layers:
            features = _linear_in_order(layer, features) if isinstance(layer, nn.Linear) else layer(features)
        return features.unflatten(1, (2, 3))


class Discriminator(nn.Module):
    """Are these two pictures, in these two poses, the same real person?

    Its first convolution has no padding, so that 128x64 gives 3 patches, 256x256 gives 49.

    Args:
        kind: "call", the paper's: all inputs side by side, one logit a patch. "sim": source and target pass one trunk of the
            same weights and a linear layer compares them, one logit a picture. "warp": the source's first features are moved
            to the target pose by the deformable skip.
        width: channels of the first level (64 in the paper).
        pose_channels: channels of a pose.
        background: whether a background picture is given.
        size: height and width, which "sim" must know.
        interpolation: as in `Generator`, for "warp".
        warp_gradient: as in `Generator`, for "warp".

    Raises:
        ValueError: for an unknown kind.
    """

    def __init__(
        self,
        kind: str = "call",
        width: int = 64,
        pose_channels: int = POSE_CHANNELS,
        background: bool = False,
        size: tuple[int, int] = (128, 64),
        interpolation: str = "bilinear",
        warp_gradient: str = "exact",
    ) -> None:
        super().__init__()
        if kind not in DISCRIMINATORS:
            raise ValueError(f"kind is one of {', '.join(DISCRIMINATORS)}, not {kind!r}")
        if background and kind != "call":
            raise ValueError(f"only the 'call' discriminator sees a background, not {kind!r}")
        self.kind = kind
        self.interpolation = interpolation
        self.warp_gradient = warp_gradient
        pair = 3 + pose_channels
        incoming = {"call": 2 * pair + 3 * background, "sim": pair, "warp": pair}[kind]
        self.stem = nn.Conv2d(incoming, width, 4, stride=2)
        if kind == "warp":
            self.target_stem = nn.Conv2d(incoming, width, 4, stride=2)
        self.blocks = nn.Sequential(
            _down(width * (2 if kind == "warp" else 1), 2 * width), _down(2 * width, 4 * width), _down(4 * width, 8 * width)
        )
        self.output: nn.Module
        if kind == "sim":
            places = [((length - 4) // 2 + 1) // 8 for length in size]
            self.output = nn.Linear(2 * 8 * width * places[0] * places[1], 1)
        else:
            self.output = _down(8 * width, 1, normalized=False)
        self.apply(_initialize)

    def forward(
        self,
        source_image: Tensor,
        source_pose: Tensor,
        target_image: Tensor,
        target_pose: Tensor,
        background: Tensor | None = None,
        transforms: Tensor | None = None,
        masks: Tensor | None = None,
    ) -> Tensor:
        """Judge `target_image`.

        Args:
            source_image: (B, 3, H, W) in [-1, 1].
            source_pose: (B, `pose_channels`, H, W).
            target_image: (B, 3, H, W), a real picture or a generated one.
            target_pose: (B, `pose_channels`, H, W).
            background: (B, 3, H, W), if the discriminator was made for one.
            transforms: (B, 10, 8), for "warp".
            masks: (B, 10, H, W) bool, for "warp".

        Returns:
            (B, patches) logits; (B, 1) with "sim".

        Raises:
            ValueError: when the pictures are too small, or what the kind needs is not given.
        """
        if min(target_image.shape[-2:]) < _SMALLEST_JUDGED:
            height, width = target_image.shape[-2:]
            raise ValueError(f"the discriminator needs pictures of at least {_SMALLEST_JUDGED} pixels a side, not {height}x{width}")
        source = torch.cat([source_image, source_pose], dim=1)
        target = torch.cat([target_image, target_pose], dim=1)
        if self.kind == "sim":
            compared = torch.cat([self.blocks(self.stem(target)), self.blocks(self.stem(source))], dim=1)
            # Channels last is the order of the authors' linear layer.
            return self.output(F.leaky_relu(compared, 0.2).permute(0, 2, 3, 1).flatten(1))
        if self.kind == "warp":
            features = torch.cat([self.target_stem(target), self.warp(source, transforms, masks)], dim=1)
        else:
            features = self.stem(torch.cat([source, target] + ([] if background is None else [background]), dim=1))
        return self.output(self.blocks(features)).flatten(1)

    def warp(self, source: Tensor, transforms: Tensor | None, masks: Tensor | None) -> Tensor:
        """First features of the source (B, 3 + pose, H, W), moved to the target pose."""
        size = (source.shape[-2], source.shape[-1])
        return deformable_skip(
            self.stem(source),
            _given(transforms, "transforms"),
            _given(masks, "masks"),
            size,
            interpolation=self.interpolation,
            gradient=self.warp_gradient,
        )


def _widths(width: int, levels: int) -> list[int]:
    return [width * min(2**level, 8) for level in range(levels)]


def _down(incoming: int, features: int, normalized: bool = True) -> nn.Sequential:
    convolution = nn.Conv2d(incoming, features, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(nn.LeakyReLU(0.2), convolution, *([SampleNorm()] if normalized else []))


def _linear_in_order(layer: nn.Linear, input: Tensor) -> Tensor:
    """The linear layer, its inputs added up from first to last without fused operations, as TensorFlow 1 did.

    Raw pixel positions go in, hundreds of times larger than the map that comes out: another order moves the sampled features
    by more than the rest of the network rounds.
    """
    total = torch.zeros_like(layer.bias).expand(input.shape[0], -1)
    for column, weights in zip(input.unbind(1), layer.weight.unbind(1), strict=True):
        total = total + column[:, None] * weights
    return total + layer.bias


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _given(tensor: Tensor | None, name: str) -> Tensor:
    if tensor is None:
        raise ValueError(f"this network moves features from pose to pose and needs {name}")
    return tensor
