"""The authors' Keras weights -> our networks, and back.

Keras names a layer by its kind and a running number. The number alone tells what a layer is: files interleave the two encoders,
and a model that was built after another starts at a higher number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fashiongen.convert.keras import read_weights
from fashiongen.hub import create
from fashiongen.models.deformable_gan.networks import Discriminator, Generator
from fashiongen.models.official import Variables, from_tensorflow, load_variables

_NO_BOOKKEEPING = r"(?!)"
_PRESETS = {6: "official-market", 7: "official-deepfashion"}
_POSES = {18: ("staircase", False), 21: ("staircase", True), 3: ("stickman", False), 6: ("stickman", True)}
"""Input channels of the encoder of the target pose -> representation of a pose, and whether a background follows."""
_ONE_STREAM = {39: ("staircase", True), 21: ("staircase", False), 9: ("stickman", True), 6: ("stickman", False)}
"""Input channels of the only encoder -> representation of a pose, and whether the source pose is there."""


def generator_names(generator: Generator) -> dict[str, str]:
    """Keras variable name ("conv2d_1/kernel:0") -> key of the generator's state dictionary."""
    levels = generator.levels
    encoders = ["encoder"] if generator.warp_skip == "none" else ["source_encoder", "target_encoder"]
    names: dict[str, str] = {}
    for stream, encoder in enumerate(encoders):
        names |= _convolution(stream * levels + 1, f"{encoder}.stem", bias=True)
        for block in range(levels - 1):
            names |= _convolution(stream * levels + block + 2, f"{encoder}.blocks.{block}.1")
        for block in range(levels - 2):
            names |= _norm(stream * (levels - 2) + block + 1, f"{encoder}.blocks.{block}.2")
    for block in range(levels - 1):
        names[f"conv2d_transpose_{block + 1}/kernel:0"] = f"decoder.blocks.{block}.1.weight"
        names |= _norm(len(encoders) * (levels - 2) + block + 1, f"decoder.blocks.{block}.2")
    names |= _convolution(len(encoders) * levels + 1, "decoder.output", bias=True)
    if generator.warp_skip == "stn":
        for index in range(3):
            names |= _dense(index + 1, f"localization.layers.{2 * index}")
    return names


def discriminator_names(discriminator: Discriminator) -> dict[str, str]:
    """Keras variable name -> key of the discriminator's state dictionary."""
    names = _convolution(1, "stem", bias=True)
    first = 2
    if discriminator.kind == "warp":
        names |= _convolution(2, "target_stem", bias=True)
        first = 3
    for block in range(3):
        names |= _convolution(first + block, f"blocks.{block}.1") | _norm(block + 1, f"blocks.{block}.2")
    return names | (_dense(1, "output") if discriminator.kind == "sim" else _convolution(first + 3, "output.1"))


def load_generator(generator: Generator, variables: Variables) -> None:
    """Load the weights of a Keras file (`generator-warp-mask.h5`, `epoch_089_generator.h5`, ...).

    Args:
        generator: made for the same mode, width, levels and inputs.
        variables: name -> array; names may carry leading groups ("model_1/conv2d_1/kernel:0") and may lack ":0".

    Raises:
        ValueError: naming the variables that are missing, unknown, or of the wrong shape; for a file of the other mode,
            which mode it is.
    """
    variables = canonical(variables)
    streams = 2 if sum(1 for name in variables if re.fullmatch(r"conv2d_\d+/bias:0", name)) > 2 else 1
    if streams == 2 and generator.warp_skip == "none":
        raise ValueError("these weights are of a two-stream generator; create it with warp_skip='mask' (or 'full', 'stn')")
    if streams == 1 and generator.warp_skip != "none":
        raise ValueError("these weights are of a one-stream generator (the paper's baseline); create it with warp_skip='none'")
    load_variables(generator, variables, generator_names(generator), _NO_BOOKKEEPING, _from_keras)


def load_discriminator(discriminator: Discriminator, variables: Variables) -> None:
    """Load the weights of a Keras file (`epoch_089_discriminator.h5`); arguments and errors as in `load_generator`."""
    load_variables(discriminator, canonical(variables), discriminator_names(discriminator), _NO_BOOKKEEPING, _from_keras)


def variant(variables: Variables) -> dict[str, Any]:
    """What the weights of a generator tell, as options of `DeformableGan`; "mask" and "full" have equal weights and read "mask".

    Raises:
        ValueError: when a convolution that tells it is missing or reads a number of channels that no variant has.
    """
    variables = canonical(variables)
    levels = 1 + sum(name.startswith("conv2d_transpose_") for name in variables)
    kernels = {int(found[1]): array for name, array in variables.items() if (found := re.fullmatch(r"conv2d_(\d+)/kernel:0", name))}
    if levels < 3 or len(kernels) not in (levels + 1, 2 * levels + 1):
        raise ValueError(
            f"this is no generator of Deformable GAN: it has {len(kernels)} convolutions and {levels - 1} transposed ones; "
            "those of 128x64 have 13 (the baseline 7) and 5, those of 256x256 15 (8) and 6"
        )
    incoming, width = kernels[1].shape[2:]
    options: dict[str, Any] = {"levels": levels, "width": int(width)}
    if len(kernels) == levels + 1:
        if incoming not in _ONE_STREAM:
            raise ValueError(f"the first convolution reads {incoming} channels; known: {', '.join(map(str, _ONE_STREAM))}")
        pose, source_pose = _ONE_STREAM[incoming]
        return options | {"warp_skip": "none", "pose": pose, "source_pose": source_pose}
    target = kernels[levels + 1].shape[2]
    if target not in _POSES:
        raise ValueError(f"the encoder of the target pose reads {target} channels; known: {', '.join(map(str, _POSES))}")
    pose, background = _POSES[target]
    warp_skip = "stn" if any(name.startswith("dense_") for name in variables) else "mask"
    return options | {"warp_skip": warp_skip, "pose": pose, "background": background, "source_pose": incoming != 3}


def load_official(generator: str | Path, discriminator: str | Path | None = None, **options: Any) -> Any:
    """The authors' Keras file as a model (a `DeformableGan`); mode, width and inputs are read off the weights.

    Args:
        generator: file of the generator ("generator-warp-mask-nn3-cl12.h5", "epoch_089_generator.h5").
        discriminator: file of the discriminator; without it that of the model is untrained, which matters for training alone.
        options: of the model, in place of what the file and the preset of its size (128x64 or 256x256) say. A file cannot tell
            `warp_skip="full"`, another `size`, and the `discriminator_kind`.

    Raises:
        ImportError: when h5py is not installed.
        FileNotFoundError: when a file is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape.
    """
    variables = read_weights(generator)
    try:
        found = variant(variables)
        levels = found["levels"]
        if levels not in _PRESETS:
            raise ValueError(f"the authors' generators have 6 or 7 levels, this one {levels}")
        model: Any = create("deformable_gan", _PRESETS[levels], **{**found, **options})
        load_generator(model.generator, variables)
    except ValueError as error:
        raise ValueError(f"{generator}: {error}") from error
    if discriminator is not None:
        weights = read_weights(discriminator)
        try:
            load_discriminator(model.discriminator, weights)
        except ValueError as error:
            raise ValueError(f"{discriminator}: {error}") from error
    return model.eval()


def generator_variables(generator: Generator) -> dict[str, np.ndarray]:
    """The weights under the authors' names, in Keras' axis order: what `load_generator` takes."""
    return _variables(generator, generator_names(generator))


def discriminator_variables(discriminator: Discriminator) -> dict[str, np.ndarray]:
    """As `generator_variables`, of a discriminator."""
    return _variables(discriminator, discriminator_names(discriminator))


def canonical(variables: Variables) -> dict[str, np.ndarray]:
    """Names without leading groups, ending in ":0", each kind of layer renumbered from 1 in the order of its numbers.

    Raises:
        ValueError: when a name appears twice with different values.
    """
    found: dict[tuple[str, int, str], np.ndarray] = {}
    for name, array in variables.items():
        layer, _, variable = "/".join(name.split("/")[-2:]).removesuffix(":0").rpartition("/")
        kind, _, number = layer.rpartition("_")
        if not number.isdigit():
            raise ValueError(f"{name!r} is no variable of a Keras layer; such names end like 'conv2d_1/kernel:0'")
        key = (kind, int(number), variable)
        # The shared layers of the spatial transformer are stored once for every level.
        if key in found and not np.array_equal(found[key], array):
            raise ValueError(f"variable {layer}/{variable} appears twice with different values")
        found[key] = array
    numbers = {kind: sorted({number for each, number, _ in found if each == kind}) for kind, _, _ in found}
    return {f"{kind}_{numbers[kind].index(number) + 1}/{variable}:0": array for (kind, number, variable), array in found.items()}


def _convolution(number: int, key: str, bias: bool = False) -> dict[str, str]:
    names = {f"conv2d_{number}/kernel:0": f"{key}.weight"}
    return names | {f"conv2d_{number}/bias:0": f"{key}.bias"} if bias else names


def _norm(number: int, key: str) -> dict[str, str]:
    layer = f"instance_normalization_{number}"
    return {f"{layer}/gamma:0": f"{key}.weight", f"{layer}/beta:0": f"{key}.bias"}


def _dense(number: int, key: str) -> dict[str, str]:
    return {f"dense_{number}/kernel:0": f"{key}.weight", f"dense_{number}/bias:0": f"{key}.bias"}


def _from_keras(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array)).T.contiguous() if np.ndim(array) == 2 else from_tensorflow(array)


def _variables(module: nn.Module, names: dict[str, str]) -> dict[str, np.ndarray]:
    state = module.state_dict()
    orders = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
    return {name: state[key].permute(orders[state[key].ndim]).cpu().contiguous().numpy() for name, key in names.items()}
