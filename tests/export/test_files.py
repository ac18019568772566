"""Every graph as a file: onnxruntime and a bare process give what PyTorch gives, for any number of items."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_papers import CASES, make

from fashiongen.export.folder import graphs_of
from fashiongen.export.formats import write

TOLERANCE = 1e-4
pytestmark = pytest.mark.slow

BARE = """
import sys
sys.modules["fashiongen"] = None
import torch
for graph in sys.argv[1:]:
    run = torch.export.load(f"{graph}.pt2").module()
    torch.save([run(*inputs) for inputs in torch.load(f"{graph}.given")], f"{graph}.drawn")
"""


def compared(wanted: torch.Tensor, found: torch.Tensor) -> None:
    if wanted.is_floating_point():
        torch.testing.assert_close(found, wanted, atol=TOLERANCE, rtol=0)
    else:
        assert found.dtype == wanted.dtype and torch.equal(found, wanted)


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_agrees(case: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    graphs = graphs_of(make(case))
    assert graphs
    for graph in graphs:
        file = tmp_path / f"{graph.name}.onnx"
        write(graph, file, "onnx")
        session = onnxruntime.InferenceSession(file)
        assert [each.name for each in session.get_inputs()] == [each.name for each in graph.inputs]
        assert [each.name for each in session.get_outputs()] == [each.name for each in graph.outputs]
        assert {each.shape[0] for each in (*session.get_inputs(), *session.get_outputs())} == {"batch"}
        for batch in (1, 3):
            given = graph.example(batch, seed=batch)
            with torch.no_grad():
                wanted = graph.module(*given)
            found = session.run(None, {each.name: value.numpy() for each, value in zip(graph.inputs, given, strict=True)})
            for pair in zip(wanted, map(torch.from_numpy, found), strict=True):
                compared(*pair)


@pytest.mark.parametrize("case", [case for case, (paper, _) in CASES.items() if case == paper])
def test_a_process_without_the_library_agrees(case: str, tmp_path: Path) -> None:
    graphs = graphs_of(make(case))
    examples = {graph.name: [graph.example(batch, seed=batch) for batch in (1, 3)] for graph in graphs}
    for graph in graphs:
        write(graph, tmp_path / f"{graph.name}.pt2", "torch")
        torch.save(examples[graph.name], tmp_path / f"{graph.name}.given")
    subprocess.run([sys.executable, "-c", BARE, *examples], check=True, cwd=tmp_path)
    for graph in graphs:
        for inputs, outputs in zip(examples[graph.name], torch.load(tmp_path / f"{graph.name}.drawn"), strict=True):
            with torch.no_grad():
                wanted = graph.module(*inputs)
            for pair in zip(wanted, outputs, strict=True):
                compared(*pair)


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_files_hold_nothing_of_where_they_were_made(format: str, tmp_path: Path) -> None:
    if format == "onnx":
        pytest.importorskip("onnxscript")
    graph = graphs_of(make("disentangled_pig"))[2]
    file = tmp_path / "file.pt2"
    write(graph, file, format)
    content = np.frombuffer(file.read_bytes(), dtype=np.uint8).tobytes()
    root = str(Path(__file__).parents[2])
    assert root.encode() not in content and b"fashiongen/" not in content
