"""Authors' variables -> state dictionaries of ours, with every name and shape accounted for.

What the `official.py` of each paper shares. A checkpoint is a dictionary from variable name to array, as the readers in
`fashiongen.convert` return it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

Variables = Mapping[str, np.ndarray]


def from_tensorflow(array: np.ndarray) -> Tensor:
    """TensorFlow's axis order -> PyTorch's: convolution filters (kh, kw, in, out) become (out, in, kh, kw).

    Transposed convolutions are stored as (kh, kw, out, in) there and as (in, out, kh, kw) here: the same permutation. Arrays
    with other than four axes stay as they are.
    """
    tensor = torch.from_numpy(np.array(array))
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor


def load_variables(
    module: nn.Module,
    variables: Variables,
    names: Mapping[str, str],
    ignore: str,
    convert: Callable[[np.ndarray], Tensor] = from_tensorflow,
) -> None:
    """Fill a module with the authors' variables, strictly.

    Args:
        module: receives the weights.
        variables: the checkpoint.
        names: authors' variable name -> key in the module's state dictionary.
        ignore: regular expression; variables whose whole name matches it are left aside (optimiser slots, step counters).
        convert: from an array to a tensor in PyTorch's axis order.

    Raises:
        ValueError: naming the variables that are missing, unknown, or of the wrong shape. Nothing is loaded then.
    """
    state = module.state_dict()
    unknown = [name for name in variables if name not in names and not re.fullmatch(ignore, name)]
    missing = [name for name in names if name not in variables]
    problems = [f"unknown variable {name}" for name in unknown] + [f"missing variable {name}" for name in missing]
    loaded: dict[str, Tensor] = {}
    for name in names.keys() & variables.keys():
        key = names[name]
        tensor = convert(variables[name])
        if tensor.shape != state[key].shape:
            problems.append(
                f"variable {name} has shape {tuple(np.shape(variables[name]))}, which is {tuple(tensor.shape)} here, "
                f"but the network's {key} is {tuple(state[key].shape)}"
            )
        loaded[key] = tensor
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(f"not a checkpoint of this {type(module).__name__}: {'; '.join(sorted(problems)[:10])}{more}")
    module.load_state_dict(state | loaded)


def critic_names(levels: int = 4) -> dict[str, str]:
    """Variable name in the code of PG2 and Disentangled PIG -> key of `fashiongen.layers.dcgan.DCGANCritic`'s state dictionary."""
    names: dict[str, str] = {}
    place = 0
    for level in range(1, levels + 1):
        scope = f"Discriminator.{level}/Discriminator.{level}"
        names |= {f"{scope}.Filters": f"layers.{place}.weight", f"{scope}.Biases": f"layers.{place}.bias"}
        if level > 1:
            place += 1
            norm = f"Discriminator.BN{level}"
            names |= {f"{norm}.scale": f"layers.{place}.weight", f"{norm}.offset": f"layers.{place}.bias"}
        place += 2
    scope = "Discriminator.Output/Discriminator.Output"
    return names | {f"{scope}.W": "output.weight", f"{scope}.b": "output.bias"}
