import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongen.data.shards.samples import annotations_of, decode, encode
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.types import Batch, Garment, Person


def same(first, second):
    """Whether two examples hold the same bits."""
    if dataclasses.is_dataclass(first):
        return type(first) is type(second) and all(
            same(getattr(first, field.name), getattr(second, field.name)) for field in dataclasses.fields(first)
        )
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    return first == second


def test_nothing_is_lost(numbered):
    example = numbered.Numbered(3, "test")[2]
    files = encode(example)
    assert set(files) == {
        "person.image.png",
        "person.keypoints.npy",
        "person.parsing.png",
        "garment.image.png",
        "garment.mask.npz",
        "truth.image.png",
        "json",
    }
    assert same(decode(files), example)


@pytest.mark.parametrize("task", ["try_on", "pose", "swap", "redress"])
def test_nothing_is_lost_of_the_mannequin_world(task):
    example = MannequinDataModule(task, height=32, width=24, test_length=1).test_set[0]
    assert same(decode(encode(example)), example)


def test_pictures_are_stored_as_pictures_where_8_bits_hold_them():
    levels = torch.arange(72).view(3, 4, 6)
    exact, between = Person(levels / 127.5 - 1), Person(levels / 127.5 - 1 + 1e-3)
    shown = np.array(Image.open(io.BytesIO(encode(Batch(exact))["person.image.png"])))
    assert (shown == levels.permute(1, 2, 0).numpy()).all()
    assert "person.image.npz" in encode(Batch(between))
    assert same(decode(encode(Batch(between))), Batch(between))


def test_the_same_example_gives_the_same_bytes(numbered):
    assert encode(numbered.Numbered(2)[1]) == encode(numbered.Numbered(2)[1])


def test_annotations_are_those_of_the_registry(numbered):
    train, test = numbered.Numbered(1)[0], numbered.Numbered(1, "test")[0]
    assert annotations_of(train) == {"person", "keypoints", "parsing", "text", "garment"}
    assert annotations_of(test) == annotations_of(train) | {"truth"}
    picture = torch.zeros(3, 2, 2)
    other = Batch(Person(picture), other_garment=Garment(picture, picture[:1]), other_text="a hat")
    assert annotations_of(other) == {"person", "other_garment", "other_text"}
