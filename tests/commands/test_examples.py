from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import fashiongen
from fashiongen import registry
from fashiongen.commands import examples


def model(name: str, height: int = 64, width: int = 48) -> SimpleNamespace:
    return SimpleNamespace(name=name, size=(height, width))


def test_examples_have_numbers() -> None:
    assert examples.number("mannequin:12") == 12
    assert examples.number("mannequin.jpg") is None
    with pytest.raises(ValueError, match="mannequin:-1 is no embedded example"):
        examples.number("mannequin:-1")


def test_a_person_is_that_of_the_library_where_the_recipe_shows_the_upper_body() -> None:
    drawn, known = examples.person(7, model("viton")), fashiongen.mannequin.person(7, 64, 48)
    assert torch.equal(drawn.keypoints, known.keypoints) and torch.equal(drawn.parsing, known.parsing)
    assert (drawn.image - known.image).abs().max() <= 1 / 255 + 1e-6  # 8-bit levels


def test_a_person_looks_as_the_recipe_says() -> None:
    whole = examples.person(7, model("pg2", 64, 32))
    assert whole.size == (64, 32) and (whole.keypoints[[10, 13], 2] > 0).all()  # both ankles
    assert (
        examples.person(7, model("fashion_gan", 64, 64)).scheme == examples.recipe(model("fashion_gan"))["scheme"] == "fashiongan7"
    )


def test_a_model_without_a_recipe_has_plain_examples() -> None:
    assert examples.scheme(model("somebody's")) == "lip20"
    assert examples.person(3, model("somebody's")).size == (64, 48)


@pytest.mark.parametrize("name", registry.MODELS)
def test_every_recipe_can_be_read(name: str) -> None:
    assert {"framing", "look", "scheme"} <= examples.recipe(model(name)).keys()


def test_studio_scenes_are_twice_as_large_as_the_model_works() -> None:
    assert examples.scenes(model("viton"), "try_on", 2).person.size == (128, 96)
    street = examples.scenes(model("pg2", 64, 32), "pose", 2)
    assert street.person.size == street.target.size == (64, 32)
