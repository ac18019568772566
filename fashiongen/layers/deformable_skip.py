"""The deformable skip connection: a feature map, moved part by part from one pose to another and put together again.

Deformable GANs (CVPR 2018, section 3.2). A part only touches the pixels of its region, which is small for all but the torso. So the
map is laid out as rows of channels once, each part gathers the rows that its pixels read (one with the authors' nearest-neighbour
rule, four with bilinear weights), and the maximum or the sum runs along in one buffer: time follows the area of the regions, and
memory does not grow with the number of parts, in the backward pass neither. A pixel outside the picture reads the row of zeros
behind the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fashiongen.layers.resize import legacy_nearest_resize

AGGREGATIONS = ("max", "avg", "none")


class _Part(NamedTuple):
    """What one part reads, for the pixels of its region in all pictures.

    Attributes:
        pixels: (P,) numbers of the pixels, b*h*w + y*w + x.
        rows: K tensors (P,): the rows that they read, 1 with nearest-neighbour sampling, 4 with bilinear.
        weights: K tensors (P, 1), or none: every row counts 1.
    """

    pixels: Tensor
    rows: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]

    def read(self, rows: Tensor) -> Tensor:
        """(P, C) weighted sums of `rows`, bit-equal with `grid_sample`, which fuses products and sums in this order."""
        total = rows.index_select(0, self.rows[0])
        if self.weights:
            total.mul_(self.weights[0])
            for row, weight in zip(self.rows[1:], self.weights[1:], strict=True):
                total.addcmul_(rows.index_select(0, row), weight)
        return total

    def spread(self, total: Tensor, gradient: Tensor) -> None:
        """Add the gradient (P, C) of what was read to that of the rows."""
        for place, row in enumerate(self.rows):
            total.index_add_(0, row, gradient * self.weights[place] if self.weights else gradient)


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
        inverse = None
        if gradient == "tensorflow":
            x, y = (value.transpose(0, 1) for value in _positions(invert_transforms(transforms), height, width))
            first = torch.arange(features.shape[0], device=x.device)[:, None, None] * height
            pictures = (features.shape[0], height, width)
            inverse = _row_numbers(_round_half_away(x), _round_half_away(y), first, pictures).flatten(1)
        parts = _parts(*_positions(transforms, height, width), regions, interpolation, inverse is not None)
    inside = regions.sum(dim=1).clamp(min=1).view(-1, 1) if aggregation == "avg" and regions is not None else None
    return _Skip.apply(features, parts, inverse, inside, aggregation)


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


def _parts(x: Tensor, y: Tensor, regions: Tensor | None, interpolation: str, whole_regions: bool) -> list[_Part]:
    """Positions (B, N, h, w) -> N parts: the pixels of their regions, without those that read nothing unless `whole_regions`."""
    height, width = x.shape[-2:]
    reach = 1.0 if interpolation == "bilinear" else 0.5
    kept = torch.ones_like(x, dtype=torch.bool) if regions is None else regions
    if not whole_regions:
        kept = kept & (x >= -reach) & (x <= width - 1 + reach) & (y >= -reach) & (y <= height - 1 + reach)
    kept, x, y = (value.transpose(0, 1) for value in (kept, x, y))
    exporting = torch.compiler.is_exporting()
    if exporting:
        # A graph has fixed shapes: every part covers all pixels, and those that it leaves out read the zeros.
        x, y = x.where(kept, torch.nan).flatten(1), y.flatten(1)
        pixels = torch.arange(x.shape[1], device=x.device).expand_as(x)
    else:
        counts = kept.flatten(1).sum(dim=1).tolist()
        pixels = kept.flatten(1).nonzero()[:, 1]
        x, y = x[kept], y[kept]
    first = pixels // (height * width) * height
    size = (kept.shape[1], height, width)
    weights: list[Tensor] = []
    if interpolation == "nearest":
        rows = [_row_numbers(_round_half_away(x), _round_half_away(y), first, size)]
    else:
        rows, weights = _bilinear_rows(x, y, first, size)
    each = [value.unbind() if exporting else value.split(counts) for value in (pixels, *rows, *weights)]
    return [_Part(own[0], own[1 : len(rows) + 1], own[len(rows) + 1 :]) for own in zip(*each, strict=True)]


def _bilinear_rows(x: Tensor, y: Tensor, first: Tensor, size: tuple[int, int, int]) -> tuple[list[Tensor], list[Tensor]]:
    """The four rows (..., P) around each position and their weights (..., P, 1), rounded as `grid_sample` does."""
    x, y = (((2 * value + 1) / length - 1 + 1) * length / 2 - 0.5 for value, length in ((x, size[2]), (y, size[1])))
    left, top = x.floor(), y.floor()
    right_share, lower_share = x - left, y - top
    rows, weights = [], []
    for down, vertical in ((0, 1 - lower_share), (1, lower_share)):
        for across, horizontal in ((0, 1 - right_share), (1, right_share)):
            rows.append(_row_numbers(left + across, top + down, first, size))
            weights.append((horizontal * vertical).nan_to_num(0, 0, 0)[..., None])
    return rows, weights


def _row_numbers(x: Tensor, y: Tensor, first: Tensor, size: tuple[int, int, int]) -> Tensor:
    """Whole pixel positions in pictures that begin at line `first` -> numbers of their rows; B*h*w, the zeros, when outside."""
    batch, height, width = size
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = torch.where(inside, x, 0).long(), torch.where(inside, y, 0).long()
    return torch.where(inside, (first + y) * width + x, batch * height * width)


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


class _Skip(torch.autograd.Function):
    """`inverse` (N, B*h*w), rows that the inverse transforms read, asks for TensorFlow's gradient; `inside` (B*h*w, 1), how many
    regions hold a pixel, at least 1, for the average."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, parts: list[_Part], inverse: Tensor | None, inside: Tensor | None, aggregation: str
    ) -> Tensor:
        rows = _rows(features.float() if parts[0].weights else features)
        pixels, channels = rows.shape[0] - 1, rows.shape[1]
        absent = None
        if aggregation == "none":
            output = rows.new_zeros(pixels, len(parts) * channels)
            for number, part in enumerate(parts):
                output[:, number * channels : (number + 1) * channels].index_copy_(0, part.pixels, part.read(rows))
        elif inside is not None:
            output = torch.zeros_like(rows[:-1])
            for part in parts:
                output.index_add_(0, part.pixels, part.read(rows))
            output /= inside
        else:
            absent = torch.full((pixels, 1), len(parts), dtype=torch.int16, device=rows.device)
            for part in parts:
                absent.index_add_(0, part.pixels, absent.new_full((part.pixels.shape[0], 1), -1))
            # A part counts as 0 where it is absent.
            output = torch.where(absent > 0, 0, -torch.inf).to(rows.dtype).expand(-1, channels).contiguous()
            for part in parts:
                highest = torch.maximum(output.index_select(0, part.pixels), part.read(rows))
                output.index_copy_(0, part.pixels, highest)
        ctx.save_for_backward(inverse, inside, absent, *((rows, output) if absent is not None else (None, None)))
        ctx.parts, ctx.aggregation, ctx.shape, ctx.dtype = parts, aggregation, features.shape, features.dtype
        return _image(output, features.shape).to(features.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        inverse, inside, absent, rows, output = ctx.saved_tensors
        parts, channels = ctx.parts, ctx.shape[1]
        share = _rows(upstream.float() if parts[0].weights else upstream)[:-1]
        won = None
        if absent is not None:
            won = [part.read(rows) == output.index_select(0, part.pixels) for part in parts]
            # All that reach the maximum share its gradient equally, as in `torch.amax`.
            winners = (output == 0) * absent
            for part, wins in zip(parts, won, strict=True):
                winners.index_add_(0, part.pixels, wins.to(winners.dtype))
            share /= winners
            del winners, wins
        elif inside is not None:
            share /= inside
        total = share.new_zeros(share.shape[0] + 1, channels)
        moved = None if inverse is None else torch.zeros_like(total)
        # Backwards, because the largest part, the torso, is the first: by then the others have let go of their memory.
        for number, part in reversed([*enumerate(parts)]):
            own = share[:, number * channels : (number + 1) * channels] if ctx.aggregation == "none" else share
            gradient = own.index_select(0, part.pixels)
            if won is not None:
                gradient.mul_(won.pop())
            if moved is None or inverse is None:
                part.spread(total, gradient)
            else:
                moved.zero_().index_copy_(0, part.pixels, gradient)
                total[:-1] += moved.index_select(0, inverse[number])
        return _image(total[:-1], ctx.shape).to(ctx.dtype), None, None, None, None
