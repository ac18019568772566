import pytest
import torch
import torch.nn.functional as F

from fashiongen.models.clothnet.networks import Level, Normalization, PatchDiscriminator, Portrayer, SketchModule, one_hot


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_sizes_of_the_paper():
    with torch.device("meta"):
        latent, conditional = SketchModule(), SketchModule(body_classes=7)
        labels = torch.empty(2, 256, 256, dtype=torch.uint8)
        drawn = latent(labels)
        assert drawn.logits.shape == conditional(labels, labels).logits.shape == (2, 22, 256, 256)
        assert drawn.mean.shape == drawn.log_variance.shape == drawn.code.shape == (2, 32)
    assert (count(latent), count(conditional)) == (31_119_040, 55_117_248)


@pytest.mark.parametrize(
    "channels, generator, discriminator", [(3, 54_410_880, 2_768_640), (22, 54_430_336, 2_788_096), (6, 54_413_952, 2_771_712)]
)
def test_portrayers_of_the_paper(channels, generator, discriminator):
    with torch.device("meta"):
        portrayer, critic = Portrayer(channels), PatchDiscriminator(channels + 3)
        sketch = torch.empty(1, channels, 256, 256)
        picture = portrayer(sketch)
        assert picture.shape == (1, 3, 256, 256)
        assert critic(sketch, picture).shape == (1, 1, 30, 30)
    assert (count(portrayer), count(critic)) == (generator, discriminator)


@pytest.mark.parametrize("size, bodies, levels", [(8, 0, "first"), (32, 7, "first"), (32, 7, "all")])
def test_other_sizes(size, bodies, levels):
    torch.manual_seed(0)
    network = SketchModule(size, width=4, code=5, classes=6, body_classes=bodies, growth=2, body_levels=levels)
    labels = torch.randint(6, (3, size, size))
    body = torch.randint(7, (3, size, size)) if bodies else None
    drawn = network(labels, body)
    assert drawn.logits.shape == (3, 6, size, size)
    drawn.logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_noise_moves_the_code_by_its_deviation():
    network = SketchModule(8, width=4, code=5, classes=6)
    labels = torch.randint(6, (3, 8, 8))
    drawn = network(labels, noise=torch.ones(3, 5))
    assert torch.allclose(drawn.code, drawn.mean + (drawn.log_variance / 2).exp())
    assert torch.equal(network(labels, noise=torch.zeros(3, 5)).code, network(labels, noise=torch.zeros(3, 5)).mean)


def test_the_body_reaches_the_sketch_through_its_code():
    torch.manual_seed(0)
    network = SketchModule(16, width=4, code=5, body_classes=7, statistics="picture").eval()
    bodies = torch.zeros(2, 16, 16, dtype=torch.uint8)
    bodies[1, 4:12, 4:12] = 2
    levels = network.embed(bodies)
    assert [level.shape[-1] for level in levels] == [8, 4, 2, 1]
    drawn = network.decode(torch.zeros(2, 5), levels[-1])
    assert not torch.allclose(drawn[0], drawn[1])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: SketchModule(48), "a power of two, at least 8, not 48"),
        (lambda: SketchModule(8, 2)(torch.zeros(1, 16, 16)), "works at 8x8, not 16x16"),
        (lambda: SketchModule(8, 2).decode(torch.zeros(1, 3)), r"are \(B, 32\), not \(1, 3\)"),
        (lambda: SketchModule(8, 2).embed(torch.zeros(1, 8, 8)), "takes no body"),
        (lambda: SketchModule(8, 2, body_classes=7)(torch.zeros(1, 8, 8)), "on given bodies; pass body="),
        (lambda: SketchModule(8, 2, body_classes=7).decode(torch.zeros(1, 32)), "on given bodies; pass body="),
        (lambda: Portrayer(levels=4, width=2)(torch.zeros(1, 3, 24, 16)), "multiples of 16, not 24x16"),
    ],
)
def test_what_does_not_fit_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_last_level_sees_the_first_on_demand():
    plain, skipping = (Portrayer(3, 4, width=4, dropout="never", finest_skip=skip).eval() for skip in (False, True))
    assert plain.decoder[-1].conv.in_channels == 4 and skipping.decoder[-1].conv.in_channels == 8
    assert skipping(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    "dropout, training, evaluation", [("always", True, True), ("training", True, False), ("never", False, False)]
)
def test_when_dropout_is_on(dropout, training, evaluation):
    torch.manual_seed(0)
    network = Portrayer(3, 5, width=4, dropout=dropout)
    sketch = torch.rand(1, 3, 32, 32)
    for mode, noisy in ((True, training), (False, evaluation)):
        network.train(mode)
        assert torch.equal(network(sketch), network(sketch)) != noisy
    assert [level.dropout.when for level in network.decoder] == [dropout] * 3 + ["never"] * 2


def test_batch_statistics_are_those_of_the_batch():
    torch.manual_seed(0)
    norm, maps = Normalization(3, "batch"), torch.randn(4, 3, 5, 5) * 3 + 1
    expected = F.batch_norm(maps, None, None, norm.weight, norm.bias, training=True)
    assert torch.allclose(norm(maps), expected, atol=1e-6)
    assert not torch.equal(norm.running_mean, torch.zeros(3))
    before = norm.running_mean.clone()
    assert torch.allclose(norm.eval()(maps), expected, atol=1e-6)
    assert torch.equal(norm.running_mean, before)


def test_statistics_of_pictures_are_those_of_batches_of_one():
    torch.manual_seed(0)
    alone, together = Normalization(3, "batch"), Normalization(3, "picture")
    together.load_state_dict(alone.state_dict())
    maps = torch.randn(4, 3, 2, 2) * 3 + 1
    for mode in (True, False):
        singly = torch.cat([alone.train(mode)(each) for each in maps.split(1)])
        assert torch.allclose(together.train(mode)(maps), singly, atol=1e-5)
    one = maps[:1]
    for norm in (alone, together):
        norm.reset_running_stats()
        norm.train()(one)
    assert torch.allclose(alone.running_var, together.running_var) and torch.allclose(alone.running_mean, together.running_mean)


def test_running_statistics_make_results_independent_of_the_batch():
    torch.manual_seed(0)
    norm, maps = Normalization(3, "running"), torch.randn(4, 3, 5, 5)
    norm(maps)
    norm.eval()
    assert torch.allclose(norm(maps)[:1], norm(maps[:1]), atol=1e-6)


def test_levels_activate_first():
    torch.manual_seed(0)
    level = Level(2, 3, slope=0.2)
    maps = torch.randn(1, 2, 8, 8)
    assert torch.allclose(level(maps), F.conv2d(F.leaky_relu(maps, 0.2), level.conv.weight, stride=2, padding=1), atol=1e-6)
    assert level.conv.bias is None
    assert Level(2, 3, up=True)(maps).shape == (1, 3, 16, 16)


def test_one_hot_maps_are_centred():
    maps = one_hot(torch.tensor([[[0, 2]]], dtype=torch.uint8), 3)
    assert maps[0, :, 0].T.tolist() == [[0.5, -0.5, -0.5], [-0.5, -0.5, 0.5]]


def test_codes_can_be_drawn_as_training_saw_them():
    torch.manual_seed(0)
    network = SketchModule(8, width=4, code=3, classes=6)
    assert torch.equal(network.code_covariance, torch.eye(3)) and network.code_mean.tolist() == [0, 0, 0]
    spread = torch.tensor([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.1]])
    for _ in range(1000):
        network._follow(torch.randn(16, 3) @ spread + torch.tensor([1.0, -2.0, 3.0]))
    codes = network.sample_codes(20_000, fitted=True)
    assert torch.allclose(codes.mean(dim=0), torch.tensor([1.0, -2.0, 3.0]), atol=0.2)
    assert torch.allclose(codes.T.cov(), spread.T @ spread, atol=0.6)
    plain = network.sample_codes(20_000)
    assert torch.allclose(plain.T.cov(), torch.eye(3), atol=0.1)


def test_only_training_follows_the_codes():
    network = SketchModule(8, width=4, code=3, classes=6)
    labels = torch.randint(6, (4, 8, 8))
    network.eval()(labels)
    assert network.code_mean.tolist() == [0, 0, 0]
    network.train()(labels)
    assert network.code_mean.abs().sum() > 0
