"""Generators and discriminators of CAGAN (ICCV workshops 2017) that see small copies of their inputs at every depth.

The authors published no code. `KerasGenerator` and the defaults of `PatchDiscriminator` are those of the best-known
re-implementation, `shaoanlu/Conditional-Analogy-GAN-keras` (`CAGAN.ipynb`); `PaperGenerator` has the sizes of the paper's figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.compositor import composite
from fashiongen.layers.same_convolution import SameConv2d

Condition = Literal["worn", "target", "none"]
Norm = Literal["instance", "batch"]
Relation = Literal["matched", "generated", "mismatched"]
RELATIONS: tuple[Relation, ...] = ("matched", "generated", "mismatched")
CONDITION_CHANNELS = 6
KERAS_EPS = 1.01e-5
_SMALLEST_VARIANCE = 1e-20  # the square root has no finite slope at zero


class Swap(NamedTuple):
    """What a generator makes of a person.

    Attributes:
        alpha: (B, 1, H, W) in (0, 1), where the person is painted over.
        image: (B, 3, H, W) in (-1, 1), what is painted.
    """

    alpha: Tensor
    image: Tensor

    def over(self, person: Tensor) -> Tensor:
        """The composite over pictures (B, 3, H, W) in [-1, 1]."""
        return composite(self.image, person, self.alpha)


class InstanceNorm2d(nn.Module):
    """keras-contrib's `InstanceNormalization(axis=-1)`: y = weight * (x - mean) / (std + eps) + bias for each picture and channel.

    Unlike PyTorch's, eps is added to the (population) standard deviation, not to the variance. No running statistics.

    Args:
        channels: C.
        eps: added to the standard deviation.
    """

    def __init__(self, channels: int, eps: float = KERAS_EPS) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W); the statistics are float32 at least."""
        exact = input if input.dtype == torch.float64 else input.float()
        variance, mean = torch.var_mean(exact, dim=(2, 3), correction=0, keepdim=True)
        scale = self.weight[:, None, None] / (variance.clamp(min=_SMALLEST_VARIANCE).sqrt() + self.eps)
        return torch.addcmul(self.bias[:, None, None] - mean * scale, exact, scale).to(input.dtype)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


def make_norm(kind: Norm, channels: int) -> nn.Module:
    """Normalisation of a generator: of each picture alone, or always by the statistics of the batch."""
    return InstanceNorm2d(channels) if kind == "instance" else nn.BatchNorm2d(channels, KERAS_EPS, track_running_stats=False)


def condition_pictures(condition: Condition, person: Tensor, worn: Tensor, target: Tensor) -> Tensor:
    """(B, 6, H, W): the pictures whose small copies are given to every layer; (B, 0, H, W) for "none"."""
    if condition == "none":
        return person[:, :0]
    return torch.cat([person, worn if condition == "worn" else target], dim=1)


def pooled(pictures: Tensor, factor: int) -> Tensor:
    """Average over squares of `factor` pixels: (B, C, H, W) -> (B, C, H / factor, W / factor)."""
    return F.avg_pool2d(pictures, factor) if pictures.shape[1] else pictures[:, :, ::factor, ::factor]


def split(features: Tensor) -> Swap:
    """(B, 4, H, W) linear -> alpha through the sigmoid, which comes first, and the picture through tanh."""
    return Swap(torch.sigmoid(features[:, :1]), torch.tanh(features[:, 1:]))


def check_size(size: Sequence[int], step: int, smallest: int, profile: str) -> None:
    """Refuse sizes at which the padding would differ from the published code's, or a discriminator would see nothing.

    Raises:
        ValueError: when height or width is no multiple of `step`, or below `smallest`.
    """
    height, width = size
    if height % step or width % step or min(height, width) < smallest:
        raise ValueError(
            f"the {profile} networks need height and width in multiples of {step}, at least {smallest}, not {height}x{width}"
        )


class KerasGenerator(nn.Module):
    """A U-net of four halvings; every layer sees the person and one garment again, made smaller by averaging.

    Skips lead from the second and third level, before their activation. No convolution has a bias.

    Args:
        width: channels of the first level (64 in the original), doubled a level; even.
        condition: which garment the copies show beside the person: the one that is "worn" (`CAGAN.ipynb`) or the "target", or
            "none" for no copies.
        norm: "instance", or "batch" (the original's `use_instancenorm=False`).
    """

    sizes: ClassVar[tuple[int, int, str]] = (16, 32, "keras")

    def __init__(self, width: int = 64, condition: Condition = "worn", norm: Norm = "instance") -> None:
        super().__init__()
        self.condition: Condition = condition
        extra = 0 if condition == "none" else CONDITION_CHANNELS
        widths = [width, 2 * width, 4 * width, 8 * width]
        incoming = [9, *(features + extra for features in widths[:-1])]
        self.encoder = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False) for before, after in zip(incoming, widths, strict=True)
        )
        self.encoder_norms = nn.ModuleList(make_norm(norm, features) for features in widths[1:])
        before_each = [8 * width + extra, 8 * width + extra, 4 * width + extra, width + extra]
        after_each = [4 * width, 2 * width, width, width // 2]
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            for before, after in zip(before_each, after_each, strict=True)
        )
        self.decoder_norms = nn.ModuleList(make_norm(norm, features) for features in after_each)
        self.output = SameConv2d(width // 2, 4, 4, bias=False)
        self.apply(initialize)

    def forward(self, person: Tensor, worn: Tensor, target: Tensor, back: bool = False) -> tuple[Swap]:
        """Put garments on people in place of those that they wear.

        Args:
            person: (B, 3, H, W) in [-1, 1], as worn and target.
            worn: the garment that the person wears.
            target: the garment that the person is to wear.
            back: whether this is the pass that undoes a swap; nothing changes here.

        Raises:
            ValueError: when height or width is no multiple of 16, or below 32.
        """
        check_size(person.shape[-2:], *self.sizes)
        pictures = condition_pictures(self.condition, person, worn, target)
        copies = [pooled(pictures, 2**level) for level in range(1, 5)]
        features = torch.cat([person, worn, target], dim=1)
        skips = []
        for level, convolution in enumerate(self.encoder):
            features = convolution(features)
            if level:
                features = self.encoder_norms[level - 1](features)
                skips.append(features)
            features = torch.cat([F.leaky_relu(features, 0.2), copies[level]], dim=1)
        for level in (2, 1):
            features = self.decoder_norms[2 - level](self.decoder[2 - level](features))
            features = torch.cat([F.relu(torch.cat([features, skips[level - 1]], dim=1)), copies[level]], dim=1)
        features = torch.cat([F.relu(self.decoder_norms[2](self.decoder[2](features))), copies[0]], dim=1)
        # The original applies ReLU to the whole, which also clips the copies of the pictures at mid-grey.
        features = self.decoder_norms[3](self.decoder[3](F.relu(features)))
        return (split(self.output(features)),)


class PaperGenerator(nn.Module):
    """The generator of the paper's figure: four halvings, three skips, nothing after the last doubling.

    The last six channels of every layer between are copies of the inputs, *within* the width that the figure states. What the paper
    leaves open (kernels, normalisation, activations, where a skip starts) is as in `KerasGenerator`.

    Args:
        width: channels of the first level (64 in the paper), doubled a level.
        condition, norm: see `KerasGenerator`.

    Raises:
        ValueError: when `width` leaves no room for the copies.
    """

    sizes: ClassVar[tuple[int, int, str]] = (16, 32, "paper")

    def __init__(self, width: int = 64, condition: Condition = "worn", norm: Norm = "instance") -> None:
        super().__init__()
        extra = 0 if condition == "none" else CONDITION_CHANNELS
        if width <= extra:
            raise ValueError(f"the paper's layers hold {extra} copied channels, so width is more than {extra}, not {width}")
        self.condition: Condition = condition
        widths = [width, 2 * width, 4 * width, 8 * width]
        self.encoder = nn.ModuleList(
            nn.Conv2d(before, after - extra, 4, stride=2, padding=1, bias=False)
            for before, after in zip([9, *widths], widths, strict=False)
        )
        self.encoder_norms = nn.ModuleList(make_norm(norm, features - extra) for features in widths[1:])
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            for before, after in zip([8 * width, 8 * width, 4 * width, 2 * width], [*widths[2::-1], 4], strict=True)
        )
        self.decoder_norms = nn.ModuleList(make_norm(norm, features) for features in widths[2::-1])
        self.apply(initialize)

    def forward(self, person: Tensor, worn: Tensor, target: Tensor, back: bool = False) -> tuple[Swap]:
        """As `KerasGenerator.forward`."""
        check_size(person.shape[-2:], *self.sizes)
        pictures = condition_pictures(self.condition, person, worn, target)
        features = torch.cat([person, worn, target], dim=1)
        skips = []
        for level, convolution in enumerate(self.encoder):
            features = convolution(features)
            if level:
                features = self.encoder_norms[level - 1](features)
            skips.append(features)
            features = torch.cat([F.leaky_relu(features, 0.2), pooled(pictures, 2 ** (level + 1))], dim=1)
        skips.pop()
        for convolution, norm in zip(self.decoder, self.decoder_norms, strict=False):
            features = F.relu(torch.cat([norm(convolution(features)), skips.pop()], dim=1))
            features = torch.cat([features, pooled(pictures, 2 ** (len(skips) + 1))], dim=1)
        return (split(self.decoder[-1](features)),)


class PatchDiscriminator(nn.Module):
    """Judges patch by patch whether a person wears a garment.

    Normalisation always uses the statistics of the batch: give each kind of pair in a call of its own.

    Args:
        width: channels of the first level, doubled a level up to eight times this.
        halvings: number of convolutions with stride 2.
        wide: one more convolution after them, with stride 1 and twice the channels (pix2pix).
        bias: whether the first and the last convolution have one.
        garment_first: order of the two pictures.
        eps: of the batch normalisation.
        shared_norm: one set of scales and shifts for all kinds of pair. Otherwise one for each kind, which is never trained: what
            became of `baseline_cagan.py`, whose variables are neither shared nor in any optimiser's list.
        condition: let the last six channels of every halving be small copies of the two pictures, as the paper says.
        noise: standard deviation of noise on the pictures, in training.
    """

    def __init__(
        self,
        width: int = 64,
        halvings: int = 3,
        wide: bool = True,
        bias: bool = True,
        garment_first: bool = False,
        eps: float = KERAS_EPS,
        shared_norm: bool = True,
        condition: bool = False,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.halvings, self.garment_first, self.condition, self.noise = halvings, garment_first, condition, noise
        widths = [width * min(2**level, 8) for level in range(halvings + wide)]
        learned = [features - CONDITION_CHANNELS * (condition and level < halvings) for level, features in enumerate(widths)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2 if level < halvings else 1, padding=1, bias=bias and level == 0)
            for level, (before, after) in enumerate(zip([6, *widths], learned, strict=False))
        )
        self.output = nn.Conv2d(widths[-1], 1, 4, padding=1, bias=bias)
        kinds = ("all",) if shared_norm else RELATIONS
        self.norms = nn.ModuleDict(
            {
                kind: nn.ModuleList(nn.BatchNorm2d(features, eps, track_running_stats=False) for features in learned[1:])
                for kind in kinds
            }
        )
        self.apply(initialize)
        if not shared_norm:
            fix_scales(self.norms)

    def forward(self, person: Tensor, garment: Tensor, relation: Relation = "matched") -> Tensor:
        """Logits of B people beside B garments, (B, 3, H, W) each in [-1, 1].

        Args:
            person: (B, 3, H, W).
            garment: (B, 3, H, W).
            relation: which kind of pair these are: matters only where `shared_norm` is off.

        Returns:
            (B, 1, h, w), one a patch; sigmoid makes probabilities of them.
        """
        pictures = torch.cat([garment, person] if self.garment_first else [person, garment], dim=1)
        if self.training and self.noise:
            pictures = pictures + self.noise * torch.randn_like(pictures)
        norms = self.norms["all" if "all" in self.norms else relation]
        features = pictures
        for level, convolution in enumerate(self.convolutions):
            features = convolution(features)
            if level:
                features = norms[level - 1](features)  # type: ignore[index]
            features = F.leaky_relu(features, 0.2)
            if self.condition and level < self.halvings:
                features = torch.cat([features, pooled(pictures, 2 ** (level + 1))], dim=1)
        return self.output(features)


def fix_scales(network: nn.Module) -> None:
    """Make the scales and shifts of all normalisations inside buffers: they are saved and loaded, but never trained, and start
    neutral."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            neutral = {"weight": torch.ones(norm.num_features), "bias": torch.zeros(norm.num_features)}
            for name, values in neutral.items():
                delattr(norm, name)
                norm.register_buffer(name, values)


def initialize(module: nn.Module) -> None:
    """Kernels N(0, 0.02), scales of normalisations N(1, 0.02), biases and shifts 0."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, InstanceNorm2d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | InstanceNorm2d | nn.BatchNorm2d) and module.bias is not None:
        nn.init.zeros_(module.bias)
