from __future__ import annotations

import itertools

import pytest
import timm
import torch
import torch.nn.functional as F

from fashiongen.layers import VGG19Taps
from fashiongen.layers.vgg import LAYERS

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Narrow weights under torchvision's keys."""
    generator = torch.Generator().manual_seed(1)
    sizes = [3, 2, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6]
    state = {}
    for place, (incoming, features) in zip(CONVOLUTIONS, itertools.pairwise(sizes), strict=True):
        state[f"features.{place}.weight"] = torch.randn(features, incoming, 3, 3, generator=generator) / 3
        state[f"features.{place}.bias"] = torch.randn(features, generator=generator) / 3
    return state


def by_hand(state: dict[str, torch.Tensor], features: torch.Tensor, pool) -> dict[str, torch.Tensor]:
    """Normalise, then walk the layers one by one."""
    found = {}
    for name, place in zip(LAYERS, CONVOLUTIONS, strict=True):
        if name.endswith("_1") and name != "conv1_1":
            features = pool(features, 2)
        features = F.relu(F.conv2d(features, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1))
        found[name] = features
    return found


@pytest.mark.parametrize("pooling, pool", [("average", F.avg_pool2d), ("max", F.max_pool2d)])
def test_folding_the_normalisation_changes_nothing_even_at_the_border(state, pooling: str, pool) -> None:
    image = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalized = ((image + 1) / 2 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    found, wanted = VGG19Taps(LAYERS, state, pooling)(image), by_hand(state, normalized, pool)
    assert list(found) == list(LAYERS)
    for name in LAYERS:
        assert (found[name] - wanted[name]).abs().max() <= 1e-5 * wanted[name].max(), name


def test_normalisation_of_the_original_weights(state) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    raw = (image + 1) / 2 * 255 - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    found = VGG19Taps(["conv2_2"], state, normalization="caffe")(image)
    torch.testing.assert_close(found["conv2_2"], by_hand(state, raw, F.avg_pool2d)["conv2_2"], atol=1e-3, rtol=1e-4)


def test_the_layout_is_that_of_timm() -> None:
    network = timm.create_model("vgg19", pretrained=False, num_classes=0)
    places = [place for place, layer in enumerate(network.features) if isinstance(layer, torch.nn.Conv2d)]
    assert tuple(places) == CONVOLUTIONS
    taps = VGG19Taps(weights=network.features.state_dict(prefix="features."))
    assert [taps.convolutions[name].weight.shape[0] for name in taps.convolutions][-2:] == [512, 512]


def test_nothing_lies_behind_the_deepest_tap() -> None:
    assert list(VGG19Taps(["conv2_2", "conv1_1"], "random", width=4).convolutions)[-1] == "conv2_2"


def test_frozen_and_absent_from_checkpoints() -> None:
    holder = torch.nn.Sequential(torch.nn.Linear(2, 2), VGG19Taps(["conv1_2"], "random", width=4))
    assert not any(parameter.requires_grad for parameter in holder[1].parameters())
    assert set(holder.state_dict()) == {"0.weight", "0.bias"}
    holder.load_state_dict(holder.state_dict(), strict=True)


def test_random_weights_are_the_same_everywhere() -> None:
    image = torch.rand(1, 3, 16, 16)
    first, again, other = (VGG19Taps(["conv2_1"], "random", width=4, seed=seed)(image)["conv2_1"] for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_gradients_reach_the_picture() -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    VGG19Taps(["conv2_2"], "random", width=4)(image)["conv2_2"].sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "options, message",
    [
        ({"taps": ["conv6_1"]}, "unknown VGG-19 taps"),
        ({"taps": []}, "unknown VGG-19 taps"),
        ({"pooling": "mean"}, "pooling"),
        ({"normalization": "none"}, "normalization"),
        ({"weights": {"conv1_1.weight": torch.zeros(2, 3, 3, 3)}}, "no conv1_1"),
    ],
)
def test_wrong_options_are_refused(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VGG19Taps(**{"weights": "random", "width": 4} | options)
