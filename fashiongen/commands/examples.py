"""Embedded people and garments, drawn as a model's shipped recipe draws its examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import yaml

from fashiongen.commands.configurations import configuration, configurations

if TYPE_CHECKING:
    from fashiongen.types import Batch, Garment, Person

Task = Literal["try_on", "pose", "redress"]

_PREFIX = "mannequin:"
_NO_RECIPE: dict[str, Any] = {"framing": "upper", "look": "studio", "scheme": "lip20"}


def number(source: str) -> int | None:
    """The number in `mannequin:7`; None for the path of a file.

    Raises:
        ValueError: for `mannequin:` without a number.
    """
    if not source.startswith(_PREFIX):
        return None
    given = source.removeprefix(_PREFIX)
    if not given.isdecimal():
        raise ValueError(f"{source} is no embedded example; they are called {_PREFIX}0, {_PREFIX}1, ...")
    return int(given)


def recipe(model: Any) -> dict[str, Any]:
    """Options of the data that the model's `mannequin` preset trains on; a few defaults where there is no such preset."""
    name = f"{model.name}/mannequin"
    if name not in configurations():
        return dict(_NO_RECIPE)
    return _NO_RECIPE | yaml.safe_load(configuration(name).read_text(encoding="utf-8"))["data"]["init_args"]


def scheme(model: Any) -> str:
    """Label scheme of the parsing maps that the model reads."""
    return str(recipe(model)["scheme"])


def person(example: int, model: Any) -> Person:
    """Test person number `example` at the size, in the framing, look and label scheme that the model knows."""
    import torch

    from fashiongen.mannequin import World
    from fashiongen.mannequin.scenes import PeopleScenes

    options = recipe(model)
    height, width = model.size
    world = World(height, width, split="test", framing=options["framing"], look=options["look"])
    drawn = PeopleScenes(world, example + 1, scheme=options["scheme"]).batch(torch.tensor([example]))
    return drawn.person.unbind()[0]


def garment(example: int, model: Any) -> Garment:
    """Test garment number `example`, the top or dress of the person of that number, at the model's size."""
    import fashiongen

    return fashiongen.mannequin.garment(example, *model.size)


def scenes(model: Any, task: Task, count: int) -> Batch:
    """The first test examples of a task (`MannequinDataModule`) for a model, as one batch.

    Studio pictures are drawn twice as large as the model works, for those who look at them; what a street camera does to its
    pixels belongs to the size.
    """
    from fashiongen.mannequin.data import MannequinDataModule
    from fashiongen.types import Batch

    options = recipe(model)
    scale = 2 if options["look"] == "studio" else 1
    height, width = (scale * side for side in model.size)
    known = {field: options[field] for field in _NO_RECIPE}
    data = MannequinDataModule(task, height=height, width=width, warps=False, test_length=count, **known)
    return Batch.stack([data.test_set[place] for place in range(count)])
