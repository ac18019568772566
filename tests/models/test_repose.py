import pytest
import torch
from PIL import Image
from torch import nn

from fashiongen.models.repose import Repose, person_region
from fashiongen.types import Person


class Marker(Repose, nn.Module):
    """Paints the column of the nose in the colour of the person."""

    name = "marker"
    size = (8, 6)
    source_needs = frozenset()

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.calls = []

    def transfer(self, person, keypoints, strength=1.0):
        assert not self.training
        self.calls.append(len(keypoints))
        columns = torch.arange(6) == keypoints[:, 0, :1].floor()
        colour = person.image.mean((2, 3), keepdim=True)
        return torch.where(columns[:, None, None], strength * colour, -1.0).expand(-1, -1, 8, -1)


def person(colour=1.0, height=8, width=6, nose=None):
    return Person(torch.full((3, height, width), colour), None if nose is None else pose(nose))


def pose(x):
    keypoints = torch.ones(18, 3)
    keypoints[:, 0] = x
    return keypoints


def column(picture):
    return [picture.getpixel((x, 0))[0] for x in range(6)].index(255)


def test_one_in_one_picture_out():
    picture = Marker().repose(person(), pose(2.5))
    assert isinstance(picture, Image.Image)
    assert picture.size == (6, 8) and column(picture) == 2
    assert column(Marker().repose(person(), person(nose=4.5))) == 4


def test_poses_are_scaled_with_the_picture_they_belong_to():
    marker = Marker()
    assert column(marker.repose(person(), person(height=16, width=12, nose=4.5))) == 2
    assert column(marker.repose(person(height=16, width=12), pose(4.5))) == 2
    pictures = marker.repose([person(), person(height=16, width=12)], pose(4.5))
    assert [column(picture) for picture in pictures] == [4, 2]
    pictures = marker.repose([person(), person(height=16, width=12)], [pose(5.5), pose(4.5)])
    assert [column(picture) for picture in pictures] == [5, 2]


def test_one_person_takes_a_sequence_of_poses():
    marker = Marker()
    pictures = marker.repose(person(), [pose(0.5), person(nose=1.5), pose(2.5)], batch_size=2)
    assert [column(picture) for picture in pictures] == [0, 1, 2]
    assert marker.calls == [2, 1]
    video = torch.stack([pose(x + 0.5) for x in range(5)])
    pictures = marker.repose(person(), video)
    assert pictures.shape == (5, 3, 8, 6)
    assert pictures[:, 0, 0].argmax(1).tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(pictures, marker.repose(person(), video, batch_size=1))


def test_everybody_takes_one_pose():
    people = Person.stack([person(1.0), person(0.5)])
    pictures = Marker().repose(people, pose(3.5), strength=0.5)
    assert pictures[:, 0, 0, 3].tolist() == [0.5, 0.25]
    assert len(Marker().repose([person()], pose(3.5))) == 1


def test_the_mode_is_left_as_it_was():
    marker = Marker().train()
    marker.repose(person(), pose(0.5))
    assert marker.training


class Careful(Marker):
    name = "careful"
    source_needs = frozenset({"keypoints"})


def test_mismatches_are_told():
    marker = Marker()
    with pytest.raises(ValueError, match="2 people and 3 poses"):
        marker.repose([person()] * 2, [pose(0.5)] * 3)
    with pytest.raises(ValueError, match="2 people and 3 poses"):
        marker.repose([person(), person(height=16, width=12)], torch.zeros(3, 18, 3))
    with pytest.raises(ValueError, match="list of poses is empty"):
        marker.repose(person(), [])
    with pytest.raises(ValueError, match=r"not \(17, 3\)"):
        marker.repose(person(), torch.zeros(17, 3))
    with pytest.raises(ValueError, match="has no key points"):
        marker.repose(person(), person())
    with pytest.raises(TypeError, match=r"pass key points.*not str"):
        marker.repose(person(), "pose.json")
    with pytest.raises(ValueError, match="batch_size is at least 1"):
        marker.repose(person(), pose(0.5), batch_size=0)
    with pytest.raises(ValueError, match=r"careful needs keypoints.*fashiongen\.person"):
        Careful().repose(person(), pose(0.5))


def test_the_region_of_a_person():
    parsing = torch.zeros(1, 8, 6, dtype=torch.uint8)
    parsing[:, 2:4] = 5
    image = torch.zeros(1, 3, 8, 6)
    assert person_region(Person(image, parsing=parsing)).sum() == 12
    keypoints = torch.zeros(1, 18, 3)
    assert person_region(Person(image, keypoints)).sum() == 0
    keypoints[0, 1:3] = torch.tensor([3.5, 4.5, 2.0])
    assert person_region(Person(image, keypoints)).sum() > 0
    with pytest.raises(ValueError, match="parsing or the key points"):
        person_region(Person(image))
