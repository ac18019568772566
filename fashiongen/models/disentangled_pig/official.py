"""The authors' TensorFlow checkpoints -> our networks.

Four trainings, four checkpoints (prefix `model.ckpt-0`). Each also holds copies of the networks that its training loaded; a network
is taken from the checkpoint of its own training. Layers are numbered in the order in which the authors' code makes them.
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
from fashiongen.models.disentangled_pig.networks import AppearanceEncoder, CodeCritic, Generator, PoseDecoder, VectorEncoder
from fashiongen.models.official import Variables, critic_names, from_tensorflow, load_variables

SCOPES = {
    "encoder": "Encoder/",
    "generator": "ID_AE/",
    "critic": "Discriminator.",
    "pose_encoder": "PoseAE/G_Pose_Encoder/",
    "pose_decoder": "PoseAE/G_Pose_Decoder/",
    "foreground_mapper": "Gaussian_FC_Fg/G_FC/",
    "background_mapper": "Gaussian_FC_Bg/G_FC/",
    "appearance_mapper": "Gaussian_FC/G_FC/",
    "pose_mapper": "PoseGaussian/G_FC/",
    "foreground_critic": "Fg_FCDis_",
    "background_critic": "Bg_FCDis_",
    "appearance_critic": "FCDis_",
    "pose_critic": "Pose_emb_",
}
"""Network -> how the names of its variables begin. The "appearance" networks are the foreground's of a model without background."""

_BOOKKEEPING = (
    r".*/(Adam|RMSProp)(_\d+)?|(.*/)?beta[12]_power(_\d+)?|step|g_lr|d_lr|phase|Discriminator\.BN\d+\.moving_(mean|variance)"
)
_ENCODER, _GENERATOR = "Encoder/G_encoder", "ID_AE/G"
_RESIDUAL = tuple(f"residual.layers.{place}" for place in range(8))


# ------------------------------------------------------------------------------------------------------------ names
def encoder_names(levels: int, background: bool) -> dict[str, str]:
    """Authors' variable name -> key of `AppearanceEncoder`'s state dictionary."""
    trunks = ["foreground", "background"] if background else ["foreground"]
    layers = ["stem", "features.first", "features.second"]
    for trunk in trunks:
        for level in range(levels):
            layers += [f"{trunk}.down.{level - 1}"] if level else []
            layers += [f"{trunk}.blocks.{level}.first", f"{trunk}.blocks.{level}.second"]
    codes = [f"{trunk}.to_code" for trunk in trunks]
    return _numbered(_ENCODER, "Conv", layers) | _numbered(_ENCODER, "fully_connected", codes)


def generator_names(levels: int = 5) -> dict[str, str]:
    """Authors' variable name -> key of `Generator`'s state dictionary."""
    layers = ["stem"]
    for level in range(levels):
        layers += [f"down.{level - 1}"] if level else []
        layers += [f"encoder.{level}.first", f"encoder.{level}.second"]
    for level in range(levels):
        layers += [f"decoder.{level}.first", f"decoder.{level}.second", *([f"up.{level}"] if level < levels - 1 else [])]
    codes = ["to_code", "from_code"]
    return _numbered(_GENERATOR, "Conv", [*layers, "output"]) | _numbered(_GENERATOR, "fully_connected", codes)


def vector_encoder_names(scope: str) -> dict[str, str]:
    """Authors' variable name -> key of `VectorEncoder`'s state dictionary; `scope` is "Gaussian_FC_Fg/G_FC" or the like."""
    return _numbered(scope, "fully_connected", ["input", *_RESIDUAL, "output"])


def pose_decoder_names() -> dict[str, str]:
    """Authors' variable name -> key of `PoseDecoder`'s state dictionary."""
    return _numbered("PoseAE/G_Pose_Decoder", "fully_connected", ["input", *_RESIDUAL, "places", "visibility"])


def code_critic_names(prefix: str) -> dict[str, str]:
    """Authors' variable name -> key of `CodeCritic`'s state dictionary; `prefix` is "Fg_FCDis_" or the like."""
    layers = {"Input.Linear": "layers.0", "0.Linear": "layers.1", "1.Linear": "layers.2", "2.Linear": "layers.3", "Out": "output"}
    names: dict[str, str] = {}
    for theirs, ours in layers.items():
        scope = f"{prefix}Discriminator.{theirs}"
        names |= {f"{scope}/{scope}.W": f"{ours}.weight", f"{scope}/{scope}.b": f"{ours}.bias"}
    return names


# ------------------------------------------------------------------------------------------------------------ loading
def names_of(network: nn.Module, kind: str) -> dict[str, str]:
    """Authors' variable name -> key of the state dictionary of a network.

    Args:
        network: whose sizes count.
        kind: what it is, a key of `SCOPES`.

    Raises:
        TypeError: for a network that no checkpoint holds.
    """
    match network:
        case AppearanceEncoder():
            return encoder_names(len(network.foreground.blocks), network.background is not None)
        case Generator():
            return generator_names(len(network.encoder))
        case DCGANCritic():
            return critic_names(sum(isinstance(layer, nn.Conv2d) for layer in network.layers))
        case PoseDecoder():
            return pose_decoder_names()
        case CodeCritic():
            return code_critic_names(SCOPES[kind])
        case VectorEncoder():
            return vector_encoder_names(SCOPES[kind].rstrip("/"))
    raise TypeError(f"no checkpoint of the authors holds a {type(network).__name__}")


def load_network(network: nn.Module, variables: Variables, kind: str) -> None:
    """Load one network of a checkpoint; the variables of the other networks are left aside.

    Args:
        network: receives the weights.
        variables: the checkpoint.
        kind: which network of the checkpoint, a key of `SCOPES`.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    others = tuple(scope for other, scope in SCOPES.items() if other != kind)
    own = {name: array for name, array in variables.items() if not name.startswith(others)}
    load_variables(network, own, names_of(network, kind), _BOOKKEEPING, _converted)


def networks_of(model: Any) -> dict[str, dict[str, nn.Module]]:
    """Stage of a `DisentangledPig` -> the networks of that checkpoint, by their keys in `SCOPES`."""
    appearance: dict[str, nn.Module] = {}
    for factor in model.appearance_mappers:
        kind = factor if "background" in model.appearance_mappers else "appearance"
        mapper, critic = model.mapper_and_critic(factor)
        appearance |= {f"{kind}_mapper": mapper, f"{kind}_critic": critic}
    return {
        "reconstruction": {"encoder": model.encoder, "generator": model.generator, "critic": model.critic},
        "poses": {"pose_encoder": model.pose_encoder, "pose_decoder": model.pose_decoder},
        "appearance_codes": appearance,
        "pose_codes": {"pose_mapper": model.pose_mapper, "pose_critic": model.pose_critic},
    }


def variant(reconstruction: Variables, poses: Variables, appearance_codes: Variables) -> dict[str, Any]:
    """Sizes that checkpoints were trained with, as options of `DisentangledPig`.

    Args:
        reconstruction: variables of the checkpoint of pictures.
        poses: variables of the checkpoint of the pose auto-encoder.
        appearance_codes: variables of the checkpoint of the mappers of the appearance.

    Raises:
        ValueError: when a variable that tells them is missing, or when the numbers of layers are those of neither variant.
    """
    background = f"{_ENCODER}/fully_connected_1/weights" in reconstruction
    convolutions = {scope: _count(reconstruction, scope) for scope in (_ENCODER, _GENERATOR)}
    trunks = 1 + background
    encoder_levels, levels = (convolutions[_ENCODER] - 3 + trunks) // (3 * trunks), convolutions[_GENERATOR] // 6
    if convolutions != {_ENCODER: 3 + trunks * (3 * encoder_levels - 1), _GENERATOR: 6 * levels} or min(encoder_levels, levels) < 1:
        told = " and ".join(f"{count} convolutions in {scope}" for scope, count in convolutions.items())
        raise ValueError(f"this is no checkpoint of Disentangled PIG: it has {told}; the authors' have 31 or 23, and 30")
    mapper = "Gaussian_FC_Fg" if background else "Gaussian_FC"
    wanted = {
        "width": (reconstruction, f"{_ENCODER}/Conv/weights"),
        "bottleneck": (reconstruction, f"{_GENERATOR}/fully_connected/weights"),
        "region_code": (reconstruction, f"{_ENCODER}/fully_connected/weights"),
        "pose_code": (poses, "PoseAE/G_Pose_Encoder/fully_connected_9/weights"),
        "hidden": (appearance_codes, f"{mapper}/G_FC/fully_connected/weights"),
    }
    if background:
        wanted["background_code"] = reconstruction, f"{_ENCODER}/fully_connected_1/weights"
        wanted["background_hidden"] = appearance_codes, "Gaussian_FC_Bg/G_FC/fully_connected/weights"
    filters = "Discriminator.1/Discriminator.1.Filters"
    if filters in reconstruction:
        wanted["critic_width"] = reconstruction, filters
    missing = [name for variables, name in wanted.values() if name not in variables]
    if missing:
        raise ValueError(f"these are no checkpoints of Disentangled PIG: there is no variable {', '.join(missing)}")
    lengths = {option: int(variables[name].shape[-1]) for option, (variables, name) in wanted.items()}
    return {"background_code": 0, **lengths, "encoder_levels": encoder_levels, "levels": levels}


def load_official(reconstruction: str | Path, poses: str | Path, appearance_codes: str | Path, pose_codes: str | Path) -> Any:
    """The authors' four checkpoints as a model (a `DisentangledPig`); variant and widths are read off the variables.

    A checkpoint without a critic gives a model whose critic is untrained, which matters for training alone.

    Args:
        reconstruction: prefix (".../model.ckpt-0"), file or folder of the checkpoint of pictures (authors' model 1 or 101).
        poses: of that of the pose auto-encoder (2 or 102).
        appearance_codes: of that of the mappers of foreground and background (3 or 103).
        pose_codes: of that of the mapper of poses (4 or 104).

    Raises:
        ImportError: when TensorFlow is not installed.
        FileNotFoundError: when a checkpoint is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape.
    """
    files = {
        "reconstruction": reconstruction,
        "poses": poses,
        "appearance_codes": appearance_codes,
        "pose_codes": pose_codes,
    }
    read = {stage: read_checkpoint(file) for stage, file in files.items()}
    try:
        options = variant(read["reconstruction"], read["poses"], read["appearance_codes"])
    except ValueError as error:
        raise ValueError(f"{', '.join(str(file) for file in files.values())}: {error}") from error
    model: Any = create("disentangled_pig", "official-market" if options["background_code"] else "official-deepfashion", **options)
    for stage, networks in networks_of(model).items():
        for kind, network in networks.items():
            if kind.endswith("critic") and not any(name.startswith(SCOPES[kind]) for name in read[stage]):
                continue
            try:
                load_network(network, read[stage], kind)
            except ValueError as error:
                raise ValueError(f"{files[stage]}: {error}") from error
    return model.eval()


def _converted(array: np.ndarray) -> Tensor:
    """Fully connected weights are stored as (in, out)."""
    tensor = from_tensorflow(array)
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor


def _numbered(scope: str, kind: str, layers: Iterable[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, layer in enumerate(layers):
        theirs = f"{scope}/{kind}_{number}" if number else f"{scope}/{kind}"
        names |= {f"{theirs}/weights": f"{layer}.weight", f"{theirs}/biases": f"{layer}.bias"}
    return names


def _count(variables: Variables, scope: str) -> int:
    return sum(name.startswith(f"{scope}/Conv") and name.endswith("/weights") for name in variables)
