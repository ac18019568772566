"""Access to the golden arrays: numbers recorded from the authors' own code.

They lie in the folder named by FASHIONGEN_GOLDEN, else in ../shared/golden beside the repository. Tests that need them skip
without either; a small part travels in tests/golden/data.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLED = Path(__file__).parent / "data"


def generate(rule: Mapping[str, Any], key: str, seed: int, prefix: str = "") -> np.ndarray:
    """The array that a `rules` entry of a JSON file stands for (golden/viton/README.md)."""
    random = np.random.RandomState((zlib.crc32((prefix + key).encode("ascii")) ^ seed) & 0xFFFFFFFF)
    if rule["kind"] == "normal":
        values = random.standard_normal(rule["shape"]) * rule["a"] + rule["b"]
    elif rule["kind"] == "uniform":
        values = random.uniform(rule["a"], rule["b"], size=rule["shape"])
    elif rule["kind"] == "binary":
        values = random.uniform(0, 1, size=rule["shape"]) < rule["a"]
    else:
        raise ValueError(f"{key} has a rule of unknown kind {rule['kind']!r}")
    return values.astype(np.float32)


def subsample(full: np.ndarray, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """What a key ending in `_subN` or `_sub` stores of an array (golden/viton/README.md)."""
    found = re.search(r"_sub(\d*)$", key)
    if not found:
        return full
    if found[1]:
        step = int(found[1])
        return full[:, ::step, ::step] if full.ndim == 4 else full[::step, ::step]
    steps = [math.ceil(size / kept) for size, kept in zip(full.shape, shape, strict=True)]
    return full[tuple(slice(None, None, step) for step in steps)]


class GoldenSet:
    """One NAME.json and NAME.safetensors."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.meta: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        arrays = folder / f"{name}.safetensors"
        self.arrays: dict[str, np.ndarray] = load_file(arrays) if arrays.is_file() else {}

    @cached_property
    def rules(self) -> dict[str, dict[str, Any]]:
        return self.meta.get("rules", {})

    def __getitem__(self, key: str) -> np.ndarray:
        """A stored array, or the one that its rule generates."""
        if key in self.arrays:
            return self.arrays[key]
        return generate(self.rules[key], key, self.meta["seed"])

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """Stored arrays whose key starts with `prefix`, under the rest of their key."""
        return {key.removeprefix(prefix): value for key, value in self.arrays.items() if key.startswith(prefix)}

    def check(
        self,
        reproduced: Mapping[str, np.ndarray],
        tolerances: Mapping[str, tuple[float, float]],
        inputs: tuple[str, ...] = ("in/", "vars/"),
        only: str = "",
    ) -> None:
        """Every stored array that is no input must be among `reproduced` and agree.

        Args:
            reproduced: key without `_sub` ending -> the array at full size.
            tolerances: regular expression on the key -> (absolute, relative to the largest magnitude of the stored array);
                the first that matches counts, the two parts add up. A key that none matches is an error.
            inputs: prefixes of what was given, not computed.
            only: look at keys with this prefix alone.
        """
        outputs = {key: value for key, value in self.arrays.items() if key.startswith(only) and not key.startswith(inputs)}
        assert outputs, f"{self.name} holds no outputs{' under ' + only if only else ''}"
        failures = [line for key, wanted in outputs.items() if (line := _disagreement(key, wanted, reproduced, tolerances))]
        assert not failures, f"{self.name}:\n" + "\n".join(failures)


def _disagreement(
    key: str, wanted: np.ndarray, reproduced: Mapping[str, np.ndarray], tolerances: Mapping[str, tuple[float, float]]
) -> str | None:
    name = key if key in reproduced else re.sub(r"_sub\d*$", "", key)
    if name not in reproduced:
        return f"{key} is not reproduced"
    absolute, relative = next(value for pattern, value in tolerances.items() if re.match(pattern, key))
    got = np.asarray(reproduced[name])
    got = got if name == key else subsample(got, key, wanted.shape)
    if got.shape != wanted.shape:
        return f"{key} has shape {got.shape}, expected {wanted.shape}"
    difference, largest = (np.abs(array).max() for array in (got.astype(np.float64) - wanted, wanted.astype(np.float64)))
    if difference <= absolute + relative * largest:
        return None
    return f"{key} is off by {difference:.3g}, allowed {absolute + relative * largest:.3g}"


class Golden:
    """The golden arrays of one paper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sets: dict[str, GoldenSet] = {}

    def load(self, name: str) -> GoldenSet:
        if name not in self._sets:
            self._sets[name] = GoldenSet(self.folder, name)
        return self._sets[name]

    def holds(self, name: str) -> bool:
        return (self.folder / f"{name}.json").is_file()


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    """`golden("viton")`: that paper's arrays; skips without them."""
    named = os.environ.get("FASHIONGEN_GOLDEN")
    root = Path(named) if named else REPOSITORY.parent / "shared" / "golden"
    papers: dict[str, Golden] = {}

    def find(paper: str) -> Golden:
        if not (root / paper).is_dir():
            pytest.skip(f"no golden arrays in {root / paper}; set FASHIONGEN_GOLDEN to the folder that holds {paper}/")
        return papers.setdefault(paper, Golden(root / paper))

    return find


@pytest.fixture(scope="session")
def bundled() -> Callable[[str], Golden]:
    """`bundled("viton")`: the part of a paper's arrays that travels with the repository."""
    return lambda paper: Golden(BUNDLED / paper)
