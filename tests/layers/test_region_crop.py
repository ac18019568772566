import itertools

import pytest
import torch

from fashiongen.layers.region_crop import region_crop


def naive(features, box, size):
    """One box of one picture, pixel by pixel, as the kernel of `crop_and_resize` does."""
    channels, height, width = features.shape
    top, left, bottom, right = (edge / length for edge, length in zip(box.tolist(), (height, width, height, width), strict=True))
    crop = torch.zeros(channels, size, size, dtype=features.dtype)

    def place(first, last, length, step):
        if size == 1:
            return 0.5 * (first + last) * (length - 1)
        return first * (length - 1) + step * (last - first) * (length - 1) / (size - 1)

    for row, column in itertools.product(range(size), repeat=2):
        y, x = place(top, bottom, height, row), place(left, right, width, column)
        if not (0 <= y <= height - 1 and 0 <= x <= width - 1):
            continue
        y0, x0 = int(y), int(x)
        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
        upper = features[:, y0, x0] * (1 - (x - x0)) + features[:, y0, x1] * (x - x0)
        lower = features[:, y1, x0] * (1 - (x - x0)) + features[:, y1, x1] * (x - x0)
        crop[:, row, column] = upper * (1 - (y - y0)) + lower * (y - y0)
    return crop


BOXES = [[0, 0, 1, 1], [3, 2, 9, 6], [0, 0, 11, 7], [11, 7, 11, 7], [-4, 2, 6, 9], [2, 5, 14, 3], [1, 1, 30, 30]]


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_it_crops_as_a_loop_over_pixels_does(size):
    torch.manual_seed(0)
    features = torch.rand(2, 3, 12, 8, dtype=torch.float64)
    boxes = torch.tensor([BOXES, BOXES[::-1]])
    crops = region_crop(features, boxes, size)
    assert crops.shape == (2, len(BOXES), 3, size, size) and crops.dtype == torch.float64
    for picture, number in itertools.product(range(2), range(len(BOXES))):
        expected = naive(features[picture], boxes[picture, number], size)
        torch.testing.assert_close(crops[picture, number], expected, rtol=0, atol=1e-12)


def test_gradients_reach_the_features():
    torch.manual_seed(0)
    features = torch.rand(1, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[[1, 0, 4, 3], [0, 0, 5, 4]]])
    assert torch.autograd.gradcheck(lambda each: region_crop(each, boxes, 3), (features,))


def test_a_constant_map_stays_constant_inside_and_is_0_outside():
    crops = region_crop(torch.full((1, 1, 10, 10), 3.0), torch.tensor([[[2, 2, 8, 8], [20, 20, 30, 30]]]), 4)
    assert torch.allclose(crops[0, 0], torch.tensor(3.0)) and crops[0, 1].eq(0).all()


def test_reduced_precision_places_crops_exactly():
    features = torch.arange(64.0).view(1, 1, 64, 1).expand(1, 1, 64, 64).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        crops = region_crop(features, torch.tensor([[[10, 10, 40, 40]]]), 4)
    assert crops.dtype == torch.bfloat16
    expected = 10 * 63 / 64 + torch.arange(4) * 30 * 63 / 64 / 3
    assert torch.allclose(crops[0, 0, 0, :, 0].float(), expected, atol=0.13)  # bfloat16 counts in steps of 1/4 at 39


@pytest.mark.parametrize(
    "features, boxes, size, message",
    [
        ((2, 3, 8, 8), (1, 7, 4), 4, "do not fit"),
        ((2, 3, 8, 8), (2, 7, 5), 4, "do not fit"),
        ((3, 8, 8), (1, 7, 4), 4, "do not fit"),
        ((1, 3, 8, 8), (1, 7, 4), 0, "at least 1 row"),
    ],
)
def test_bad_input_is_refused(features, boxes, size, message):
    with pytest.raises(ValueError, match=message):
        region_crop(torch.zeros(features), torch.zeros(boxes), size)
