"""Batch normalisation as the papers' TensorFlow code has it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose running variance can follow the biased batch variance.

    TensorFlow code that averages `tf.nn.moments` by hand keeps the *biased* variance (mean squared deviation), PyTorch the
    unbiased one; with small maps and batches the two differ visibly. The output in training is the same either way.
    A batch of one value per channel is normalised to the shift, as in TensorFlow, instead of being refused.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        decay: weight of the old running average; running = decay*running + (1 - decay)*batch.
        biased: average the biased batch variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, decay: float = 0.9, biased: bool = False) -> None:
        super().__init__(num_features, eps=eps, momentum=1 - decay)
        self.decay = decay
        self.biased = biased

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        self._check_input_dim(input)
        if not self.training:
            return self._normalize(input, self.running_mean, self.running_var)
        mean, variance = torch.zeros_like(self.running_mean), torch.ones_like(self.running_var)
        output = self._normalize(input, mean, variance)
        count = input.numel() // input.shape[1]
        if count == 1:
            variance = torch.zeros_like(variance)
        elif self.biased:
            variance = variance * ((count - 1) / count)
        with torch.no_grad():
            self.running_mean.lerp_(mean, 1 - self.decay)
            self.running_var.lerp_(variance, 1 - self.decay)
        return output

    def _normalize(self, input: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        # In training a weight of 1 makes `mean` and `variance` receive the statistics of this batch alone.
        return torch.batch_norm(
            input, self.weight, self.bias, mean, variance, self.training, 1.0, self.eps, torch.backends.cudnn.enabled
        )

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, decay={self.decay}, biased={self.biased}"
