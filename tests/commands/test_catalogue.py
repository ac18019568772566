from __future__ import annotations

import pytest

from fashiongen import registry
from fashiongen.cli import main


def test_list_names_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.MODELS)


def test_list_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--task", "try-on", "--pretrained"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == registry.list_models("try-on", pretrained=True)


@pytest.mark.parametrize("name", registry.MODELS)
def test_info_tells_the_card(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 0
    shown, card = capsys.readouterr().out, registry.MODELS[name]
    assert shown.startswith(f"{name}: {card.title}\n")
    assert f"arxiv.org/abs/{card.arxiv}" in shown
    assert all(f"{name}/{preset}" in shown for preset in card.presets)
    assert all(f"{title}: {figure}" in shown for title, figure in card.figures.items())
    assert max(map(len, shown.splitlines())) <= 120
