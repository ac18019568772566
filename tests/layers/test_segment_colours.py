import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from fashiongen.layers.segment_colours import MERGED, geometric_median, paint, segment_colours, segment_medians


def test_the_median_has_the_smallest_sum_of_distances():
    points = torch.randint(256, (15, 3), generator=torch.Generator().manual_seed(0)).double()

    def cost(place):
        return np.linalg.norm(points.numpy() - place, axis=1).sum()

    best = minimize(cost, points.mean(0).numpy(), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000})
    assert np.abs(geometric_median(points).numpy() - best.x).max() < 1e-3


@pytest.mark.parametrize(
    "points, median", [([[5, 6, 7]], [5, 6, 7]), ([[3, 3, 3]] * 4, [3, 3, 3]), ([[0, 0], [4, 0], [2, 0]], [2, 0])]
)
def test_points_that_coincide(points, median):
    assert geometric_median(torch.tensor(points)).tolist() == median


def test_a_majority_of_equal_points_is_the_median_exactly():
    points = 100 + torch.tensor([0, 0, 0, 2, -1, -1.0])[:, None].expand(-1, 3)
    assert geometric_median(points).tolist() == [100, 100, 100]


def test_sets_do_not_see_each_other():
    points = torch.randint(256, (60, 3), generator=torch.Generator().manual_seed(1))
    segment = torch.arange(60) % 4
    together = segment_medians(points, segment, 5)
    for place in range(4):
        assert torch.equal(together[place], geometric_median(points[segment == place]))
    assert together[4].tolist() == [0, 0, 0]


def test_no_points_have_no_median():
    with pytest.raises(ValueError, match="no points"):
        geometric_median(torch.empty(0, 3))


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_colours_of_labels(statistic):
    labels = torch.zeros(2, 6, 6, dtype=torch.uint8)
    labels[:, :2], labels[0, 2:4], labels[0, 4:] = 4, 9, 10
    image = torch.zeros(2, 3, 6, 6, dtype=torch.uint8)
    image[:, 0, :2] = 200
    image[0, 1, 2:4] = image[0, 1, 4:] = 90
    image[1, 2, 2:] = 255  # background
    colours = segment_colours(image, labels, statistic)
    assert colours.shape == (2, 22, 3) and colours.dtype == torch.uint8
    assert colours[:, 4].tolist() == [[200, 0, 0]] * 2
    assert colours[0, [9, 10]].tolist() == [[0, 90, 0]] * 2
    assert colours[1, [0, 9, 10]].sum() == 0 and (colours[:, 5] == 0).all()
    assert torch.equal(paint(labels, colours)[:, 0] > 0, labels == 4)


def test_labels_of_a_group_share_the_colour_of_their_union():
    labels = torch.tensor([[[9, 9, 9, 10, 0]]])
    image = torch.zeros(1, 3, 1, 5, dtype=torch.uint8)
    image[0, :, 0, 3] = 100
    assert MERGED[0] == (9, 10)
    assert segment_colours(image, labels, "mean")[0, [9, 10], 0].tolist() == [25, 25]
    assert segment_colours(image, labels)[0, [9, 10], 0].tolist() == [0, 0]


def test_another_statistic_is_refused():
    with pytest.raises(ValueError, match="statistic is 'median' or 'mean', not 'mode'"):
        segment_colours(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.zeros(1, 2, 2, dtype=torch.uint8), "mode")
