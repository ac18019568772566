import pytest
import torch

from fashiongen.data.parsing import convert
from fashiongen.models.fashion_gan.prepare import crop_person, parser_labels, person_box


def test_the_largest_person_by_its_sure_joints():
    joints = torch.tensor([
        [[10.0, 10.0, 0.9], [20.0, 40.0, 0.9], [500.0, 500.0, 0.05]],
        [[0.0, 0.0, 0.5], [5.0, 5.0, 0.5], [1.0, 1.0, 0.5]],
    ])  # fmt: skip
    assert person_box(joints) == (10, 20, 10, 40)
    with pytest.raises(ValueError, match="none of 2 people has a joint"):
        person_box(joints * torch.tensor([1.0, 1.0, 0.0]))


def test_the_box_lies_in_the_middle_of_the_page():
    image = torch.zeros(3, 60, 50)
    image[:, 19, 24] = 1.0  # column 25 and row 20 when one counts from 1
    page = crop_person(image, (20.0, 30.0, 10.0, 30.0), size=32)  # 24 pixels for 20: scale 1.2
    row, column = divmod(int(page[0].argmax()), 32)
    assert (row + 1, column + 1) == (16, 16)
    torch.testing.assert_close(page[:, 15, 15], torch.ones(3))
    outside = crop_person(torch.ones(3, 20, 20), (1.0, 20.0, 1.0, 20.0), size=32)
    assert outside[:, 15, 15].all() and not outside[:, 0].any() and not outside[:, :, 31].any()
    with pytest.raises(ValueError, match="has no height"):
        crop_person(image, (0.0, 5.0, 7.0, 7.0))


def test_channels_of_the_parser_are_atr_with_the_background_last():
    channels = torch.arange(18)
    atr = (channels + 1) % 18
    assert torch.equal(parser_labels(channels), convert(atr.to(torch.uint8), "atr18", "fashiongan7"))
    with pytest.raises(ValueError, match="channels 0 to 17, not 0 to 18"):
        parser_labels(torch.arange(19))
