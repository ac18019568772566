"""`fashiongen export`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

import fashiongen
from fashiongen import hub
from fashiongen.cli import main
from fashiongen.commands import export
from fashiongen.export import folder

SMALL = {
    "size": (32, 16), "width": 2, "code": 2, "blocks": 2, "refinement_blocks": 2, "critic_width": 2, "critic_levels": 2,
    "joint_radius": 2, "mask_radius": 2,
}  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny PG2 in Hub layout in an empty working folder; graphs are not traced, which takes long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folder, "write", lambda graph, path, format: path.write_text(f"{graph.name} as {format}"))
    return fashiongen.create("pg2", **SMALL).save_pretrained(tmp_path / "mine", data="mannequin", licence="cc0-1.0")


def test_a_folder_with_what_is_known_of_its_weights(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(saved), "--format", "torch", "--out", "exported"]) == 0
    assert capsys.readouterr().out == "exported\n"
    record = json.loads(Path("exported/export.json").read_text(encoding="utf-8"))
    sha = json.loads((saved / "config.json").read_text(encoding="utf-8"))["weights"]["sha256"]
    assert record["weights"] == {"name": "mine", "licence": "cc0-1.0", "data": "mannequin", "sha256": sha}
    assert Path("exported/coarse.pt2").read_text() == "coarse as torch"


def test_the_default_folder_is_named_after_model_and_format(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "check_extra", lambda: None)
    assert main(["export", str(saved)]) == 0
    assert Path("pg2-onnx/refinement.onnx").read_text() == "refinement as onnx"


def test_names_and_repositories_and_checkpoints(saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "snapshot")
    monkeypatch.setattr(hub, "_download", lambda *_: tmp_path / "snapshot")
    assert export.weights_of("ada/pg2@v1")["name"] == "ada/pg2@v1"
    assert export.weights_of("runs/pg2/last.ckpt") == {"name": "last.ckpt"}
    known = export.weights_of("viton")
    assert known["name"] == fashiongen.info("viton").pretrained[0] and known["licence"] and len(known["sha256"]) == 64


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "NAME"),
        (["mine", "--format", "tflite"], 2, "tflite"),
        (["nowhere/at/all"], 1, "there is no folder nowhere/at/all"),
        (["vitn"], 1, "did you mean viton"),
        (["viton.mannequim"], 1, "did you mean viton.mannequin"),
        (["mine", "--format", "torch", "--out", "mine"], 1, "mine exists already"),
    ],
)
def test_refusals_are_one_line(saved: Path, words: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *words]) == code
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("fashiongen: error: ") and told in errors[0]


def test_without_the_extra(saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", str(saved)]) == 1
    assert 'pip install "fashiongen[onnx]"' in capsys.readouterr().err
