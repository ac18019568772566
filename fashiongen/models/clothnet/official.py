"""The authors' TensorFlow checkpoints -> our networks.

Every module is a training of its own and has its own checkpoint, unpacked as `states/LSM`, `states/CSM`, `states/PM`,
`states/PM_class`, ... with files `model-<step>.index` and `.data-*`, which `fashiongen.convert.tensorflow.read_checkpoint` reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.hub import create
from fashiongen.layers.sketch_colours import PALETTE
from fashiongen.models.clothnet.networks import PatchDiscriminator, Portrayer, SketchModule
from fashiongen.models.official import Variables, from_tensorflow, load_variables

#: Variables of a checkpoint that are no weights.
BOOKKEEPING = r".*/Adam(_1)?|(.*/)?beta[12]_power(_\d+)?|(generator|discriminator)_train/.*|global_step/global_step"
_DISCRIMINATOR = "discriminator/"
_PORTRAY_INPUTS = {3: ("colours", False), 6: ("colours", True), len(PALETTE): ("labels", False), len(PALETTE) + 3: ("labels", True)}


def sketch_names(levels: int = 8, body: bool = False) -> dict[str, str]:
    """Authors' variable name -> key of `SketchModule`'s state dictionary; `levels` doublings, with a body encoder or without."""
    names: dict[str, str] = {}
    for place in range(levels - 1):
        names |= _level("generator/encoder", place + 1, f"encoder.{place}", norm=place > 0)
    if body:
        for place in range(levels):
            names |= _level("generator/y_encoder", place + 1, f"body_encoder.{place}", norm=0 < place < levels - 1)
    for theirs, ours in (("z_mean", "mean"), ("z_log_sigma_sq", "log_variance")):
        scope = f"generator/vae_encoder/{theirs}"
        names |= {f"{scope}/weights": f"{ours}.weight", f"{scope}/biases": f"{ours}.bias"}
    return names | _decoder(levels)


def portrayer_names(levels: int = 8) -> dict[str, str]:
    """Authors' variable name -> key of `Portrayer`'s state dictionary."""
    names: dict[str, str] = {}
    for place in range(levels):
        names |= _level("generator/encoder", place + 1, f"encoder.{place}", norm=0 < place < levels - 1)
    return names | _decoder(levels)


def discriminator_names(halvings: int = 3) -> dict[str, str]:
    """Authors' variable name -> key of `PatchDiscriminator`'s state dictionary."""
    names: dict[str, str] = {}
    for place in range(halvings + 2):
        names |= _level(f"{_DISCRIMINATOR}layer", place + 1, f"layers.{place}", norm=0 < place <= halvings)
    return names


def load_sketch_module(network: SketchModule, variables: Variables) -> None:
    """Load an `LSM` or `CSM`.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    _load(network, _without_discriminator(variables), sketch_names(len(network.decoder), network.body_classes > 0))


def load_portrayer(network: Portrayer, variables: Variables) -> None:
    """Load the generator of a `PM`; the variables of its discriminator are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    _load(network, _without_discriminator(variables), portrayer_names(len(network.decoder)))


def load_discriminator(network: PatchDiscriminator, variables: Variables) -> None:
    """Load the discriminator of a `PM`; the variables of its generator are left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    own = {name: array for name, array in variables.items() if not name.startswith("generator/")}
    _load(network, own, discriminator_names(len(network.layers) - 2))


def has_discriminator(variables: Variables) -> bool:
    """Whether a checkpoint holds a discriminator; drawing pictures does not need it."""
    return any(name.startswith(_DISCRIMINATOR) for name in variables)


def kind(variables: Variables) -> str:
    """Which module of `ClothNet` a checkpoint is of: "sketch" (`LSM`), "body_sketch" (`CSM`) or "portray" (`PM` of any kind).

    Raises:
        ValueError: when it is none of them.
    """
    for needed in ("generator/encoder_1/conv/filter", "generator/decoder_1/deconv/filter"):
        if needed not in variables:
            raise ValueError(f"this is no checkpoint of ClothNet: it has no variable {needed}")
    if "generator/y_encoder_1/conv/filter" in variables:
        return "body_sketch"
    return "sketch" if any(name.startswith("generator/vae_encoder/") for name in variables) else "portray"


def variant(variables: Variables) -> dict[str, Any]:
    """Sizes that a checkpoint was trained with, as options of `ClothNet`.

    Raises:
        ValueError: when it is no checkpoint of ClothNet, or the input of a portray module is of no known kind.
    """
    module = kind(variables)
    incoming, width = variables["generator/encoder_1/conv/filter"].shape[2:]
    levels = len([name for name in variables if re.fullmatch(r"generator/decoder_\d+/deconv/filter", name)])
    options: dict[str, Any] = {"size": 2**levels}
    deepest = variables.get(f"generator/decoder_{levels}/deconv/filter")
    if deepest is None:
        raise ValueError(f"this checkpoint has {levels} levels in its decoder, but no variable generator/decoder_{levels}")
    if module != "portray":
        second = variables.get("generator/encoder_3/conv/filter")
        seen = module == "body_sketch" and second is not None and second.shape[2] == 4 * width
        own = deepest.shape[2] if module == "body_sketch" else 0
        options |= {"sketch_width": int(width), "code": int(deepest.shape[3] - own), "body_levels": "all" if seen else "first"}
        return options
    if incoming not in _PORTRAY_INPUTS:
        raise ValueError(
            f"a portray module sees {', '.join(map(str, _PORTRAY_INPUTS))} channels (colours, colours twice, labels, labels and "
            f"colours), not {incoming}"
        )
    seen_as, colours = _PORTRAY_INPUTS[incoming]
    options |= {"portray_width": int(width), "portray_input": seen_as, "portray_colours": colours}
    if has_discriminator(variables) and f"{_DISCRIMINATOR}layer_1/conv/filter" in variables:
        options["discriminator_width"] = int(variables[f"{_DISCRIMINATOR}layer_1/conv/filter"].shape[3])
    return options


def load_official(checkpoint: str | Path | Sequence[str | Path]) -> Any:
    """The authors' checkpoints as one model (a `ClothNet`) with the modules that they hold; kinds and widths are read off them.

    Args:
        checkpoint: prefix (".../PM/model-2160000"), file or folder of one module; a folder that holds one folder a module (the
            authors' `states`); or a list of such paths, one a module. A portray module without discriminator gives a model whose
            discriminator is untrained, which matters for training alone.

    Raises:
        ImportError: when TensorFlow is not installed.
        FileNotFoundError: when a checkpoint is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape; also for two checkpoints of
            one kind, or modules of different sizes.
    """
    found: dict[str, tuple[str, Variables]] = {}
    options: dict[str, Any] = {}
    for path in _modules(checkpoint):
        variables = read_checkpoint(path)
        try:
            module, sizes = kind(variables), variant(variables)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        if module in found:
            raise ValueError(
                f"{found[module][0]} and {path} are both a {module} module; name one of them, in a list with the others"
            )
        different = [name for name, value in sizes.items() if options.get(name, value) != value and name != "body_levels"]
        if different:
            raise ValueError(f"{path} does not fit the other modules: {', '.join(different)} differs")
        options |= sizes if module != "sketch" else {name: value for name, value in sizes.items() if name != "body_levels"}
        found[module] = str(path), variables
    model: Any = create("clothnet", "official-body" if "sketch" not in found else "official-full", modules=[*found], **options)
    for module, (file, stored) in found.items():
        try:
            if module == "portray":
                load_portrayer(model.portrayer, stored)
                if has_discriminator(stored):
                    load_discriminator(model.discriminator, stored)
            else:
                load_sketch_module(model.module(module), stored)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
    return model.eval()


def _modules(checkpoint: str | Path | Sequence[str | Path]) -> list[Path]:
    if not isinstance(checkpoint, str | Path):
        return [Path(path) for path in checkpoint]
    folder = Path(checkpoint)
    if folder.is_dir() and not any(folder.glob("*.index")):
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.index")))
        if inside:
            return inside
    return [folder]


def _load(network: Any, variables: Variables, names: Mapping[str, str]) -> None:
    load_variables(network, variables, names, BOOKKEEPING, _converted)


def _without_discriminator(variables: Variables) -> Variables:
    return {name: array for name, array in variables.items() if not name.startswith(_DISCRIMINATOR)}


def _converted(array: np.ndarray) -> Tensor:
    """Dense weights are (h * w * C, N) of 2x2 maps there and (N, C * h * w) here."""
    tensor = from_tensorflow(array)
    if tensor.ndim != 2 or len(tensor) % 4:
        return tensor
    return tensor.view(2, 2, -1, tensor.shape[1]).permute(3, 2, 0, 1).flatten(1).contiguous()


def _level(scope: str, number: int, ours: str, norm: bool, filters: str = "conv") -> dict[str, str]:
    names = {f"{scope}_{number}/{filters}/filter": f"{ours}.conv.weight"}
    if norm:
        parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        names |= {f"{scope}_{number}/BatchNorm/{theirs}": f"{ours}.norm.{key}" for theirs, key in parts.items()}
    return names


def _decoder(levels: int) -> dict[str, str]:
    names: dict[str, str] = {}
    for place in range(levels):
        number = levels - place
        names |= _level("generator/decoder", number, f"decoder.{place}", norm=number > 1, filters="deconv")
    return names
