"""Losses that several papers share."""

from fashiongen.losses.perceptual import PerceptualLoss
from fashiongen.losses.reconstruction import masked_l1
from fashiongen.losses.total_variation import total_variation

__all__ = ["PerceptualLoss", "masked_l1", "total_variation"]
