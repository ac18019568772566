"""Pickles of lists, dictionaries and NumPy arrays, as the papers' Python 2 programs left them, read without running any of it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

_ALLOWED: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0] for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): np.float64(0).__reduce__()[0] for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is neither a number, a string, a list nor an array")
        return _ALLOWED[module, name]


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """What a pickle holds, when that is numbers, strings, lists, dictionaries and NumPy arrays of numbers.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is damaged or holds anything else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such pickle")
    try:
        with open(path, "rb") as file:
            return _Unpickler(file, encoding="latin1").load()
    except Exception as error:  # damage leads to errors of many kinds
        raise ValueError(f"{path} cannot be read as a pickle of numbers ({error}); copy it again") from error


def _encode(text: str, encoding: str) -> bytes:
    """How protocol 2 of Python 3 stores bytes."""
    return text.encode(encoding)
