"""Metrics that torchmetrics lacks."""

from fashiongen.metrics.inception_score import inception_score
from fashiongen.metrics.masked import MaskedL1, MaskedSSIM

__all__ = ["MaskedL1", "MaskedSSIM", "inception_score"]
