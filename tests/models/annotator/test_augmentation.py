import math

import pytest
import torch

from fashiongen.models.annotator.augmentation import Window, looked_at, random_window, recoloured, upper, whole
from fashiongen.types import Person

PAGE = (48, 36)


def marked(height=96, width=72, at=(40, 60)):
    """A person with one red pixel block, which is labelled as face and has the nose in its middle."""
    x, y = at
    image = torch.full((1, 3, height, width), -0.5)
    parsing = torch.zeros(1, height, width, dtype=torch.uint8)
    image[:, :, y - 3 : y + 3, x - 3 : x + 3] = torch.tensor([1.0, -1, -1])[:, None, None]
    parsing[:, y - 3 : y + 3, x - 3 : x + 3] = 13
    keypoints = torch.zeros(1, 18, 3)
    keypoints[0, 0] = torch.tensor([float(x), float(y), 2.0])
    return Person(image, keypoints, parsing)


def middle(mask):
    return (mask.nonzero().float() + 0.5).mean(dim=0).flip(0)


@pytest.mark.parametrize("height, angle", [(96, 0.0), (60, 0.0), (140, 0.0), (70, 0.3), (70, -0.9)])
def test_convention_picture_key_points_and_labels_move_together(height, angle):
    window = Window(torch.tensor([[36.0, 55.0]]), torch.tensor([float(height)]), torch.tensor([angle]))
    seen = looked_at(marked(), window, PAGE)
    assert seen.image.shape == (1, 3, *PAGE) and seen.parsing.dtype == torch.uint8
    nose = seen.keypoints[0, 0]
    assert nose[2] == 2
    assert torch.allclose(middle(seen.parsing[0] == 13), nose[:2], atol=0.5)
    assert torch.allclose(middle(seen.image[0, 0] - seen.image[0, 1] > 1), nose[:2], atol=0.5)


def test_the_whole_picture_at_its_own_size_is_the_picture():
    person = marked(*PAGE, at=(20, 24))
    seen = looked_at(person, whole(person, PAGE), PAGE)
    assert torch.allclose(seen.image, person.image, atol=1e-4)
    assert torch.equal(seen.parsing, person.parsing)
    assert torch.allclose(seen.keypoints, person.keypoints, atol=1e-4)


def test_beyond_the_picture_it_is_white_background_and_unknown():
    window = Window(torch.tensor([[0.0, 0.0]]), torch.tensor([96.0]), torch.tensor([0.0]))
    seen = looked_at(marked(), window, PAGE)
    assert (seen.image[0, :, :20, :15] == 1).all() and (seen.parsing[0, :20] == 0).all()
    assert (seen.keypoints == 0).all()


def test_upper_starts_above_the_head():
    person = marked()
    person.parsing[:] = 0
    person.parsing[:, 10:90, 30:50] = 5
    window = upper(person, PAGE, share=0.5, margin=0.1)
    top = window.centre[0, 1] - window.height[0] / 2
    assert window.height[0] == pytest.approx(80 * 0.5 / 0.9, rel=1e-4)
    assert top == pytest.approx(10 - 0.1 * window.height[0].item(), rel=1e-4)
    assert window.centre[0, 0] == pytest.approx(40, abs=0.6)


def test_a_picture_without_a_person_has_windows():
    person = marked()
    person.parsing[:] = 0
    for window in (upper(person, PAGE), random_window(person, PAGE)):
        assert looked_at(person, window, PAGE).image.isfinite().all()


def test_random_windows_differ_and_follow_the_seed():
    people = Person.stack([marked().unbind()[0]] * 64)
    torch.manual_seed(3)
    first = random_window(people, PAGE)
    torch.manual_seed(3)
    assert torch.equal(random_window(people, PAGE).height, first.height)
    assert first.height.std() > 1 and (first.angle.abs() <= 0.175 + 1e-6).all() and first.angle.std() > 0.02
    assert math.isfinite(float(first.centre.sum()))


def test_other_light_stays_a_picture():
    image = torch.rand(16, 3, 20, 15) * 2 - 1
    changed = recoloured(image)
    assert changed.shape == image.shape and changed.min() >= -1 and changed.max() <= 1
    assert ((changed - image).abs().mean(dim=(1, 2, 3)) > 0.01).all()
    assert torch.corrcoef(torch.stack([changed.flatten(), image.flatten()]))[0, 1] > 0.7
