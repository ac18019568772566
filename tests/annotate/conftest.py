"""Photographs of noise, and what is said to be in them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def photographs(tmp_path: Path) -> Callable[..., Path]:
    """Writes photographs of noise into a folder: `photographs("alice.jpg", "bob.png")`."""

    def write(*names: str, size: tuple[int, int] = (120, 80), folder: str = "photos", **options: Any) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        for number, name in enumerate(names):
            levels = np.random.default_rng(number).integers(0, 255, (*size, 3), np.uint8)
            Image.fromarray(levels).save(tmp_path / folder / name, **options)
        return tmp_path / folder

    return write
