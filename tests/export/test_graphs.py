"""Every graph, run by PyTorch: chained they give what the verbs give, and `Graph` says what is true of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from tiny_papers import CASES, make
from torch import Tensor

from fashiongen.export import GRAPHS
from fashiongen.export.folder import graphs_of
from fashiongen.layers.part_affines import part_affines, whole_affine
from fashiongen.layers.part_rectangles import rectangle_skip
from fashiongen.registry import MODELS
from fashiongen.types import Garment, Person

BATCH = 2


def chain(model: Any, *names: str, **values: Tensor) -> dict[str, Tensor]:
    """Run graphs one after the other, as the loader of the docs does."""
    graphs = {graph.name: graph for graph in graphs_of(model)}
    for name in names:
        graph = graphs[name]
        with torch.no_grad():
            drawn = graph.module(*(values[each.name] for each in graph.inputs))
        values |= dict(zip((each.name for each in graph.outputs), drawn, strict=True))
    return values


def examples(model: Any) -> dict[str, Tensor]:
    """Random values for all inputs of a model; those of one name are the same."""
    return {
        each.name: value
        for graph in graphs_of(model)
        for each, value in zip(graph.inputs, graph.example(BATCH, seed=5), strict=True)
    }


def person(values: Mapping[str, Tensor], keypoints: str | None = None, scheme: str = "lip20") -> Person:
    return Person(values["image"], keypoints=values[keypoints] if keypoints else None, parsing=values.get("parsing"), scheme=scheme)


def of(name: str) -> Any:
    """Parametrise over the cases of a paper."""
    return pytest.mark.parametrize("case", [case for case, (paper, _) in CASES.items() if paper == name])


def test_every_paper_is_there() -> None:
    assert set(GRAPHS) == {paper for paper, _ in CASES.values()}
    assert {name for name, card in MODELS.items() if card.arxiv} <= set(GRAPHS) <= set(MODELS)


@of("pg2")
def test_pg2_reposes(case: str) -> None:
    model = make(case)
    values = examples(model)
    drawn = chain(model, "coarse", "refinement", **values)
    with torch.no_grad():
        for name in ("picture", "difference"):
            wanted = model.transfer(person(values), values["keypoints"], output=name)
            torch.testing.assert_close(drawn[name].clamp(-1, 1), wanted)


@of("viton")
def test_viton_dresses(case: str) -> None:
    model = make(case)
    values = examples(model)
    drawn = chain(model, "coarse", "refinement", **values)
    garment = Garment(values["garment"], torch.ones(BATCH, 1, *model.size))
    with torch.no_grad():
        wanted = model.dress(person(values, "keypoints"), garment, control_points=values["control_points"])
    torch.testing.assert_close(drawn["picture"], wanted)


@of("deformable_gan")
def test_deformable_gan_reposes(case: str) -> None:
    model = make(case)
    values = examples(model)
    poses = values["source_keypoints"], values["target_keypoints"]
    if "transforms" in values:
        fit = part_affines if model.hparams["warp_skip"] == "mask" else whole_affine
        rectangles = model.hparams["parts"] == "rectangles"
        values["transforms"] = (rectangle_skip(*poses, *model.size)[0] if rectangles else fit(*poses)).float()
    drawn = chain(model, *(graph.name for graph in graphs_of(model)), **values)
    with torch.no_grad():
        wanted = model(values["image"], *poses, values.get("background"))
    torch.testing.assert_close(drawn["picture"], wanted)


@of("disentangled_pig")
def test_disentangled_pig_reposes_and_samples(case: str) -> None:
    model = make(case)
    values = examples(model)
    drawn = chain(model, "encoder", "generator", **values)
    with torch.no_grad():
        wanted = model.transfer(person(values, "source_keypoints"), values["keypoints"])
    torch.testing.assert_close(drawn["picture"], wanted)

    noise = model.noise(BATCH, seed=3)._asdict()
    given = {f"{factor}_noise": noise[factor] for factor in model.factors}
    drawn = chain(model, "mappers", "pose_decoder", "generator", **given)
    with torch.no_grad():
        torch.testing.assert_close(drawn["picture"], model.decode(model.map(model.noise(BATCH, seed=3))))
    coded = chain(model, "pose_encoder", keypoints=values["keypoints"])["pose_code"]
    torch.testing.assert_close(coded, model.encode_pose(values["keypoints"]).detach())


@of("cagan")
def test_cagan_dresses(case: str) -> None:
    model = make(case)
    values = examples(model)
    drawn = chain(model, "generator", **values)
    nowhere = torch.ones(BATCH, 1, *model.size)
    worn, garment = (Garment(values[name], nowhere) for name in ("worn", "garment"))
    with torch.no_grad():
        torch.testing.assert_close(drawn["picture"], model.dress(person(values), garment, worn))
        torch.testing.assert_close(drawn["painted"], model.dress(person(values), garment, worn, output="painted"))


@of("clothnet")
def test_clothnet_samples(case: str) -> None:
    model = make(case)
    values = examples(model)
    sketched = chain(model, "sketch", code=values["code"])["parsing"]
    assert torch.equal(sketched, model.draw(values["code"], clean=False))
    bodily = chain(model, "body_sketch", code=values["code"], body=values["body"])["parsing"]
    assert torch.equal(bodily, model.draw(values["code"], values["body"], clean=False))
    colours = (values["colours"],) if "colours" in values else ()
    portrayed = chain(model, "portray", **(values | {"parsing": sketched}))["picture"]
    before = [module.when for module in model.portrayer.modules() if hasattr(module, "when")]
    assert before.count("always") == (3 if "dropout" in CASES[case][1] else 0)  # the model itself stays as it was
    with torch.no_grad():
        torch.testing.assert_close(portrayed, make(case, dropout="never").portrait(sketched, *colours))


def test_clothnet_draws_codes_as_they_were_in_training() -> None:
    model = make("clothnet-published")
    model.sketch.code_mean.copy_(torch.arange(4.0))
    model.sketch.code_covariance.copy_(torch.diag(torch.tensor([1.0, 4.0, 9.0, 0.25])) + 0.1)
    torch.manual_seed(1)
    noise = torch.randn(BATCH, 4)
    torch.manual_seed(1)
    torch.testing.assert_close(chain(model, "sketch_prior", noise=noise)["code"], model.sample_codes(BATCH))


@of("fashion_gan")
def test_fashion_gan_redresses(case: str) -> None:
    model = make(case)
    sentences = ["the lady was wearing a blue sleeveless dress.", "the man wears a red sweater"]
    numbers = [model.vocabulary.encode(sentence) for sentence in sentences]
    values = examples(model)
    for row, each in zip(values["words"], numbers, strict=True):
        row[: len(each)] = torch.tensor(each)
    count = torch.tensor([[len(each)] for each in numbers])
    drawn = chain(model, "text", "shape", "picture", **(values | {"count": count}))
    code = model.encode(sentences)
    torch.testing.assert_close(drawn["code"], code)
    given = person(values, scheme="fashiongan7"), code, code, values["shape_noise"], values["picture_noise"]
    with torch.no_grad():
        wanted = model.redraw(*given, dropout=False)
    assert torch.equal(drawn["new_parsing"], wanted.labels)
    torch.testing.assert_close(drawn["picture"], wanted.image)
    torch.testing.assert_close(drawn["painted"], wanted.painted)


@pytest.mark.parametrize("case", CASES)
def test_values_are_told_truly(case: str) -> None:
    model = make(case)
    for graph in graphs_of(model):
        given = graph.example(BATCH)
        with torch.no_grad():
            drawn = graph.module(*given)
        assert len(drawn) == len(graph.outputs)
        for value, tensor in [*zip(graph.inputs, given, strict=True), *zip(graph.outputs, drawn, strict=True)]:
            assert len(tensor) == BATCH and value.meaning
            if value.range is not None:
                assert value.range[0] <= tensor.float().min() and tensor.float().max() <= value.range[1], (graph.name, value.name)
        names = [each.name for each in (*graph.inputs, *graph.outputs)]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES)
def test_equal_names_fit(case: str) -> None:
    model = make(case)
    shapes: dict[str, set[Any]] = {}
    for graph in graphs_of(model):
        given = graph.example(BATCH)
        with torch.no_grad():
            drawn = graph.module(*given)
        for value, tensor in [*zip(graph.inputs, given, strict=True), *zip(graph.outputs, drawn, strict=True)]:
            shapes.setdefault(value.name, set()).add((tuple(tensor.shape), tensor.dtype))
    assert all(len(found) == 1 for found in shapes.values()), shapes
