"""`gallery` and `try-on`, with a stand-in for the model and for the embedded examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import fashiongen
from fashiongen.cli import main
from fashiongen.commands.pictures import grid
from fashiongen.types import Garment, Person, to_pil


class Swap:
    """Gives the garment as the picture of the person in it, and keeps what it was asked for."""

    name = "swap"

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def try_on(self, person: Any, garment: Any, **controls: Any) -> Any:
        self.asked.append({"person": person, "garment": garment, **controls})
        if isinstance(person, list):
            return [to_pil(each.image) for each in garment]
        return to_pil(garment.image)


class Examples:
    """People of even numbers face the camera; 2 wears a coat, 4 a dress."""

    @staticmethod
    def person(number: int) -> Person:
        parsing = torch.full((16, 12), 5, dtype=torch.uint8)
        parsing[0] = {2: 7, 4: 6}.get(number, 0)
        keypoints = torch.full((18, 3), 2.0)
        keypoints[[8, 11], 1] = 12  # hips below the shoulders
        keypoints[5, 0] = 9 if number % 2 == 0 else 5
        return Person(torch.full((3, 16, 12), number / 30), keypoints, parsing)

    @staticmethod
    def garment(number: int) -> Garment:
        return Garment(torch.full((3, 16, 12), -number / 30), torch.ones(1, 16, 12))


@pytest.fixture
def swap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Swap:
    model = Swap()
    monkeypatch.chdir(tmp_path)

    def person(picture: str, **given: Any) -> Person:
        return Person(torch.zeros(3, 4, 4), text=f"{picture} {sorted(given.items())}")

    def garment(picture: str, mask: Path | None) -> Garment:
        return Garment(torch.zeros(3, 4, 4), torch.full((1, 4, 4), float(mask is not None)))

    stand_ins = {"mannequin": Examples, "load": lambda source, device: model, "person": person, "garment": garment}
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(vars(fashiongen), name, stand_in)
    return model


def test_try_on_takes_embedded_examples(swap: Swap, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try-on", "--person", "mannequin:7", "--garment", "mannequin:3", "--out", "out.png"]) == 0
    assert capsys.readouterr().out == "out.png\n"
    assert swap.asked[0].keys() == {"person", "garment"}
    assert torch.equal(swap.asked[0]["person"].image, Examples.person(7).image)
    assert Image.open("out.png").tobytes() == to_pil(Examples.garment(3).image).tobytes()


def test_try_on_takes_photographs_and_controls(swap: Swap) -> None:
    words = "try-on --person a.jpg --keypoints a.json --parsing a.png --scheme atr18"
    words += " --garment g.jpg --mask m.png --warp none --blend paste"
    assert main(words.split()) == 0
    asked = swap.asked[0]
    assert asked["warp"] == "none" and asked["blend"] == "paste"
    assert (
        asked["person"].text == "a.jpg [('keypoints', PosixPath('a.json')), ('parsing', PosixPath('a.png')), ('scheme', 'atr18')]"
    )
    assert asked["garment"].mask.all()
    assert Path("try-on.png").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--person", "mannequin:seven", "--garment", "mannequin:3"], "mannequin:seven is no embedded example"),
        (["--person", "mannequin:7", "--keypoints", "a.json", "--garment", "mannequin:3"], "--keypoints belong to a photograph"),
        (["--person", "mannequin:7", "--garment", "mannequin:3", "--mask", "m.png"], "--mask belongs to a photograph"),
        (["--person", "mannequin:7", "--garment", "mannequin:3", "--out", "nowhere/x.png"], "there is no folder nowhere"),
    ],
)
def test_try_on_refuses(words: list[str], told: str, swap: Swap, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try-on", *words]) == 1
    assert told in capsys.readouterr().err


def test_try_on_needs_a_model_that_can(swap: Swap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Poser:
        name = "poser"

    monkeypatch.setitem(vars(fashiongen), "load", lambda source, device: Poser())
    assert main(["try-on", "--person", "mannequin:7", "--garment", "mannequin:3"]) == 1
    assert "has no try_on" in capsys.readouterr().err


def test_gallery_shows_every_person(swap: Swap, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--people", "3", "--model", "one", "two"]) == 0
    assert capsys.readouterr().out == "gallery.png\n"
    for asked in swap.asked:
        assert [round(person.image.max().item() * 30) for person in asked["person"]] == [0, 6, 8]
        assert [round(garment.image.min().item() * -30) for garment in asked["garment"]] == [10, 12, 14]
    sheet = Image.open("gallery.png")
    assert sheet.width > 4 * 12 and sheet.height > 3 * 16


def test_gallery_needs_people(swap: Swap, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--people", "0"]) == 1
    assert "--people 1 or more" in capsys.readouterr().err


def test_grid_brings_pictures_to_one_height() -> None:
    small, large = Image.new("RGB", (6, 8), "red"), Image.new("RGB", (24, 32), "blue")
    sheet = grid({"small": [small, small], "large": [large, large]})
    colours = {colour: count for count, colour in sheet.getcolors(sheet.width * sheet.height) or []}
    assert colours[(255, 0, 0)] == colours[(0, 0, 255)] == 2 * 24 * 32
