import torch
import torch.nn.functional as F

from fashiongen.losses.matching import matching_loss


def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def test_three_kinds_of_pairs_are_summed_with_their_weights():
    real, fake, wrong = torch.randn(3, 4, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    losses = matching_loss(real, fake, wrong, fake_weight=0.9, wrong_weight=0.1)
    expected = {"real": cross_entropy(real, 1.0), "fake": cross_entropy(fake, 0.0), "wrong": cross_entropy(wrong, 0.0)}
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    torch.testing.assert_close(losses["total"], expected["real"] + 0.9 * expected["fake"] + 0.1 * expected["wrong"])


def test_without_wrong_pairs_there_is_no_such_loss():
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    losses = matching_loss(real, fake)
    assert set(losses) == {"real", "fake", "total"}
    torch.testing.assert_close(losses["total"], cross_entropy(real, 1.0) + cross_entropy(fake, 0.0))


def test_epsilon_bounds_the_loss_of_a_sure_mistake():
    sure = torch.tensor([1000.0])
    assert torch.allclose(matching_loss(-sure, sure, epsilon=1e-12)["total"], torch.tensor(2 * 27.631), atol=1e-2)
    assert matching_loss(-sure, sure)["total"] > 1999
