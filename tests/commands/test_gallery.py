from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image

from fashiongen import registry
from fashiongen.cli import main
from fashiongen.commands import examples
from fashiongen.commands.pictures import ROW


def test_every_verb_is_a_panel(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    everything = ["dresser", "swapper", "poser", "sampler", "redresser"]
    assert main(["gallery", "--people", "2", "--model", *everything]) == 0
    assert capsys.readouterr().out == "gallery.png\n"
    assert [len(models[name].asked) for name in everything] == [1, 1, 1, 1, 1]  # redresser samples for a sentence alone
    drawn = examples.scenes(models["dresser"], "try_on", 2)
    dressed, swapped = models["dresser"].asked[0], models["swapper"].asked[0]
    assert torch.equal(torch.stack([each.image for each in dressed["garment"]]), drawn.other_garment.image)
    assert dressed.keys() == {"person", "garment"}
    assert torch.equal(torch.stack([each.image for each in swapped["worn"]]), drawn.garment.image)
    assert models["redresser"].asked[0]["text"] == examples.scenes(models["redresser"], "redress", 2).other_text
    assert models["sampler"].asked[0]["n"] == 2
    sheet = Image.open("gallery.png")
    assert sheet.width > 5 * ROW and sheet.height > 2 * ROW


def test_the_gallery_is_the_same_every_time(models: dict[str, Any]) -> None:
    for out in ("one.png", "two.png"):
        assert main(["gallery", "--people", "1", "--model", "poser", "sampler", "--out", out]) == 0
    assert Image.open("one.png").tobytes() == Image.open("two.png").tobytes()


def test_bundled_models_are_shown_by_themselves(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "list_models", lambda pretrained: ["sampler"] * pretrained)
    assert main(["gallery", "--people", "1"]) == 0
    assert len(models["sampler"].asked) == 1 and not models["dresser"].asked


def test_gallery_needs_people(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--people", "0"]) == 1
    assert "--people 1 or more" in capsys.readouterr().err
