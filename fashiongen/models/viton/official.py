"""The authors' TensorFlow checkpoints -> our networks.

Stage 1 is `model-15000`, stage 2 `model-6000` of the authors' release; `fashiongen.convert.tensorflow.read_checkpoint` reads both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.hub import create
from fashiongen.models.official import Variables, load_variables
from fashiongen.models.viton.networks import CoarseGenerator, RefinementNetwork

_BOOKKEEPING = r".*/Adam(_1)?|(.*/)?beta[12]_power|global_step"
_NORM = {"Variable": "weight", "Variable_1": "bias", "Variable_2": "running_mean", "Variable_3": "running_var"}


def coarse_names(levels: int = 6) -> dict[str, str]:
    """Authors' variable name -> key of `CoarseGenerator`'s state dictionary.

    The variables of a batch normalisation have no names of their own, only their order: scale, shift, mean, variance.
    """
    names = {}
    for level in range(1, levels + 1):
        outermost = level == 1
        for scope, kind, key in (
            (f"encoder_{level}", "conv", f"encoder.{level - 1}"),
            (f"decoder_{level}", "deconv", f"decoder.{levels - level}"),
        ):
            names[f"generator/{scope}/{kind}/filter"] = f"{key}.weight" if outermost else f"{key}.0.weight"
            if not outermost:
                names |= {f"generator/{scope}/batchnorm/{theirs}": f"{key}.1.{ours}" for theirs, ours in _NORM.items()}
    return names


def refinement_names() -> dict[str, str]:
    """Authors' variable name -> key of `RefinementNetwork`'s state dictionary."""
    names = {}
    for index in range(3):
        scope = f"refine_generator/g_256_conv{index + 1}"
        names[f"{scope}/weights"] = f"layers.{3 * index}.weight"
        names[f"{scope}/LayerNorm/gamma"] = f"layers.{3 * index + 1}.weight"
        names[f"{scope}/LayerNorm/beta"] = f"layers.{3 * index + 1}.bias"
    return names | {
        "refine_generator/g_1024_final/weights": "output.weight",
        "refine_generator/g_1024_final/biases": "output.bias",
    }


def load_coarse_generator(network: CoarseGenerator, variables: Variables) -> None:
    """Load a stage-1 checkpoint.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape; or for a stage-2 checkpoint: it
            holds the generator's weights as well, but its running statistics start anew and are of no use.
    """
    if any(name.startswith("refine_generator/") for name in variables):
        raise ValueError(
            "this is a stage-2 checkpoint (it has refine_generator/...): its copy of the coarse generator lost the running "
            "statistics; give the stage-1 checkpoint (model-15000)"
        )
    load_variables(network, variables, coarse_names(network.levels), _BOOKKEEPING)


def load_refinement_network(network: RefinementNetwork, variables: Variables) -> None:
    """Load a stage-2 checkpoint; its copy of the stage-1 generator is left aside.

    Raises:
        ValueError: naming the variables that are missing, unknown or of the wrong shape.
    """
    load_variables(network, variables, refinement_names(), rf"generator/.*|{_BOOKKEEPING}")


def load_official(stage1: str | Path, stage2: str | Path) -> Any:
    """The authors' two checkpoints as one model with the preset "official" (a `Viton`); sizes are read off the variables.

    Args:
        stage1: prefix, file or folder of the first checkpoint (model-15000).
        stage2: the same of the second (model-6000).

    Raises:
        ImportError: when TensorFlow is not installed.
        FileNotFoundError: when a checkpoint is not there.
        ValueError: naming the file and the variables that are missing, unknown or of the wrong shape.
    """
    coarse, refinement = read_checkpoint(stage1), read_checkpoint(stage2)
    for path, variables, needed in (
        (stage1, coarse, "generator/encoder_1/conv/filter"),
        (stage2, refinement, "refine_generator/g_256_conv1/weights"),
    ):
        if needed not in variables:
            raise ValueError(f"{path} is no such checkpoint of VITON: it has no variable {needed}")
    model = create(
        "viton",
        "official",
        width=coarse["generator/encoder_1/conv/filter"].shape[3],
        levels=sum(name.startswith("generator/encoder_") and name.endswith("/conv/filter") for name in coarse),
        refinement_width=refinement["refine_generator/g_256_conv1/weights"].shape[3],
    )
    loads: tuple[tuple[Any, Any, Any, Variables], ...] = (
        (stage1, load_coarse_generator, model.coarse, coarse),
        (stage2, load_refinement_network, model.refinement, refinement),
    )
    for path, fill, network, theirs in loads:
        try:
            fill(network, theirs)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return model.eval()
