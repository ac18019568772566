from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import fashiongen
from fashiongen import registry
from fashiongen.card import model_card

RECORD: dict[str, Any] = {
    "library_version": "0.1.0",
    "model": "tiny",
    "weights": {"dtype": "float16"},
    "data": "mannequin",
    "licence": "mit",
    "figures": {"SSIM": 0.75, "L1 | mean": "0.1 ± 0.02"},
    "training": {"machine": "two cores", "steps": {"coarse": 10, "refinement": 20}, "sizes": [128, 96]},
}


def split(card: str) -> tuple[dict[str, Any], str]:
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


def test_front_matter(tiny: Any) -> None:
    front, _ = split(model_card(RECORD))
    assert front == {
        "library_name": "fashiongen",
        "license": "mit",
        "pipeline_tag": "image-to-image",
        "tags": ["fashion", "pytorch-lightning", "tiny", "try-on", "arxiv:1234.56789"],
        "datasets": ["mannequin"],
    }


@pytest.mark.parametrize(("data", "listed"), [("someone/pairs", True), ("my own 300 photographs", False), (None, False)])
def test_only_names_of_data_sets_are_listed(tiny: Any, data: str | None, listed: bool) -> None:
    front, body = split(model_card(RECORD | {"data": data}))
    assert ("datasets" in front) == listed
    assert (data or "Not recorded.") in body


def test_sections(tiny: Any) -> None:
    _, body = split(model_card(RECORD, "someone/tiny"))
    titles = ["How to load it", "Training data", "How it was trained", "Measured figures", "Limits", "Licence", "Citation"]
    assert [line[3:] for line in body.splitlines() if line.startswith("## ")] == titles
    assert 'model = fashiongen.load("someone/tiny")\npicture = model.try_on(' in body
    assert registry.DATA["mannequin"].about in body
    assert "- steps: coarse 10, refinement 20\n- sizes: 128, 96" in body
    assert "| SSIM | 0.75 |\n| L1 \\| mean | 0.1 ± 0.02 |" in body
    assert "drawn mannequins" in body and "float16" in body and "`mit`" in body
    assert (
        "@inproceedings{tiny,\n  title = {Tiny: A Model for Tests},\n  author = {Ada Lovelace and Alan Turing},\n"
        "  booktitle = {TEST},\n  year = {2018},\n  eprint = {1234.56789},\n  archivePrefix = {arXiv}\n}" in body
    )


def test_what_is_not_known_is_said(tiny: Any) -> None:
    _, body = split(model_card(RECORD | {"figures": {}, "training": {}, "data": None, "weights": {"dtype": "float32"}}))
    assert body.count("Not recorded.") == 2
    assert "None were measured with these weights." in body
    assert "mannequins" not in body and "float32" not in body


def test_paper_without_preprint(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.MODELS, "tiny", replace(registry.MODELS["tiny"], arxiv=""))
    front, body = split(model_card(RECORD))
    assert front["tags"] == ["fashion", "pytorch-lightning", "tiny", "try-on"]
    assert "eprint" not in body and "year = {2018}\n}" in body


@pytest.mark.parametrize("name", sorted(registry.MODELS))
def test_every_model_has_a_card(name: str) -> None:
    front, body = split(model_card(RECORD | {"model": name}))
    assert name in front["tags"]
    assert registry.MODELS[name].title in body
    assert all(f"model.{verb}(" in body for verb in registry.MODELS[name].verbs[:1])


def test_a_tool_has_no_paper_to_cite() -> None:
    front, body = split(model_card(RECORD | {"model": "annotator"}))
    assert front["pipeline_tag"] == "keypoint-detection" and "arxiv" not in str(front["tags"])
    assert "a model of the library itself" in body and "What it draws" not in body and "bibtex" not in body


@pytest.mark.parametrize("folder", sorted(Path(fashiongen.__file__).parent.glob("weights/*.*")), ids=lambda folder: folder.name)
def test_the_cards_of_bundled_weights_say_what_their_records_say(folder: Path) -> None:
    record = json.loads((folder / "config.json").read_text())
    assert (folder / "README.md").read_text() == model_card(record)
