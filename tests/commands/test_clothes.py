from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import fashiongen
from fashiongen.cli import main
from fashiongen.commands import examples
from fashiongen.types import Garment, Person, to_pil

EMBEDDED = ["--person", "mannequin:7", "--garment", "mannequin:3"]


def test_try_on_takes_embedded_examples(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try-on", *EMBEDDED, "--model", "dresser", "--out", "out.png"]) == 0
    assert capsys.readouterr().out == "out.png\n"
    asked = models["dresser"].asked[0]
    assert asked.keys() == {"person", "garment"}
    assert torch.equal(asked["person"].image, examples.person(7, models["dresser"]).image)
    assert Image.open("out.png").tobytes() == to_pil(fashiongen.mannequin.garment(3, 64, 48).image).tobytes()


def test_try_on_takes_photographs_and_controls(models: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def person(picture: str, *annotations: Any, **others: Any) -> Person:
        return Person(torch.zeros(3, 4, 4), text=f"{picture} {[str(each) for each in annotations]} {others}")

    def garment(picture: str, mask: Path | None, height: int, width: int) -> Garment:
        return Garment(torch.zeros(3, height, width), torch.full((1, height, width), float(mask is not None)))

    monkeypatch.setitem(vars(fashiongen), "person", person)
    monkeypatch.setitem(vars(fashiongen), "garment", garment)
    words = "try-on --model dresser --person a.jpg --keypoints a.json --parsing a.png --scheme atr18 --annotator photo"
    words += " --garment g.jpg --mask m.png --warp none --blend paste"
    assert main(words.split()) == 0
    asked = models["dresser"].asked[0]
    assert asked["warp"] == "none" and asked["blend"] == "paste"
    told = "{'height': 64, 'width': 48, 'target_scheme': 'lip20', 'annotator': 'photo'}"
    assert asked["person"].text == f"a.jpg ['a.json', 'a.png', 'atr18'] {told}"
    assert asked["garment"].mask.all() and asked["garment"].size == (64, 48)
    assert Path("try-on.png").is_file()


def test_the_garment_that_an_embedded_person_wears_is_known(models: dict[str, Any]) -> None:
    assert main(["try-on", *EMBEDDED, "--model", "swapper"]) == 0
    assert main(["try-on", *EMBEDDED, "--model", "swapper", "--worn", "mannequin:5"]) == 0
    worn = [asked["worn"].image for asked in models["swapper"].asked]
    for given, number in zip(worn, (7, 5), strict=True):
        assert torch.equal(given, fashiongen.mannequin.garment(number, 64, 48).image)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--person", "mannequin:seven", "--garment", "mannequin:3"], "mannequin:seven is no embedded example"),
        (["--person", "mannequin:7", "--keypoints", "a.json", "--garment", "mannequin:3"], "--keypoints belong to a photograph"),
        ([*EMBEDDED, "--mask", "m.png"], "--mask belongs to a photograph"),
        ([*EMBEDDED, "--out", "nowhere/x.png"], "there is no folder nowhere"),
        ([*EMBEDDED, "--out", "x.what"], "unknown file extension"),
        ([*EMBEDDED, "--worn", "mannequin:3"], "viton has no --worn; it takes --warp, --blend"),
        (["--person", "nobody.jpg", "--garment", "mannequin:3"], "nobody.jpg"),
        ([*EMBEDDED, "--model", "poser"], "poser is pg2, which has no try_on; those that have: viton, cagan"),
    ],
)
def test_try_on_refuses(words: list[str], told: str, models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try-on", "--model", "dresser", *words]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_redress_takes_a_sentence(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redress", "--person", "mannequin:7", "--text", "the lady wore a red tee.", "--model", "redresser"]) == 0
    assert capsys.readouterr().out == "redress.png\n"
    asked = models["redresser"].asked[0]
    assert asked["text"] == "the lady wore a red tee." and asked["person"].size == (64, 64)


def test_redress_needs_a_model_that_can(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redress", "--person", "mannequin:7", "--text", "a tee", "--model", "dresser"]) == 1
    assert "dresser is viton, which has no redress; those that have: fashion_gan" in capsys.readouterr().err
