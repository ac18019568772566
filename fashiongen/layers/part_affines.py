"""Where each body part of one pose lies in another: affine maps and masks of ten parts, from key points.

Deformable GANs (CVPR 2018, section 3.2), with the rules of the authors' `pose_transform.py`. Everything is batched and runs on
the device of the key points, in float64: an affine that was fitted in float32 reads other pixels.

Key points are (B, 18, 3) in OpenPose's order: x, y in pixels with pixel centres at .5, then visibility (0: missing). Affines
work in pixel *indices* (0 is the centre of the first pixel).

Joints may be missing, coincide, lie on one line or outside the picture. A part that cannot be located becomes `NO_PART`, which
reads outside every picture; nothing is ever infinite or NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.layers.polygons import fill_polygons, segment_quads

PARTS = (
    "torso",
    "head",
    "right_thigh",
    "left_thigh",
    "right_shin",
    "left_shin",
    "right_upper_arm",
    "left_upper_arm",
    "right_forearm",
    "left_forearm",
)
"""The ten parts, in the order of the transforms and masks."""
NO_PART = (1.0, 0.0, 1000.0, 0.0, 1.0, 1000.0, 0.0, 0.0)
"""The transform of a part that is not there."""

_TORSO = (8, 11, 5, 2)
_KNEES = (9, 12)
_SIDES = ((8, 2), (11, 5))  # hip, shoulder
FACE = (14, 15, 16, 17, 0)
_SHOULDERS = (5, 2)
LIMBS = ((8, 9), (11, 12), (9, 10), (12, 13), (2, 3), (5, 6), (3, 4), (6, 7))  # from, to; right and left in turn
START_EXTENSION = 0.1
_END_EXTENSION = (0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.3, 0.3)
MASK_END_EXTENSION = (0.1, 0.1, 0.5, 0.5, 0.1, 0.1, 0.5, 0.5)  # hands and feet reach farther than ankles and wrists
_HALF_WIDTH = 0.2  # of limbs, in torso lengths
_HEAD_RADIUS = 0.4
_DEGENERATE = 1e-9


@torch.no_grad()
def part_affines(source: Tensor, target: Tensor) -> Tensor:
    """The affine map of each part from the target pose back to the source pose, for sampling.

    A limb that is missing in the source alone is read from the limb of the other side. The torso needs two, the head two
    points that are visible in both poses (one of them in the face); with exactly two the map is a similarity.

    Args:
        source: (B, 18, 3) key points of the picture that is read.
        target: (B, 18, 3) key points of the picture that is made.

    Returns:
        (B, 10, 8) float64 in the order of `PARTS`: (a0, a1, a2, b0, b1, b2, 0, 0); the target pixel (x, y) reads the source
        at (a0*x + a1*y + a2, b0*x + b1*y + b2).
    """
    here, seen_here = joint_indices(source)
    there, seen_there = joint_indices(target)
    both = seen_here & seen_there
    head = both & both[:, list(FACE)].any(dim=1, keepdim=True)

    start, end = (list(joints) for joints in zip(*LIMBS, strict=True))
    present = seen_here[:, start] & seen_here[:, end]
    quads_here = _limb_quads(here, torso_length(source), _END_EXTENSION)
    mirrored = [index ^ 1 for index in range(len(LIMBS))]
    quads_here = torch.where(present[..., None, None], quads_here, quads_here[:, mirrored])
    present = (present | present[:, mirrored]) & seen_there[:, start] & seen_there[:, end]
    quads_there = _limb_quads(there, torso_length(target), _END_EXTENSION)

    groups = (
        _joints(there, here, both, _TORSO),
        _joints(there, here, head, FACE + _SHOULDERS),
        (quads_there, quads_here, present[..., None].expand(-1, -1, 4)),
    )
    padded = (_pad(*group, at_least=len(FACE + _SHOULDERS)) for group in groups)
    points, images, valid = (torch.cat(tensors, dim=1) for tensors in zip(*padded, strict=True))
    return transform_rows(fit_affine(points, images, valid)[0])


@torch.no_grad()
def whole_affine(source: Tensor, target: Tensor) -> Tensor:
    """One affine map for the whole body, from hips, shoulders and knees; arguments as in `part_affines`.

    Returns:
        (B, 1, 8) float64.
    """
    here, seen_here = joint_indices(source)
    there, seen_there = joint_indices(target)
    return transform_rows(fit_affine(*_joints(there, here, seen_here & seen_there, _TORSO + _KNEES))[0])


@torch.no_grad()
def part_masks(target: Tensor, height: int, width: int) -> Tensor:
    """The region of each part in a pose.

    The torso's is the whole picture: what no limb claims is read through the torso's map. Limbs are quads, the head is a square.

    Args:
        target: (B, 18, 3) key points.
        height: height H.
        width: width W.

    Returns:
        (B, 10, H, W) bool in the order of `PARTS`; empty for a part that is missing.
    """
    joints, seen = joint_indices(target)
    length = torso_length(target)
    start, end = (list(points) for points in zip(*LIMBS, strict=True))
    limbs = fill_polygons(_limb_quads(joints, length, MASK_END_EXTENSION), height, width)
    limbs = limbs & (seen[:, start] & seen[:, end])[..., None, None]
    face, in_face = joints[:, list(FACE)], seen[:, list(FACE), None]
    centre = (face.sum(dim=1) / in_face.sum(dim=1).clamp(min=1)).trunc()[:, None]
    radius = (_HEAD_RADIUS * length).trunc()[:, None]
    columns, rows = (
        (pixel >= centre[..., axis] - radius) & (pixel < centre[..., axis] + radius)
        for axis, pixel in enumerate(torch.arange(size, device=joints.device) for size in (width, height))
    )
    head = rows[:, :, None] & columns[:, None, :] & in_face.any(dim=1)[..., None]
    return torch.cat([torch.ones_like(head)[:, None], head[:, None], limbs], dim=1)


def torso_length(keypoints: Tensor) -> Tensor:
    """Root mean square distance from hip to shoulder over the sides where both are visible.

    Without such a side it is a third of the extent of all visible joints; never less than a pixel.

    Args:
        keypoints: (B, 18, 3).

    Returns:
        (B,) float64, pixels.
    """
    joints, seen = joint_indices(keypoints)
    hips, shoulders = (list(side) for side in zip(*_SIDES, strict=True))
    squared = (joints[:, hips] - joints[:, shoulders]).square().sum(dim=-1)
    sides = seen[:, hips] & seen[:, shoulders]
    count = sides.sum(dim=1)
    measured = ((squared * sides).sum(dim=1) / count.clamp(min=1)).sqrt()
    lowest = joints.masked_fill(~seen[..., None], torch.inf).amin(dim=1)
    highest = joints.masked_fill(~seen[..., None], -torch.inf).amax(dim=1)
    extent = torch.where(seen.any(dim=1, keepdim=True), highest - lowest, 0).amax(dim=1)
    return torch.where(count > 0, measured, extent / 3).clamp(min=1)


def fit_affine(points: Tensor, images: Tensor, valid: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Affine maps that take points to their images, by *total* least squares.

    Both sets are centred and scaled to a root mean square distance of sqrt(2), and the coefficients are the smallest right
    singular vector of the homogeneous system (scikit-image's `estimate_transform('affine')`). With more than three points that
    differs from ordinary least squares. With exactly two, the map is the similarity that takes them to their images.

    Args:
        points: (..., N, 2) (x, y), float64.
        images: (..., N, 2).
        valid: (..., N) bool, which points count; all when None.

    Returns:
        (..., 3, 3) matrices, and (...) bool whether the points determine an invertible map; where they do not, the matrix is
        that of `NO_PART`.
    """
    if valid is None:
        valid = torch.ones_like(points[..., 0], dtype=torch.bool)
    points, images, valid = _with_third_point(*_pad(points, images, valid, at_least=4))
    from_matrix, normalized = _normalize(points, valid)
    to_matrix, wanted = _normalize(images, valid)
    row = torch.cat([normalized, torch.ones_like(normalized[..., :1])], dim=-1) * valid[..., None]
    nothing = torch.zeros_like(row)
    system = torch.cat(
        [torch.cat([row, nothing, wanted[..., :1]], dim=-1), torch.cat([nothing, row, wanted[..., 1:]], dim=-1)], dim=-2
    )
    _, strengths, vectors = torch.linalg.svd(system, full_matrices=False)
    solution = vectors[..., -1, :]
    scale = solution[..., 6]
    determined = (valid.sum(dim=-1) >= 3) & (strengths[..., -2] > _DEGENERATE * strengths[..., 0]) & (scale.abs() > _DEGENERATE)
    coefficients = -solution[..., :6] / torch.where(determined, scale, 1)[..., None]
    last_row = points.new_tensor([0.0, 0.0, 1.0]).expand(*coefficients.shape[:-1], 1, 3)
    matrix = torch.cat([coefficients.unflatten(-1, (2, 3)), last_row], dim=-2)
    matrix = torch.linalg.inv(to_matrix) @ matrix @ from_matrix
    linear = matrix[..., :2, :2]
    determinant = linear[..., 0, 0] * linear[..., 1, 1] - linear[..., 0, 1] * linear[..., 1, 0]
    determined = determined & (determinant.abs() > _DEGENERATE * linear.square().sum(dim=(-1, -2)))
    absent = torch.cat([points.new_tensor(NO_PART), points.new_ones(1)]).view(3, 3)
    return torch.where(determined[..., None, None], matrix, absent), determined


def joint_indices(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (B, 18, 2) in float64 pixel indices, zero where missing, and which joints are there."""
    joints = keypoints[..., :2].double() - 0.5
    seen = (keypoints[..., 2] > 0) & joints.isfinite().all(dim=-1)
    return torch.where(seen[..., None], joints, 0), seen


def _limb_quads(joints: Tensor, length: Tensor, end_extension: tuple[float, ...]) -> Tensor:
    start, end = (joints[:, list(ends)] for ends in zip(*LIMBS, strict=True))
    start = start + START_EXTENSION * (start - end)
    end = end + joints.new_tensor(end_extension)[:, None] * (end - start)
    return segment_quads(start, end, (_HALF_WIDTH * length)[:, None, None])


def _joints(points: Tensor, images: Tensor, valid: Tensor, joints: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    picked = list(joints)
    return points[:, None, picked], images[:, None, picked], valid[:, None, picked]


def _pad(points: Tensor, images: Tensor, valid: Tensor, at_least: int) -> tuple[Tensor, Tensor, Tensor]:
    """Points that do not count, up to a number."""
    missing = max(0, at_least - points.shape[-2])
    pad = torch.nn.functional.pad
    return pad(points, (0, 0, 0, missing)), pad(images, (0, 0, 0, missing)), pad(valid, (0, missing))


def _with_third_point(points: Tensor, images: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where two points count, the corner that makes a right isosceles triangle of them as one more."""
    order = valid.to(torch.uint8)
    ends = torch.stack([order.argmax(dim=-1), order.shape[-1] - 1 - order.flip(-1).argmax(dim=-1)], dim=-1)

    def extended(positions: Tensor) -> Tensor:
        first, last = positions.gather(-2, ends[..., None].expand(*ends.shape, 2)).unbind(dim=-2)
        along = last - first
        corner = first + torch.stack([-along[..., 1], along[..., 0]], dim=-1)
        return torch.cat([positions, corner[..., None, :]], dim=-2)

    return extended(points), extended(images), torch.cat([valid, valid.sum(dim=-1, keepdim=True) == 2], dim=-1)


def _normalize(points: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix that centres and scales the valid points, and the points after it (invalid ones become zero)."""
    weight = valid[..., None].to(points.dtype)
    count = weight.sum(dim=-2).clamp(min=1)
    centre = (points * weight).sum(dim=-2) / count
    distance = (((points - centre[..., None, :]) * weight).square().sum(dim=(-1, -2)) / count[..., 0]).sqrt()
    factor = 2**0.5 / torch.where(distance > 0, distance, 1)
    matrix = torch.diag_embed(torch.stack([factor, factor, torch.ones_like(factor)], dim=-1))
    matrix[..., :2, 2] = -factor[..., None] * centre
    moved = (points @ matrix[..., :2, :2].transpose(-1, -2) + matrix[..., None, :2, 2]) * weight
    return matrix, moved


def transform_rows(matrices: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 8)."""
    return matrices.flatten(-2)[..., :8]
