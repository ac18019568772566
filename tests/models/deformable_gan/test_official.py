from __future__ import annotations

import numpy as np
import pytest
import torch

from fashiongen.models.deformable_gan.networks import Discriminator, Generator
from fashiongen.models.deformable_gan.official import (
    canonical,
    discriminator_variables,
    generator_variables,
    load_discriminator,
    load_generator,
)


def moved(variables: dict[str, np.ndarray], by: dict[str, int], prefix: str = "") -> dict[str, np.ndarray]:
    """The same layers, numbered as in a process that built other models before."""
    renamed = {}
    for name, array in variables.items():
        layer, variable = name.split("/")
        kind, _, number = layer.rpartition("_")
        renamed[f"{prefix}{kind}_{int(number) + by.get(kind, 0)}/{variable}"] = array
    return renamed


@pytest.mark.parametrize("warp_skip", ["none", "mask", "stn"])
def test_generators_round_trip(warp_skip: str) -> None:
    first, second = Generator(warp_skip, width=2), Generator(warp_skip, width=2)
    variables = generator_variables(first)
    load_generator(second, variables)
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


@pytest.mark.parametrize("kind", ["call", "sim", "warp"])
def test_discriminators_round_trip(kind: str) -> None:
    first, second = Discriminator(kind, width=2), Discriminator(kind, width=2)
    load_discriminator(second, discriminator_variables(first))
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


def test_layers_are_renumbered_and_groups_dropped() -> None:
    first, second = Discriminator(width=2), Discriminator(width=2)
    variables = moved(discriminator_variables(first), {"conv2d": 13, "instance_normalization": 13}, "model_2/")
    shuffled = {name.removesuffix(":0"): variables[name] for name in sorted(variables)}
    load_discriminator(second, shuffled)
    assert torch.equal(first.blocks[2][1].weight, second.blocks[2][1].weight)


def test_shared_layers_may_be_stored_for_every_level() -> None:
    variables = generator_variables(Generator("stn", width=2))
    repeated = {f"spatial_transformer_{level}/{name}": variables[name] for level in (1, 2) for name in variables if "dense" in name}
    load_generator(Generator("stn", width=2), {k: v for k, v in variables.items() if "dense" not in k} | repeated)
    repeated["spatial_transformer_2/dense_1/bias:0"] = np.ones(64, np.float32)
    with pytest.raises(ValueError, match="dense_1/bias appears twice"):
        canonical(repeated)


def test_convention_axes() -> None:
    variables = generator_variables(Generator("mask", width=2))
    assert variables["conv2d_1/kernel:0"].shape == (3, 3, 21, 2)
    assert variables["conv2d_7/kernel:0"].shape == (3, 3, 18, 2)
    assert variables["conv2d_transpose_2/kernel:0"].shape == (4, 4, 16, 48)
    assert variables["conv2d_13/kernel:0"].shape == (3, 3, 8, 3)


def test_other_files_are_refused() -> None:
    two_streams = generator_variables(Generator("mask", width=2))
    with pytest.raises(ValueError, match="two-stream"):
        load_generator(Generator("none", width=2), two_streams)
    with pytest.raises(ValueError, match="one-stream"):
        load_generator(Generator("mask", width=2), generator_variables(Generator("none", width=2)))
    with pytest.raises(ValueError, match=r"conv2d_1/kernel:0 has shape \(3, 3, 21, 2\)"):
        load_generator(Generator("mask", width=4), two_streams)
    del two_streams["instance_normalization_3/gamma:0"]
    with pytest.raises(ValueError, match="missing variable instance_normalization_3/gamma:0"):
        load_generator(Generator("mask", width=2), two_streams)
    with pytest.raises(ValueError, match="'step' is no variable"):
        canonical({"step": np.zeros(1)})
