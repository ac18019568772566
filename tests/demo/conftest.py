"""Makes the helper modules beside the tests importable."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from standins import Comparer, Standin


@pytest.fixture
def models() -> dict[str, Standin]:
    return {"plain": Standin(), "comparing": Comparer()}
