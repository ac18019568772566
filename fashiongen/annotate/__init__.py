"""Photographs -> key points, parsing and masks: one small protocol, and annotators behind it.

- `photographs`: what annotators get and give, and what can be wrong with a photograph.
- `photo`: pretrained networks for photographs (extra "annotate"); `weights` says which, under which licences.
- `files`: annotations that people have already.
- `mannequin`: the library's own small network.
- `named`: annotators by name, and any callable as one.
- `folder`: annotated photographs as a folder that `fashiongen.person` and the command line read.
- `part_affinity`: decoder of the maps of a bottom-up pose network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashiongen.annotate.named import annotator
    from fashiongen.annotate.photographs import Annotation, Annotator, Photograph, PhotographError

__all__ = ["Annotation", "Annotator", "Photograph", "PhotographError", "annotator"]

_HOMES = {name: "photographs" for name in __all__} | {"annotator": "named"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
