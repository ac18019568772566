"""The models of the demo: one request at a time, within its time, and what they draw on the way to a picture."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image
from torch import Tensor

import fashiongen
from fashiongen.annotate.folder import with_palette
from fashiongen.commands import examples
from fashiongen.commands.gallery import draws_from_nothing
from fashiongen.commands.pictures import stick_figure
from fashiongen.demo.uploads import Limits
from fashiongen.types import Batch, Garment, Person, to_pil

VERBS = ("try_on", "repose", "redress", "sample")
Pictures = Mapping[str, Image.Image]


@dataclass(frozen=True)
class Source:
    """Whom or what a visitor chose: an embedded example, or an uploaded picture (3, H, W) uint8."""

    example: int | None = None
    picture: Tensor | None = None


@dataclass
class Answer:
    """What one model drew.

    Attributes:
        model: its name.
        pictures: the result; several where people are sampled.
        seen: what the model saw and drew on the way, by name.
        notes: what was noticed meanwhile.
        seconds: how long it took.
    """

    model: str
    pictures: list[Image.Image]
    seen: Pictures = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Studio:
    """Trained models and what visitors may do with them.

    Models switch between training and evaluation and share PyTorch's random numbers, so that one request is answered at a time,
    whoever asks; what a request gets does not depend on others.

    Args:
        models: name -> model.
        limits: `seconds`, `samples` and `letters` are looked at.
        annotator: who finds key points and parsing of uploaded people, as `fashiongen.person` takes it; None for nobody.
    """

    def __init__(self, models: Mapping[str, Any], limits: Limits | None = None, annotator: Any = "auto") -> None:
        self.models = dict(models)
        self.limits = limits or Limits()
        self.annotator = annotator
        self._turn = threading.Lock()

    def able(self, verb: str) -> list[str]:
        """Names of the models that have a verb; those that sample must do so from nothing but a number."""
        names = [name for name, model in self.models.items() if hasattr(model, verb)]
        if verb == "sample":
            names = [name for name in names if draws_from_nothing(self.models[name].sample)]
        return names

    # ------------------------------------------------------------------------------------------------ verbs
    def try_on(self, names: Sequence[str], person: Source, garment: Source, worn: Source | None = None) -> Iterator[Answer]:
        """A person in a garment; `worn`, what she wears, is known of embedded people."""
        if worn is None and person.example is not None:
            worn = person

        def draw(model: Any) -> tuple[Any, Pictures]:
            given, cloth = self._person(person, model), self._garment(garment, model)
            own = None
            if "garment" in model.needs_to_run:
                if worn is None:
                    raise ValueError(f"{model.name} compares garments: upload a picture of what the person wears as well")
                own = self._garment(worn, model)
            picture = model.try_on(given, cloth, **({} if own is None else {"worn": own}))
            return picture, self._on_the_way(model, Batch(given, garment=own or cloth, other_garment=cloth))

        return self._answers("try_on", names, draw)

    def repose(self, names: Sequence[str], person: Source, pose: Source) -> Iterator[Answer]:
        """A person in the pose of another one."""

        def draw(model: Any) -> tuple[Any, Pictures]:
            given, target = self._person(person, model), self._person(pose, model)
            return model.repose(given, target), self._on_the_way(model, Batch(given, target=target))

        return self._answers("repose", names, draw)

    def redress(self, names: Sequence[str], person: Source, text: str, seed: int = 0) -> Iterator[Answer]:
        """A person in the clothes of a sentence."""
        if not text.strip():
            raise ValueError("say what the clothes should be, such as: the lady wears a long-sleeved blue blouse.")
        if len(text) > self.limits.letters:
            raise ValueError(f"the sentence has {len(text)} letters; up to {self.limits.letters} are read")

        def draw(model: Any) -> tuple[Any, Pictures]:
            given = self._person(person, model)
            torch.manual_seed(seed)
            picture = model.redress(given, text)
            given.text = text
            return picture, self._on_the_way(model, Batch(given, other_text=text))

        return self._answers("redress", names, draw)

    def sample(self, names: Sequence[str], count: int, seed: int = 0) -> Iterator[Answer]:
        """People who do not exist."""
        if not 1 <= count <= self.limits.samples:
            raise ValueError(f"1 to {self.limits.samples} people are drawn at once, not {count}")

        def draw(model: Any) -> tuple[Any, Pictures]:
            torch.manual_seed(seed)
            return model.sample(count), {}

        return self._answers("sample", names, draw)

    # ------------------------------------------------------------------------------------------------ one after the other
    def _answers(self, verb: str, names: Sequence[str], draw: Callable[[Any], tuple[Any, Pictures]]) -> Iterator[Answer]:
        able = self.able(verb)
        if not names or any(name not in able for name in names):
            raise ValueError(f"choose at least one model: {', '.join(able)}")
        return self._drawn(names, draw)

    def _drawn(self, names: Sequence[str], draw: Callable[[Any], tuple[Any, Pictures]]) -> Iterator[Answer]:
        begun = time.monotonic()
        for done, name in enumerate(dict.fromkeys(names)):
            with self._alone() as notes:
                started = time.monotonic()
                if done and started - begun > self.limits.seconds:
                    raise TimeoutError(
                        f"the {self.limits.seconds:g} seconds of a request are over, {done} of {len(names)} models are done; "
                        "choose fewer models"
                    )
                pictures, seen = draw(self.models[name])
            drawn = pictures if isinstance(pictures, list) else [pictures]
            yield Answer(name, drawn, seen, list(dict.fromkeys(notes)), time.monotonic() - started)

    @contextmanager
    def _alone(self) -> Iterator[list[str]]:
        """The only request at work, with random numbers of its own; collects warnings, which users should see."""
        with self._turn, torch.random.fork_rng(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("always", category=UserWarning, module="fashiongen")
            notes: list[str] = []
            yield notes
            notes += [str(each.message) for each in told]

    # ------------------------------------------------------------------------------------------------ people and garments
    def _person(self, source: Source, model: Any) -> Person:
        if source.picture is None:
            assert source.example is not None
            return examples.person(source.example, model)
        height, width = model.size
        return fashiongen.person(
            source.picture, height=height, width=width, target_scheme=examples.scheme(model), annotator=self.annotator
        )

    def _garment(self, source: Source, model: Any) -> Garment:
        if source.picture is None:
            assert source.example is not None
            return examples.garment(source.example, model)
        height, width = model.size
        return fashiongen.garment(source.picture, height=height, width=width)

    # ------------------------------------------------------------------------------------------------ on the way
    def _on_the_way(self, model: Any, batch: Batch) -> dict[str, Image.Image]:
        """Key points, parsing, and what the model shows of its work."""
        person = batch.person
        shown: dict[str, Image.Image] = {"the person as the model sees them": person.to_pil()}
        for whose, each in (("the person's", person), ("the target's", batch.target)):
            if each is not None and each.keypoints is not None:
                shown[f"{whose} key points"] = stick_figure(each.keypoints, each.size)
        if person.parsing is not None:
            shown["the person's parsing"] = with_palette(person.parsing, person.scheme).convert("RGB")
        device = next(model.parameters()).device
        one = Batch.collate([batch]).to(device)
        if hasattr(model, "match") and one.garment is not None and one.control_points is None:
            one.control_points = self._control_points(model, one)
        with torch.no_grad():
            drawn: Mapping[str, Tensor] = model.pictures(one)
        ours = ("person", "pose")
        return shown | {name: to_pil(picture[0].cpu()) for name, picture in drawn.items() if name not in ours}

    @staticmethod
    def _control_points(model: Any, batch: Batch) -> Tensor:
        """Where the model's own coarse mask wants the garment."""
        with torch.no_grad():
            coarse = model(batch.person, batch.garment)
            points, _ = model.match(batch.garment, (coarse.mask > 0.5).float())
        return points
