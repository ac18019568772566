"""Small numerical pieces of the mannequin world.

Everything here is elementwise with explicit products: no matrix multiplication, no reduction over the batch, no fused operation.
That keeps a picture bit-equal whether it is drawn alone or in a batch.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

import torch
from torch import Tensor

DEGREE = math.pi / 180

T = TypeVar("T")


def smoothstep(x: Tensor, start: float, end: float) -> Tensor:
    """Cubic step from 0 at `start` to 1 at `end`; `start` may lie above `end`."""
    t = ((x - start) / (end - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(x: Tensor, centre: float, width: float) -> Tensor:
    """exp(-((x - centre) / width)^2)."""
    t = (x - centre) / width
    return torch.exp(-t * t)


def power(x: Tensor, exponent: float) -> Tensor:
    """x^exponent of numbers that are not negative. `torch.pow` rounds by a number's place in memory, this does not."""
    return torch.exp(torch.log(x) * exponent)


def interpolate(table: Tensor, position: Tensor) -> Tensor:
    """Linear look-up in uniform tables, clamped at the ends.

    Args:
        table: (B, C, n).
        position: (B, M), 0 at the first knot and n - 1 at the last.

    Returns:
        (B, C, M).
    """
    knots = table.shape[2]
    position = position.clamp(0, knots - 1.001)
    lower = position.long()
    fraction = (position - lower)[:, None]
    index = lower[:, None].expand(-1, table.shape[1], -1)
    return torch.gather(table, 2, index) * (1 - fraction) + torch.gather(table, 2, index + 1) * fraction


def interpolate_shared(table: Tensor, position: Tensor) -> Tensor:
    """Linear look-up of any `position` in [0, 1] in one uniform table (n,), clamped at the ends."""
    scaled = (position * (len(table) - 1)).clamp(0, len(table) - 1.001)
    lower = scaled.long()
    fraction = scaled - lower
    return table[lower] * (1 - fraction) + table[lower + 1] * fraction


def product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product of (..., 3, 3) and (..., 3, n), written out so that its rounding never depends on the batch."""
    return a[..., :, 0:1] * b[..., 0:1, :] + a[..., :, 1:2] * b[..., 1:2, :] + a[..., :, 2:3] * b[..., 2:3, :]


def rotation(axis: tuple[float | Tensor, float | Tensor, float | Tensor], angle: Tensor) -> Tensor:
    """Rotation about a unit `axis` by `angle` radians (Rodrigues): (...,) -> (..., 3, 3)."""
    x, y, z = axis
    angle = angle.contiguous()
    c, s = torch.cos(angle), torch.sin(angle)
    t = 1 - c
    zero = torch.zeros_like(angle)
    rows = [
        *(t * x * x + c, t * x * y - s * z, t * x * z + s * y),
        *(t * x * y + s * z, t * y * y + c, t * y * z - s * x),
        *(t * x * z - s * y, t * y * z + s * x, t * z * z + c),
    ]
    return torch.stack([row + zero for row in rows], -1).unflatten(-1, (3, 3))


def euler(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Rotation by y about the vertical, after x about the sideways axis, after z about the forward axis (radians)."""
    return product(product(rotation((0, 1, 0), y), rotation((1, 0, 0), x)), rotation((0, 0, 1), z))


def choose(condition: Tensor, first: T, second: T) -> T:
    """`torch.where` over two dataclasses of tensors of the same shape, nested ones included; `condition` is (B,)."""
    chosen: dict[str, Any] = {}
    for field in dataclasses.fields(first):  # type: ignore[arg-type]
        a, b = getattr(first, field.name), getattr(second, field.name)
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            chosen[field.name] = torch.where(condition.view(-1, *[1] * (a.ndim - 1)), a, b)
        elif dataclasses.is_dataclass(a):
            chosen[field.name] = choose(condition, a, b)
        else:
            chosen[field.name] = a if a is not None else b
    return dataclasses.replace(first, **chosen)  # type: ignore[type-var]


def take(factors: T, index: Tensor) -> T:
    """Rows `index` of every tensor of a dataclass, nested ones included: reorders or repeats a batch of factors."""
    taken: dict[str, Any] = {}
    for field in dataclasses.fields(factors):  # type: ignore[arg-type]
        value = getattr(factors, field.name)
        if isinstance(value, Tensor):
            taken[field.name] = value[index]
        elif dataclasses.is_dataclass(value):
            taken[field.name] = take(value, index)
    return dataclasses.replace(factors, **taken)  # type: ignore[type-var]
