from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fashiongen.models.official import from_tensorflow, load_variables

NAMES = {"layer/filter": "weight", "layer/bias": "bias"}


def variables() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {"layer/filter": random.normal(size=(3, 3, 2, 4)).astype(np.float32), "layer/bias": np.ones(4, np.float32)}


def test_filters_change_their_axes() -> None:
    array = variables()["layer/filter"]
    assert from_tensorflow(array).shape == (4, 2, 3, 3)
    assert from_tensorflow(array)[3, 1, 0, 2] == array[0, 2, 1, 3]
    assert from_tensorflow(array[0]).shape == (3, 2, 4)


def test_everything_is_loaded_and_leftovers_are_ignored() -> None:
    layer = nn.Conv2d(2, 4, 3)
    load_variables(layer, variables() | {"layer/bias/Adam": np.zeros(4)}, NAMES, ignore=".*/Adam")
    assert torch.equal(layer.bias, torch.ones(4))
    assert torch.equal(layer.weight, from_tensorflow(variables()["layer/filter"]))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"layer/bias": None}, "missing variable layer/bias"),
        ({"layer/gamma": np.ones(4)}, "unknown variable layer/gamma"),
        ({"layer/filter": np.zeros((3, 3, 4, 2), np.float32)}, r"variable layer/filter has shape \(3, 3, 4, 2\)"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_loaded(change, message: str) -> None:
    layer = nn.Conv2d(2, 4, 3)
    before = layer.weight.clone()
    changed = {name: array for name, array in (variables() | change).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        load_variables(layer, changed, NAMES, ignore=".*/Adam")
    assert torch.equal(layer.weight, before)
