import numpy as np
import pytest
import torch
from scipy import ndimage

from fashiongen.data.cutout import garment_mask, mask_on_white


def shirt(height=96, width=80):
    """A (H, W) silhouette with sleeves."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    body = (abs(x) < 0.45) & (abs(y) < 0.7)
    sleeves = (abs(x) < 0.8) & (abs(y + 0.45) < 0.2)
    return body | sleeves


def photograph(silhouette, background, colour, noise=0.06, seed=0):
    """(3, H, W): a garment with folds on a floor with grain."""
    generator = np.random.default_rng(seed)
    folds = ndimage.gaussian_filter(generator.normal(size=silhouette.shape), 4)
    picture = np.where(silhouette[..., None], np.array(colour) + folds[..., None], background)
    picture = picture + generator.normal(scale=noise, size=picture.shape)
    return torch.from_numpy(picture.clip(-1, 1)).permute(2, 0, 1).float()


def overlap(mask, silhouette):
    found = mask[0].numpy() > 0.5
    return (found & silhouette).sum() / (found | silhouette).sum()


@pytest.mark.parametrize(
    ("background", "colour"),
    [((0.3, 0.1, -0.3), (-0.7, -0.6, -0.2)), ((-0.8, -0.8, -0.8), (0.7, 0.7, 0.6)), ((0.5, 0.5, 0.45), (0.5, -0.6, -0.5))],
)
def test_a_garment_on_a_floor(background, colour):
    silhouette = shirt()
    mask = garment_mask(photograph(silhouette, background, colour))
    assert mask.shape == (1, 96, 80)
    assert overlap(mask, silhouette) > 0.93


def test_a_garment_that_reaches_the_border():
    silhouette = np.zeros((96, 80), bool)
    silhouette[12:, 14:66] = True
    assert overlap(garment_mask(photograph(silhouette, (0.4, 0.3, 0.1), (-0.6, -0.6, 0.1))), silhouette) > 0.9


def test_a_belt_like_the_floor_does_not_cut_a_dress_in_two():
    silhouette = shirt()
    picture = photograph(silhouette, (0.4, 0.3, 0.1), (-0.6, -0.6, 0.1))
    picture[:, 56:60] = photograph(np.zeros_like(silhouette), (0.4, 0.3, 0.1), (0, 0, 0))[:, 56:60]
    assert overlap(garment_mask(picture), silhouette) > 0.9


def test_what_lies_beside_a_garment_is_left_out():
    silhouette = np.zeros((96, 80), bool)
    silhouette[20:80, 25:60] = True
    shoe = np.zeros_like(silhouette)
    shoe[40:64, 68:78] = True
    mask = garment_mask(photograph(silhouette | shoe, (0.4, 0.3, 0.1), (-0.6, -0.6, 0.1)))
    assert overlap(mask, silhouette) > 0.9


def test_on_white_everything_else_is_garment_and_holes_are_filled():
    silhouette = shirt()
    image = torch.ones(3, 96, 80)
    image[:, torch.from_numpy(silhouette)] = 0.2
    image[:, 40:50, 35:45] = 1  # a white print
    mask = garment_mask(image)
    assert overlap(mask, silhouette) > 0.98
    assert mask[0, 45, 40] == 1
    assert torch.equal(mask > 0.5, mask_on_white(image) > 0.5)


def test_a_saturated_garment_on_white_is_found():
    image = torch.ones(3, 96, 80)
    image[1:, torch.from_numpy(shirt())] = -1  # pure red: one channel is as bright as the page
    assert overlap(garment_mask(image), shirt()) > 0.98


def test_the_edge_is_a_pixel_soft_and_the_mask_within_zero_and_one():
    mask = garment_mask(photograph(shirt(), (0.3, 0.1, -0.3), (-0.7, -0.6, -0.2)))
    assert mask.min() == 0 and mask.max() == 1
    soft = (mask > 0) & (mask < 1)
    assert 0 < soft.float().mean() < 0.15


def test_the_same_picture_gives_the_same_mask():
    image = photograph(shirt(), (0.3, 0.1, -0.3), (-0.7, -0.6, -0.2))
    assert torch.equal(garment_mask(image), garment_mask(image))


@pytest.mark.parametrize("image", [torch.ones(3, 64, 48), torch.full((3, 64, 48), -0.3), torch.full((3, 9, 5), 0.2)])
def test_a_picture_without_a_garment_is_refused_with_the_way_out(image):
    with pytest.raises(ValueError, match=r"no garment found.*mask="):
        garment_mask(image)


def test_one_picture_at_a_time():
    with pytest.raises(ValueError, match="one RGB picture"):
        garment_mask(torch.zeros(2, 3, 8, 8))
