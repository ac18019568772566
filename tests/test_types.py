import numpy as np
import pytest
import torch

from fashiongen.types import Batch, Garment, Person, to_pil


def person(height=8, width=6, **fields):
    return Person(torch.rand(3, height, width) * 2 - 1, **fields)


def test_stack_and_unbind_are_inverse():
    people = [
        person(keypoints=torch.rand(18, 3), parsing=torch.ones(8, 6, dtype=torch.uint8), text=f"sentence {i}") for i in range(3)
    ]
    batch = Batch.collate([Batch(each, name=str(i)) for i, each in enumerate(people)])
    assert batch.person.image.shape == (3, 3, 8, 6)
    assert len(batch) == 3
    for index, item in enumerate(batch.unbind()):
        assert torch.equal(item.person.image, people[index].image)
        assert item.person.text == f"sentence {index}"
        assert item.name == str(index)
        assert item.garment is None


def test_what_only_some_have_is_refused():
    with pytest.raises(ValueError, match=r"Person\.keypoints is missing in 1 of 2"):
        Person.stack([person(), person(keypoints=torch.zeros(18, 3))])


def test_sizes_and_schemes_must_agree():
    with pytest.raises(ValueError, match="different sizes"):
        Person.stack([person(), person(height=9)])
    with pytest.raises(ValueError, match="different schemes"):
        Person.stack([person(), person(scheme="atr18")])
    with pytest.raises(ValueError, match="empty list"):
        Garment.stack([])


def test_a_dtype_reaches_pictures_but_not_labels():
    moved = person(parsing=torch.ones(8, 6, dtype=torch.uint8)).to(torch.float64)
    assert moved.image.dtype == torch.float64
    assert moved.parsing.dtype == torch.uint8


def test_to_pil_rounds_to_the_nearest_level():
    levels = torch.arange(256).float()
    image = (levels / 127.5 - 1).expand(3, 1, 256)
    assert np.array_equal(np.asarray(to_pil(image))[0, :, 0], np.arange(256))
    with pytest.raises(ValueError, match="split a batch first"):
        to_pil(image[None])
