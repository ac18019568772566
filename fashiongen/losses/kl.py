"""Kullback-Leibler divergences."""

from __future__ import annotations

from torch import Tensor


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence of diagonal Gaussians from the standard normal distribution.

    -1/2 * sum over dimensions of (1 + log_variance - mean^2 - exp(log_variance)), the mean over the batch: what a variational
    auto-encoder pays for its code (Kingma and Welling, ICLR 2014, appendix B).

    Args:
        mean: (B, N).
        log_variance: (B, N), natural logarithm.

    Returns:
        scalar, in nats; 0 for the standard normal distribution.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
