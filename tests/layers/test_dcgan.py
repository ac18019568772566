import pytest
import torch

from fashiongen.layers.dcgan import DCGANCritic


def test_sizes_of_the_papers():
    with torch.device("meta"):
        market, deepfashion = DCGANCritic((128, 64)), DCGANCritic((256, 256), levels=5)
    assert sum(parameter.numel() for parameter in market.parameters()) == 4_324_737
    assert sum(parameter.numel() for parameter in deepfashion.parameters()) == 10_896_257


def test_batch_statistics_always():
    torch.manual_seed(0)
    critic = DCGANCritic((32, 16), width=4, levels=3)
    pictures = torch.rand(4, 3, 32, 16) * 2 - 1
    together = critic(pictures)
    assert together.shape == (4, 1)
    assert torch.equal(critic.eval()(pictures), together)
    assert not torch.allclose(critic(pictures[:2]), together[:2])
    assert not any("running" in name for name in critic.state_dict())


def test_larger_pictures_give_several_logits():
    critic = DCGANCritic((32, 16), width=4, levels=3)
    pictures = torch.rand(2, 3, 64, 64)
    logits = critic(pictures)
    assert logits.shape == (2, 8)
    part = critic.layers(pictures).flatten(1).unflatten(1, (8, -1))[:, 3]
    assert torch.allclose(logits[:, 3:4], critic.output(part), atol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="multiples of 16, not 100x64"):
        DCGANCritic((100, 64))
    with pytest.raises(ValueError, match="40x16 is not a multiple"):
        DCGANCritic((32, 16), width=4, levels=3)(torch.rand(2, 3, 40, 16))


def test_initial_weights():
    torch.manual_seed(0)
    critic = DCGANCritic((64, 64), width=16, levels=2)
    weight = critic.layers[2].weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert weight.abs().max() <= 0.02 * 3**0.5
    assert not critic.output.bias.any()
