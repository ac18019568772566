from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongen.layers import (
    area_resize,
    bicubic_resize,
    legacy_bilinear_resize,
    legacy_nearest_resize,
    pillow_nearest_resize,
)

SMOOTH = [legacy_bilinear_resize, area_resize, bicubic_resize]
EVERY = [*SMOOTH, legacy_nearest_resize, pillow_nearest_resize]


@pytest.mark.parametrize("resize", EVERY)
def test_the_own_size_changes_nothing(resize) -> None:
    image = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(resize(image, 9, 7), image)


@pytest.mark.parametrize("resize", EVERY)
@pytest.mark.parametrize("size", [(5, 4), (20, 31)])
def test_a_constant_stays_constant(resize, size: tuple[int, int]) -> None:
    image = torch.full((1, 2, 11, 13), 0.7)
    torch.testing.assert_close(resize(image, *size), torch.full((1, 2, *size), 0.7))


def test_convention_of_legacy_bilinear_has_no_half_pixel_shift() -> None:
    image = torch.tensor([[[[0.0, 1.0]]]])
    assert legacy_bilinear_resize(image, 1, 4).flatten().tolist() == [0, 0.5, 1, 1]


def test_convention_of_legacy_nearest_takes_the_pixel_before() -> None:
    labels = torch.tensor([[0, 1, 2]], dtype=torch.uint8)
    enlarged = legacy_nearest_resize(labels, 1, 5)
    assert enlarged.dtype == torch.uint8
    assert enlarged.tolist() == [[0, 0, 1, 1, 2]]


def test_convention_of_area_shares_pixels_between_boxes() -> None:
    image = torch.tensor([[[[1.0, 2.0, 6.0]]]])
    torch.testing.assert_close(area_resize(image, 1, 2).flatten(), torch.tensor([2 / 1.5 * 1.0, 7 / 1.5]))


@pytest.mark.parametrize("source, target", [(641, 275), (240, 180), (7, 30), (768, 256), (640, 240), (100, 99)])
def test_nearest_of_pillow_is_that_of_pillow(source: int, target: int) -> None:
    row = np.arange(source, dtype=np.int32)[None]
    wanted = np.asarray(Image.fromarray(row).resize((target, 1), Image.Resampling.NEAREST))
    assert np.array_equal(pillow_nearest_resize(torch.from_numpy(row), 1, target).numpy(), wanted)


def test_bicubic_interpolates_when_enlarging() -> None:
    image = torch.rand(1, 1, 6, 6, dtype=torch.float64)
    inside = bicubic_resize(image, 18, 18)[:, :, 1::3, 1::3]
    torch.testing.assert_close(inside, image)


def test_bicubic_reproduces_a_ramp_inside() -> None:
    ramp = torch.arange(32, dtype=torch.float64).expand(1, 1, 4, 32)
    shrunk = bicubic_resize(ramp, 4, 8)[0, 0, 0]
    centres = (torch.arange(8, dtype=torch.float64) + 0.5) * 4 - 0.5
    torch.testing.assert_close(shrunk[2:-2], centres[2:-2])


@pytest.mark.parametrize("resize", SMOOTH)
def test_float64_stays_and_integers_become_float32(resize) -> None:
    assert resize(torch.rand(4, 4, dtype=torch.float64), 3, 3).dtype == torch.float64
    assert resize(torch.ones(4, 4, dtype=torch.uint8), 3, 3).dtype == torch.float32
    assert resize(torch.ones(4, 4, dtype=torch.bool), 3, 3).dtype == torch.float32


def test_autocast_does_not_round_the_result() -> None:
    image = torch.rand(1, 3, 20, 20)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(legacy_bilinear_resize(image, 8, 9), legacy_bilinear_resize(image.clone(), 8, 9))
        assert legacy_bilinear_resize(image, 8, 9).dtype == torch.float32


def test_inference_mode_does_not_spoil_later_training() -> None:
    image = torch.rand(1, 1, 13, 17)
    with torch.inference_mode():
        area_resize(image, 5, 3)
    image.requires_grad_()
    area_resize(image, 5, 3).sum().backward()
    assert image.grad is not None


@pytest.mark.parametrize("resize", [legacy_bilinear_resize, pillow_nearest_resize])
def test_compiles_to_one_graph(resize) -> None:
    image = torch.rand(1, 1, 8, 8)
    compiled = torch.compile(lambda image: resize(image, 5, 6), fullgraph=True, backend="eager")
    assert torch.equal(compiled(image), resize(image, 5, 6))


def test_an_empty_size_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot resize 4 pixels to 0"):
        legacy_bilinear_resize(torch.rand(4, 4), 0, 4)
