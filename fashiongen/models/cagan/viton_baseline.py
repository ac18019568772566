"""The generator of CAGAN as VITON's authors re-implemented it, to compare with (`xthan/VITON: baselines/baseline_cagan.py`).

The only published figures of CAGAN come from it. Its discriminator is a `fashiongen.models.cagan.networks.PatchDiscriminator`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashiongen.layers.normalization import BatchNorm2d
from fashiongen.models.cagan.networks import Swap, check_size, fix_scales, initialize

_LEVELS = 5


class VitonBaselineGenerator(nn.Module):
    """A U-net of five halvings with a skip from every level, and no further copies of the inputs.

    The encoder *always* normalises by the statistics of the batch, so a result depends on the people beside it (the authors test in
    batches of 16). The decoder has running statistics.

    Args:
        width: channels of the first level (64 in the original), doubled a level up to eight times this.
        shared_norm: both passes of the cycle use one set of decoder normalisations. Otherwise the way back has its own, whose
            scales and shifts are never trained, as in the original, where sharing fails.
    """

    sizes: ClassVar[tuple[int, int, str]] = (32, 32, "viton_baseline")

    def __init__(self, width: int = 64, shared_norm: bool = True) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(_LEVELS)]
        self.encoder = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
            for before, after in zip([9, *widths], widths, strict=False)
        )
        self.encoder_norms = nn.ModuleList(nn.BatchNorm2d(features, track_running_stats=False) for features in widths[1:])
        before_each = [widths[-1], *(2 * features for features in widths[-2::-1])]
        after_each = [*widths[-2::-1], 4]
        self.decoder = nn.ModuleList(  # from the deepest level up
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            for before, after in zip(before_each, after_each, strict=True)
        )
        self.apply(initialize)

        def norms() -> nn.ModuleList:
            return nn.ModuleList(BatchNorm2d(features, decay=0.999, biased=True) for features in after_each[:-1])

        self.decoder_norms = norms()
        self.back_norms = None if shared_norm else norms()
        if self.back_norms is not None:
            fix_scales(self.back_norms)

    def forward(self, person: Tensor, worn: Tensor, target: Tensor, back: bool = False) -> tuple[Swap]:
        """Put garments on people in place of those that they wear.

        Args:
            person: (B, 3, H, W) in [-1, 1], as worn and target.
            worn: the garment that the person wears.
            target: the garment that the person is to wear.
            back: whether this is the pass that undoes a swap.

        Raises:
            ValueError: when height or width is no multiple of 32.
        """
        check_size(person.shape[-2:], *self.sizes)
        features = torch.cat([person, worn, target], dim=1)
        skips: list[Tensor] = []
        for level, convolution in enumerate(self.encoder):
            features = convolution(F.leaky_relu(features, 0.2) if level else features)
            if level:
                features = self.encoder_norms[level - 1](features)
            skips.append(features)
        norms = self.back_norms if back and self.back_norms is not None else self.decoder_norms
        features = skips.pop()
        for convolution, norm in zip(self.decoder, norms, strict=False):
            features = torch.cat([norm(convolution(F.relu(features))), skips.pop()], dim=1)
        output = self.decoder[-1](F.relu(features))
        return (Swap(torch.sigmoid(output[:, 3:]), torch.tanh(output[:, :3])),)
