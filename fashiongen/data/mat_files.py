"""Variables of MATLAB files of any version."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashiongen.data.mat5 import read_mat5

_V73 = b"MATLAB 7.3"


def read_mat(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Numbers and cells by name. Files of version 7.3, which are HDF5, are read with h5py.

    Args:
        path: of the file.
        names: of the variables.

    Returns:
        name -> array in MATLAB's order of axes; cells are arrays of objects, see `strings`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file and the fix, when it is damaged or lacks a variable.
        ImportError: when h5py is needed and missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such MATLAB file")
    with open(path, "rb") as file:
        newer = file.read(len(_V73)) == _V73
    try:
        content = _read_v73(path, names) if newer else read_mat5(path, names)
    except ValueError as error:
        raise _damaged(path, error) from error
    for name in names:
        if name not in content:
            raise ValueError(f"{path} has no variable {name!r}; it is not the published file, or an incomplete one")
    return content


def strings(cell: np.ndarray, path: object, name: str) -> list[str]:
    """The strings of a cell, or the rows of a matrix of characters.

    Args:
        cell: a variable as `read_mat` gives it.
        path, name: of the file and the variable, for errors.

    Raises:
        ValueError: naming both, when the cell holds something else.
    """
    found: list[str] = []
    for value in cell.ravel():
        while isinstance(value, np.ndarray) and value.size == 1:
            value = value.flat[0]
        if not isinstance(value, str):
            raise ValueError(f"{path}: {name} holds sentences or names, entry {len(found)} is not one; copy the file again")
        found.append(str(value).rstrip())
    return found


def numbers(values: np.ndarray, path: object, name: str) -> np.ndarray:
    """Whole numbers, int64 in one row.

    Args:
        values: a variable as `read_mat` gives it.
        path, name: of the file and the variable, for errors.

    Raises:
        ValueError: naming both, when there is something else.
    """
    flat = values.ravel()
    if flat.dtype.kind not in "iufb" or not (np.abs(flat) < 2**53).all() or (flat != np.round(flat)).any():
        raise ValueError(f"{path}: {name} holds whole numbers, this one {values.dtype} of another kind; copy the file again")
    return flat.astype(np.int64)


def open_h5(path: str | os.PathLike[str]) -> Any:
    """An HDF5 file, open for reading.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is none or is damaged.
        ImportError: when h5py is missing.
    """
    h5py = _h5py(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such HDF5 file")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _h5py(path: str | os.PathLike[str]) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"reading {path} needs h5py: pip install 'fashiongen[convert]' (or h5py)") from error
    return h5py


def _read_v73(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    h5py = _h5py(path)
    try:
        with h5py.File(path, "r") as file:
            return {name: _v73_value(file, file[name]) for name in names if name in file}
    except Exception as error:  # h5py raises whatever the damage leads to
        raise ValueError(str(error)) from error


def _v73_value(file: Any, dataset: Any) -> np.ndarray:
    kind = dataset.attrs.get("MATLAB_class", b"double").decode()
    values = np.asarray(dataset).T
    if kind == "cell":
        cell = np.empty(values.shape, object)
        for place, reference in np.ndenumerate(values):
            cell[place] = _v73_value(file, file[reference])
        return cell
    if kind == "char":
        return np.array(["".join(map(chr, row)) for row in values])
    return values


def _damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(f"{path} is damaged or no file of its kind ({error}); copy it again")
