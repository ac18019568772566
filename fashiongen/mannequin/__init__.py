"""The mannequin world: people in clothes, drawn on the fly, with exact annotations and the true answer to every counterfactual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashiongen.types import Garment, Person

    from .rendering import Rendering
    from .world import World

__all__ = ["Rendering", "World", "garment", "person", "render"]

_HOMES = {"World": "world", "Rendering": "rendering"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def render(index: int = 0, height: int = 256, width: int = 192, framing: str = "upper") -> Rendering:
    """Example picture number `index` (a batch of one) with all annotations, from the test split."""
    import torch

    from .world import World

    return World(height, width, split="test", framing=framing).draw(torch.tensor([index]))


def person(index: int = 0, height: int = 256, width: int = 192, framing: str = "upper") -> Person:
    """Example person number `index` with key points, parsing, parts and caption, from the test split.

    Args:
        framing: "upper" (head to thigh) or "full".
    """
    return render(index, height, width, framing).person().unbind()[0]


def garment(index: int = 0, height: int = 256, width: int = 192) -> Garment:
    """Example garment number `index`, the top (or dress) of person number `index`, laid flat; from the test split."""
    import torch

    from .world import World

    world = World(height, width, split="test")
    return world.lay_flat(world.outfit(torch.tensor([index]))).unbind()[0]
