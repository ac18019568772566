"""Operators that know tensors, not papers."""

from fashiongen.layers.compositor import composite
from fashiongen.layers.normalization import BatchNorm2d
from fashiongen.layers.pose_maps import pose_squares, quantize_keypoints
from fashiongen.layers.resize import (
    area_resize,
    bicubic_resize,
    legacy_bilinear_resize,
    legacy_nearest_resize,
    pillow_nearest_resize,
)
from fashiongen.layers.thin_plate_spline import ThinPlateSpline, thin_plate_spline
from fashiongen.layers.vgg import VGG19Taps

__all__ = [
    "BatchNorm2d",
    "ThinPlateSpline",
    "VGG19Taps",
    "area_resize",
    "bicubic_resize",
    "composite",
    "legacy_bilinear_resize",
    "legacy_nearest_resize",
    "pillow_nearest_resize",
    "pose_squares",
    "quantize_keypoints",
    "thin_plate_spline",
]
