"""The authors' TensorFlow checkpoints -> our networks.

Both variants are published as one checkpoint of all networks (prefix `model.ckpt-0`), which
`fashiongen.convert.tensorflow.read_checkpoint` reads. Convolutions are numbered in the order in which the authors' code makes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.hub import create
from fashiongen.layers.dcgan import DCGANCritic
from fashiongen.models.official import Variables, critic_names, from_tensorflow, load_variables
from fashiongen.models.pg2.networks import CoarseGenerator, DifferenceGenerator

_COARSE, _REFINEMENT, _CRITIC = "Pose_AE/", "UAEnoFC/", "Discriminator."
_BOOKKEEPING = r".*/Adam(_1)?|(.*/)?beta[12]_power(_\d+)?|step|g_lr|d_lr|Discriminator\.BN\d+\.moving_(mean|variance)"
_SIZES = {5: (128, 64), 6: (256, 256)}


def coarse_names(blocks: int = 5) -> dict[str, str]:
    """Authors' variable name -> key of `CoarseGenerator`'s state dictionary."""
    layers = ["stem"]
    for level in range(blocks):
        layers += [f"encoder.{level}.first", f"encoder.{level}.second", *([f"down.{level}"] if level < blocks - 1 else [])]
    for level in range(blocks):
        layers += [f"decoder.{level}.first", f"decoder.{level}.second", *([f"up.{level}"] if level < blocks - 1 else [])]
    names = _numbered("Pose_AE/G", [*layers, "output"])
    for theirs, ours in (("fully_connected", "to_code"), ("fully_connected_1", "from_code")):
        names |= {f"Pose_AE/G/{theirs}/weights": f"{ours}.weight", f"Pose_AE/G/{theirs}/biases": f"{ours}.bias"}
    return names


def refinement_names(blocks: int = 3) -> dict[str, str]:
    """Authors' variable name -> key of `DifferenceGenerator`'s state dictionary."""
    layers = ["stem"]
    for level in range(blocks):
        layers += [f"encoder.{level}.first", f"encoder.{level}.second", *([f"down.{level}"] if level < blocks - 1 else [])]
    for level in range(blocks):
        layers += [f"decoder.{level}.first", f"decoder.{level}.second"]
    return _numbered("UAEnoFC/G", [*layers, "output"])


def load_coarse_generator(network: CoarseGenerator, variables: Variables) -> None:
    """Load stage I of a checkpoint; the variables of the other networks are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    _load(network, variables, coarse_names(len(network.encoder)), (_REFINEMENT, _CRITIC))


def load_difference_generator(network: DifferenceGenerator, variables: Variables) -> None:
    """Load the generator of stage II; the variables of the other networks are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    _load(network, variables, refinement_names(len(network.encoder)), (_COARSE, _CRITIC))


def load_critic(network: DCGANCritic, variables: Variables) -> None:
    """Load the critic; the variables of the generators and the running statistics, which the authors never use, are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    levels = sum(isinstance(layer, nn.Conv2d) for layer in network.layers)
    _load(network, variables, critic_names(levels), (_COARSE, _REFINEMENT))


def has_critic(variables: Variables) -> bool:
    """Whether a checkpoint holds the critic; drawing pictures does not need it."""
    return any(name.startswith(_CRITIC) for name in variables)


def variant(variables: Variables) -> dict[str, Any]:
    """Sizes that a checkpoint was trained with, as options of `Pg2`.

    Raises:
        ValueError: when a variable that tells them is missing, or when the number of blocks is that of neither variant.
    """
    needed = ("Pose_AE/G/Conv/weights", "Pose_AE/G/fully_connected/weights", "UAEnoFC/G/Conv/weights")
    missing = [name for name in needed if name not in variables]
    if missing:
        raise ValueError(f"this is no checkpoint of PG2: it has no variable {', '.join(missing)}")
    # The last convolution of the coarse generator is number 6 * blocks - 1, that of the other 5 * blocks.
    coarse, refinement = (_count(variables, scope) for scope in ("Pose_AE/G", "UAEnoFC/G"))
    blocks = coarse // 6
    if blocks not in _SIZES or coarse != 6 * blocks or refinement != 5 * (blocks - 2) + 1:
        raise ValueError(
            f"this checkpoint has {coarse} convolutions in Pose_AE/G and {refinement} in UAEnoFC/G; "
            "the Market-1501 network has 30 and 16, the DeepFashion network 36 and 21"
        )
    options = {
        "size": _SIZES[blocks],
        "blocks": blocks,
        "refinement_blocks": blocks - 2,
        "finest_skip": blocks != 5,
        "width": int(variables[needed[0]].shape[3]),
        "code": int(variables[needed[1]].shape[1]),
        "critic_levels": blocks - 1,
    }
    if has_critic(variables):
        options["critic_width"] = int(variables["Discriminator.1/Discriminator.1.Filters"].shape[3])
    return options


def load_official(checkpoint: str | Path) -> Any:
    """An authors' checkpoint as a model (a `Pg2`); variant and widths are read off the variables.

    Args:
        checkpoint: prefix (".../model.ckpt-0"), file or folder. A checkpoint without critic gives a model whose critic is
            untrained, which matters for training alone.

    Raises:
        ImportError: when TensorFlow is not installed.
        FileNotFoundError: when the checkpoint is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape.
    """
    variables = read_checkpoint(checkpoint)
    try:
        options = variant(variables)
        model: Any = create("pg2", "official-market" if options["blocks"] == 5 else "official-deepfashion", **options)
        load_coarse_generator(model.coarse, variables)
        load_difference_generator(model.refinement, variables)
        if has_critic(variables):
            load_critic(model.critic, variables)
    except ValueError as error:
        raise ValueError(f"{checkpoint}: {error}") from error
    return model.eval()


def _load(network: Any, variables: Variables, names: dict[str, str], others: Iterable[str]) -> None:
    own = {name: array for name, array in variables.items() if not name.startswith(tuple(others))}
    load_variables(network, own, names, _BOOKKEEPING, _converted)


def _converted(array: np.ndarray) -> Tensor:
    """Fully connected weights are stored as (in, out)."""
    tensor = from_tensorflow(array)
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor


def _numbered(scope: str, layers: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, layer in enumerate(layers):
        theirs = f"{scope}/Conv_{number}" if number else f"{scope}/Conv"
        names |= {f"{theirs}/weights": f"{layer}.weight", f"{theirs}/biases": f"{layer}.bias"}
    return names


def _count(variables: Variables, scope: str) -> int:
    return sum(name.startswith(f"{scope}/Conv") and name.endswith("/weights") for name in variables)
