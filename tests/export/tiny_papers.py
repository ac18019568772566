"""The smallest networks of every paper, in the variants whose graphs differ."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import fashiongen
from fashiongen.models.base import FashionModule

_VITON = {
    "size": (32, 24), "width": 2, "levels": 3, "refinement_width": 2, "body_grid": (4, 3), "joint_radius": 2,
    "perceptual_weight": 0, "refinement_perceptual_weight": 0,
}  # fmt: skip
_DEFORMABLE = {"size": (40, 36), "width": 2, "levels": 3, "discriminator_width": 2}
_PIG = {
    "size": (32, 16), "width": 2, "levels": 2, "bottleneck": 3, "encoder_levels": 2, "region_size": 8, "region_code": 3,
    "background_code": 5, "pose_code": 4, "hidden": 8, "background_hidden": 6, "critic_width": 2, "critic_levels": 2,
    "joint_radius": 2, "mask_radius": 3,
}  # fmt: skip
_CAGAN = {"size": (32, 32), "width": 8, "discriminator_width": 8}
_CLOTH = {
    "size": 16, "sketch_width": 2, "sketch_growth": 2, "code": 4, "portray_width": 2, "portray_growth": 2, "discriminator_width": 2,
    "discriminator_halvings": 1, "wardrobe": 3,
}  # fmt: skip
_FASHION = {
    "size": (32, 32), "code": 6, "noise": 4, "shape_width": 1, "shape_discriminator_width": 1, "picture_width": 2,
    "picture_discriminator_width": 1,
}  # fmt: skip

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "pg2": ("pg2", {
        "size": (32, 16), "width": 4, "code": 4, "blocks": 2, "refinement_blocks": 2, "critic_width": 2, "critic_levels": 2,
        "joint_radius": 2, "mask_radius": 2,
    }),
    "viton": ("viton", _VITON),
    "viton-keeps-more": ("viton", {
        **_VITON, "kept_labels": (0, 1, 2, 4, 13, 14), "kept_margin": 2, "exchange": "bytescale", "missing_joint": "corner",
    }),
    "deformable_gan": ("deformable_gan", _DEFORMABLE),
    "deformable_gan-published": ("deformable_gan", {**_DEFORMABLE, "interpolation": "nearest", "pose": "staircase"}),
    "deformable_gan-rectangles": ("deformable_gan", {
        **_DEFORMABLE, "size": (40, 48), "parts": "rectangles", "aggregation": "avg", "patch": 2,
    }),
    "deformable_gan-average": ("deformable_gan", {
        **_DEFORMABLE, "aggregation": "avg", "interpolation": "nearest", "source_pose": False,
    }),
    "deformable_gan-full": ("deformable_gan", {**_DEFORMABLE, "warp_skip": "full", "background": True, "pose": "stickman"}),
    "deformable_gan-stn": ("deformable_gan", {**_DEFORMABLE, "warp_skip": "stn"}),
    "deformable_gan-none": ("deformable_gan", {**_DEFORMABLE, "warp_skip": "none"}),
    "disentangled_pig": ("disentangled_pig", _PIG),
    "disentangled_pig-modulated": ("disentangled_pig", {**_PIG, "modulated": True}),
    "disentangled_pig-layered": ("disentangled_pig", {**_PIG, "modulated": True, "layered": True}),
    "disentangled_pig-deepfashion": ("disentangled_pig", {**_PIG, "background_code": 0, "box_rule": "deepfashion"}),
    "cagan": ("cagan", _CAGAN),
    "cagan-batch": ("cagan", {**_CAGAN, "norm": "batch"}),
    "cagan-paper": ("cagan", {**_CAGAN, "profile": "paper"}),
    "cagan-viton_baseline": ("cagan", {**_CAGAN, "profile": "viton_baseline", "width": 4, "size": (64, 64)}),
    "cagan-stacked": ("cagan", {**_CAGAN, "profile": "stacked", "size": (96, 96), "refiner_widths": (8, 8)}),
    "clothnet": ("clothnet", _CLOTH),
    "clothnet-published": ("clothnet", {
        **_CLOTH, "sketch_statistics": "batch", "portray_statistics": "batch", "dropout": "always", "portray_colours": True,
        "prior": "fitted",
    }),
    "fashion_gan": ("fashion_gan", _FASHION),
    "fashion_gan-published": ("fashion_gan", {**_FASHION, "statistics": "sample", "dropout_at_test": True}),
    "fashion_gan-measures": ("fashion_gan", {
        **_FASHION, "measures": ("skin", "body", "hair", "background"), "compositional": True, "keep_background": True,
    }),
    "fashion_gan-plain": ("fashion_gan", {**_FASHION, "size": (64, 64), "picture": "plain"}),
    "fashion_gan-p2p": ("fashion_gan", {**_FASHION, "picture": "p2p", "code_shifts": False}),
}  # fmt: skip


def make(case: str, **options: Any) -> FashionModule:
    """A random network of a case, the same each time, in evaluation mode; nothing in it is so small that errors could hide."""
    name, own = CASES[case]
    torch.manual_seed(0)
    model = fashiongen.create(name, **{**own, **options})
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(std=0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()
