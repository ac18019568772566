import pytest
import torch
from PIL import Image
from torch import nn

from fashiongen.models.verbs import TryOn, batched, resized
from fashiongen.types import Garment, Person


class Painter(TryOn, nn.Module):
    """Paints the mean colour of the garment over the person."""

    name = "painter"
    needs_to_run = frozenset({"person", "keypoints"})
    size = (8, 6)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def dress(self, person, garment, strength=1.0):
        assert not self.training
        colour = garment.image.mean((2, 3), keepdim=True)
        return person.image * (1 - strength) + colour * strength


def person(height=8, width=6):
    return Person(torch.zeros(3, height, width), torch.ones(18, 3))


def garment(colour, height=8, width=6):
    return Garment(torch.full((3, height, width), colour), torch.ones(1, height, width))


def test_one_in_one_picture_out():
    picture = Painter().try_on(person(), garment(1.0))
    assert isinstance(picture, Image.Image)
    assert picture.size == (6, 8)
    assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_lists_are_batches_and_one_goes_with_all():
    painter = Painter()
    pictures = painter.try_on([person(), person(16, 12)], garment(-1.0))
    assert [picture.getpixel((0, 0)) for picture in pictures] == [(0, 0, 0)] * 2
    pictures = painter.try_on(person(), [garment(-1.0), garment(1.0, 4, 3)])
    assert [picture.getpixel((0, 0))[0] for picture in pictures] == [0, 255]


def test_tensors_in_tensors_out_and_controls_pass():
    people, garments = Person.stack([person()] * 2), Garment.stack([garment(1.0)] * 2)
    pictures = Painter().try_on(people, garments, strength=0.5)
    assert torch.equal(pictures, torch.full((2, 3, 8, 6), 0.5))


def test_the_mode_is_left_as_it_was():
    painter = Painter().train()
    painter.try_on(person(), garment(0.0))
    assert painter.training


def test_mismatches_are_told():
    painter = Painter()
    with pytest.raises(ValueError, match="2 people and 3 garments"):
        painter.try_on([person()] * 2, [garment(0.0)] * 3)
    with pytest.raises(ValueError, match="painter needs keypoints of the person"):
        painter.try_on(Person(torch.zeros(3, 8, 6)), garment(0.0))
    with pytest.raises(TypeError, match=r"pass a Garment.*not str"):
        painter.try_on(person(), "shirt.jpg")
    with pytest.raises(ValueError, match="list of persons is empty"):
        batched([], (8, 6), "cpu", "person")


def test_resizing_moves_key_points_and_keeps_labels():
    parsing = torch.zeros(1, 8, 6, dtype=torch.uint8)
    parsing[:, 4:] = 5
    keypoints = torch.tensor([[[3.0, 4.0, 2.0]]]).expand(1, 18, 3)
    small = resized(Person(torch.rand(1, 3, 8, 6), keypoints, parsing), (4, 3))
    assert small.size == (4, 3)
    assert torch.equal(small.keypoints[0, 0], torch.tensor([1.5, 2.0, 2.0]))
    assert small.parsing.dtype == torch.uint8
    assert set(small.parsing.unique().tolist()) == {0, 5}
