"""Weights of the re-implementations -> our networks.

The paper's authors published neither code nor weights, so these are files of people who ran one of the two re-implementations:
Keras files of `shaoanlu/Conditional-Analogy-GAN-keras` (both notebooks), TensorFlow 1 checkpoints of `xthan/VITON`'s
`baseline_cagan.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from fashiongen.convert.keras import read_weights
from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.hub import create
from fashiongen.models.cagan.networks import RELATIONS, KerasGenerator, PatchDiscriminator
from fashiongen.models.cagan.stacked import StackedGenerator
from fashiongen.models.cagan.viton_baseline import VitonBaselineGenerator
from fashiongen.models.official import Variables, from_tensorflow, load_variables

_BOOKKEEPING = r".*/Adam(_1)?|(.*/)?beta[12]_power(_\d+)?|global_step(/.*)?"
_COUNTED = r"(instance_normalization|batch_normalization|conv2d|dense)_\d+"
_SCOPES = dict(zip(RELATIONS, ("real_discriminator", "fake_discriminator", "unmatch_discriminator"), strict=True))


# ---------------------------------------------------------------------------------------------------------------- Keras
def keras_names() -> dict[str, str]:
    """Keras variable name -> key of `KerasGenerator`'s state dictionary."""
    names = {f"layer{number}/kernel": f"encoder.{number - 1}.weight" for number in range(1, 5)}
    names |= {f"layer{number}/kernel": f"decoder.{number - 9}.weight" for number in range(9, 13)}
    keys = [f"encoder_norms.{level}" for level in range(3)] + [f"decoder_norms.{level}" for level in range(4)]
    return names | _normalizations("instance_normalization", keys) | {"out128/kernel": "output.weight"}


def stacked_names() -> dict[str, str]:
    """Keras variable name -> key of `StackedGenerator`'s state dictionary."""
    convolutions = [*(f"encoder.{level}" for level in range(5)), *(f"decoder.{level}" for level in range(5))]
    numbers = (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)
    names = {f"layer{number}/kernel": f"{key}.weight" for number, key in zip(numbers, convolutions, strict=True)}
    names |= {f"out{width}/kernel": f"outputs.{scale}.weight" for scale, width in enumerate((64, 128, 256))}
    norms = [f"encoder_norms.{level}" for level in range(4)] + [f"decoder_norms.{level}" for level in range(3)]
    unnamed, dense = [], []
    for refiner in range(2):
        blocks = [f"refiners.{refiner}.blocks.{block}" for block in range(2)]
        inside = [f"{block}.{place}" for block in blocks for place in (0, 3)]
        unnamed += [f"refiners.{refiner}.reduce", *inside, f"refiners.{refiner}.expand"]
        dense += [f"{block}.5.{layer}" for block in blocks for layer in ("squeeze", "excite")]
        norms += [*(f"{block}.{place}" for block in blocks for place in (1, 4)), f"decoder_norms.{3 + refiner}"]
    names |= {f"conv2d_{number}/kernel": f"{key}.weight" for number, key in enumerate(unnamed, 1)}
    for number, key in enumerate(dense, 1):
        names |= {f"dense_{number}/kernel": f"{key}.weight", f"dense_{number}/bias": f"{key}.bias"}
    return names | _normalizations("instance_normalization", norms)


def keras_discriminator_names() -> dict[str, str]:
    """Keras variable name -> key of a `PatchDiscriminator` of either notebook."""
    names = {
        "First/kernel": "convolutions.0.weight",
        "First/bias": "convolutions.0.bias",
        "pyramid.1/kernel": "convolutions.1.weight",
        "pyramid.2/kernel": "convolutions.2.weight",
        "pyramid_last/kernel": "convolutions.3.weight",
        "final/kernel": "output.weight",
        "final/bias": "output.bias",
    }
    return names | _normalizations("batch_normalization", [f"norms.all.{level}" for level in range(3)])


def canonical(variables: Variables) -> dict[str, np.ndarray]:
    """Variables of one Keras network under the names of one that was built first in its process.

    Keras counts layers without a name of their own through the whole process, and adds numbers to names that it has seen, so the
    same network can be saved under "instance_normalization_8", "First_1" and so on: what counts is the order. A group in front of
    the name, as in the files, and ":0" behind it go away.
    """
    plain = {"/".join(name.removesuffix(":0").split("/")[-2:]): array for name, array in variables.items()}
    counted: dict[str, set[int]] = {}
    for name in plain:
        layer = name.partition("/")[0]
        if re.fullmatch(_COUNTED, layer):
            kind, _, number = layer.rpartition("_")
            counted.setdefault(kind, set()).add(int(number))
    places = {
        f"{kind}_{number}": f"{kind}_{place}"
        for kind, numbers in counted.items()
        for place, number in enumerate(sorted(numbers), 1)
    }
    renamed = {}
    for name, array in plain.items():
        layer, _, variable = name.partition("/")
        layer = places.get(layer) or re.sub(r"_\d+$", "", layer)
        renamed[f"{layer}/{variable}"] = array
    return renamed


def load_keras_generator(network: KerasGenerator | StackedGenerator, variables: Variables) -> None:
    """Load the weights of a Keras generator.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    names = stacked_names() if isinstance(network, StackedGenerator) else keras_names()
    load_variables(network, canonical(variables), names, "", _from_keras)


def load_keras_discriminator(network: PatchDiscriminator, variables: Variables) -> None:
    """Load the weights of a Keras discriminator; the moving statistics, which are never updated, are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    unused = r"batch_normalization_\d+/moving_(mean|variance)"
    load_variables(network, canonical(variables), keras_discriminator_names(), unused, _from_keras)


# ---------------------------------------------------------------------------------------------------------------- VITON's authors
def baseline_names(shared_norm: bool = True) -> dict[str, str]:
    """Variable name of `baseline_cagan.py` -> key of `VitonBaselineGenerator`'s state dictionary."""
    names = {}
    for level in range(1, 6):
        names[f"generator/encoder_{level}/conv/filter"] = f"encoder.{level - 1}.weight"
        names[f"generator/decoder_{level}/deconv/filter"] = f"decoder.{5 - level}.weight"
        if level > 1:
            scope = f"generator/encoder_{level}/batchnorm"
            names |= {f"{scope}/{theirs}": f"encoder_norms.{level - 2}.{ours}" for theirs, ours in _ENCODER_NORM.items()}
            scope = f"generator/decoder_{level}/batchnorm"
            names |= {f"{scope}/{theirs}": f"decoder_norms.{5 - level}.{ours}" for theirs, ours in _NORM.items()}
            if not shared_norm:
                names |= {f"cycle_generator/{scope}/{theirs}": f"back_norms.{5 - level}.{ours}" for theirs, ours in _NORM.items()}
    return names


def baseline_discriminator_names(shared_norm: bool = True) -> dict[str, str]:
    """Variable name of `baseline_cagan.py` -> key of a `PatchDiscriminator`; shared, the norms are those for real pairs."""
    layers = [*(f"convolutions.{level}" for level in range(4)), "output"]
    names = {f"discriminator/layer_{level}/conv/filter": f"{key}.weight" for level, key in enumerate(layers, 1)}
    scopes = {"all": _SCOPES["matched"]} if shared_norm else _SCOPES
    for relation, scope in scopes.items():
        for level in range(2, 5):
            names[f"{scope}/discriminator/layer_{level}/batchnorm/Variable"] = f"norms.{relation}.{level - 2}.weight"
            names[f"{scope}/discriminator/layer_{level}/batchnorm/Variable_1"] = f"norms.{relation}.{level - 2}.bias"
    return names


def load_baseline_generator(network: VitonBaselineGenerator, variables: Variables) -> None:
    """Load the generator of a checkpoint of `baseline_cagan.py`; the discriminator is left aside, and with shared normalisations so
    are those of the way back.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    shared = network.back_norms is None
    own = ("generator/",) if shared else ("generator/", "cycle_generator/")
    mine = {name: array for name, array in variables.items() if name.startswith(own)}
    load_variables(network, mine, baseline_names(shared), _BOOKKEEPING)


def load_baseline_discriminator(network: PatchDiscriminator, variables: Variables) -> None:
    """Load the discriminator of a checkpoint of `baseline_cagan.py`; the moving statistics, which only its test mode would read,
    are left aside, and with shared normalisations so are those for generated and mismatched pairs.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    shared = "all" in network.norms
    own = ("discriminator/", *((_SCOPES["matched"],) if shared else _SCOPES.values()))
    mine = {name: array for name, array in variables.items() if name.startswith(own)}
    load_variables(network, mine, baseline_discriminator_names(shared), rf"{_BOOKKEEPING}|.*/batchnorm/Variable_[23]")


# ---------------------------------------------------------------------------------------------------------------- files
def load_official(generator: str | Path, discriminators: Sequence[str | Path] = ()) -> Any:
    """Somebody's weights as a model (a `Cagan`); the profile and the widths are read off the variables.

    Args:
        generator: Keras file (.h5) of the generator of either notebook, or prefix of a checkpoint of `baseline_cagan.py`, which
            holds the discriminator too.
        discriminators: Keras files of the discriminators, from the smallest scale up; without them they stay untrained, which
            matters for training alone.

    Raises:
        ImportError: when h5py or TensorFlow is not installed.
        FileNotFoundError: when a file is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape.
    """
    if Path(generator).suffix not in (".h5", ".hdf5", ".keras"):
        return _load_baseline(generator)
    theirs = canonical(read_weights(generator))
    judged = {str(path): canonical(read_weights(path)) for path in discriminators}
    kernel = theirs.get("layer1/kernel")
    if kernel is None:
        raise ValueError(f"{generator} is no generator of CAGAN: it has no variable layer1/kernel")
    stacked = "out256/kernel" in theirs
    options: dict[str, Any] = {"width": int(kernel.shape[3])}
    if stacked and {"conv2d_1/kernel", "conv2d_7/kernel"} <= theirs.keys():
        options["refiner_widths"] = tuple(int(theirs[f"conv2d_{number}/kernel"].shape[3]) for number in (1, 7))
    for path, variables in judged.items():
        if "First/kernel" not in variables:
            raise ValueError(f"{path} is no discriminator of CAGAN: it has no variable First/kernel")
        options["discriminator_width"] = int(variables["First/kernel"].shape[3])
    model: Any = create("cagan", "stacked" if stacked else "keras", **options)
    if judged and len(judged) != len(model.discriminators):
        raise ValueError(
            f"{generator} has {len(model.discriminators)} discriminators, but {len(judged)} files are given: {', '.join(judged)}"
        )
    _named(generator, load_keras_generator, model.generator, theirs)
    for network, (path, variables) in zip(model.discriminators, judged.items(), strict=False):
        _named(path, load_keras_discriminator, network, variables)
    return model.eval()


def _load_baseline(checkpoint: str | Path) -> Any:
    variables = read_checkpoint(checkpoint)
    widths = {}
    for option, name in (
        ("width", "generator/encoder_1/conv/filter"),
        ("discriminator_width", "discriminator/layer_1/conv/filter"),
    ):
        if name not in variables:
            raise ValueError(f"{checkpoint} is no checkpoint of baseline_cagan.py: it has no variable {name}")
        widths[option] = int(variables[name].shape[3])
    model: Any = create("cagan", "viton-baseline", **widths)
    _named(checkpoint, load_baseline_generator, model.generator, variables)
    _named(checkpoint, load_baseline_discriminator, model.discriminators[0], variables)
    return model.eval()


def _named(path: str | Path, load: Any, network: Any, variables: Variables) -> None:
    try:
        load(network, variables)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


_ENCODER_NORM = {"scale": "weight", "offset": "bias"}
_NORM = {"Variable": "weight", "Variable_1": "bias", "Variable_2": "running_mean", "Variable_3": "running_var"}


def _normalizations(kind: str, keys: Sequence[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, key in enumerate(keys, 1):
        names |= {f"{kind}_{number}/gamma": f"{key}.weight", f"{kind}_{number}/beta": f"{key}.bias"}
    return names


def _from_keras(array: np.ndarray) -> Tensor:
    """Dense kernels are stored as (in, out)."""
    tensor = from_tensorflow(array)
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor
