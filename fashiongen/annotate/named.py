"""Annotators by name, any callable as one, and the default: what is beside a photograph, then what is at hand."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from torch import Tensor

from fashiongen.annotate.given import as_tensor, read_keypoints, read_parsing
from fashiongen.annotate.photographs import Annotation, Annotator, Photograph, PhotographError

AUTO = "auto"
NAMES = ("mannequin", "photo", "files:FOLDER")
_FILES = "files:"


def annotator(source: str | Annotator | Callable[[Tensor], Mapping[str, Any]], **options: Any) -> Annotator:
    """An annotator.

    Args:
        source: "photo" (`PhotoAnnotator` with its pinned weights), "mannequin" (`MannequinAnnotator`), "files:FOLDER"
            (`FilesAnnotator`); an annotator; a model of `fashiongen.models.annotator`; or a callable that takes a picture (3, h, w)
            in [-1, 1] and returns some of "keypoints", "parsing", "scheme", "mask", "text", as `fashiongen.person` takes them.
        options: of the named annotator; the same network with the same options is loaded once.

    Raises:
        ValueError: for another name, and for options of what has none.
    """
    if isinstance(source, str):
        if source.startswith(_FILES):
            from fashiongen.annotate.files import FilesAnnotator

            return FilesAnnotator(source.removeprefix(_FILES), **options)
        return _network(source, **options)
    if options:
        raise ValueError(f"{', '.join(options)}: options belong to annotators by name: {', '.join(NAMES)}")
    if hasattr(source, "detect"):
        return cast(Annotator, source)
    if hasattr(source, "find"):
        from fashiongen.annotate.mannequin import MannequinAnnotator

        return MannequinAnnotator(source)
    return CallableAnnotator(source)


@lru_cache(maxsize=8)
def _network(name: str, **options: Any) -> Annotator:
    if name == "photo":
        from fashiongen.annotate.photo import PhotoAnnotator

        return PhotoAnnotator.from_hub(**options)
    if name == "mannequin":
        from fashiongen.annotate.mannequin import MannequinAnnotator

        return MannequinAnnotator(**options)
    raise ValueError(f"no annotator is called {name!r}; known: {', '.join(NAMES)}")


class CallableAnnotator:
    """Anything that annotates one picture.

    Args:
        function: takes a picture (3, h, w) in [-1, 1]; returns some of "keypoints", "parsing", "scheme", "mask", "text".
    """

    def __init__(self, function: Callable[[Tensor], Mapping[str, Any]]) -> None:
        self.function = function
        self.record: Mapping[str, Any] = {"annotator": getattr(function, "__name__", type(function).__name__)}

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """See `fashiongen.annotate.photographs.Annotator`. What it raises as `PhotographError` counts as what is wrong."""
        found: list[Annotation | PhotographError] = []
        for photograph in photographs:
            try:
                found.append(self._annotation(photograph))
            except PhotographError as error:
                found.append(error)
        return found

    def _annotation(self, photograph: Photograph) -> Annotation:
        image, name = photograph.image, photograph.name
        said = self.function(image)
        keypoints, parsing, mask = (said.get(field) for field in ("keypoints", "parsing", "mask"))
        scheme = said.get("scheme", "lip20")
        return Annotation(
            keypoints=None if keypoints is None else read_keypoints(keypoints, image, name),
            parsing=None if parsing is None else read_parsing(parsing, scheme, image, name),
            scheme=scheme,
            mask=None if mask is None else as_tensor(mask).float().reshape(1, *image.shape[1:]),
            text=said.get("text"),
        )


class AutomaticAnnotator:
    """What `fashiongen.person` does by default: files beside the photograph, then a network that is on this disk already.

    That is "photo", once its weights were downloaded, else "mannequin", with a warning; nothing is ever downloaded.
    """

    record: Mapping[str, Any] = {"annotator": AUTO}

    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """See `fashiongen.annotate.photographs.Annotator`."""
        return [self._detect(photograph) for photograph in photographs]

    def _detect(self, photograph: Photograph) -> Annotation | PhotographError:
        beside = Annotation()
        if photograph.path is not None:
            from fashiongen.annotate.files import FilesAnnotator

            (found,) = FilesAnnotator(photograph.path.parent).detect([photograph])
            if isinstance(found, Annotation):
                beside = found
            elif found.kind != "no annotations":
                return found
        if beside.keypoints is not None and beside.parsing is not None:
            return beside
        network = _at_hand()
        if network is None:
            return beside
        (found,) = network.detect([photograph])
        if isinstance(found, PhotographError):
            return found
        known = {name: value for name, value in vars(beside).items() if name in ("keypoints", "scores") and value is not None}
        if beside.parsing is not None:
            known |= {"parsing": beside.parsing, "scheme": beside.scheme}
        return dataclasses.replace(found, **known)


def _at_hand() -> Annotator | None:
    from fashiongen.annotate import mannequin, photo

    if photo.weights_are_here():
        return annotator("photo")
    if not mannequin.is_bundled():
        return None
    warnings.warn(
        "this picture is annotated by the small network of the mannequin world, which has seen no photographs. For photographs: "
        "pip install 'fashiongen[annotate]' and annotator='photo' once, or pass keypoints= and parsing=; annotator=None leaves "
        "them out",
        stacklevel=2,
    )
    return annotator("mannequin")
