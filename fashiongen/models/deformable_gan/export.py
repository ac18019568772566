"""What of Deformable GAN can be exported: the generator, poses drawn inside, and the regions of the body parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, keypoints, picture
from fashiongen.layers.part_affines import PARTS, part_masks
from fashiongen.models.deformable_gan.representation import joint_rows, pose_maps

if TYPE_CHECKING:
    from fashiongen.models.deformable_gan.module import DeformableGan
