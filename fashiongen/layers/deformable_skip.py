"""The deformable skip connection: a feature map, moved part by part from one pose to another and put together again.

Deformable GANs (CVPR 2018, section 3.2). With the authors' nearest-neighbour rule every part is a choice of pixels, so the map
is laid out as rows of channels once and each part is one gather of rows; a pixel outside the picture or outside a part's mask
is the row of zeros behind the last. The maximum runs along in one buffer: memory does not grow with the number of parts, in
the backward pass neither. Bilinear sampling is one `grid_sample` on a tall grid of all parts, a slice of channels at a time.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from fashiongen.layers.resize import legacy_nearest_resize

AGGREGATIONS = ("max", "avg", "none")
_CHANNELS_AT_ONCE = 8
_FAR = 1e4
_BILINEAR, _ZEROS = 0, 0  # as `grid_sampler_2d_backward` numbers its modes


def deformable_skip(
    features: Tensor,
    transforms: Tensor,
    masks: Tensor | None = None,
    size: tuple[int, int] | None = None,
    aggregation: str = "max",
    interpolation: str = "bilinear",
    gradient: str = "exact",
) -> Tensor:
    """Warp features by each part's transform, keep each part's region, and join the parts.

    The pixel (x, y) of part n reads the features at
    ((a0*x + a1*y + a2) / k, (b0*x + b1*y + b2) / k), k = c0*x + c1*y + 1, and zero outside the picture.

    Args:
        features: (B, C, h, w).
        transforms: (B, N, 8) rows (a0, a1, a2, b0, b1, b2, c0, c1) in pixel indices of the full picture, as
            `fashiongen.layers.part_affines` makes them. The translations a2 and b2 are divided by H // h and W // w.
        masks: (B, N, H, W) bool (or 0 and 1), the region of each part in the full picture; everything when None.
        size: height H and width W of the full picture; those of `masks`, or of `features`, when None.
        aggregation: "max" over the parts, where a part contributes 0 outside its region; "avg" over the parts whose region
            holds the pixel, 0 where none does; "none" keeps the parts apart.
        interpolation: "bilinear", or "nearest": the authors', where halves round away from zero.
        gradient: "exact", or "tensorflow": for "nearest" only, TensorFlow 1's gradient of this operation, which warps the
            gradient by the inverse transform instead of applying the adjoint. The authors trained with it.

    Returns:
        (B, C, h, w); (B, N*C, h, w) with "none", the parts one after the other. With "nearest" the result equals that of a
        loop over the parts bit for bit. There is no gradient to transforms and masks.

    Raises:
        ValueError: for shapes that do not fit, an unknown option, or "tensorflow" together with "bilinear".
    """
    size = _check(features, transforms, masks, size, aggregation, interpolation, gradient)
    height, width = features.shape[-2:]
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        scale = transforms.new_ones(8)
        scale[2], scale[5] = size[0] // height, size[1] // width
        transforms = transforms.float() / scale.float()
        regions = None if masks is None else legacy_nearest_resize(masks, height, width) != 0
        x, y = _positions(transforms, height, width)
        if interpolation == "nearest":
            index = _row_index(x, y, regions)
            inverse = None
            if gradient == "tensorflow":
                inverse = _row_index(*_positions(invert_transforms(transforms), height, width))
        else:
            grid = _tall_grid(x, y)
    if interpolation == "nearest":
        return _NearestSkip.apply(features, index, inverse, regions, aggregation)
    return _BilinearSkip.apply(features, grid, regions, aggregation)


def invert_transforms(transforms: Tensor) -> Tensor:
    """Inverses of projective transforms, in float32 with the operations of TensorFlow 1's `matrix_inverse` in their order.

    Another order of operations moves single pixels of the warped gradient. LU decomposition with partial pivoting, then forward
    and back substitution column by column.

    Args:
        transforms: (..., 8).

    Returns:
        (..., 8), divided by the last entry; infinite or NaN where the transform is singular.
    """
    matrix = torch.cat([transforms, torch.ones_like(transforms[..., :1])], dim=-1).unflatten(-1, (3, 3))
    identity = torch.eye(3, dtype=matrix.dtype, device=matrix.device).expand_as(matrix)
    rows = list(torch.cat([matrix, identity], dim=-1).unbind(dim=-2))
    for column in range(2):
        candidates = torch.stack(rows[column:], dim=-2)
        best = candidates[..., column].abs().argmax(dim=-1)
        for offset in range(1, 3 - column):
            swap = (best == offset)[..., None]
            rows[column], rows[column + offset] = (
                torch.where(swap, rows[column + offset], rows[column]),
                torch.where(swap, rows[column], rows[column + offset]),
            )
        for below in range(column + 1, 3):
            factor = rows[below][..., column, None] / rows[column][..., column, None]
            rows[below] = rows[below] - factor * rows[column]
    upper = torch.stack(rows, dim=-2)[..., :3]
    solution = [row[..., 3:] for row in rows]
    for column in (2, 1, 0):
        solution[column] = solution[column] * (1 / upper[..., column, column, None])
        for above in range(column):
            solution[above] = solution[above] - upper[..., above, column, None] * solution[column]
    inverse = torch.cat(solution, dim=-1)
    return inverse[..., :8] / inverse[..., 8:]


def _check(
    features: Tensor,
    transforms: Tensor,
    masks: Tensor | None,
    size: tuple[int, int] | None,
    aggregation: str,
    interpolation: str,
    gradient: str,
) -> tuple[int, int]:
    if features.ndim != 4 or transforms.ndim != 3 or transforms.shape[-1] != 8 or features.shape[0] != transforms.shape[0]:
        raise ValueError(
            f"features (B, C, h, w) and transforms (B, N, 8) do not fit: {tuple(features.shape)}, {tuple(transforms.shape)}"
        )
    if masks is not None and (masks.ndim != 4 or masks.shape[:2] != transforms.shape[:2]):
        raise ValueError(f"{tuple(transforms.shape[:2])} transforms do not fit masks of shape {tuple(masks.shape)}")
    if aggregation not in AGGREGATIONS:
        raise ValueError(f"aggregation is one of {', '.join(AGGREGATIONS)}, not {aggregation!r}")
    if aggregation == "avg" and masks is None:
        raise ValueError("the average over parts needs masks")
    if interpolation not in ("bilinear", "nearest"):
        raise ValueError(f"interpolation is 'bilinear' or 'nearest', not {interpolation!r}")
    if gradient not in ("exact", "tensorflow"):
        raise ValueError(f"gradient is 'exact' or 'tensorflow', not {gradient!r}")
    if gradient == "tensorflow" and interpolation == "bilinear":
        raise ValueError("TensorFlow's gradient belongs to nearest-neighbour sampling; bilinear sampling has gradient='exact'")
    if size is None:
        picture = features if masks is None else masks
        size = (picture.shape[-2], picture.shape[-1])
    if size[0] < features.shape[-2] or size[1] < features.shape[-1]:
        raise ValueError(f"features of {tuple(features.shape[-2:])} are larger than their picture, {tuple(size)}")
    return size


def _positions(transforms: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """(B, N, 8) -> x and y, (B, N, h, w) each, that every pixel reads; the order of operations decides about single pixels."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=transforms.dtype, device=transforms.device),
        torch.arange(width, dtype=transforms.dtype, device=transforms.device),
        indexing="ij",
    )
    a0, a1, a2, b0, b1, b2, c0, c1 = transforms[..., None, None].unbind(dim=2)
    depth = c0 * x + c1 * y + 1
    return ((a0 * x + a1 * y) + a2) / depth, ((b0 * x + b1 * y) + b2) / depth


# ------------------------------------------------------------------------------------------------------------ nearest
def _row_index(x: Tensor, y: Tensor, regions: Tensor | None = None) -> Tensor:
    """(N, B*h*w) which row of `_rows` each pixel of each part reads; the last, of zeros, when it is outside."""
    batch, _, height, width = x.shape
    x, y = _round_half_away(x), _round_half_away(y)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if regions is not None:
        inside = inside & regions
    first = torch.arange(batch, device=x.device).view(batch, 1, 1, 1) * height
    x, y = torch.where(inside, x, 0).long(), torch.where(inside, y, 0).long()
    row = torch.where(inside, (first + y) * width + x, batch * height * width)
    return row.transpose(0, 1).flatten(1)


def _round_half_away(value: Tensor) -> Tensor:
    whole = value.trunc()
    return whole + torch.copysign(((value - whole).abs() >= 0.5).to(value.dtype), value)


def _rows(features: Tensor) -> Tensor:
    """(B, C, h, w) -> (B*h*w + 1, C), a row of zeros last."""
    batch, channels, height, width = features.shape
    rows = features.new_zeros(batch * height * width + 1, channels)
    rows[:-1].view(batch, height, width, channels).copy_(features.permute(0, 2, 3, 1))
    return rows


def _image(rows: Tensor, shape: torch.Size) -> Tensor:
    batch, _, height, width = shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)


class _NearestSkip(torch.autograd.Function):
    """`index` and `inverse` as `_row_index` makes them; an inverse asks for TensorFlow's gradient."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, index: Tensor, inverse: Tensor | None, regions: Tensor | None, aggregation: str
    ) -> Tensor:
        rows = _rows(features)
        count = None
        if aggregation == "none":
            output = torch.cat([rows.index_select(0, part) for part in index], dim=1)
        else:
            output = rows.index_select(0, index[0])
            part = torch.empty_like(output)
            combine = torch.maximum if aggregation == "max" else torch.add
            for each in index[1:]:
                torch.index_select(rows, 0, each, out=part)
                combine(output, part, out=output)
            if aggregation == "avg" and regions is not None:
                count = regions.sum(dim=1).clamp(min=1).view(-1, 1)
                output = output / count
        compared = (rows, output) if aggregation == "max" else (None, None)
        ctx.save_for_backward(index, inverse, regions, count, *compared)
        ctx.aggregation, ctx.shape = aggregation, features.shape
        return _image(output, features.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        index, inverse, regions, count, rows, output = ctx.saved_tensors
        channels = ctx.shape[1]
        share = upstream.permute(0, 2, 3, 1).flatten(0, 2)
        if ctx.aggregation == "max":
            share = share / _winners(rows, index, output)
        elif count is not None:
            share = share / count
        total = share.new_zeros(len(share) + 1, channels)
        padded = torch.zeros_like(total)
        part = padded[:-1]
        in_region = None if regions is None else regions.transpose(0, 1).flatten(1)[..., None]
        for number, each in enumerate(index):
            if ctx.aggregation == "max":
                torch.index_select(rows, 0, each, out=part)
                part.eq_(output).mul_(share)
            else:
                part.copy_(share[:, number * channels : (number + 1) * channels] if ctx.aggregation == "none" else share)
            if inverse is None:
                total.index_add_(0, each, part)
            else:
                if in_region is not None:
                    part.mul_(in_region[number])
                total[:-1] += padded.index_select(0, inverse[number])
        return _image(total[:-1], ctx.shape), None, None, None, None


def _winners(rows: Tensor, index: Tensor, output: Tensor) -> Tensor:
    """How many parts reach the maximum: they share its gradient equally, as in `torch.amax`."""
    part, winners = torch.empty_like(output), torch.zeros_like(output)
    for each in index:
        torch.index_select(rows, 0, each, out=part)
        winners += part.eq_(output)
    return winners


# ------------------------------------------------------------------------------------------------------------ bilinear
def _tall_grid(x: Tensor, y: Tensor) -> Tensor:
    """Positions (B, N, h, w) in pixels -> (B, N*h, w, 2) for `grid_sample`; what is not finite lies outside."""
    x, y = ((2 * value + 1) / length - 1 for value, length in ((x, x.shape[-1]), (y, y.shape[-2])))
    grid = torch.stack([x, y], dim=-1).flatten(1, 2)
    return grid.nan_to_num(nan=_FAR, posinf=_FAR, neginf=_FAR).clamp(-_FAR, _FAR)


class _BilinearSkip(torch.autograd.Function):
    """One tall grid over all parts; slices of channels bound the memory, and are sampled anew in the backward pass."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, grid: Tensor, regions: Tensor | None, aggregation: str) -> Tensor:
        height = features.shape[-2]
        slices = []
        for some in features.split(_CHANNELS_AT_ONCE, dim=1):
            sampled = _sample(some, grid, regions)
            if aggregation == "none":
                slices.append(sampled.transpose(1, 2))
            else:
                slices.append(sampled.amax(dim=2) if aggregation == "max" else sampled.sum(dim=2))
        output = torch.cat(slices, dim=2).flatten(1, 2) if aggregation == "none" else torch.cat(slices, dim=1)
        count = None
        if aggregation == "avg" and regions is not None:
            count = regions.sum(dim=1, keepdim=True).clamp(min=1)
            output = output / count
        ctx.save_for_backward(features, grid, regions, count, output if aggregation == "max" else None)
        ctx.aggregation, ctx.parts = aggregation, grid.shape[1] // height
        return output.to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        features, grid, regions, count, output = ctx.saved_tensors
        upstream = upstream.float() if count is None else upstream.float() / count
        if ctx.aggregation == "none":
            upstream = upstream.unflatten(1, (ctx.parts, -1)).transpose(1, 2)
        gradients = []
        for first in range(0, features.shape[1], _CHANNELS_AT_ONCE):
            here = slice(first, first + _CHANNELS_AT_ONCE)
            some, share = features[:, here], upstream[:, here]
            if output is not None:
                winners = _sample(some, grid, regions).eq_(output[:, here, None])
                gradient = winners.mul_((share / winners.sum(dim=2))[:, :, None])
            elif ctx.aggregation == "avg":
                gradient = share[:, :, None].repeat(1, 1, ctx.parts, 1, 1)
            else:
                gradient = share.clone(memory_format=torch.contiguous_format)
            if regions is not None:
                gradient.mul_(regions[:, None].float())
            gradients.append(
                torch.ops.aten.grid_sampler_2d_backward(
                    gradient.flatten(2, 3), some.float(), grid, _BILINEAR, _ZEROS, False, [True, False]
                )[0]
            )
        return torch.cat(gradients, dim=1).to(features.dtype), None, None, None


def _sample(features: Tensor, grid: Tensor, regions: Tensor | None) -> Tensor:
    """(B, C, h, w) -> (B, C, N, h, w) float32, zero outside the regions."""
    sampled = F.grid_sample(features.float(), grid, align_corners=False).unflatten(2, (-1, features.shape[-2]))
    return sampled if regions is None else sampled.mul_(regions[:, None].float())
