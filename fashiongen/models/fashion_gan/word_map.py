"""The authors' `map.mat`: a MATLAB `containers.Map` from words to numbers."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

_HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


def read_word_map(path: str | Path) -> list[str]:
    """Words in the order of their numbers.

    SciPy does not open objects: it returns their content as the bytes of a second file inside the first. This reads that one: the
    third cell of its `MCOS` wrapper holds the keys and the values.

    Args:
        path: of `map.mat` (`complete_demo/` of the authors' code).

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it holds no such map or is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        record = _load(io.BytesIO(_workspace(Path(path))))["__function_workspace__"]["MCOS"][0, 0]["arr"][0].ravel()[2][0, 0]
        keys = [str(np.asarray(each).item()) for each in record["keys"].ravel()]
        values = [int(np.asarray(each).item()) for each in record["values"].ravel()]
    except Exception as error:  # SciPy raises whatever the damage leads to
        raise ValueError(f"{path} is no map from words to numbers (MATLAB's containers.Map), or is damaged: {error}") from error
    if sorted(values) != list(range(1, len(values) + 1)) or len(set(keys)) != len(values):
        raise ValueError(f"{path} does not number its {len(keys)} words from 1 to {len(keys)}; copy the file again")
    return [word for _, word in sorted(zip(values, keys, strict=True))]


def _workspace(path: Path) -> bytes:
    """The file inside: its first element alone, since a nameless one behind it would take its place, with a header."""
    content = _load(path)["__function_workspace__"].tobytes()[8:]
    (length,) = struct.unpack_from("<I", content, 4)
    return _HEADER + content[: 8 + length]


def _load(file: Any) -> dict[str, Any]:
    from scipy.io import loadmat

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loadmat(file)
