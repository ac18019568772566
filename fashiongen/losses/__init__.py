"""Losses that several papers share."""

from fashiongen.losses.adversarial import discriminator_loss, fake_loss, real_loss, zero_centred_penalty
from fashiongen.losses.cycle import cycle_loss, matte_loss
from fashiongen.losses.kl import gaussian_kl
from fashiongen.losses.map_cross_entropy import label_weights, map_cross_entropy
from fashiongen.losses.matching import matching_loss
from fashiongen.losses.nearest_neighbour import nearest_neighbour_distance, nearest_neighbour_loss
from fashiongen.losses.perceptual import PerceptualLoss
from fashiongen.losses.reconstruction import label_colour_loss, masked_l1
from fashiongen.losses.relation import label_loss, relation_loss
from fashiongen.losses.total_variation import total_variation
from fashiongen.losses.wasserstein import (
    clip_weights,
    gradient_penalty,
    wasserstein_critic_loss,
    wasserstein_generator_loss,
)

__all__ = [
    "PerceptualLoss",
    "clip_weights",
    "cycle_loss",
    "discriminator_loss",
    "fake_loss",
    "gaussian_kl",
    "gradient_penalty",
    "label_colour_loss",
    "label_loss",
    "label_weights",
    "map_cross_entropy",
    "masked_l1",
    "matching_loss",
    "matte_loss",
    "nearest_neighbour_distance",
    "nearest_neighbour_loss",
    "real_loss",
    "relation_loss",
    "total_variation",
    "wasserstein_critic_loss",
    "wasserstein_generator_loss",
    "zero_centred_penalty",
]
