"""Metrics that torchmetrics lacks."""

from fashiongen.metrics.detection_score import DetectionScore
from fashiongen.metrics.inception_score import InceptionScore, inception_score
from fashiongen.metrics.label_histogram import LabelHistogramDistance
from fashiongen.metrics.masked import MaskedL1, MaskedSSIM
from fashiongen.metrics.pair_scores import PairScores, pair_scores
from fashiongen.metrics.pckh import PCKh
from fashiongen.metrics.pose_region import pose_region
from fashiongen.metrics.ssim import StructuralSimilarity, structural_similarity
from fashiongen.metrics.two_sample import TwoSampleAccuracy, two_sample_accuracy

__all__ = [
    "DetectionScore",
    "InceptionScore",
    "LabelHistogramDistance",
    "MaskedL1",
    "MaskedSSIM",
    "PCKh",
    "PairScores",
    "StructuralSimilarity",
    "TwoSampleAccuracy",
    "inception_score",
    "pair_scores",
    "pose_region",
    "structural_similarity",
    "two_sample_accuracy",
]
