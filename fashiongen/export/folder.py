"""A model as a folder of files that run without this library: a file a graph, and `export.json`, which says what goes in and out.

`export.json`:

- `format`: version of this layout; `kind`: "onnx" or "torch"; `library_version`: what wrote it.
- `model`, `title`, `hyper_parameters`: registry name, paper and options of the model.
- `weights`: name, licence, training data and SHA-256 of the weights, as far as they are known.
- `graphs`: in the order in which they are run; of each name, file, SHA-256, what it does (`about`), where it differs from the
  model's verb (`notes`), `inputs` and `outputs` with name, shape ("batch" stands for any number), dtype, range (null: any real
  number) and meaning. An output and an input of the same name belong together.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fashiongen import __version__, registry
from fashiongen.export import FORMATS, GRAPHS
from fashiongen.export.formats import check_extra, write
from fashiongen.export.graph import Graph, Input, Output
from fashiongen.folder import plain

if TYPE_CHECKING:
    from fashiongen.models.base import FashionModule

RECORD = "export.json"
FORMAT = 1


def export(model: FashionModule, folder: str | Path, format: str = "onnx", weights: Mapping[str, Any] | None = None) -> Path:
    """Write the networks of a model as files that run without this library.

    Graphs are traced on the CPU, in evaluation mode and in float32; the model stays as it is.

    Args:
        model: trained, of one of the papers.
        folder: made; it may exist if it is empty.
        format: "onnx", or "torch" for `torch.export` programs.
        weights: what `export.json` says of the weights: name, licence, data, sha256.

    Returns:
        The folder.

    Raises:
        ValueError: for an unknown format, and for a model that says nothing of its graphs.
        ImportError: when the extra "onnx" is not installed.
        FileExistsError: when there is something at `folder`.
    """
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}")
    if format == "onnx":
        check_extra()
    folder = Path(folder).expanduser()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already; name another folder (--out), or delete it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    was_training, device = model.training, model.device
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        fresh = Path(temporary) / folder.name
        fresh.mkdir()
        try:
            model.cpu().eval()
            entries = [_written(graph, fresh, format) for graph in graphs_of(model)]
        finally:
            model.to(device).train(was_training)
        record = _record(model, format, weights or {}, entries)
        (fresh / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        fresh.rename(folder)
    return folder


def graphs_of(model: FashionModule) -> list[Graph]:
    """What of a model can be exported.

    Raises:
        ValueError: for a model that is none of the papers'.
    """
    if model.name not in GRAPHS:
        raise ValueError(f"{model.name} says nothing of its graphs; those that can be exported: {', '.join(GRAPHS)}")
    module, _, function = GRAPHS[model.name].partition(":")
    return getattr(import_module(module), function)(model)


def _written(graph: Graph, folder: Path, format: str) -> dict[str, Any]:
    """Write a graph, and give its entry in `export.json`."""
    file = folder / f"{graph.name}{FORMATS[format]}"
    write(graph, file, format)
    with torch.no_grad():
        example = graph.example(1)
        drawn = graph.module(*example)
    return {
        "name": graph.name,
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "about": graph.about,
        "notes": list(graph.notes),
        "inputs": [_value(*pair) for pair in zip(graph.inputs, example, strict=True)],
        "outputs": [_value(*pair) for pair in zip(graph.outputs, drawn, strict=True)],
    }


def _value(value: Input | Output, tensor: Tensor) -> dict[str, Any]:
    return {
        "name": value.name,
        "shape": ["batch", *tensor.shape[1:]],
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "range": None if value.range is None else list(value.range),
        "meaning": value.meaning,
    }


def _record(model: FashionModule, format: str, weights: Mapping[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    # LightningCLI adds names of its own to the hyper-parameters, with an underscore in front.
    options = {key: value for key, value in model.hparams.items() if not key.startswith("_")}
    return {
        "format": FORMAT,
        "kind": format,
        "library_version": __version__,
        "model": model.name,
        "title": registry.MODELS[model.name].title,
        "hyper_parameters": plain(options, f"hyper-parameters of this {model.name}"),
        "weights": {key: weights.get(key) for key in ("name", "licence", "data", "sha256")},
        "graphs": entries,
    }
