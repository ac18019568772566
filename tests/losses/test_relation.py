import math

import pytest
import torch
import torch.nn.functional as F

from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.relation import label_loss, relation_loss

LOGITS = torch.tensor([[-3.0, 0.5], [2.0, 0.0]])


@pytest.mark.parametrize("label", [0, 1, 0.3, torch.tensor(0.3)])
def test_cross_entropy_is_that_of_torch(label):
    expected = F.binary_cross_entropy_with_logits(LOGITS, torch.full_like(LOGITS, float(label)))
    assert torch.allclose(label_loss(LOGITS, label), expected)


def test_epsilon_bounds_the_cross_entropy():
    certain = torch.tensor([math.inf, -math.inf])
    for label in (0, 1, 0.25):
        loss = label_loss(certain, label, epsilon=1e-12)
        assert loss == pytest.approx(-math.log(1e-12) / 2, rel=1e-5)


def test_least_squares_take_the_logits_as_they_are():
    assert label_loss(LOGITS, 1, form="least_squares") == pytest.approx(float((LOGITS - 1).square().mean()))
    assert label_loss(LOGITS, 0.5, "least_squares") == pytest.approx(float((LOGITS - 0.5).square().mean()))


def test_three_kinds_of_pair():
    matched, generated, mismatched = LOGITS, LOGITS + 1, LOGITS - 2
    expected = real_loss(matched) + fake_loss(generated) + fake_loss(mismatched)
    assert torch.allclose(relation_loss(matched, generated, mismatched), expected)
    blind = torch.zeros(4)
    assert relation_loss(blind, blind, blind) == pytest.approx(3 * math.log(2)), "of a discriminator that knows nothing"
    squares = relation_loss(matched, generated, mismatched, form="least_squares")
    assert squares == pytest.approx(float(((matched - 1).square() + generated.square() + mismatched.square()).mean()))
