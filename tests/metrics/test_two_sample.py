import pytest
import torch

from fashiongen.metrics.two_sample import TwoSampleAccuracy, label_shares, two_sample_accuracy

FAST = {"side": 8, "folds": 2, "steps": 60, "batch_size": 16}


def maps(count, left, seed=0):
    """A rectangle of label 1 at a random place right of `left`."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(count, 16, 16, dtype=torch.uint8)
    for each in labels:
        x, y = torch.randint(4, (2,), generator=generator).tolist()
        each[y : y + 8, left + x : left + x + 4] = 1
    return labels


def test_sets_of_one_kind_cannot_be_told_apart():
    assert two_sample_accuracy(maps(64, 2), maps(64, 2, seed=1), 2, **FAST) < 0.7


def test_different_sets_can():
    assert two_sample_accuracy(maps(64, 0), maps(64, 8, seed=1), 2, **FAST) > 0.9


def test_the_result_is_reproducible_and_leaves_the_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    accuracies = {two_sample_accuracy(maps(20, 1), maps(16, 2, seed=1), 2, **FAST) for _ in range(2)}
    assert len(accuracies) == 1
    assert torch.equal(torch.rand(1), expected)


def test_shares_of_labels():
    shares = label_shares(maps(3, 2), 3, 8)
    assert shares.shape == (3, 3, 8, 8)
    assert torch.allclose(shares.sum(dim=1), torch.ones(3, 8, 8))
    assert shares[:, 2].sum() == 0


def test_the_metric_collects_batches():
    metric = TwoSampleAccuracy(2, **FAST)
    with torch.inference_mode():
        for seed in range(2):
            metric.update(maps(16, 8, seed), maps(16, 0, seed + 2))
        assert metric.compute() > 0.9
    metric.reset()
    assert metric.true == []


def test_too_few_maps_are_refused():
    with pytest.raises(ValueError, match="as many maps of each set, not 3 and 9"):
        two_sample_accuracy(maps(3, 0), maps(9, 0), 2, folds=4)
