"""The networks of ClothNet (ICCV 2017, section 4): sketches from codes, pictures from sketches.

Authors' code: `generation/experiments/config/template/model.py`. Their layers put the activation first: what a level stores, and
what skips carry, is the output of the normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.normalization import BatchNorm2d

Statistics = Literal["batch", "picture", "running"]
Dropout = Literal["always", "training", "never"]

STATISTICS: tuple[Statistics, ...] = ("batch", "picture", "running")
DROPOUT: tuple[Dropout, ...] = ("always", "training", "never")
_SLOPE = 0.2
_FOLLOWING = 0.01


class Normalization(BatchNorm2d):
    """Batch normalisation that says whose statistics it uses.

    Args:
        features: number of channels C.
        statistics: "batch": those of the current batch, always, as the authors' code: a result depends on what is computed beside
            it. "picture": of each picture alone, always, which is what batches of one give. "running": the usual kind, which in
            evaluation uses the running averages. These are kept up to date in every case.
    """

    def __init__(self, features: int, statistics: Statistics = "batch") -> None:
        super().__init__(features)
        self.statistics = statistics
        nn.init.normal_(self.weight, 1.0, 0.02)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if self.statistics == "picture":
            mean, variance = (self.running_mean, self.running_var) if self.training else (None, None)
            return torch.instance_norm(
                input, self.weight, self.bias, mean, variance, True, 1 - self.decay, self.eps, torch.backends.cudnn.enabled
            )
        if self.training or self.statistics == "running":
            return super().forward(input)
        return torch.batch_norm(input, self.weight, self.bias, None, None, True, 0.0, self.eps, torch.backends.cudnn.enabled)


class Level(nn.Module):
    """Activation, then a 4x4 convolution without bias that halves or doubles the size, then normalisation and dropout.

    Args:
        incoming: channels of the input.
        features: channels of the output.
        slope: of the activation for negative inputs: 0 is ReLU, None no activation.
        stride: of the convolution; 1 makes maps smaller by one pixel.
        up: doubles instead: a transposed convolution.
        statistics: of the normalisation; None leaves it out.
        dropout: when half of the outputs are dropped.
    """

    def __init__(
        self,
        incoming: int,
        features: int,
        slope: float | None = None,
        stride: int = 2,
        up: bool = False,
        statistics: Statistics | None = None,
        dropout: Dropout = "never",
    ) -> None:
        super().__init__()
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        self.slope = slope
        self.conv = kind(incoming, features, 4, stride, padding=1, bias=False)
        self.norm = nn.Identity() if statistics is None else Normalization(features, statistics)
        self.dropout = _Dropout(dropout)
        nn.init.normal_(self.conv.weight, 0.0, 0.02)

    def forward(self, input: Tensor) -> Tensor:
        """(B, `incoming`, H, W) -> (B, `features`, H', W')."""
        if self.slope is not None:
            input = F.leaky_relu(input, self.slope)
        return self.dropout(self.norm(self.conv(input)))


class _Dropout(nn.Module):
    def __init__(self, when: Dropout) -> None:
        super().__init__()
        self.when = when

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, 0.5, training=self.when == "always" or (self.when == "training" and self.training))


class Sketch(NamedTuple):
    """What a sketch module made of a batch.

    Attributes:
        logits: (B, K, H, W), before the sigmoid or softmax.
        mean, log_variance: (B, N) of the code's distribution.
        code: (B, N) what was drawn from it.
    """

    logits: Tensor
    mean: Tensor
    log_variance: Tensor
    code: Tensor


class SketchModule(nn.Module):
    """Variational auto-encoder of label maps (authors' `LSM`), on a given body if there are `body_classes` (their `CSM`).

    Encoder and decoder halve and double down to 2x2 and up from 1x1: the number of levels follows from the size. The body reaches
    the decoder through its own code alone; the encoder sees its first level, and its last.

    Training keeps running averages of the mean and the covariance of codes, which `sample_codes` may draw from.

    Args:
        size: height and width of the maps; a power of two, at least 8.
        width: channels of the first level (64 in the paper), doubled a level up to `growth` times this.
        code: length of the code N (32).
        classes: number of labels K (22).
        body_classes: number of body labels (7), or 0: sketches from nothing.
        growth: the authors' 8.
        statistics: of the normalisation, see `Normalization`.
        body_levels: which levels of the encoder see the body besides the dense layers: the "first" (released models), or "all"
            (authors' `cvae_noconn=False`).

    Raises:
        ValueError: when the size is no power of two.
    """

    code_mean: Tensor
    code_covariance: Tensor

    def __init__(
        self,
        size: int = 256,
        width: int = 64,
        code: int = 32,
        classes: int = 22,
        body_classes: int = 0,
        growth: int = 8,
        statistics: Statistics = "batch",
        body_levels: Literal["first", "all"] = "first",
    ) -> None:
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"a sketch module draws squares whose side is a power of two, at least 8, not {size}")
        self.size, self.code = size, code
        self.classes, self.body_classes = classes, body_classes
        self.body_levels = body_levels
        levels = size.bit_length() - 1
        widths = _widths(width, levels - 1, growth)
        deepest = widths[-1]
        down = partial(Level, slope=_SLOPE, statistics=statistics)
        self.encoder = nn.ModuleList([Level(classes, width)])
        for place, (fine, coarse) in enumerate(pairwise(widths)):
            self.encoder.append(down(fine * (2 if self._sees_body(place) else 1), coarse))
        if body_classes:
            self.body_encoder = nn.ModuleList([Level(body_classes, width)])
            self.body_encoder.extend(down(fine, coarse) for fine, coarse in pairwise(widths))
            self.body_encoder.append(Level(deepest, deepest, slope=_SLOPE))
        cells = 4 * deepest * (2 if body_classes else 1)
        self.mean, self.log_variance = (_dense(cells, code) for _ in range(2))
        self.decoder = nn.ModuleList([Level(code + (deepest if body_classes else 0), deepest, up=True, statistics=statistics)])
        for coarse, fine in pairwise([*reversed(widths)]):
            self.decoder.append(Level(coarse, fine, slope=0, up=True, statistics=statistics))
        self.decoder.append(Level(width, classes, slope=0, up=True))
        self.register_buffer("code_mean", torch.zeros(code))
        self.register_buffer("code_covariance", torch.eye(code))

    def _sees_body(self, place: int) -> bool:
        return self.body_classes > 0 and (place == 0 or self.body_levels == "all")

    def forward(self, labels: Tensor, body: Tensor | None = None, noise: Tensor | None = None) -> Sketch:
        """Code a label map and draw it again.

        Args:
            labels: (B, H, W) integer ids of sketches.
            body: (B, H, W) integer ids of body classes.
            noise: (B, N) standard normal, drawn when None.
        """
        levels = None if body is None else self.embed(body)
        mean, log_variance = self.encode(labels, levels)
        noise = torch.randn_like(mean) if noise is None else noise
        code = mean + (0.5 * log_variance).exp() * noise
        if self.training:
            self._follow(code.detach())
        return Sketch(self.decode(code, None if levels is None else levels[-1]), mean, log_variance, code)

    @torch.no_grad()
    def _follow(self, codes: Tensor) -> None:
        self.code_mean.lerp_(codes.mean(dim=0).to(self.code_mean), _FOLLOWING)
        apart = codes.to(self.code_mean) - self.code_mean
        self.code_covariance.lerp_((apart[:, :, None] * apart[:, None]).mean(dim=0), _FOLLOWING)

    def sample_codes(self, count: int, fitted: bool = False) -> Tensor:
        """Random codes, (`count`, N), from PyTorch's generator of the CPU.

        Args:
            count: how many.
            fitted: from the normal distribution with the mean and covariance that codes had at the end of training, not from the
                standard one. Codes of weights that were converted have no others.
        """
        noise = torch.randn(count, self.code).to(self.code_mean)
        if not fitted:
            return noise
        covariance = self.code_covariance.double()
        factor = torch.linalg.cholesky(covariance + 1e-4 * torch.eye(self.code, device=covariance.device, dtype=torch.float64))
        return self.code_mean + noise @ factor.T.to(noise)

    def embed(self, body: Tensor) -> list[Tensor]:
        """All levels of the body encoder; the last, (B, C, 1, 1), is the code of the body that `decode` takes.

        Args:
            body: (B, H, W) integer ids of body classes.

        Raises:
            ValueError: when the module knows no bodies, or for maps of another size.
        """
        if not self.body_classes:
            raise ValueError("this sketch module draws from nothing: it takes no body")
        features = one_hot(self._checked(body), self.body_classes, self.mean.weight.dtype)
        levels = []
        for level in self.body_encoder:
            features = level(features)
            levels.append(features)
        return levels

    def encode(self, labels: Tensor, body: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of codes, (B, N) each.

        Args:
            labels: (B, H, W) integer ids of sketches.
            body: what `embed` gave, for a module that knows bodies.

        Raises:
            ValueError: for a missing body, or maps of another size.
        """
        if self.body_classes and body is None:
            raise ValueError("this sketch module draws people on given bodies; pass body=")
        features = one_hot(self._checked(labels), self.classes, self.mean.weight.dtype)
        for place, level in enumerate(self.encoder):
            if place and body is not None and self._sees_body(place - 1):
                features = torch.cat([features, body[place - 1]], dim=1)
            features = level(features)
        if body is not None:
            features = torch.cat([features, body[len(self.encoder) - 1]], dim=1)
        flat = features.flatten(1)
        return self.mean(flat), self.log_variance(flat)

    def decode(self, code: Tensor, body: Tensor | None = None) -> Tensor:
        """Draw sketches.

        Args:
            code: (B, N).
            body: (B, C, 1, 1), the last level of `embed`.

        Returns:
            (B, K, H, W) logits.

        Raises:
            ValueError: for codes of another length, or a missing body.
        """
        if code.ndim != 2 or code.shape[1] != self.code:
            raise ValueError(f"codes of this sketch module are (B, {self.code}), not {tuple(code.shape)}")
        if self.body_classes and body is None:
            raise ValueError("this sketch module draws people on given bodies; pass body=")
        features = code[:, :, None, None]
        if body is not None:
            features = torch.cat([body, features], dim=1)
        for level in self.decoder:
            features = level(features)
        return features

    def _checked(self, maps: Tensor) -> Tensor:
        if maps.shape[-2:] != (self.size, self.size):
            raise ValueError(f"this sketch module works at {self.size}x{self.size}, not {maps.shape[-2]}x{maps.shape[-1]}")
        return maps


class Portrayer(nn.Module):
    """Sketch -> picture: the U-net of pix2pix down to 1x1, whose last level has no skip (authors' `portray`).

    Args:
        incoming: channels of the input.
        levels: halvings (8 in the paper, for 256x256).
        width: channels of the first level (64).
        growth: the deepest levels have `growth` times as many (8).
        statistics: of the normalisation. The authors train and run with batches of one: "picture".
        dropout: in the three deepest levels of the decoder. The authors leave it on always: it is the only noise.
        finest_skip: give the last level the first level of the encoder too, as pix2pix does.
    """

    def __init__(
        self,
        incoming: int = 3,
        levels: int = 8,
        width: int = 64,
        growth: int = 8,
        statistics: Statistics = "picture",
        dropout: Dropout = "always",
        finest_skip: bool = False,
    ) -> None:
        super().__init__()
        self.finest_skip = finest_skip
        widths = _widths(width, levels, growth)
        self.encoder = nn.ModuleList([Level(incoming, width)])
        for place, (fine, coarse) in enumerate(pairwise(widths), 2):
            self.encoder.append(Level(fine, coarse, slope=_SLOPE, statistics=statistics if place < levels else None))
        self.decoder = nn.ModuleList()
        joined = widths[-1]
        for place, features in enumerate(reversed(widths[:-1])):
            drop: Dropout = dropout if place < 3 else "never"
            self.decoder.append(Level(joined, features, slope=0, up=True, statistics=statistics, dropout=drop))
            joined = 2 * features
        self.decoder.append(Level(joined if finest_skip else width, 3, slope=0, up=True))

    def forward(self, sketch: Tensor) -> Tensor:
        """(B, `incoming`, H, W) -> (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the size is not a multiple of 2**levels.
        """
        step = 2 ** len(self.encoder)
        if sketch.shape[-2] % step or sketch.shape[-1] % step:
            raise ValueError(
                f"a portrayer with {len(self.encoder)} levels needs height and width in multiples of {step}, "
                f"not {sketch.shape[-2]}x{sketch.shape[-1]}"
            )
        skips = []
        features = sketch
        for level in self.encoder:
            features = level(features)
            skips.append(features)
        skips.pop()
        for place, level in enumerate(self.decoder):
            last = place == len(self.decoder) - 1
            if place and (self.finest_skip or not last):
                features = torch.cat([features, skips.pop()], dim=1)
            features = level(features)
        return features.tanh()


class PatchDiscriminator(nn.Module):
    """Tells real pictures from drawn ones, patch by patch, beside the sketch (pix2pix; patches of 70 pixels with 3 halvings).

    Args:
        incoming: channels of sketch and picture together.
        width: channels of the first level (64), doubled a level up to eight times this.
        halvings: 3 in the paper.
        statistics: of the normalisation.
    """

    def __init__(self, incoming: int = 6, width: int = 64, halvings: int = 3, statistics: Statistics = "picture") -> None:
        super().__init__()
        widths = _widths(width, halvings + 1, 8)
        self.layers = nn.ModuleList([Level(incoming, width)])
        for place, (fine, coarse) in enumerate(pairwise(widths), 1):
            stride = 2 if place < halvings else 1
            self.layers.append(Level(fine, coarse, slope=_SLOPE, stride=stride, statistics=statistics))
        self.layers.append(Level(widths[-1], 1, slope=_SLOPE, stride=1))

    def forward(self, sketch: Tensor, picture: Tensor) -> Tensor:
        """What the generator saw (B, C, H, W) and a picture (B, 3, H, W) -> logits (B, 1, h, w), one a patch."""
        features = torch.cat([sketch, picture], dim=1)
        for layer in self.layers:
            features = layer(features)
        return features


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(B, H, W) integer ids -> (B, K, H, W): 1/2 at the label, -1/2 elsewhere."""
    maps = torch.full((labels.shape[0], classes, *labels.shape[1:]), -0.5, dtype=dtype, device=labels.device)
    return maps.scatter_(1, labels.long().unsqueeze(1), 0.5)


def _widths(width: int, levels: int, growth: int) -> list[int]:
    return [width * min(2**level, growth) for level in range(levels)]


def _dense(incoming: int, features: int) -> nn.Linear:
    layer = nn.Linear(incoming, features)
    nn.init.normal_(layer.weight, 0.0, 0.02)
    # TensorFlow's default for biases here: Glorot's limit of a vector.
    limit = (3 / features) ** 0.5
    nn.init.uniform_(layer.bias, -limit, limit)
    return layer
