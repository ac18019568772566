from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import fashiongen.hub
from fashiongen import registry
from fashiongen.cli import main
from fashiongen.commands import files


def test_every_path_in_the_tables_exists() -> None:
    for path in (*files.WRITERS.values(), *(converter.path for converter in files.CONVERTERS.values())):
        assert callable(files.imported(path))


def test_convert_gives_the_files_to_the_converter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}

    class Converted:
        def save_pretrained(self, folder: Path, **record: Any) -> None:
            given.update(folder=folder, **record)

    def load_official(**paths: str) -> Converted:
        given.update(paths)
        return Converted()

    monkeypatch.setattr("fashiongen.models.viton.official.load_official", load_official)
    out = tmp_path / "viton"
    assert main(["convert", "viton", "--stage1", "a/model-15000", "--stage2", "b/model-6000", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert given == {
        "stage1": "a/model-15000",
        "stage2": "b/model-6000",
        "folder": out,
        "data": "viton_zalando",
        "licence": "other",
        "training": {"converted from": {"stage1": "model-15000", "stage2": "model-6000"}},
    }


@pytest.mark.parametrize("name", files.CONVERTERS)
def test_every_converter_takes_what_its_command_offers(name: str) -> None:
    converter = files.CONVERTERS[name]
    parameters = inspect.signature(files.imported(converter.path)).parameters
    required = {name for name, each in parameters.items() if each.default is each.empty and each.kind is not each.VAR_KEYWORD}
    assert required == set(converter.files)
    assert set(converter.more) <= parameters.keys()


def test_every_model_can_be_converted() -> None:
    assert set(files.CONVERTERS) == set(registry.MODELS)


def test_convert_passes_lists_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: dict[str, Any] = {}

    class Converted:
        def save_pretrained(self, folder: Path, **record: Any) -> None:
            given.update(record)

    def load_official(**paths: Any) -> Converted:
        given.update(paths)
        return Converted()

    monkeypatch.setattr("fashiongen.models.cagan.official.load_official", load_official)
    words = f"convert cagan --generator g.h5 --discriminators a/d1.h5 a/d2.h5 --out {tmp_path / 'cagan'}"
    assert main(words.split()) == 0
    assert given["generator"] == "g.h5" and given["discriminators"] == ["a/d1.h5", "a/d2.h5"]
    assert given["training"] == {"converted from": {"generator": "g.h5", "discriminators": "d1.h5, d2.h5"}}


def test_push_publishes_a_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given: dict[str, Any] = {}

    def push(folder: Path, repository: str, **options: Any) -> str:
        given.update(folder=folder, repository=repository, **options)
        return "https://hub/commit/1"

    monkeypatch.setattr(fashiongen.hub, "push", push)
    assert main(["push", "folder", "ada/viton", "--private", "--message", "first"]) == 0
    assert capsys.readouterr().out == "https://hub/commit/1\n"
    assert given == {"folder": Path("folder"), "repository": "ada/viton", "private": True, "revision": None, "message": "first"}


def test_push_of_something_else_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(tmp_path), "ada/viton"]) == 1
    error = capsys.readouterr().err
    assert str(tmp_path) in error and error.count("\n") == 1


@pytest.mark.parametrize("layout", files.WRITERS)
def test_data_writes_a_layout(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"data mannequin --layout {layout} --people 2 --test-people 2 --height 128 --width 96 --out {tmp_path / 'tiny'}"
    assert main(words.split()) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'tiny'}\n"
    assert any(path.is_file() for path in (tmp_path / "tiny").rglob("*"))


def test_data_needs_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "mannequin", "--people", "0", "--out", str(tmp_path)]) == 1
    assert "give --people 1 or more" in capsys.readouterr().err
