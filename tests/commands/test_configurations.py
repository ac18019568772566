from __future__ import annotations

from pathlib import Path

import pytest

from fashiongen import registry
from fashiongen.commands.configurations import configuration, configurations


def test_shipped_configurations_are_those_of_the_registry() -> None:
    presets = {f"{name}/{preset}" for name, card in registry.CARDS.items() for preset in card.presets}
    assert set(configurations()) == presets
    assert all(configuration(name).is_file() for name in presets)


def test_a_path_is_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.touch()
    assert configuration(str(file)) == file


def test_an_unknown_name_suggests() -> None:
    with pytest.raises(KeyError, match="did you mean viton/mannequin"):
        configuration("viton/manequin")
