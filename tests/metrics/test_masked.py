import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from fashiongen.metrics import MaskedL1, MaskedSSIM


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(3)
    return torch.rand(2, 2, 3, 24, 20, generator=generator).unbind(0)


def test_whole_pictures_agree_with_torchmetrics(pictures):
    first, second = (picture * 2 - 1 for picture in pictures)
    ssim = MaskedSSIM()
    ssim.update(first, second)
    reference = structural_similarity_index_measure(first, second, data_range=(-1.0, 1.0), return_full_image=True)[1]
    assert torch.allclose(ssim.compute(), reference.mean(), atol=1e-6)
    l1 = MaskedL1()
    l1.update(first, second)
    assert torch.allclose(l1.compute(), (pictures[0] - pictures[1]).abs().mean(), atol=1e-6)


def test_only_the_region_counts(pictures):
    first, second = (picture * 2 - 1 for picture in pictures)
    region = torch.zeros(2, 1, 24, 20)
    region[:, :, :12] = 1
    changed = first.clone()
    changed[:, :, 12:] = 0.3
    values = []
    for prediction in (first, changed):
        l1 = MaskedL1()
        l1.update(prediction, second, region)
        values.append(l1.compute())
    assert values[0] == values[1]


def test_a_picture_with_an_empty_region_is_left_out(pictures):
    first, second = (picture * 2 - 1 for picture in pictures)
    region = torch.ones(2, 1, 24, 20)
    region[1] = 0
    both, alone = MaskedL1(), MaskedL1()
    both.update(first, second, region)
    alone.update(first[:1], second[:1])
    assert torch.allclose(both.compute(), alone.compute())


def test_equal_pictures_are_perfect(pictures):
    ssim, l1 = MaskedSSIM(), MaskedL1()
    for metric in (ssim, l1):
        metric.update(pictures[0], pictures[0])
    assert ssim.compute() == pytest.approx(1, abs=1e-5)
    assert l1.compute() == 0


@pytest.mark.parametrize("kind", [MaskedL1, MaskedSSIM])
def test_states_are_reset_and_merged(kind, pictures):
    first, second = (picture * 2 - 1 for picture in pictures)
    region = (torch.rand(2, 1, 24, 20, generator=torch.Generator().manual_seed(0)) < 0.6).float()
    whole, metric, other = kind(), kind(), kind()
    whole.update(first, second, region)
    metric.update(second, second)
    metric.reset()
    metric.update(first[:1], second[:1], region[:1])
    other.update(first[1:], second[1:], region[1:])
    metric.merge_state(other)
    assert metric.compute() == whole.compute()
