"""The model card: README.md of a folder in Hub layout, made from what its config.json records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from fashiongen import registry

_CALLS = {
    "try_on": "picture = model.try_on(fashiongen.mannequin.person(9), fashiongen.mannequin.garment(3))",
    "repose": "picture = model.repose(person, pose)",
    "redress": "picture = model.redress(person, text)",
    "sample": "pictures = model.sample(4)",
    "annotate": "person = model.annotate(fashiongen.mannequin.person(9))",
}
_HUB_NAME = re.compile(r"([\w-]+/)?[\w.-]+")


def model_card(record: Mapping[str, Any], repository: str | None = None) -> str:
    """Markdown with the YAML front matter that the Hub reads; the same record always gives the same text.

    Args:
        record: the content of config.json as `fashiongen.hub.save` writes it.
        repository: `user/name` on the Hub, for the lines that load the model.
    """
    card = registry.CARDS[record["model"]]
    source = repository or "path/to/this/folder"
    sections = {
        "How to load it": f'```python\nimport fashiongen\n\nmodel = fashiongen.load("{source}")\n{_CALLS[card.verbs[0]]}\n```',
        "Training data": _data(record["data"]),
        "How it was trained": _items(record["training"]) or "Not recorded.",
        "Measured figures": _table(record["figures"]) or "None were measured with these weights.",
        "Limits": _limits(record),
        "Licence": f"The weights are published under `{record['licence']}`; the terms of the training data apply beside it.",
    }
    paper = "a model of the library itself"
    if not _is_tool(record):
        paper = f"the paper of {card.authors} ({card.venue}) in PyTorch Lightning"
        sections["Citation"] = f"```bibtex\n{_bibtex(record['model'], card)}\n```"
    introduction = (
        f"# {card.title}\n\n"
        f"Weights for `{record['model']}` of fashiongen {record['library_version']}: {paper}. "
        f"Its task is {card.task}; it changes {card.changes}. Stages: {card.stages}."
    )
    body = [introduction, *(f"## {title}\n\n{text}" for title, text in sections.items())]
    return f"---\n{_front_matter(record, card)}---\n\n" + "\n\n".join(body) + "\n"


def _is_tool(record: Mapping[str, Any]) -> bool:
    return record["model"] in registry.TOOLS


def _front_matter(record: Mapping[str, Any], card: registry.ModelCard) -> str:
    fields: dict[str, Any] = {
        "library_name": "fashiongen",
        "license": record["licence"],
        "pipeline_tag": "keypoint-detection" if _is_tool(record) else "image-to-image",
        "tags": ["fashion", "pytorch-lightning", record["model"], card.task],
    }
    if card.arxiv:
        fields["tags"].append(f"arxiv:{card.arxiv}")
    if record["data"] and _HUB_NAME.fullmatch(record["data"]):
        fields["datasets"] = [record["data"]]
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _data(data: str | None) -> str:
    if data is None:
        return "Not recorded."
    return f"`{data}`: {registry.DATA[data].about}." if data in registry.DATA else data


def _limits(record: Mapping[str, Any]) -> str:
    limits = (
        "The model knows pictures like those it was trained on: other framings, poses, clothes and backgrounds give worse results"
    )
    if _is_tool(record):
        limits += "."
    else:
        limits += ", and so do wrong key points or parsing maps. What it draws is made up; it does not show how a garment fits."
    if record["data"] == "mannequin":
        limits += " These weights were trained on drawn mannequins: photographs are outside of what they know."
    if record["weights"]["dtype"] != "float32":
        limits += f" The file holds {record['weights']['dtype']} numbers; the model computes in float32."
    return limits


def _items(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {_inline(value)}" for name, value in values.items())


def _table(figures: Mapping[str, Any]) -> str:
    if not figures:
        return ""
    rows = [f"| {_cell(name)} | {_cell(_inline(value))} |" for name, value in figures.items()]
    return "\n".join(["| figure | value |", "|---|---|", *rows])


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_inline(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_inline, value))
    return str(value)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _bibtex(name: str, card: registry.ModelCard) -> str:
    venue, _, year = card.venue.rpartition(" ")
    fields = {"title": card.title, "author": " and ".join(card.authors.split(", ")), "booktitle": venue, "year": year}
    if card.arxiv:
        fields |= {"eprint": card.arxiv, "archivePrefix": "arXiv"}
    lines = ",\n".join(f"  {field} = {{{value}}}" for field, value in fields.items())
    return f"@inproceedings{{{name},\n{lines}\n}}"
