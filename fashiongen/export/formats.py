"""One graph as one file."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fashiongen.export.graph import Graph

_TRACED_BATCH = 3  # a batch of 1 or 2 could be taken for a constant
_EXTRA = ("onnx", "onnxscript")


def _copysign(size: Tensor, sign: Tensor) -> Tensor:
    return torch.where(sign < 0, -size.abs(), size.abs())


def _isin(elements: Tensor, wanted: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    return (elements[..., None] == wanted.flatten()).any(dim=-1) != invert


_MISSING: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.copysign.Tensor: _copysign,
    torch.ops.aten.isin.Tensor_Tensor: _isin,
}
"""Operators that PyTorch does not translate to ONNX -> the same in others."""


def check_extra() -> None:
    """See that ONNX files can be written.

    Raises:
        ImportError: naming the extra, where it is not installed.
    """
    try:
        for package in _EXTRA:
            importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f'--format onnx needs the extra: pip install "fashiongen[onnx]" ({error})') from error


def write(graph: Graph, path: Path, format: str) -> None:
    """Write a graph.

    Args:
        graph: what to write.
        path: of the file.
        format: "onnx" or "torch".
    """
    module = graph.module
    with _quiet(), torch.enable_grad(), _frozen(module):
        program = _program(module, graph.example(_TRACED_BATCH))
        if format == "torch":
            torch.export.save(program, path)
        else:
            _write_onnx(graph, program, path)


def _program(module: nn.Module, example: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    # Layers keep constants that they make on first use; made while tracing, they would be symbols.
    module(*example)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(module, example, dynamic_shapes=(tuple({0: batch} for _ in example),), strict=False)
    _clean(program.graph_module)
    return program


def _clean(traced: torch.fx.GraphModule) -> None:
    """Leave away paths of this machine, and blocks (`with torch.no_grad(): ...`) that give nothing: files with them do not load."""
    for block in _blocks(traced):
        for node in reversed(block.graph.nodes):
            node.meta.pop("stack_trace", None)
            if isinstance(node.target, torch._ops.HigherOrderOperator) and not node.users:
                block.graph.erase_node(node)
        block.recompile()


def _blocks(traced: torch.fx.GraphModule) -> list[torch.fx.GraphModule]:
    return [module for module in traced.modules() if isinstance(module, torch.fx.GraphModule)]


def _write_onnx(graph: Graph, program: torch.export.ExportedProgram, path: Path) -> None:
    if any(node.target in _MISSING for block in _blocks(program.graph_module) for node in block.graph.nodes):
        program = program.run_decompositions(_MISSING)
    written = torch.onnx.export(
        program,
        input_names=[each.name for each in graph.inputs],
        output_names=[each.name for each in graph.outputs],
        dynamic_shapes=(tuple({0: "batch"} for _ in graph.inputs),),
        dynamo=True,
        verbose=False,
    )
    assert written is not None
    for node in written.model.graph.all_nodes():
        node.metadata_props.clear()
    written.save(path, external_data=False)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """While it lasts no weight takes gradients: layers that write into their results refuse those that do, in a file as well."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporters tell their developers."""
    loggers: list[Any] = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
