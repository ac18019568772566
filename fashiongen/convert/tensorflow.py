"""TensorFlow 1 checkpoints -> dictionaries of arrays."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Every variable of a TensorFlow checkpoint (format V2: PREFIX.index and PREFIX.data-...).

    Args:
        path: the prefix ("model/stage1/model-15000"), one of its files, or a folder that holds one checkpoint or a
            `checkpoint` file that names the last one.

    Returns:
        variable name -> array, as stored; optimiser slots included.

    Raises:
        ImportError: when TensorFlow is not installed.
        FileNotFoundError: when there is no checkpoint.
        ValueError: when a folder holds several and does not say which is meant, or when files are truncated or damaged.
    """
    prefix = _prefix(Path(path))
    shards = _shards(prefix)
    tensorflow = _tensorflow()
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        return {name: reader.get_tensor(name) for name in sorted(reader.get_variable_to_shape_map())}
    except (tensorflow.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        files = ", ".join(str(file) for file in (_file(prefix, ".index"), *shards))
        raise ValueError(
            f"{prefix} is not a readable TensorFlow checkpoint (truncated or damaged? compare the sizes of {files} with "
            f"the original and copy them again): {str(error).splitlines()[0]}"
        ) from error


def _prefix(path: Path) -> Path:
    if path.is_dir():
        found = sorted(file.with_suffix("") for file in path.glob("*.index"))
        record = path / "checkpoint"
        if record.is_file():
            # Only the name counts: the record may hold a folder of the machine that trained.
            named = re.search(r'^model_checkpoint_path:\s*"(.*)"', record.read_text(errors="replace"), re.MULTILINE)
            last = path / Path(named[1].replace("\\", "/")).name if named else None
            if last in found:
                return last
        if not found:
            raise FileNotFoundError(f"{path} holds no TensorFlow checkpoint: there is no *.index file in it")
        if len(found) > 1:
            raise ValueError(f"{path} holds several checkpoints; name one of {', '.join(str(prefix) for prefix in found)}")
        return found[0]
    if path.is_file():
        return path.with_name(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name))
    return path


def _shards(prefix: Path) -> list[Path]:
    index = _file(prefix, ".index")
    if not index.is_file():
        raise FileNotFoundError(f"{index} is missing; a TensorFlow checkpoint is the files {prefix.name}.index and .data-*")
    shards = sorted(prefix.parent.glob(f"{prefix.name}.data-*-of-*"))
    if not shards:
        raise FileNotFoundError(f"{prefix}.data-* is missing; {index.name} alone holds no weights")
    expected = int(shards[0].name.rpartition("-of-")[2])
    if len(shards) != expected:
        raise FileNotFoundError(f"{prefix} has {len(shards)} of its {expected} .data files")
    return shards


def _file(prefix: Path, ending: str) -> Path:
    return prefix.with_name(prefix.name + ending)


def _tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            "reading a TensorFlow checkpoint needs TensorFlow: pip install 'fashiongen[convert]' (or tensorflow-cpu)"
        ) from error
    return tensorflow
