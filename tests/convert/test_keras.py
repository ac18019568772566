from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fashiongen.convert.keras import read_vgg_h5, read_weights
from fashiongen.layers.vgg import LAYERS

h5py = pytest.importorskip("h5py", reason="the extra `convert` is not installed")


@pytest.fixture
def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "conv2d_1/conv2d_1/kernel:0": random.normal(size=(3, 3, 5, 2)).astype(np.float32),
        "conv2d_1/conv2d_1/bias:0": random.normal(size=2).astype(np.float32),
        "model_1/dense_1/kernel:0": random.normal(size=(4, 1)).astype(np.float32),
    }


def write(path: Path, arrays: dict[str, np.ndarray], group: str = "") -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[f"{group}{name}"] = array
        file.create_group(f"{group}input_1")  # layers without weights are empty groups
        file["optimizer_weights/training/Adam/iterations:0"] = np.int64(89_000)
    return path


@pytest.mark.parametrize("group", ["", "model_weights/"])
def test_both_layouts_are_read_without_the_optimiser(tmp_path: Path, weights: dict[str, np.ndarray], group: str) -> None:
    found = read_weights(write(tmp_path / "generator.h5", weights, group))
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)


def test_what_is_no_keras_file_is_named(tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*absent\.h5"):
        read_weights(tmp_path / "absent.h5")
    text = tmp_path / "text.h5"
    text.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match=r"text\.h5 is not a readable HDF5 file"):
        read_weights(text)
    whole = write(tmp_path / "whole.h5", weights).read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.h5 is not a readable HDF5 file"):
        read_weights(cut)
    with pytest.raises(ValueError, match=r"empty\.h5 holds no weights"):
        read_weights(write(tmp_path / "empty.h5", {}))


def test_h5py_is_asked_for(tmp_path: Path, weights: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "generator.h5", weights)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'fashiongen\[convert\]'"):
        read_weights(path)


@pytest.mark.parametrize("kernel, bias", [("{0}/{0}_W_1:0", "{0}/{0}_b_1:0"), ("{0}/{0}/kernel:0", "{0}/{0}/bias:0")])
def test_vgg_filters_are_turned_to_rgb(tmp_path: Path, kernel: str, bias: str) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for layer in LAYERS:
        name = layer.replace("conv", "block").replace("_", "_conv")
        arrays[kernel.format(name)] = random.normal(size=(3, 3, 3, 4)).astype(np.float32)
        arrays[bias.format(name)] = random.normal(size=4).astype(np.float32)
    state = read_vgg_h5(write(tmp_path / "vgg.h5", arrays))
    assert state.keys() == {f"{layer}.{variable}" for layer in LAYERS for variable in ("weight", "bias")}
    first, second = (torch.from_numpy(arrays[kernel.format(f"block1_conv{index}")]).permute(3, 2, 0, 1) for index in (1, 2))
    assert torch.equal(state["conv1_1.weight"], first.flip(1))
    assert torch.equal(state["conv1_2.weight"], second)
    del arrays[bias.format("block3_conv2")]
    with pytest.raises(ValueError, match=r"cut\.h5 has no conv3_2 of VGG-19"):
        read_vgg_h5(write(tmp_path / "cut.h5", arrays))
