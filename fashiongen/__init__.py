"""Seven founding papers of fashion image generation as PyTorch Lightning modules, side by side.

Importing this package is cheap: torch, Lightning and the models are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fashiongen.registry import info, list_models

if TYPE_CHECKING:
    from fashiongen import mannequin
    from fashiongen.hub import create, load
    from fashiongen.reading import garment, person
    from fashiongen.types import Garment, Person

__version__ = version("fashiongen")

_LAZY = {
    "create": "fashiongen.hub",
    "load": "fashiongen.hub",
    "garment": "fashiongen.reading",
    "person": "fashiongen.reading",
    "Garment": "fashiongen.types",
    "Person": "fashiongen.types",
}

__all__ = ["Garment", "Person", "__version__", "create", "garment", "info", "list_models", "load", "mannequin", "person"]


def __getattr__(name: str) -> Any:
    if name == "mannequin":
        return import_module("fashiongen.mannequin")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'fashiongen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
