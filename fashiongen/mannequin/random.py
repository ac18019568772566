"""Random numbers that depend on nothing but their names: world version, seed, stream and position.

A number is the splitmix64 finaliser (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014)
of its address, in wrapping 64-bit integers. So a number is the same alone and in any batch, in every process, on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor

WORLD_VERSION = 1
"""Part of every address: a change of the world that moves its pictures raises it."""

_GOLDEN_RATIO = 0x9E3779B97F4A7C15
_STREAM_STEP = 0xD1B54A32D192ED03
_MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def bits(seed: Tensor, stream: int, count: int) -> Tensor:
    """`count` random 64-bit integers for every seed.

    Args:
        seed: (B,) integers, whole pictures, identities, garments, ... are named by theirs.
        stream: which sequence of the seed; every factor of the world has one of its own.
        count: how many numbers.

    Returns:
        (B, count) int64 on the device of `seed`; number k does not depend on `count`.
    """
    counter = torch.arange(count, device=seed.device)
    start = _mix(seed.long()[:, None] * _signed(_GOLDEN_RATIO) + _signed(stream * _STREAM_STEP + WORLD_VERSION - 1))
    return _mix(start + counter * _signed(_GOLDEN_RATIO))


def uniform(seed: Tensor, stream: int, count: int) -> Tensor:
    """`count` numbers in [0, 1) for every seed: the top 24 bits of `bits`, exact in float32. (B,) -> (B, count)."""
    return _shift(bits(seed, stream, count), 40).float() * 2.0**-24


def pick(u: Tensor, n: int) -> Tensor:
    """Numbers in [0, 1) -> int64 choices 0 .. n-1 of equal chance."""
    return (u * n).long().clamp_max(n - 1)


def _signed(value: int) -> int:
    """The int64 with the low 64 bits of `value`."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _shift(x: Tensor, places: int) -> Tensor:
    """Logical shift to the right: the sign bit is not copied."""
    return (x >> places) & (2 ** (64 - places) - 1)


def _mix(x: Tensor) -> Tensor:
    for places, factor in _MIXERS:
        x = (x ^ _shift(x, places)) * _signed(factor)
    return x ^ _shift(x, 31)
