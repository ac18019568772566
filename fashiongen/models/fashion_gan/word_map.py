"""The authors' `map.mat`: a MATLAB `containers.Map` from words to numbers."""

from __future__ import annotations

from pathlib import Path

from fashiongen.data.mat5 import read_mat5, read_matrix

_CONTENT_OF_OBJECTS = ""


def read_word_map(path: str | Path) -> list[str]:
    """Words in the order of their numbers.

    MATLAB stores the content of objects as the bytes of a nameless variable, after eight bytes of their own: a structure whose
    field `MCOS` wraps a cell. Its third entry holds the keys and the values.

    Args:
        path: of `map.mat` (`complete_demo/` of the authors' code).

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming it, when it holds no such map or is damaged.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        content = read_mat5(path, [_CONTENT_OF_OBJECTS])[_CONTENT_OF_OBJECTS].tobytes()[8:]
        record = read_matrix(content).item()["MCOS"].ravel()[2].item()
        keys = [str(each.item()) for each in record["keys"].ravel()]
        values = [int(each.item()) for each in record["values"].ravel()]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path} is no map from words to numbers (MATLAB's containers.Map), or is damaged: {error}") from error
    if sorted(values) != list(range(1, len(values) + 1)) or len(set(keys)) != len(values):
        raise ValueError(f"{path} does not number its {len(keys)} words from 1 to {len(keys)}; copy the file again")
    return [word for _, word in sorted(zip(values, keys, strict=True))]
