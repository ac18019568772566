from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashiongen
from fashiongen.cli import main


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """alice with her annotations in `labels/`, bob without, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("photos", "labels/pose", "labels/parsing"):
        Path(folder).mkdir(parents=True)
    for name in ("alice.jpg", "bob.jpg"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (120, 80, 3), np.uint8)).save(f"photos/{name}")
    numbers = [0.0] * 54
    for joint, (x, y) in {0: (40, 20), 2: (30, 40), 5: (50, 40)}.items():
        numbers[3 * joint : 3 * joint + 3] = [x, y, 0.9]
    Path("labels/pose/alice_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": numbers}]}))
    Image.fromarray(np.full((120, 80), 4, np.uint8)).save("labels/parsing/alice.png")
    return Path("photos")


def annotate(*words: str) -> int:
    return main(["annotate", "photos", "--out", "people", "--annotator", "files:labels", "--accelerator", "cpu", *words])


def test_one_bad_photograph_is_listed_at_the_end(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate("--source-scheme", "atr18") == 1
    *told, last = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashiongen: ")]
    assert told == [line for line in told if "bob.jpg: labels holds no annotations of it" in line] and len(told) == 1
    assert last == "fashiongen: error: 1 of 2 photographs could not be annotated, see above; the others are there"
    alice = fashiongen.person("people/alice.png", annotator="auto", height=120, width=80)
    assert alice.keypoints is not None and alice.keypoints[0].tolist() == [40.5, 20.5, 2]
    assert alice.parsing is not None and (alice.parsing == 5).all()  # upper-clothes, 4 in ATR
    assert set(json.loads(Path("people/annotations.json").read_text())["problems"]) == {"bob"}


def test_verbs_read_what_was_written(photos: Path) -> None:
    from fashiongen.commands import arguments

    class Model:
        name, size = "pg2", (120, 80)

    (photos / "bob.jpg").unlink()
    assert annotate("--source-scheme", "atr18") == 0
    alice = arguments.person("people/alice.png", Model())
    assert alice.keypoints is not None and alice.parsing is not None and (alice.parsing == 5).all()


@pytest.mark.parametrize(
    "words, told",
    [
        (["--parser", "a/b"], "--parser belongs to --annotator photo"),
        (["--revision", "v1"], "--revision belongs to --annotator photo with --parser"),
        (["--scheme", "lip"], "--scheme is one of lip20"),
        (["--source-scheme", "lip"], "--source-scheme is one of lip20"),
        (["--batch-size", "0"], "--batch-size is at least 1"),
        (["--annotator", "openpose"], "no annotator is called 'openpose'; known: mannequin, photo, files:FOLDER"),
        (["--annotator", "mannequin", "--person", "2"], "--person belongs to --annotator photo and files:FOLDER"),
        (["--annotator", "files:nowhere"], "there is no folder nowhere"),
        (["nowhere"], "there is no folder or photograph nowhere"),
    ],
)
def test_refusals_are_one_line(photos: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    positional = [word for word in words if not word.startswith("-")][:1] if words[0] == "nowhere" else []
    given = words if not positional else []
    assert main(["annotate", *(positional or ["photos"]), "--out", "people", "--annotator", "files:labels", *given]) == 1
    assert told in capsys.readouterr().err
    assert not Path("people").exists()
