"""Normalisation of a whole sample, with one scale and one shift."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SMALLEST_VARIANCE = 1e-20  # the square root has no finite slope at zero


class SampleNorm(nn.Module):
    """Normalise each sample over channels *and* places: y = weight * (x - mean) / (std + eps) + bias.

    keras-contrib's `InstanceNormalization` with its default `axis=None`, which Deformable GAN uses under that name: not per
    channel, scale and shift are single numbers, and eps is added to the (population) standard deviation. No running statistics.

    Args:
        eps: added to the standard deviation.
    """

    def __init__(self, eps: float = 1e-3) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W); the statistics are float32 at least."""
        exact = input if input.dtype == torch.float64 else input.float()
        # Two means are ten times faster than `torch.var_mean` on a CPU.
        centred = exact - exact.mean(dim=(1, 2, 3), keepdim=True)
        variance = centred.square().mean(dim=(1, 2, 3), keepdim=True)
        deviation = variance.clamp(min=_SMALLEST_VARIANCE).sqrt() + self.eps
        return (centred * (self.weight / deviation) + self.bias).to(input.dtype)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"
