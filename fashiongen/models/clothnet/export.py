"""What of ClothNet can be exported: sketches from codes, from nothing or on bodies, and the portrayer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fashiongen.export.graph import BATCH_STATISTICS, PICTURE, Graph, Input, Output, labels, noise
from fashiongen.models.clothnet.networks import Level, SketchModule
from fashiongen.models.clothnet.sketch import BODY, LABELS

if TYPE_CHECKING:
    from fashiongen.models.clothnet.module import ClothNet

_NOT_CLEANED = "lips, nose and eyes are not shrunk, as the verb does first (fashiongen.layers.sketch_colours.clean_faces)"
_NO_DROPOUT = "dropout is off, also for a model with dropout='always', whose verbs leave it on as their noise"


def graphs(model: ClothNet) -> list[Graph]:
    """The modules that the model has; one after the other they are `sample`."""
    options = model.hparams
    new = {"normal": "are independent standard normal numbers", "fitted": "come from the graph that ends in `_prior`"}
    code = Input("code", (options["code"],), None, f"code of a sketch; new ones {new[options['prior']]}")
    body = labels("body", model.size, len(BODY), f"the body: {_ids(BODY)}")
    parsing = labels("parsing", model.size, len(LABELS), f"the sketch: {_ids(LABELS)}")
    sketched = Output("parsing", parsing.range, parsing.meaning)
    by_batch = {
        part: (f"{BATCH_STATISTICS}; the verb has {size} in a batch",) if options[f"{part}_statistics"] == "batch" else ()
        for part, size in (("sketch", "30, or 40 on bodies,"), ("portray", "one"))
    }

    def sketch(code: Tensor) -> Tensor:
        return model.draw(code, clean=False)

    def body_sketch(code: Tensor, body: Tensor) -> Tensor:
        return model.draw(code, body, clean=False)

    def portray(parsing: Tensor, *colours: Tensor) -> Tensor:
        with _without_dropout(model.portrayer):
            return model.portrait(parsing, *colours)

    found = []
    for name, run, given, about in (
        ("sketch", sketch, (code,), "A sketch from nothing: the label map of a dressed person."),
        ("body_sketch", body_sketch, (code, body), "A sketch on a body: the label map of a dressed person."),
    ):
        if name not in model.has:
            continue
        network = model.module(name)
        if options["prior"] == "fitted":
            found.append(_prior(name, network))
        found.append(Graph(name, about, run, (network,), given, (sketched,), (_NOT_CLEANED, *by_batch["sketch"])))
    if "portray" in model.has:
        colours = Input("colours", (len(LABELS), 3), (0, 255), "red, green, blue of each label in 0..255", torch.uint8)
        given = (parsing, colours) if options["portray_colours"] else (parsing,)
        notes = (_NO_DROPOUT, *by_batch["portray"])
        found.append(Graph("portray", "The picture of a sketch.", portray, (model.portrayer,), given, (PICTURE,), notes))
    return found


def _prior(name: str, network: SketchModule) -> Graph:
    """New codes as `SketchModule.sample_codes` draws them from the fitted distribution."""
    covariance = network.code_covariance.double()
    identity = torch.eye(network.code, device=covariance.device, dtype=torch.float64)
    factor = torch.linalg.cholesky(covariance + 1e-4 * identity).T.to(network.code_mean)

    def prior(noise: Tensor) -> Tensor:
        return network.code_mean + noise @ factor

    drawn = Output("code", None, f"code of a new sketch, for the graph `{name}`")
    given = noise("noise", network.code, "what decides about the sketch")
    return Graph(f"{name}_prior", "New codes, distributed as those of the training data.", prior, (), (given,), (drawn,))


@contextmanager
def _without_dropout(network: torch.nn.Module) -> Iterator[None]:
    layers = [level.dropout for level in network.modules() if isinstance(level, Level)]
    before = [layer.when for layer in layers]
    for layer in layers:
        layer.when = "never"
    try:
        yield
    finally:
        for layer, when in zip(layers, before, strict=True):
            layer.when = when


def _ids(names: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))
