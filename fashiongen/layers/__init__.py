"""Operators that know tensors, not papers."""

from fashiongen.layers.compositor import composite
from fashiongen.layers.dcgan import DCGANCritic
from fashiongen.layers.deformable_skip import deformable_skip
from fashiongen.layers.dense_crf import dense_crf
from fashiongen.layers.gaussian_maps import gaussian_maps, locate_joints
from fashiongen.layers.normalization import BatchNorm2d
from fashiongen.layers.part_affines import part_affines, part_masks, whole_affine
from fashiongen.layers.part_boxes import part_boxes
from fashiongen.layers.part_rectangles import rectangle_skip
from fashiongen.layers.pose_disks import pose_disks
from fashiongen.layers.pose_maps import pose_squares, quantize_keypoints
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.layers.region_crop import region_crop
from fashiongen.layers.resize import (
    area_resize,
    bicubic_resize,
    legacy_bilinear_resize,
    legacy_nearest_resize,
    pillow_nearest_resize,
)
from fashiongen.layers.same_convolution import SameConv2d, SameConvTranspose2d
from fashiongen.layers.sample_norm import SampleNorm
from fashiongen.layers.segment_colours import segment_colours
from fashiongen.layers.thin_plate_spline import ThinPlateSpline, thin_plate_spline
from fashiongen.layers.vgg import VGG19Taps

__all__ = [
    "BatchNorm2d",
    "DCGANCritic",
    "SameConv2d",
    "SameConvTranspose2d",
    "SampleNorm",
    "ThinPlateSpline",
    "VGG19Taps",
    "area_resize",
    "bicubic_resize",
    "composite",
    "deformable_skip",
    "dense_crf",
    "gaussian_maps",
    "legacy_bilinear_resize",
    "legacy_nearest_resize",
    "locate_joints",
    "part_affines",
    "part_boxes",
    "part_masks",
    "pillow_nearest_resize",
    "pose_disks",
    "pose_mask",
    "pose_squares",
    "quantize_keypoints",
    "rectangle_skip",
    "region_crop",
    "segment_colours",
    "thin_plate_spline",
    "whole_affine",
]
