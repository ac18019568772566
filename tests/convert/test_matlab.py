from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from fashiongen.convert.matlab import read_vgg_mat
from fashiongen.layers import VGG19Taps
from fashiongen.layers.vgg import LAYERS


def parameters() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    incoming, found = 3, {}
    for index, name in enumerate(LAYERS):
        features = 1 + index % 3  # single channels must survive the unwrapping of MATLAB's 1x1 arrays
        found[name] = random.normal(size=(3, 3, incoming, features)).astype(np.float32), random.normal(size=(1, features))
        incoming = features
    return found


def write(path: Path, form: str, leave_out: str | None = None) -> None:
    layers = []
    for name, (filters, biases) in parameters().items():
        weights = np.empty((1, 2), dtype=object)
        weights[0, 0], weights[0, 1] = filters, biases
        record = {"name": name, "type": "conv", "pad": np.ones((1, 4))}
        if form == "weights last":
            record |= {"stride": 1.0, "weights": weights}
        elif form == "weights first":
            record = {"weights": weights} | record
        else:
            record |= {"filters": filters, "biases": biases}
        if name != leave_out:
            layers += [record, {"type": "relu", "name": f"relu{name[4:]}"}]
    cells = np.empty((1, len(layers)), dtype=object)
    for index, record in enumerate(layers):
        cells[0, index] = record
    savemat(path, {"layers": cells, "classes": np.zeros(3)})


@pytest.mark.parametrize("form", ["weights last", "weights first", "filters and biases"])
def test_weights_are_found_by_name_in_every_age_of_the_file(tmp_path: Path, form: str) -> None:
    write(tmp_path / "vgg.mat", form)
    state = read_vgg_mat(tmp_path / "vgg.mat")
    assert set(state) == {f"{name}.{kind}" for name in LAYERS for kind in ("weight", "bias")}
    for name, (filters, biases) in parameters().items():
        assert torch.equal(state[f"{name}.weight"], torch.from_numpy(filters).permute(3, 2, 0, 1))
        torch.testing.assert_close(state[f"{name}.bias"], torch.from_numpy(biases.reshape(-1)).float())
    assert VGG19Taps(["conv2_2"], state, normalization="caffe")(torch.rand(1, 3, 8, 8))["conv2_2"].shape == (1, 1, 4, 4)


def test_an_incomplete_network_is_named(tmp_path: Path) -> None:
    write(tmp_path / "vgg.mat", "weights last", leave_out="conv4_3")
    with pytest.raises(ValueError, match="lacks conv4_3"):
        read_vgg_mat(tmp_path / "vgg.mat")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.mat"):
        read_vgg_mat(tmp_path / "none.mat")
    (tmp_path / "text.mat").write_text("not a mat file, but long enough to be looked at" * 20)
    with pytest.raises(ValueError, match=r"text\.mat is damaged or no file of its kind"):
        read_vgg_mat(tmp_path / "text.mat")
    savemat(tmp_path / "other.mat", {"segment": np.zeros((3, 3))})
    with pytest.raises(ValueError, match="has no variable 'layers'"):
        read_vgg_mat(tmp_path / "other.mat")
