"""What a paper says of a function that can be exported: the function, its networks, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

JOINTS = 18
Range = tuple[float, float] | None
"""Smallest and largest value; None for any real number."""


@dataclass(frozen=True)
class Input:
    """A tensor that a graph takes.

    Attributes:
        name: unique among the inputs; the same name in two graphs of a model means the same thing.
        shape: without the batch axis, which comes first.
        range: of its values.
        meaning: what it is, with units.
        dtype: of the tensor.
    """

    name: str
    shape: tuple[int, ...]
    range: Range
    meaning: str
    dtype: torch.dtype = torch.float32

    def example(self, batch: int, generator: torch.Generator) -> Tensor:
        """(`batch`, *`shape`) random values: uniform in `range`, standard normal without one."""
        shape = (batch, *self.shape)
        if self.range is None:
            return torch.randn(shape, generator=generator).to(self.dtype)
        low, high = self.range
        if not self.dtype.is_floating_point:
            return torch.randint(int(low), int(high) + 1, shape, generator=generator).to(self.dtype)
        return torch.rand(shape, generator=generator) * (high - low) + low


@dataclass(frozen=True)
class Output:
    """A tensor that a graph gives; its shape and type follow from the graph.

    Attributes:
        name: an input of the same name in another graph takes it.
        range: of its values.
        meaning: what it is, with units.
    """

    name: str
    range: Range
    meaning: str


@dataclass(frozen=True)
class Graph:
    """A function of tensors that can be exported.

    Attributes:
        name: of the file.
        about: what it does.
        run: the function, from the inputs in order to one tensor or a tuple of the outputs in order, the batch axis first in all.
        networks: the modules whose weights it uses.
        inputs, outputs: its tensors.
        notes: where it differs from the model's verb.
    """

    name: str
    about: str
    run: Callable[..., Any]
    networks: tuple[nn.Module, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    notes: tuple[str, ...] = ()

    @property
    def module(self) -> nn.Module:
        """The function as a module of its networks' weights, in evaluation mode; it gives a tuple."""
        return _Function(self.run, self.networks).eval()

    def example(self, batch: int, seed: int = 0) -> tuple[Tensor, ...]:
        """Random inputs for `batch` items."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(each.example(batch, generator) for each in self.inputs)


class _Function(nn.Module):
    def __init__(self, run: Callable[..., Any], networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.run = run
        self.networks = nn.ModuleList(networks)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        given = self.run(*inputs)
        return tuple(given) if isinstance(given, tuple) else (given,)


# ------------------------------------------------------------------------------------------------------------ common inputs
def picture(name: str, size: Sequence[int], meaning: str) -> Input:
    """A picture (3, H, W) in [-1, 1]."""
    return Input(name, (3, *size), (-1, 1), f"{meaning}: red, green, blue in [-1, 1] (level / 127.5 - 1), rows from the top")


def keypoints(name: str, size: Sequence[int], meaning: str) -> Input:
    """Key points (18, 3) in pixels of a picture."""
    return Input(
        name,
        (JOINTS, 3),
        (0, max(size)),
        f"{meaning}: 18 joints in OpenPose's order, x to the right and y down in pixels of {size[0]}x{size[1]} (pixel i spans "
        "[i, i + 1)), then visibility, above 0 for a joint that was found",
    )


def labels(name: str, size: Sequence[int], count: int, meaning: str) -> Input:
    """A label map (H, W)."""
    return Input(name, tuple(size), (0, count - 1), meaning, torch.uint8)


def noise(name: str, length: int, meaning: str) -> Input:
    """A vector of standard normal numbers."""
    return Input(name, (length,), None, f"{meaning}: independent standard normal numbers")


PICTURE = Output("picture", (-1, 1), "the picture: red, green, blue in [-1, 1]; (value + 1) * 127.5 is the level")

BATCH_STATISTICS = "features are normalised by the statistics of the batch: a result depends on what is computed beside it"
