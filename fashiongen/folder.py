"""The Hub layout: a folder with the weights of a model, what they are, and a model card.

- `config.json`: the registry name of the model, its hyper-parameters, size and SHA-256 of the weights, and the record of where they
  come from. A class path in it is never imported.
- `model.safetensors`: what the model's verbs need.
- `README.md`: the model card (`fashiongen.card`).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fashiongen import __version__

#: Version of the layout; a reader refuses newer ones.
FORMAT = 1
CONFIG, WEIGHTS, CARD = FILES = ("config.json", "model.safetensors", "README.md")


class HubError(RuntimeError):
    """A model could not be loaded, saved or published; the message names the file or repository and the fix."""


def plain(value: Any, what: str) -> Any:
    """`value` as JSON gives it back: tuples become lists.

    Raises:
        HubError: for anything that JSON would change or cannot hold; `what` names it.
    """
    if value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [plain(each, what) for each in value]
    if isinstance(value, Mapping) and all(type(key) is str for key in value):
        return {key: plain(each, what) for key, each in value.items()}
    raise HubError(
        f"{what} is {value!r}, a {type(value).__name__}: {CONFIG} holds finite numbers, strings, True, False and None, "
        "and lists and dictionaries of them"
    )


def write_folder(folder: str | Path, record: Mapping[str, Any], weights: bytes, card: str) -> Path:
    """Write the three files; files of the same names are replaced once all new ones are on the disk.

    Args:
        folder: made if it does not exist.
        record: content of config.json.
        weights: content of model.safetensors.
        card: content of README.md.

    Returns:
        The absolute path of the folder.
    """
    folder = Path(folder).expanduser().resolve()
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    files = {WEIGHTS: weights, CARD: card.encode(), CONFIG: text.encode()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        fresh = Path(temporary) / folder.name
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if folder.exists():
            # A crash between two of these is told by the checksum in config.json, which comes last.
            for name in files:
                os.replace(fresh / name, folder / name)
        else:
            fresh.rename(folder)
    return folder


def read_folder(folder: str | Path, cure: str = "save or copy the folder again") -> dict[str, Any]:
    """The content of config.json, after checking that the folder is whole: layout, size and SHA-256 of the weights.

    Args:
        folder: in Hub layout.
        cure: what an error about a damaged file advises.

    Raises:
        HubError: for a file that is missing, damaged, or written by a newer version.
    """
    config, weights = Path(folder).expanduser() / CONFIG, Path(folder).expanduser() / WEIGHTS
    for file in (config, weights):
        if not file.is_file():
            raise HubError(f"{file} is missing: {cure}; fashiongen.create makes a model without trained weights")
    try:
        record = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HubError(f"{config} is damaged ({error}): {cure}") from error
    _check_record(record, config, cure)
    expected = record["weights"]
    size = weights.stat().st_size
    if size != expected["bytes"]:
        raise HubError(f"{weights} has {size:,} bytes in place of {expected['bytes']:,}, a broken copy: {cure}")
    with weights.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != expected["sha256"]:
        raise HubError(f"{weights} has sha256 {digest[:12]}…, {CONFIG} says {expected['sha256'][:12]}…, it was changed: {cure}")
    return record


def _check_record(record: Any, config: Path, cure: str) -> None:
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise HubError(f"{config} was not written by fashiongen: it has no format number")
    if record["format"] > FORMAT:
        raise HubError(
            f"{config} has format {record['format']}, fashiongen {__version__} reads formats up to {FORMAT}: "
            "pip install --upgrade fashiongen"
        )
    weights = record.get("weights")
    places = ((record, "model", str), (record, "hyper_parameters", dict), (weights, "sha256", str), (weights, "bytes", int))
    lacking = [key for place, key, kind in places if not isinstance(place, dict) or not isinstance(place.get(key), kind)]
    if lacking:
        raise HubError(f"{config} lacks {', '.join(lacking)}: {cure}")
