"""VGG-19 as a frozen feature extractor for perceptual losses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BLOCKS = (2, 2, 4, 4, 4)
LAYERS = tuple(f"conv{block}_{index}" for block, count in enumerate(_BLOCKS, 1) for index in range(1, count + 1))
"""The sixteen convolutions in order, conv1_1 ... conv5_4."""
_CHANNELS = (64, 128, 256, 512, 512)
_RGB_STATISTICS = {
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)),
    "caffe-swapped": ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255)),
}


class VGG19Taps(nn.Module):
    """Feature maps of VGG-19, taken after the ReLU of named convolutions.

    Cut behind the deepest tap, frozen, and never part of a checkpoint: `state_dict` has no entry of it. The scale of the
    input normalisation is folded into the first convolution; its shift cannot be (the border is padded *after* the
    normalisation), it is one subtraction on three channels.

    Args:
        taps: names such as "conv3_2"; the default are those of VITON.
        weights: where the weights come from: the name of a VGG-19 in timm, fetched through the Hub ("vgg19.tv_in1k"); a
            state dict of any width, keyed "conv1_1.weight" (as `fashiongen.convert.matlab.read_vgg_mat` gives it) or
            "features.0.weight" (torchvision, timm); or "random": He-initialised, the same in every process.
        pooling: "average" (VITON) or "max".
        normalization: statistics that the weights expect: "torchvision", or "caffe" for the original weights (0..255 minus
            the RGB mean; the MatConvNet file), or "caffe-swapped": with the means of red and blue exchanged, as Deformable GAN's
            code subtracts them.
        width: channels of the first block of "random" weights; 64 is the real network.
        seed: seed of "random" weights.

    Raises:
        ValueError: for an unknown tap, pooling or normalisation, or weights without a needed convolution.
    """

    mean: Tensor

    def __init__(
        self,
        taps: Sequence[str] = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2"),
        weights: str | Mapping[str, Tensor] = "vgg19.tv_in1k",
        pooling: str = "average",
        normalization: str = "torchvision",
        width: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        unknown = [tap for tap in taps if tap not in LAYERS]
        if unknown or not taps:
            raise ValueError(f"unknown VGG-19 taps {unknown}; there are {', '.join(LAYERS)}")
        if pooling not in ("average", "max"):
            raise ValueError(f"pooling is 'average' or 'max', not {pooling!r}")
        if normalization not in _RGB_STATISTICS:
            raise ValueError(f"normalization is one of {', '.join(_RGB_STATISTICS)}, not {normalization!r}")
        self.taps = tuple(taps)
        self.pool = F.avg_pool2d if pooling == "average" else F.max_pool2d
        self.convolutions = nn.ModuleDict()
        state = _named(_random(width, seed) if weights == "random" else _fetch(weights) if isinstance(weights, str) else weights)
        for name in LAYERS[: max(LAYERS.index(tap) for tap in taps) + 1]:
            if f"{name}.weight" not in state or f"{name}.bias" not in state:
                raise ValueError(f"the VGG-19 weights have no {name}; they hold {', '.join(sorted(state))}")
            self.convolutions[name] = _FrozenConvolution(state[f"{name}.weight"], state[f"{name}.bias"])
        mean, deviation = (torch.tensor(statistic).view(1, 3, 1, 1) for statistic in _RGB_STATISTICS[normalization])
        self.register_buffer("mean", mean * 2 - 1, persistent=False)
        with torch.no_grad():
            self.convolutions[LAYERS[0]].weight.div_(2 * deviation)  # type: ignore[operator, union-attr]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) RGB in [-1, 1] -> tap name -> (B, C, H / 2**k, W / 2**k)."""
        features = image - self.mean
        found: dict[str, Tensor] = {}
        for name, convolution in self.convolutions.items():
            if name.endswith("_1") and name != LAYERS[0]:
                features = self.pool(features, 2)
            features = convolution(features)
            if name in self.taps:
                found[name] = features
        return found


class _FrozenConvolution(nn.Module):
    """3x3 convolution and ReLU whose parameters neither learn nor appear in checkpoints."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().float().clone(), requires_grad=False)
        self.bias = nn.Parameter(bias.detach().float().clone(), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(F.conv2d(features, self.weight, self.bias, padding=1), inplace=True)

    def _save_to_state_dict(self, destination: object, prefix: str, keep_vars: bool) -> None:
        """Nothing to save."""

    def _load_from_state_dict(self, *args: object) -> None:
        """Nothing to load."""


def _fetch(name: str) -> dict[str, Tensor]:
    import timm

    state = timm.create_model(name, pretrained=True).state_dict()
    return {key: value for key, value in state.items() if key.startswith("features.")}


def _random(width: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    incoming = 3
    for name in LAYERS:
        features = width * _CHANNELS[int(name[4]) - 1] // 64
        weight = torch.randn(features, incoming, 3, 3, generator=generator) * (2 / (9 * incoming)) ** 0.5
        state |= {f"{name}.weight": weight, f"{name}.bias": torch.zeros(features)}
        incoming = features
    return state


def _named(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keys of torchvision ("features.5.weight") -> names of the convolutions ("conv2_1.weight")."""
    places: dict[str, str] = {}
    place = 0
    for name in LAYERS:
        place += 1 if name.endswith("_1") and name != LAYERS[0] else 0  # the pooling in front of a block
        places[str(place)] = name
        place += 2
    return {re.sub(r"^features\.(\d+)", lambda found: places.get(found[1], found[0]), key): value for key, value in state.items()}
