"""The two networks of VITON (CVPR 2018, sections 3.2 and 3.3).

Authors' code: `model_zalando_mask_content.py` (stage 1), `model_zalando_tps_warp.py` (stage 2).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.normalization import BatchNorm2d


class Coarse(NamedTuple):
    """Output of the coarse generator.

    Attributes:
        mask: (B, 1, H, W) where the garment will be; through tanh, trained towards {0, 1}.
        image: (B, 3, H, W) coarse picture in [-1, 1].
    """

    mask: Tensor
    image: Tensor


class CoarseGenerator(nn.Module):
    """Stage 1: garment and clothing-agnostic person -> clothing mask and coarse try-on picture.

    A U-net of 4x4 convolutions with stride 2. Skips carry the normalised encoder outputs before their activation.

    Args:
        width: channels of the first level; doubled a level up to eight times this (64 in the paper).
        levels: number of halvings (6 in the paper, for 256x192).
        person_channels: channels of the person representation (body shape 1, face and hair 3, pose 18).
        dropout: probability of dropping a value of the deepest decoder level, in training.
        norm_decay: decay of the running statistics; the authors' 0.999 needs thousands of steps to settle.
        biased_variance: average the biased batch variance, as the authors' code does.
    """

    def __init__(
        self,
        width: int = 64,
        levels: int = 6,
        person_channels: int = 22,
        dropout: float = 0.5,
        norm_decay: float = 0.999,
        biased_variance: bool = True,
    ) -> None:
        super().__init__()
        if levels < 2:
            raise ValueError(f"the coarse generator needs at least 2 levels, not {levels}")
        self.levels = levels
        channels = [width * min(2**level, 8) for level in range(levels)]
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()  # from the deepest level up

        def norm(features: int) -> BatchNorm2d:
            return BatchNorm2d(features, decay=norm_decay, biased=biased_variance)

        for level, features in enumerate(channels):
            incoming = channels[level - 1] if level else 3 + person_channels
            convolution = nn.Conv2d(incoming, features, 4, stride=2, padding=1, bias=False)
            self.encoder.append(nn.Sequential(convolution, norm(features)) if level else convolution)
        for level in reversed(range(levels)):
            deepest = level == levels - 1
            incoming = channels[level] if deepest else 2 * channels[level]
            features = channels[level - 1] if level else 4
            transposed = nn.ConvTranspose2d(incoming, features, 4, stride=2, padding=1, bias=False)
            tail = [nn.Dropout(dropout)] if deepest else []
            self.decoder.append(nn.Sequential(transposed, norm(features), *tail) if level else transposed)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, garment: Tensor, person: Tensor) -> Coarse:
        """Imagine the person in the garment.

        Args:
            garment: (B, 3, H, W) shop picture in [-1, 1].
            person: (B, `person_channels`, H, W) clothing-agnostic representation, see `representation.py`.

        Raises:
            ValueError: when height or width is not a multiple of 2**levels.
        """
        height, width = garment.shape[-2:]
        step = 2**self.levels
        if height % step or width % step:
            raise ValueError(
                f"a coarse generator with {self.levels} levels needs height and width in multiples of {step}, "
                f"not {height}x{width}; choose another size or fewer levels"
            )
        features = torch.cat([garment, person], dim=1)
        skips: list[Tensor] = []
        for block in self.encoder:
            features = block(F.leaky_relu(features, 0.2) if skips else features)
            skips.append(features)
        features = self.decoder[0](F.relu(skips.pop()))
        for block in self.decoder[1:]:
            features = block(F.relu(torch.cat([features, skips.pop()], dim=1), inplace=True))
        output = torch.tanh(features)
        return Coarse(mask=output[:, :1], image=output[:, 1:])


class RefinementNetwork(nn.Module):
    """Stage 2: warped garment and coarse picture -> how much of the warped garment to show.

    Three 3x3 convolutions with normalisation over channels *and* map (slim's layer norm; the size of the map enters), then
    a 1x1 convolution and a sigmoid.

    Args:
        width: channels of the convolutions (64 in the paper).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for incoming in (6, width, width):
            self.layers.append(nn.Conv2d(incoming, width, 3, padding=1, bias=False))
            self.layers.append(nn.GroupNorm(1, width, eps=1e-12))
            self.layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.output = nn.Conv2d(width, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, garment: Tensor, coarse: Tensor) -> Tensor:
        """(B, 3, H, W) warped garment and (B, 3, H, W) coarse picture, both in [-1, 1] -> (B, 1, H, W) in (0, 1).

        Times the clothing region this is the alpha of `fashiongen.layers.composite(garment, coarse, alpha)`.
        """
        return torch.sigmoid(self.output(self.layers(torch.cat([garment, coarse], dim=1))))
