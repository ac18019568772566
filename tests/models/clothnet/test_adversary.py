import pytest
import torch

from fashiongen.models.clothnet.adversary import SketchDiscriminator, coverage_loss, crisp
from fashiongen.models.clothnet.networks import one_hot


def sketches(count=4, size=32, labels=5):
    return torch.randint(labels, (count, size, size), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [8, 16, 128])
def test_judges_sketches_of_every_size(size):
    logits = SketchDiscriminator(size, 4, 5)(one_hot(sketches(3, size), 5))
    assert logits.shape == (3,) and logits.isfinite().all()


def test_sees_whether_four_sketches_differ():
    judge = SketchDiscriminator(32, 4, 5)
    same = one_hot(sketches(1), 5).expand(4, -1, -1, -1)
    with torch.no_grad():
        judge.output.weight.zero_()
        judge.output.weight[0, -1] = 1
        judge.patches.weight.zero_()
        assert judge(one_hot(sketches(), 5)).min() > judge(same).max() + 1e-3
        eight = judge(torch.cat([same, one_hot(sketches(), 5)]))
    assert eight[:4].max() < eight[4:].min()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_crisp_sketches_pass_the_gradient_of_the_probabilities(kind):
    logits = torch.randn(2, 5, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    sketch = crisp(logits, kind)
    assert torch.equal(sketch.round(decimals=4), one_hot(logits.argmax(dim=1), 5))
    upstream = torch.randn(2, 5, 8, 8)
    (gradient,) = torch.autograd.grad(sketch, logits, upstream)
    chances = logits.softmax(dim=1) if kind == "softmax" else logits.sigmoid()
    torch.testing.assert_close(gradient, torch.autograd.grad(chances, logits, upstream)[0])


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_bodies_are_to_be_covered(kind):
    logits = torch.randn(2, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    body = torch.zeros(2, 4, 4, dtype=torch.uint8)
    body[0, 1:3, 1:3] = 3
    chances = logits.softmax(dim=1) if kind == "softmax" else logits.sigmoid()
    expected = -torch.log(1 - chances[0, 0, 1:3, 1:3]).sum() / 2
    torch.testing.assert_close(coverage_loss(logits, body, kind), expected)
