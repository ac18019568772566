"""The papers compared, as a survey would: tables made of the registry's cards alone. `docs/survey.md` shows them as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fashiongen import registry
from fashiongen.registry import ModelCard

_YES, _NO = "yes", ""


class Table(NamedTuple):
    """A titled table; the first column says what a row is about."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(names: Sequence[str]) -> list[Table]:
    """What some models do, which annotations they need to be trained and to be run, which data sets have these.

    Raises:
        KeyError: for an unknown name, with the nearest ones.
    """
    cards = {name: registry.info(name) for name in names}
    return [_papers(cards), _annotations(cards), _data_sets(cards)]


def _papers(cards: dict[str, ModelCard]) -> Table:
    head = ("model", "published", "it changes", "stages", "adversarial", "it draws")
    rows = [(name, card.venue, card.changes, _stages(card), card.adversarial, card.outputs) for name, card in cards.items()]
    return Table("What they do", head, rows)


def _stages(card: ModelCard) -> str:
    number = card.stages.partition(":")[0]
    return "end to end" if number == "1" else number


def _annotations(cards: dict[str, ModelCard]) -> Table:
    """Of each annotation whether models read it to "train", to "run", or both."""
    rows = [(name, *(_uses(name, card) for card in cards.values())) for name in registry.ANNOTATIONS]
    used = [row for row in rows if any(row[1:])]
    return Table("What must be prepared, to train and to run", ("annotation", *cards), used)


def _uses(annotation: str, card: ModelCard) -> str:
    needs = {"train": card.needs_to_train, "run": card.needs_to_run}
    return ", ".join(use for use, names in needs.items() if annotation in names)


def _data_sets(cards: dict[str, ModelCard]) -> Table:
    rows = [
        (name, *(_YES if card.needs_to_train <= data.provides else _NO for card in cards.values()))
        for name, data in registry.DATA.items()
    ]
    return Table("Which data sets have what training needs", ("data set", *cards), rows)


def markdown(names: Sequence[str], level: int = 2) -> str:
    """The tables of some models, and what the annotations are.

    Args:
        names: of the models.
        level: of the headings.
    """
    blocks = [f"{'#' * level} {table.title}\n\n{_rendered(table)}" for table in tables(names)]
    used = {row[0] for row in tables(names)[1].rows}
    legend = "\n".join(f"- `{name}`: {text}" for name, text in registry.ANNOTATIONS.items() if name in used)
    return "\n\n".join([*blocks, f"{'#' * level} The annotations\n\n{legend}"])


def _rendered(table: Table) -> str:
    rows = [table.head, *table.rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.head))]
    lines = ["| " + " | ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]])
