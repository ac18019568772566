from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fashiongen.convert.torch7 import TorchFunction, TorchObject, read_t7

_spec = importlib.util.spec_from_file_location("torch7_writer", Path(__file__).with_name("torch7_writer.py"))
assert _spec is not None and _spec.loader is not None
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)


def write(path: Path, value: Any, flavour: str = "") -> Path:
    path.write_bytes(writer.Writer(flavour).value(value))
    return path


def network() -> Any:
    random = np.random.default_rng(0)
    return writer.graph({"2.weight": random.normal(size=(3, 2, 4, 4)).astype(np.float32), "2.bias": np.arange(3, dtype=np.float32)})


def test_values_of_every_kind(tmp_path: Path) -> None:
    shared = {"a": 1.0}
    numbers = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    value = {
        "nothing": None, "yes": True, "no": False, "number": 2.5, "text": "Straße", "list": [shared, shared], "tensor": numbers,
        "bytes": np.array([[1, 2]], np.uint8), "layer": writer.Module("nn.Linear", bias=numbers),
    }  # fmt: skip
    read = read_t7(write(tmp_path / "values.t7", value))
    assert {key: read[key] for key in ("nothing", "yes", "no", "number")} == {
        "nothing": None,
        "yes": True,
        "no": False,
        "number": 2.5,
    }
    assert read["list"][1.0] is read["list"][2.0] and read["list"][1.0] == {"a": 1.0}
    assert np.array_equal(read["tensor"], numbers) and read["tensor"].dtype == np.float32
    assert np.array_equal(read["bytes"], [[1, 2]]) and read["bytes"].dtype == np.uint8
    assert read["layer"].name == "nn.Linear" and read["layer"].fields["bias"] is read["tensor"]


def test_cuda_tensors_are_arrays(tmp_path: Path) -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(read_t7(write(tmp_path / "cuda.t7", numbers, flavour="Cuda")), numbers)


def test_graphs_with_cycles_and_objects_as_keys(tmp_path: Path) -> None:
    read = read_t7(write(tmp_path / "graph.t7", network()))
    first, second = (read.fields["forwardnodes"][place] for place in (1.0, 2.0))
    assert first.fields["children"][1.0] is second and second.fields["parents"] == {first: 1.0}
    assert second.fields["data"]["module"] is read.fields["modules"][2.0]


def integers(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


def named(text: str) -> bytes:
    return integers(len(text)) + text.encode()


def tensor(sizes: tuple[int, ...], strides: tuple[int, ...], offset: int, values: int) -> bytes:
    axes = len(sizes)
    head = integers(4, 1) + named("V 1") + named("torch.FloatTensor") + integers(axes)
    head += struct.pack(f"<{2 * axes + 1}q", *sizes, *strides, offset)
    return head + integers(4, 2) + named("V 1") + named("torch.FloatStorage") + struct.pack("<q", values) + bytes(4 * values)


def test_strides_offsets_and_functions_are_honoured(tmp_path: Path) -> None:
    path = tmp_path / "view.t7"
    storage = np.arange(8, dtype=np.float32)
    content = tensor((2, 3), (1, 2), 2, 8)
    path.write_bytes(content[: -4 * 8] + storage.tobytes())
    assert np.array_equal(read_t7(path), [[1, 3, 5], [2, 4, 6]])
    path.write_bytes(integers(8, 1, 3) + b"lua" + integers(2) + named("upvalue"))
    function = read_t7(path)
    assert isinstance(function, TorchFunction) and function.upvalues == "upvalue"
    path.write_bytes(integers(4, 1) + named("nn.Old") + integers(1) + struct.pack("<d", 2.0))  # before versions were written
    read = read_t7(path)
    assert isinstance(read, TorchObject) and (read.name, read.fields) == ("nn.Old", 2.0)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "4 bytes are announced at byte 0, 0 are left"),
        (b"PK\x03\x04 is another kind of file", "begins a value of the unknown kind"),
        (integers(2, 1000) + b"short", "1000 bytes are announced"),
        (integers(2, -1), "-1 bytes are announced"),
        (integers(3, 1, 2**30), "entries are announced"),
        (integers(3, 1, -1), "entries are announced"),
        (b"".join(integers(3, number, 1, 1) + bytes(8) for number in range(1, 2000)) + integers(0), "nested more than"),
        (tensor((3, 3), (3, 1), 1, 8), "reaches beyond the 8 values"),
        (tensor((2,), (1,), 0, 8), "reaches beyond"),
        (tensor((2,), (-1,), 4, 8), "reaches beyond"),
        (tensor((-2,), (1,), 4, 8), "reaches beyond"),
        (tensor((2**40,), (0,), 1, 8), "larger than the file"),
        (integers(4, 1) + named("V 1") + named("torch.FloatTensor") + integers(1000), "a tensor of 1000 axes"),
        (integers(4, 1) + named("V 1") + named("torch.FloatStorage") + struct.pack("<q", 2**60), "entries are announced"),
        (integers(0) + b"more", "4 bytes follow its value"),
    ],
)  # fmt: skip
def test_damage_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "damaged.t7"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"damaged\.t7 is not a readable Torch7 file.*{message}"):
        read_t7(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.t7"):
        read_t7(tmp_path / "absent.t7")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_fuzzed_files_give_a_value_or_one_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(writer.Writer().value(network()))
    kind = data.draw(st.sampled_from(["cut", "flipped", "number", "noise"]))
    place = data.draw(st.integers(0, len(whole) - 4))
    if kind == "cut":
        del whole[place:]
    elif kind == "flipped":
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "number":
        whole[place : place + 4] = struct.pack("<i", data.draw(st.integers(-(2**31), 2**31 - 1)))
    else:
        whole = bytearray(data.draw(st.binary(max_size=64)))
    path = tmp_path / "fuzzed.t7"
    path.write_bytes(whole)
    try:
        read_t7(path)
    except ValueError as error:
        assert str(error).startswith(f"{path} is not a readable Torch7 file")
