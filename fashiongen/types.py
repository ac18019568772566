"""What every part of the library passes around: people, garments and batches of them.

The classes are not frozen only because Lightning (precision plugins) copies batches by setting attributes; treat them as values.
A single item has no batch axis, a batch has one in front of every tensor; `stack` and `unbind` go from one to the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image


class _Tensors:
    """Moving, stacking and splitting for the dataclasses below."""

    def _map(self, function: Any) -> Self:
        changed = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                changed[field.name] = function(value)
            elif isinstance(value, _Tensors):
                changed[field.name] = value._map(function)
        return dataclasses.replace(self, **changed)  # type: ignore[type-var]

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device; floating tensors also follow a dtype, label maps keep theirs."""
        device, dtype, non_blocking, _ = torch._C._nn._parse_to(*args, **kwargs)

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype if tensor.is_floating_point() else None, non_blocking=non_blocking)

        return self._map(move)

    def pin_memory(self) -> Self:
        return self._map(Tensor.pin_memory)

    @property
    def device(self) -> torch.device:
        return next(t for t in _leaves(self)).device

    @classmethod
    def stack(cls, items: Sequence[Self]) -> Self:
        """Batch items of equal size.

        Raises:
            ValueError: when `items` is empty, when a field is present in some items only, or when sizes differ.
        """
        if not items:
            raise ValueError(f"cannot stack an empty list of {cls.__name__}")
        stacked: dict[str, Any] = {}
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            values = [getattr(item, field.name) for item in items]
            missing = sum(value is None for value in values)
            if missing == len(values):
                stacked[field.name] = None
            elif missing:
                raise ValueError(f"{cls.__name__}.{field.name} is missing in {missing} of {len(values)} items of a batch")
            elif isinstance(values[0], Tensor):
                if len({tuple(value.shape) for value in values}) > 1:
                    sizes = ", ".join(sorted({"x".join(map(str, value.shape)) for value in values}))
                    raise ValueError(f"{cls.__name__}.{field.name} has different sizes in one batch: {sizes}")
                stacked[field.name] = torch.stack(values)
            elif isinstance(values[0], _Tensors):
                stacked[field.name] = type(values[0]).stack(values)
            elif field.name == "scheme":
                if len(set(values)) > 1:
                    raise ValueError(f"parsing maps of different schemes in one batch: {sorted(set(values))}")
                stacked[field.name] = values[0]
            else:
                stacked[field.name] = list(values)
        return cls(**stacked)

    def unbind(self) -> list[Self]:
        """Split a batch into its items."""
        items = []
        for index in range(len(next(_leaves(self)))):
            single: dict[str, Any] = {}
            for field in dataclasses.fields(self):  # type: ignore[arg-type]
                value = getattr(self, field.name)
                if isinstance(value, _Tensors):
                    single[field.name] = value.unbind()[index]
                elif value is None or field.name == "scheme":
                    single[field.name] = value
                else:
                    single[field.name] = value[index]
            items.append(type(self)(**single))
        return items


def _leaves(item: Any) -> Any:
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, _Tensors):
            yield from _leaves(value)


@dataclass(eq=False)
class Person(_Tensors):
    """A picture of a person with what is known about it.

    Attributes:
        image: (3, H, W) float, RGB in [-1, 1].
        keypoints: (18, 3) float in OpenPose's order: x to the right and y down in pixels of `image` (the centre of the top
            left pixel is (0.5, 0.5)), then visibility: 2 seen, 1 hidden behind something, 0 unknown or outside.
        parsing: (H, W) uint8 label ids of the scheme named by `scheme`.
        scheme: name of a label scheme of `fashiongen.data.parsing`.
        parts: (H, W) uint8 body parts, 0 for none, 1..10 as in `fashiongen.data.parsing.PARTS`.
        text: a sentence about the person's clothes.
    """

    image: Tensor
    keypoints: Tensor | None = None
    parsing: Tensor | None = None
    scheme: str = "lip20"
    parts: Tensor | None = None
    text: str | list[str] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[-2], self.image.shape[-1]

    def to_pil(self) -> Image.Image:
        """The picture as an 8-bit RGB Pillow image."""
        return to_pil(self.image)


@dataclass(eq=False)
class Garment(_Tensors):
    """A shop picture of a garment, laid flat on white.

    Attributes:
        image: (3, H, W) float, RGB in [-1, 1]; white outside the garment.
        mask: (1, H, W) float in [0, 1], 1 on the garment.
    """

    image: Tensor
    mask: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[-2], self.image.shape[-1]

    def to_pil(self) -> Image.Image:
        """The picture as an 8-bit RGB Pillow image."""
        return to_pil(self.image)


@dataclass(eq=False)
class Batch(_Tensors):
    """One training or test example (or a batch of them): annotations only, what is missing is None.

    Attributes:
        person: the person everything is about.
        target: the same person in another pose.
        garment: shop picture of the garment that `person` wears.
        other_garment: shop picture of a garment that `person` does not wear.
        control_points: (N, 2) float (x, y) in [-1, 1]: where the points of a regular grid over the person's picture sample
            from in the picture of `garment` (thin-plate spline warp, `fashiongen.layers.thin_plate_spline`).
        other_control_points: (N, 2), the same for `other_garment`.
        other_text: a sentence about clothes that `person` does not wear.
        donor: another person, who gives what `factor` names.
        factor: "foreground", "background" or "pose": what a swap takes from `donor`, everything else staying as in `person`.
        truth: the true answer of the task, where the world knows it: `person` in `other_garment`, dressed as `other_text` says, or
            with the factor of `donor`.
        name: names for written results, from the file names of the data set.
    """

    person: Person
    target: Person | None = None
    garment: Garment | None = None
    other_garment: Garment | None = None
    control_points: Tensor | None = None
    other_control_points: Tensor | None = None
    other_text: str | list[str] | None = None
    donor: Person | None = None
    factor: str | list[str] | None = None
    truth: Person | None = None
    name: str | list[str] | None = None

    @classmethod
    def collate(cls, items: Sequence[Batch]) -> Batch:
        """`collate_fn` of every data loader."""
        return cls.stack(items)

    def __len__(self) -> int:
        return self.person.image.shape[0]


def to_pil(image: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1] -> 8-bit RGB Pillow image.

    Raises:
        ValueError: for another shape; a batch is split with `unbind` first.
    """
    from PIL import Image

    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"to_pil shows one RGB picture (3, H, W), not a tensor of shape {tuple(image.shape)}; split a batch first")
    levels = ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy(), "RGB")
