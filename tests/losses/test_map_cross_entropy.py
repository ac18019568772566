import pytest
import torch
import torch.nn.functional as F

from fashiongen.losses.map_cross_entropy import label_weights, map_cross_entropy


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return torch.randn(2, 5, 3, 4), torch.randint(5, (2, 3, 4))


def test_softmax_sums_over_places_and_averages_over_the_batch(maps):
    logits, labels = maps
    assert map_cross_entropy(logits, labels).item() == pytest.approx(F.cross_entropy(logits, labels, reduction="sum").item() / 2)


def test_sigmoid_averages_over_labels_too(maps):
    logits, labels = maps
    target = F.one_hot(labels, 5).movedim(-1, 1).float()
    expected = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / (2 * 5)
    assert map_cross_entropy(logits, labels, kind="sigmoid").item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_weights_count_places(maps, kind):
    logits, labels = maps
    parts = [map_cross_entropy(logits, labels, (labels == label).float(), kind) for label in range(5)]
    assert torch.stack(parts).sum().item() == pytest.approx(map_cross_entropy(logits, labels, kind=kind).item())
    assert map_cross_entropy(logits, labels.to(torch.uint8), torch.full(labels.shape, 3.0), kind).item() == pytest.approx(
        3 * map_cross_entropy(logits, labels, kind=kind).item()
    )


def test_large_logits_stay_finite():
    logits = torch.tensor([300.0, -300.0]).view(1, 2, 1, 1)
    for kind in ("sigmoid", "softmax"):
        assert map_cross_entropy(logits, torch.zeros(1, 1, 1, dtype=torch.uint8), kind=kind) == 0


def test_another_kind_is_refused(maps):
    with pytest.raises(ValueError, match="sigmoid, softmax, not 'mean'"):
        map_cross_entropy(*maps, kind="mean")


def test_important_labels_weigh_more():
    labels, predicted = torch.tensor([[0, 3, 4]], dtype=torch.uint8), torch.tensor([[4, 3, 0]])
    assert label_weights(labels, (3, 4), 10).tolist() == [[1, 10, 10]]
    assert label_weights(labels, (3, 4), 10, predicted).tolist() == [[10, 10, 10]]
