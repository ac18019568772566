"""Stand-ins for trained models: they note what they are asked for, and answer with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import fashiongen
from fashiongen.annotate import named
from fashiongen.types import Person, to_pil

SIZE = (64, 48)


class Asked:
    """What every stand-in has: a size, and the calls of its verbs."""

    name = "viton"
    size = SIZE
    needs_to_run: frozenset[str] = frozenset({"person"})

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def answer(self, items: Any) -> Any:
        """A picture for one item, a list for a list."""
        return [to_pil(item.image) for item in items] if isinstance(items, list) else to_pil(items.image)


class Dresser(Asked):
    """Gives the garment as the picture of the person in it."""

    def dress(self, person: Any, garment: Any, warp: str = "tps", blend: str = "learned") -> None: ...

    def try_on(self, person: Any, garment: Any, **controls: Any) -> Any:
        self.asked.append({"person": person, "garment": garment, **controls})
        return self.answer(garment)


class Swapper(Dresser):
    """Needs the garment that is worn as well."""

    name = "cagan"
    needs_to_run = frozenset({"person", "garment", "other_garment"})

    def dress(self, person: Any, garment: Any, worn: Any = None) -> None: ...  # type: ignore[override]


class Poser(Asked):
    """Gives the person who holds the pose."""

    name = "pg2"
    size = (64, 32)

    def repose(self, person: Any, pose: list[Person]) -> list[Image.Image]:
        self.asked.append({"person": person, "pose": pose})
        return self.answer(pose)


class Sampler(Asked):
    """Draws grey people."""

    name = "disentangled_pig"
    size = (64, 32)

    def sample(self, n: int, foreground: Any = None, background: Any = None, pose: Any = None) -> list[Image.Image]:
        import torch

        self.asked.append({"n": n, "foreground": foreground, "background": background, "pose": pose, "first": torch.rand(())})
        return [Image.new("RGB", (32, 64), (40 * number % 256,) * 3) for number in range(n)]


class Redresser(Asked):
    """Leaves people as they are; samples only for a sentence."""

    name = "fashion_gan"
    size = (64, 64)

    def redress(self, person: Any, text: Any) -> Any:
        self.asked.append({"person": person, "text": text})
        return self.answer(person)

    def sample(self, n: int, person: Any, text: str) -> list[Image.Image]:
        self.asked.append({"n": n, "person": person, "text": text})
        return self.answer([person] * n)


KINDS = {"dresser": Dresser, "swapper": Swapper, "poser": Poser, "sampler": Sampler, "redresser": Redresser}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The stand-ins that `fashiongen.load` gives, by name, in an empty working folder; no network annotates what is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "_at_hand", lambda: None)
    made = {name: kind() for name, kind in KINDS.items()}
    monkeypatch.setitem(vars(fashiongen), "load", lambda source, device: made[source])
    return made
