import pytest
import torch

from fashiongen.models.cagan.exchange import in_clothes_of_another
from fashiongen.types import Person

SIZE = 8, 6


def people():
    """Two people whose torso (2) is the upper half and right upper arm (3) the lower left quarter, which the first lacks."""
    parts = torch.zeros(2, *SIZE, dtype=torch.uint8)
    parts[:, :4] = 2
    parts[1, 4:, :3] = 3
    image = torch.full((2, 3, *SIZE), 0.9)
    image[0, :, :4], image[1, :, :4], image[1, :, 4:, :3] = -0.5, 0.1, -0.2
    return Person(image, parts=parts), (parts > 0).float().unsqueeze(1)


def test_parts_have_the_colours_of_the_one_before():
    person, cover = people()
    seen = in_clothes_of_another(person, cover)
    beside = (cover == 0).expand_as(seen)
    assert torch.equal(seen[beside], person.image[beside])
    assert torch.allclose(seen[0, :, :4], torch.tensor(0.1))
    assert torch.allclose(seen[1, :, :4], torch.tensor(-0.5))
    assert torch.allclose(seen[1, :, 4:, :3], torch.tensor(-0.5))  # all that the first one shows, who has no arm


def test_nothing_of_the_own_clothes_is_left_and_the_texture_of_the_one_before_is_there():
    person, cover = people()
    torch.manual_seed(0)
    before = in_clothes_of_another(person, cover)
    dotted = person.image.clone()
    dotted[0, :, :4] += 0.2 * torch.randn(3, 4, 6).sign()
    person.image = dotted
    seen = in_clothes_of_another(person, cover)
    assert torch.equal(seen[0], before[0])
    texture = dotted[0, :, :4] - dotted[0, :, :4].mean(dim=(1, 2), keepdim=True)
    assert torch.allclose(seen[1, :, :4] - seen[1, :, :4].mean(dim=(1, 2), keepdim=True), texture, atol=1e-6)


def test_a_cover_may_be_empty():
    person, cover = people()
    assert torch.equal(in_clothes_of_another(person, 0 * cover), person.image)


def test_without_body_parts_it_says_what_is_missing():
    person, cover = people()
    person.parts = None
    with pytest.raises(ValueError, match="needs the body parts of everybody"):
        in_clothes_of_another(person, cover)
