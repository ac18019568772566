"""`list` and `info`: what the library has, without importing any of it; and the comparison of the papers."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator

from fashiongen import registry
from fashiongen.commands import survey


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser("list", help="the models, one a line", description="List the models: name, task, stages, weights.")
    parser.add_argument("--task", help="only those made for this task, for example try-on")
    parser.add_argument("--pretrained", action="store_true", help="only those with bundled weights")
    parser.add_argument("--table", action="store_true", help="compare them: what each changes, needs and draws, as Markdown")
    parser.set_defaults(run=list_models)

    parser = commands.add_parser(
        "info",
        help="everything known of a model",
        description="Print a model's card: paper, stages, presets, weights, figures.",
    )
    parser.add_argument("name", metavar="NAME", help="a model of `fashiongen list`")
    parser.set_defaults(run=info)


def list_models(options: argparse.Namespace) -> None:
    names = registry.list_models(task=options.task, pretrained=options.pretrained or None)
    if options.table:
        print(survey.markdown(names))
        return
    width = max(map(len, names), default=0)
    for name in names:
        card = registry.CARDS[name]
        weights = ", ".join(card.pretrained) or "no bundled weights"
        print(f"{name:{width}}  {card.task}, {card.venue}; {weights}")


def info(options: argparse.Namespace) -> None:
    print("\n".join(_lines(registry.info(options.name))))


def _lines(card: registry.ModelCard) -> Iterator[str]:
    name = next(name for name, known in registry.CARDS.items() if known is card)
    yield f"{name}: {card.title}"
    rows = {
        "authors": card.authors,
        "published": f"{card.venue}, https://arxiv.org/abs/{card.arxiv}" if card.arxiv else card.venue,
        "their code": f"https://github.com/{card.code}" if card.code else "none",
        "task": f"{card.task}; it changes {card.changes}",
        "stages": card.stages,
        "adversarial": card.adversarial,
        "verbs": ", ".join(card.verbs),
        "presets": ", ".join(f"{name}/{preset}" for preset in card.presets),
        "to train": ", ".join(registry.ANNOTATIONS[need] for need in registry.ANNOTATIONS if need in card.needs_to_train),
        "to run": ", ".join(registry.ANNOTATIONS[need] for need in registry.ANNOTATIONS if need in card.needs_to_run),
        "weights": ", ".join(card.pretrained) or "none bundled",
    }
    for title, text in rows.items():
        yield textwrap.fill(text, 120, initial_indent=f"  {title:12} ", subsequent_indent=" " * 15)
    for title, figure in card.figures.items():
        yield f"  {'figure':12} {title}: {figure}"
