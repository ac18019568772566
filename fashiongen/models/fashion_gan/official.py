"""The authors' files -> our networks: `.t7` of the stages, `.pth` of the text encoder, `.mat` of words and mean picture.

A `.t7` holds generator and discriminator as graphs of modules. Modules with weights are taken in the order in which the graph runs
through them: numbers of nodes differ between versions of the library that wrote them. Our networks make their layers in that order.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fashiongen.convert.torch7 import TorchObject, read_t7
from fashiongen.data.mat_files import read_mat
from fashiongen.hub import create
from fashiongen.models.fashion_gan.blocks import Norm
from fashiongen.models.fashion_gan.shape_networks import TEXT_FEATURES
from fashiongen.models.fashion_gan.text import LanguageEncoder
from fashiongen.models.fashion_gan.word_map import read_word_map
from fashiongen.models.official import Variables, load_variables

_FIELDS = ("weight", "bias", "running_mean", "running_var")
_HEADS = {"net_cate_new": "category", "net_color": "colour", "net_gender": "gender", "net_sleeve": "sleeve"}
_SHAPE_MODULES = 22
_VARIANTS = {26: "skip", 28: "plain", 25: "p2p"}
"""Modules with weights of each variant's generator, at 128x128 pixels."""


def graph_variables(graph: Any) -> dict[str, np.ndarray]:
    """Weights of a graph of modules (`nn.gModule`) of a .t7 file.

    Returns:
        "<place>.<field>" -> array, where places count the nodes of the graph from 1, and fields are weight, bias, running_mean and
        running_var.

    Raises:
        ValueError: when it is no graph of modules.
    """
    fields = graph.fields if isinstance(graph, TorchObject) and isinstance(graph.fields, dict) else {}
    nodes = fields.get("forwardnodes")
    if not isinstance(nodes, dict):
        raise ValueError("it holds no graph of modules (nn.gModule)")
    found = {}
    for place in range(1, len(nodes) + 1):
        module = _inside(nodes.get(float(place)), "data", "module")
        own = module.fields if isinstance(module, TorchObject) and isinstance(module.fields, dict) else {}
        found.update({f"{place}.{field}": own[field] for field in _FIELDS if isinstance(own.get(field), np.ndarray)})
    return found


def _inside(value: Any, *path: str) -> Any:
    """What objects and tables hold under names, one inside the other; None where there is none."""
    for name in path:
        value = value.fields if isinstance(value, TorchObject) else value
        value = value.get(name) if isinstance(value, dict) else None
    return value


def layer_names(network: nn.Module) -> list[str]:
    """Names of the modules with weights, in the order of the authors' files."""
    return [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | Norm)]


def places(variables: Variables) -> list[int]:
    """Places in the graph of the modules that have weights, in order."""
    return sorted({int(name.partition(".")[0]) for name in variables})


def load_network(network: nn.Module, variables: Variables) -> None:
    """Load a generator or discriminator.

    Args:
        network: of the same stage and variant.
        variables: as `graph_variables` gives them.

    Raises:
        ValueError: naming what is missing, unknown or of the wrong shape.
    """
    layers, found = layer_names(network), places(variables)
    if len(layers) != len(found):
        raise ValueError(f"{len(found)} modules have weights, {type(network).__name__} has {len(layers)}")
    state = network.state_dict()
    names = {
        f"{place}.{field}": f"{layer}.{field}"
        for place, layer in zip(found, layers, strict=True)
        for field in _FIELDS
        if f"{layer}.{field}" in state
    }
    # The oldest versions store the weight of a convolution as a matrix.
    unfolded = {
        name: array.reshape(state[names[name]].shape)
        if name in names and array.ndim == 2 and array.size == state[names[name]].numel()
        else array
        for name, array in variables.items()
    }
    load_variables(network, unfolded, names, ignore="", convert=_as_it_is)


def load_encoder(network: LanguageEncoder, state: Mapping[str, Tensor]) -> None:
    """Load the text encoder from the state dictionary of `rnn_latest.pth`.

    Raises:
        ValueError: naming what is missing, unknown or of the wrong shape.
    """
    names = {key: key for key in network.state_dict() if key.startswith("rnn.")}
    for theirs, ours in _HEADS.items():
        names |= {f"{theirs}.{field}": f"heads.{ours}.{field}" for field in ("weight", "bias")}
    load_variables(network, {name: tensor.numpy() for name, tensor in state.items()}, names, ignore="", convert=_as_it_is)


def read_stage(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Weights of generator and discriminator of a stage's .t7 file, see `graph_variables`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it is damaged or holds something else.
    """
    content = read_t7(path)
    if not isinstance(content, dict) or not {"G", "D"} <= content.keys():
        raise ValueError(f"{path} holds no stage of FashionGAN: a table with the networks G and D")
    return _told(path, graph_variables, content["G"]), _told(path, graph_variables, content["D"])


def read_encoder(path: str | Path) -> dict[str, Tensor]:
    """The state dictionary of `rnn_latest.pth`, a PyTorch file of before 2018, opened without running anything from it.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it is damaged or holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path} is no readable PyTorch file, or cannot be opened without running code from it: {reason}"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} holds no weights by name; expected the authors' rnn_latest.pth")
    return dict(state)


def read_mean(path: str | Path) -> Tensor:
    """The mean picture of `ih_mean.mat`: (3, H, W) float32 RGB in [0, 1].

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it is damaged or holds something else.
    """
    mean = np.asarray(read_mat(path, ["ih_mean"])["ih_mean"])
    if mean.dtype.kind not in "fiu" or mean.ndim != 3 or mean.shape[2] != 3 or not (mean.min() >= 0 and mean.max() <= 1):
        raise ValueError(f"{path}: ih_mean is an RGB picture (H, W, 3) in [0, 1], not {mean.shape}")
    return torch.from_numpy(mean.astype(np.float32)).permute(2, 0, 1).contiguous()


def shape_options(generator: Variables, discriminator: Variables) -> dict[str, Any]:
    """Sizes of the shape stage, as options of `FashionGan`.

    Raises:
        ValueError: when these are no networks of that stage.
    """
    text, seed, first = _weights(generator, {_SHAPE_MODULES: "the shape stage"}, discriminator)
    return {
        "code": text.shape[1],
        "noise": seed.shape[0] - TEXT_FEATURES,
        "shape_width": seed.shape[1] // 16,
        "shape_discriminator_width": first.shape[0],
    }


def picture_options(generator: Variables, discriminator: Variables) -> dict[str, Any]:
    """Variant and widths of the picture stage, as options of `FashionGan`.

    Raises:
        ValueError: when these are no networks of one of the variants.
    """
    first, second, judging = _weights(generator, _VARIANTS, discriminator)
    variant = _VARIANTS[len(places(generator))]
    width = {"plain": second.shape[1] // 16, "skip": second.shape[0], "p2p": first.shape[0]}[variant]
    return {"picture": variant, "picture_width": width, "picture_discriminator_width": judging.shape[0]}


def _weights(generator: Variables, known: Mapping[int, str], discriminator: Variables) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the first two modules of a generator, and of the first one of its discriminator."""
    found, judging = places(generator), places(discriminator)
    if len(found) not in known or not judging:
        raise ValueError(
            f"the generator has {len(found)} modules with weights; "
            + ", ".join(f"that of {name} has {count}" for count, name in known.items())
        )
    try:
        first, second, third = (
            generator[f"{found[0]}.weight"],
            generator[f"{found[1]}.weight"],
            discriminator[f"{judging[0]}.weight"],
        )
    except KeyError as error:
        raise ValueError(f"module {error} has no weight") from error
    if any(weight.ndim != 4 for weight in (first, second, third)):
        raise ValueError("the first modules are no convolutions with four axes")
    return first, second, third


def load_official(encoder: str | Path, vocabulary: str | Path, shape: str | Path, picture: str | Path, mean: str | Path) -> Any:
    """The authors' files as a model (a `FashionGan`); variant and widths are read off the weights.

    Args:
        encoder: `rnn_latest.pth`.
        vocabulary: `map.mat`.
        shape: `sr1.t7`.
        picture: `ih1_skip.t7`, `ih1.t7` or `ih1_pix2pix_original.t7`.
        mean: `ih_mean.mat`.

    Raises:
        FileNotFoundError: when a file is not there.
        ValueError: naming the file, and what in it is missing, unknown, of the wrong shape, or damaged.
    """
    state, words, average = read_encoder(encoder), read_word_map(vocabulary), read_mean(mean)
    shape_stage, picture_stage = read_stage(shape), read_stage(picture)
    options = {
        **_told(shape, shape_options, *shape_stage),
        **_told(picture, picture_options, *picture_stage),
        "vocabulary": words,
        "size": tuple(average.shape[1:]),
    }
    model: Any = _told(mean, create, "fashion_gan", "official", **options)
    _told(encoder, load_encoder, model.encoder, state)
    for path, (generator, discriminator), stage in ((shape, shape_stage, "shape"), (picture, picture_stage, "picture")):
        _told(path, load_network, getattr(model, stage), generator)
        _told(path, load_network, getattr(model, f"{stage}_discriminator"), discriminator)
    model.mean.copy_(average)
    return model.eval()


def _told(path: str | Path, function: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """What a function gives; its errors name the file."""
    try:
        return function(*given, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _as_it_is(array: np.ndarray) -> Tensor:
    """Torch7 has PyTorch's order of axes."""
    return torch.from_numpy(np.array(array, np.float32))
