import pytest
import torch

from fashiongen.metrics.label_histogram import LabelHistogramDistance, label_histogram


def test_shares_of_the_area():
    labels = torch.tensor([[[0, 0], [1, 2]], [[1, 1], [1, 1]]], dtype=torch.uint8)
    assert label_histogram(labels, 4).tolist() == [[0.5, 0.25, 0.25, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize(
    "drawn, true, background, expected",
    [
        ([1, 1, 2, 2], [2, 2, 1, 1], False, 0.0),
        ([1, 1, 1, 1], [2, 2, 2, 2], False, 1.0),
        ([0, 0, 1, 2], [0, 1, 1, 2], False, 1 / 6),
        ([0, 0, 0, 1], [1, 1, 1, 1], False, 0.0),
        ([0, 0, 0, 1], [1, 1, 1, 1], True, 0.75),
        ([0, 0, 0, 0], [0, 0, 0, 0], False, 0.0),
    ],
)
def test_total_variation(drawn, true, background, expected):
    metric = LabelHistogramDistance(3, background)
    for each in (0, 1):  # in two batches
        metric.update(*(torch.tensor(labels).view(2, 1, 2)[each : each + 1] for labels in (drawn, true)))
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)
