"""Metrics that torchmetrics lacks."""

from fashiongen.metrics.inception_score import inception_score
from fashiongen.metrics.masked import MaskedL1, MaskedSSIM
from fashiongen.metrics.pair_scores import pair_scores
from fashiongen.metrics.pose_region import pose_region
from fashiongen.metrics.ssim import StructuralSimilarity, structural_similarity

__all__ = [
    "MaskedL1",
    "MaskedSSIM",
    "StructuralSimilarity",
    "inception_score",
    "pair_scores",
    "pose_region",
    "structural_similarity",
]
