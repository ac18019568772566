"""The verbs that papers share, one mixin each: they turn what people pass into batches and give pictures back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.types import Garment, Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Item = TypeVar("Item", Person, Garment)


def resized(item: Item, size: tuple[int, int]) -> Item:
    """A batched `Person` or `Garment` at another size: pictures antialiased, label maps by nearest neighbour, key points scaled.

    Args:
        size: height and width in pixels.
    """
    height, width = size
    if item.size == size:
        return item

    def picture(image: Tensor, low: float) -> Tensor:
        return F.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False).clamp(low, 1)

    if isinstance(item, Garment):
        return Garment(picture(item.image, -1), picture(item.mask, 0))  # type: ignore[return-value]

    def labels(parsing: Tensor | None) -> Tensor | None:
        if parsing is None:
            return None
        return F.interpolate(parsing[:, None].float(), size, mode="nearest-exact")[:, 0].to(parsing.dtype)

    keypoints = item.keypoints
    if keypoints is not None:
        scale = keypoints.new_tensor([width / item.size[1], height / item.size[0], 1.0])
        keypoints = keypoints * scale
    return dataclasses.replace(
        item, image=picture(item.image, -1), keypoints=keypoints, parsing=labels(item.parsing), parts=labels(item.parts)
    )


def batched(items: Item | Sequence[Item], size: tuple[int, int], device: torch.device | str, what: str) -> Item:
    """One item, a list of items or a batch -> a batch of the wanted size on the wanted device.

    Raises:
        TypeError: when `items` is something else, with what to call.
        ValueError: for an empty list.
    """
    if isinstance(items, (Person, Garment)):
        items = items if items.image.ndim == 4 else type(items).stack([items])
        return resized(items.to(device), size)
    if isinstance(items, (list, tuple)) and all(isinstance(item, (Person, Garment)) for item in items):
        if not items:
            raise ValueError(f"the list of {what}s is empty")
        return type(items[0]).stack([resized(type(item).stack([item]).to(device), size).unbind()[0] for item in items])
    raise TypeError(
        f"{what}: pass a {what.capitalize()}, a list of them or a batch, not {type(items).__name__}; "
        f"fashiongen.{what}(path) reads one"
    )


def in_scheme(person: Person, scheme: str) -> Person:
    """A person, or a batch, whose parsing is in a label scheme; that of others is translated by `fashiongen.data.parsing.convert`.

    Raises:
        ValueError: for a parsing that cannot be translated.
    """
    if person.parsing is None or person.scheme == scheme:
        return person
    from fashiongen.data.parsing import convert  # a table, and nothing else of `data`

    return dataclasses.replace(person, parsing=convert(person.parsing, person.scheme, scheme), scheme=scheme)


def check_annotations(person: Person, needs: frozenset[str], model: str) -> None:
    """Tell what is missing before a network does.

    Raises:
        ValueError: with the names of the missing annotations and how to give them.
    """
    fields = [name for name in ("keypoints", "parsing", "parts", "text") if name in needs]
    missing = [name for name in fields if getattr(person, name) is None]
    if missing:
        options = ", ".join(f"{name}=..." for name in missing)
        found = ", or have them found: annotator='photo'" if {"keypoints", "parsing"}.issuperset(missing) else ""
        raise ValueError(
            f"{model} needs {' and '.join(missing)} of the person; pass them: fashiongen.person(picture, {options}){found}"
        )


class TryOn:
    """`try_on(person, garment)`: the person in the garment. Papers implement `dress`."""

    name: ClassVar[str]
    needs_to_run: ClassVar[frozenset[str]]
    #: (person, garment, **controls) -> (B, 3, H, W) in [-1, 1]: the people of a batch in the garments of a batch.
    dress: Callable[..., Tensor]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the networks work at."""
        raise AttributeError(f"{type(self).__name__} has no size")

    @overload
    def try_on(self, person: Person, garment: Garment, **controls: Any) -> Image.Image | Tensor: ...

    @overload
    def try_on(self, person: Sequence[Person], garment: Garment | Sequence[Garment], **controls: Any) -> list[Image.Image]: ...

    def try_on(self, person: Any, garment: Any, **controls: Any) -> Any:
        """Put garments on people.

        Args:
            person: a `Person`, a list of them, or a batch.
            garment: a `Garment`, a list of them, or a batch; one garment goes on everybody, and everybody's garments on one person.
            controls: options of the paper, see its `dress`.

        Returns:
            one picture for one person and one garment, a list for lists, a (B, 3, H, W) tensor in [-1, 1] for batches; at the size
            that the model works at.

        Raises:
            ValueError: when the lists have different lengths, or when annotations that the paper reads are missing.
        """
        one = _is_one(person) and _is_one(garment)
        tensors = any(isinstance(each, (Person, Garment)) and each.image.ndim == 4 for each in (person, garment))
        device = next(self.parameters()).device  # type: ignore[attr-defined]
        people, garments = batched(person, self.size, device, "person"), batched(garment, self.size, device, "garment")
        check_annotations(people, self.needs_to_run, self.name)
        counts = len(people.image), len(garments.image)
        if counts[0] != counts[1] and 1 not in counts:
            raise ValueError(f"{counts[0]} people and {counts[1]} garments: give as many garments as people, or one of either")
        people, garments = _repeated(people, max(counts)), _repeated(garments, max(counts))
        was_training = self.training  # type: ignore[attr-defined]
        self.eval()  # type: ignore[attr-defined]
        with torch.no_grad():
            pictures = self.dress(people, garments, **controls)
        self.train(was_training)  # type: ignore[attr-defined]
        if tensors:
            return pictures
        images = [to_pil(picture) for picture in pictures]
        return images[0] if one else images


def _is_one(items: Any) -> bool:
    return isinstance(items, (Person, Garment)) and items.image.ndim == 3


def _repeated(items: Item, count: int) -> Item:
    if len(items.image) == count:
        return items
    return type(items).stack(items.unbind() * count)
