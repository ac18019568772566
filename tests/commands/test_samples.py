from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from fashiongen.cli import main
from fashiongen.commands import examples


def test_samples_are_numbered_pictures(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--model", "sampler", "-n", "3"]) == 0
    assert capsys.readouterr().out.split() == ["sample_0.png", "sample_1.png", "sample_2.png"]
    asked = models["sampler"].asked[0]
    assert asked["n"] == 3 and asked["foreground"] is asked["background"] is asked["pose"] is None


def test_samples_fit_on_one_sheet(models: dict[str, Any]) -> None:
    assert main(["sample", "--model", "sampler", "-n", "5", "--sheet", "--out", "all.png"]) == 0
    sheet = Image.open("all.png")
    shades = {colour[0] for _, colour in sheet.getcolors(sheet.width * sheet.height) or []}
    assert shades == {0, 40, 80, 120, 160, 255}


def test_named_factors_stay_fixed(models: dict[str, Any]) -> None:
    words = ["-n", "1", "--foreground", "mannequin:3", "--pose", "mannequin:5", "--out", "one.png"]
    assert main(["sample", "--model", "sampler", *words]) == 0
    asked = models["sampler"].asked[0]
    assert torch.equal(asked["foreground"].image, examples.person(3, models["sampler"]).image)
    assert torch.equal(asked["pose"].keypoints, examples.person(5, models["sampler"]).keypoints)
    assert asked["background"] is None and Path("one.png").is_file()


def test_the_seed_decides(models: dict[str, Any]) -> None:
    for seed in (4, 4, 5):
        assert main(["sample", "--model", "sampler", "-n", "1", "--seed", str(seed)]) == 0
    first, again, other = (asked["first"] for asked in models["sampler"].asked)
    assert first == again != other


def test_a_sentence_is_passed_on(models: dict[str, Any]) -> None:
    assert main(["sample", "--model", "redresser", "-n", "2", "--person", "mannequin:3", "--text", "a red tee"]) == 0
    assert models["redresser"].asked[0]["text"] == "a red tee"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-n", "0"], "give -n 1 or more"),
        (["--body", "mannequin:3"], "disentangled_pig has no --body; it takes --foreground, --background, --pose"),
        (["--model", "dresser"], "dresser is viton, which has no sample; those that have: disentangled_pig, clothnet, fashion_gan"),
        (["--foreground", "nobody.jpg"], "nobody.jpg"),
    ],
)
def test_sample_refuses(words: list[str], told: str, models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "--model", "sampler", *words]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
