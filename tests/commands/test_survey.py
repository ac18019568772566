from __future__ import annotations

import re
from pathlib import Path

import pytest

from fashiongen import registry
from fashiongen.cli import main
from fashiongen.commands import survey


def test_the_table_is_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--table"]) == 0
    shown = capsys.readouterr().out
    assert shown == survey.markdown(registry.list_models()) + "\n"
    for name, card in registry.MODELS.items():
        row = re.search(rf"^\| {name} +\| (.*) \|$", shown, re.MULTILINE)
        assert row is not None
        for value in (card.venue, card.changes, card.adversarial, card.outputs):
            assert value in row[1]


def test_needs_and_data_sets_follow_the_cards() -> None:
    papers, annotations, data = survey.tables(list(registry.MODELS))
    uses = {(row[0], model): cell for row in annotations.rows for model, cell in zip(annotations.head[1:], row[1:], strict=True)}
    for model, card in registry.MODELS.items():
        assert {name for name, who in uses if who == model and "train" in uses[name, who]} == card.needs_to_train
        assert {name for name, who in uses if who == model and "run" in uses[name, who]} == card.needs_to_run
        column = data.head.index(model)
        fitting = {row[0] for row in data.rows if row[column]}
        assert fitting == {name for name, each in registry.DATA.items() if card.needs_to_train <= each.provides} and fitting
    assert len(papers.rows) == len(registry.MODELS)


@pytest.mark.parametrize("name", registry.MODELS)
def test_the_stages_of_a_card_are_those_of_the_class(name: str) -> None:
    number = len(registry.model_class(name).stages)
    assert survey.tables([name])[0].rows[0][3] == ("end to end" if number == 1 else str(number))


def test_the_table_takes_the_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--table", "--task", "try-on"]) == 0
    shown = capsys.readouterr().out
    assert "| cagan " in shown and "pg2" not in shown and "`other_text`" not in shown


def test_every_row_has_every_column() -> None:
    for table in survey.tables(list(registry.MODELS)):
        assert {len(row) for row in table.rows} == {len(table.head)}


def test_the_page_of_the_documentation_has_a_place_for_it() -> None:
    page = Path(__file__).parents[2] / "docs" / "survey.md"
    assert page.read_text(encoding="utf-8").count("<!-- survey -->") == 1
