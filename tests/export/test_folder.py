"""The folder of an export: what it holds, what it says, what is refused; and the loader of the docs, run without this library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_papers import make

from fashiongen import __version__
from fashiongen.export import folder, formats
from fashiongen.export.folder import export, graphs_of

LOADER = Path(__file__).parents[2] / "docs" / "examples" / "onnx_loader.py"
BARE = """
import runpy, sys
for name in ("torch", "fashiongen", "pytorch_lightning", "onnx"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
assert not any(name.startswith(("torch.", "fashiongen.")) for name in sys.modules)
"""


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphs are not traced, which takes long: their files hold their names."""
    monkeypatch.setattr(folder, "write", lambda graph, path, format: path.write_text(graph.name))
    monkeypatch.setattr(folder, "check_extra", lambda: None)


def test_the_record_says_what_a_graph_takes_and_gives(unwritten: None, tmp_path: Path) -> None:
    model = make("pg2")
    weights = {"name": "pg2.test", "licence": "mit", "data": "mannequin", "sha256": "0" * 64, "figures": {}}
    assert export(model, tmp_path / "new" / "pg2", weights=weights) == tmp_path / "new" / "pg2"
    assert sorted(path.name for path in (tmp_path / "new" / "pg2").iterdir()) == ["coarse.onnx", "export.json", "refinement.onnx"]
    record = json.loads((tmp_path / "new" / "pg2" / "export.json").read_text(encoding="utf-8"))
    assert (record["format"], record["kind"], record["library_version"], record["model"]) == (1, "onnx", __version__, "pg2")
    assert record["weights"] == {"name": "pg2.test", "licence": "mit", "data": "mannequin", "sha256": "0" * 64}
    assert record["hyper_parameters"]["size"] == [32, 16] and record["title"].startswith("Pose Guided")
    coarse, refinement = record["graphs"]
    assert coarse["file"] == "coarse.onnx" and len(coarse["sha256"]) == 64 and coarse["notes"] == []
    image, keypoints = coarse["inputs"]
    assert (image["name"], image["shape"], image["dtype"], image["range"]) == ("image", ["batch", 3, 32, 16], "float32", [-1, 1])
    assert keypoints["shape"] == ["batch", 18, 3] and "pixels of 32x16" in keypoints["meaning"]
    assert [each["name"] for each in refinement["outputs"]] == ["picture", "difference"]
    assert refinement["outputs"][1]["range"] is None and refinement["inputs"][0]["name"] == coarse["outputs"][0]["name"]


def test_what_is_not_known_is_not_made_up(unwritten: None, tmp_path: Path) -> None:
    export(make("clothnet-published"), tmp_path / "out", format="torch")
    record = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert record["kind"] == "torch" and set(record["weights"].values()) == {None}
    notes = {graph["name"]: " ".join(graph["notes"]) for graph in record["graphs"]}
    assert list(notes) == ["sketch_prior", "sketch", "body_sketch_prior", "body_sketch", "portray"]
    assert "dropout is off" in notes["portray"] and "one in a batch" in notes["portray"] and "not shrunk" in notes["sketch"]
    assert {graph["file"].partition(".")[2] for graph in record["graphs"]} == {"pt2"}


def test_the_model_stays_as_it_is(unwritten: None, tmp_path: Path) -> None:
    model = make("cagan").train()
    before = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    modes = [module.training for module in model.modules()]
    export(model, tmp_path / "out")
    assert [module.training for module in model.modules()] == modes
    assert {name: parameter.requires_grad for name, parameter in model.named_parameters()} == before


def test_an_empty_folder_is_filled_and_others_are_refused(unwritten: None, tmp_path: Path) -> None:
    model = make("pg2")
    (tmp_path / "empty").mkdir()
    export(model, tmp_path / "empty")
    with pytest.raises(FileExistsError, match="empty exists already; name another folder"):
        export(model, tmp_path / "empty")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file exists already"):
        export(model, tmp_path / "file")


def test_nothing_is_left_of_an_export_that_failed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr(folder, "write", fail)
    model = make("pg2").train()
    with pytest.raises(RuntimeError, match="no space"):
        export(model, tmp_path / "out", format="torch")
    assert list(tmp_path.iterdir()) == [] and model.training


def test_unknown_formats_and_models_are_refused(unwritten: None, tmp_path: Path) -> None:
    model = make("pg2")
    with pytest.raises(ValueError, match="format is one of onnx, torch, not 'tflite'"):
        export(model, tmp_path / "out", format="tflite")
    model.name = "mine"  # type: ignore[misc]
    with pytest.raises(ValueError, match="mine says nothing of its graphs; those that can be exported: viton, pg2"):
        export(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r'pip install "fashiongen\[onnx\]"'):
        export(make("pg2"), tmp_path / "out")
    monkeypatch.setattr(formats, "write", lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_the_loader_is_thirty_lines() -> None:
    assert len(LOADER.read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "names"),
    [("pg2", ("coarse", "refinement")), ("clothnet", ("sketch", "portray"))],
)
def test_the_loader_needs_onnxruntime_and_numpy_alone(case: str, names: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model = make(case)
    export(model, tmp_path / "exported")
    graphs = {graph.name: graph for graph in graphs_of(model)}
    values = dict(zip((each.name for each in graphs[names[0]].inputs), graphs[names[0]].example(5), strict=True))
    np.savez(tmp_path / "given.npz", **{name: value.numpy() for name, value in values.items()})
    words = [str(LOADER), str(tmp_path / "exported"), *names, str(tmp_path / "given.npz"), str(tmp_path / "drawn.npz")]
    subprocess.run([sys.executable, "-c", BARE, *words], check=True, cwd=tmp_path)
    for name in names:
        with torch.no_grad():
            drawn = graphs[name].module(*(values[each.name] for each in graphs[name].inputs))
        values |= dict(zip((each.name for each in graphs[name].outputs), drawn, strict=True))
    found = np.load(tmp_path / "drawn.npz")
    assert found["picture"].shape == (5, 3, *model.size)
    np.testing.assert_allclose(found["picture"], values["picture"].numpy(), atol=1e-4)
