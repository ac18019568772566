from importlib import import_module
from pathlib import Path

import pytest

from fashiongen.data.shards.writer import write_shards


@pytest.fixture
def numbered(monkeypatch):
    """The module of the numbered examples."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return import_module("numbered")


@pytest.fixture
def shards(numbered, tmp_path):
    """A folder of 13 training examples in shards of four, and five of the other splits."""
    write_shards(numbered.NumberedData(), tmp_path / "shards", "numbered", samples_a_shard=4)
    return tmp_path / "shards"
