"""`gallery`: every bundled model on embedded people, a panel a verb, in one picture."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fashiongen import registry
from fashiongen.commands import arguments, examples
from fashiongen.commands.pictures import Panel, sheet, stick_figure

Models = Mapping[str, Any]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "gallery",
        help="every bundled model on embedded people, in one picture",
        description="Draw every bundled model on embedded people: a panel a verb, a row a person, a column a model. No download.",
    )
    parser.add_argument("--out", type=Path, default=Path("gallery.png"), metavar="FILE", help="the picture (default: gallery.png)")
    parser.add_argument("--model", nargs="+", metavar="MODEL", help="these instead: names, Hub repositories, folders, checkpoints")
    parser.add_argument("--people", type=int, default=5, metavar="N", help="rows (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of what is sampled (default: 0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    parser.set_defaults(run=gallery)


def gallery(options: argparse.Namespace) -> None:
    import torch

    import fashiongen

    if options.people < 1:
        raise ValueError(f"a gallery of {options.people} people is empty; give --people 1 or more")
    sources = options.model or registry.list_models(pretrained=True)
    models = {source: fashiongen.load(source, device=options.device) for source in sources}
    panels = []
    for verb, panel in _PANELS.items():
        able = {source: model for source, model in models.items() if hasattr(model, verb)}
        if verb == "sample":
            able = {source: model for source, model in able.items() if draws_from_nothing(model.sample)}
        if able:
            torch.manual_seed(options.seed)
            panels.append(panel(able, options.people))
    arguments.save(sheet(panels), options.out)


def draws_from_nothing(sample: Any) -> bool:
    """Whether people can be sampled from nothing but their number."""
    _, *others = inspect.signature(sample).parameters.values()
    return all(each.default is not each.empty or each.kind is each.VAR_KEYWORD for each in others)


def _try_on(models: Models, count: int) -> Panel:
    batch = examples.scenes(next(iter(models.values())), "try_on", count)
    assert batch.garment is not None and batch.other_garment is not None
    people, worn, others = batch.person.unbind(), batch.garment.unbind(), batch.other_garment.unbind()
    columns = {"person": [each.to_pil() for each in people], "garment": [each.to_pil() for each in others]}
    for source, model in models.items():
        options = {"worn": worn} if "garment" in model.needs_to_run else {}
        columns[source] = model.try_on(people, others, **options)
    return Panel("Try on", columns)


def _repose(models: Models, count: int) -> Panel:
    batch = examples.scenes(next(iter(models.values())), "pose", count)
    assert batch.target is not None
    people, targets = batch.person.unbind(), batch.target.unbind()
    poses = [stick_figure(each.keypoints, each.size) for each in targets if each.keypoints is not None]
    columns = {"person": [each.to_pil() for each in people], "pose": poses}
    return Panel("Repose", columns | {source: model.repose(people, targets) for source, model in models.items()})


def _redress(models: Models, count: int) -> Panel:
    batch = examples.scenes(next(iter(models.values())), "redress", count)
    assert isinstance(batch.other_text, list)
    people = batch.person.unbind()
    columns = {"person": [each.to_pil() for each in people]}
    columns |= {source: model.redress(people, batch.other_text) for source, model in models.items()}
    return Panel("Redress", columns, batch.other_text)


def _sample(models: Models, count: int) -> Panel:
    return Panel("Sample", {source: model.sample(count) for source, model in models.items()})


_PANELS: dict[str, Callable[[Models, int], Panel]] = {
    "try_on": _try_on,
    "repose": _repose,
    "redress": _redress,
    "sample": _sample,
}
