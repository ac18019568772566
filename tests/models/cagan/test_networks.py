import pytest
import torch

from fashiongen.models.cagan.networks import (
    RELATIONS,
    InstanceNorm2d,
    KerasGenerator,
    PaperGenerator,
    PatchDiscriminator,
    Swap,
    pooled,
)
from fashiongen.models.cagan.stacked import StackedGenerator
from fashiongen.models.cagan.viton_baseline import VitonBaselineGenerator


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def pictures(size=(96, 96), batch=2, number=3):
    torch.manual_seed(1)
    return [torch.rand(batch, 3, *size) * 2 - 1 for _ in range(number)]


@pytest.mark.parametrize(
    "make, parameters, size, scales",
    [
        (KerasGenerator, 6_339_264, (128, 96), 1),
        (PaperGenerator, 6_136_572, (128, 96), 1),
        (VitonBaselineGenerator, 16_668_288, (256, 192), 1),
        (StackedGenerator, 5_867_800, (256, 192), 3),
    ],
)
def test_generators_at_the_published_size(make, parameters, size, scales):
    with torch.device("meta"):
        network = make()
        swaps = network(*(torch.empty(2, 3, *size) for _ in range(3)))
    assert count(network) == parameters
    assert len(swaps) == scales
    for factor, swap in enumerate(reversed(swaps)):
        assert swap.alpha.shape == (2, 1, size[0] >> factor, size[1] >> factor)
        assert swap.image.shape == (2, 3, size[0] >> factor, size[1] >> factor)


@pytest.mark.parametrize(
    "options, parameters, size, patches",
    [
        ({}, 2_768_705, (128, 96), (14, 10)),
        ({"halvings": 4, "wide": False}, 2_768_705, (128, 96), (7, 5)),
        ({"halvings": 4, "wide": False, "bias": False}, 2_768_640, (256, 192), (15, 11)),
        ({"halvings": 4, "wide": False, "bias": False, "shared_norm": False}, 2_766_848, (256, 192), (15, 11)),
        ({"halvings": 4, "wide": False, "condition": True}, None, (128, 96), (7, 5)),
    ],
)
def test_discriminators_at_the_published_size(options, parameters, size, patches):
    with torch.device("meta"):
        network = PatchDiscriminator(**options)
        assert network(*(torch.empty(2, 3, *size) for _ in range(2))).shape == (2, 1, *patches)
    if parameters is not None:
        assert count(network) == parameters


@pytest.mark.parametrize(
    "network",
    [
        KerasGenerator(4),
        KerasGenerator(4, "target"),
        KerasGenerator(4, "none"),
        KerasGenerator(4, norm="batch"),
        PaperGenerator(8),
        PaperGenerator(4, "none"),
        VitonBaselineGenerator(4, shared_norm=False),
        StackedGenerator(4, (8, 8)),
        StackedGenerator(4, (8, 8), "none"),
    ],
    ids=lambda network: type(network).__name__,
)
def test_every_input_matters_everywhere(network):
    inputs = [picture.requires_grad_() for picture in pictures()]
    swaps = network(*inputs)
    assert all(swap.alpha.min() > 0 and swap.alpha.max() < 1 and swap.image.abs().max() < 1 for swap in swaps)
    sum(swap.alpha.sum() + swap.image.square().sum() for swap in swaps).backward()
    for picture in inputs:
        assert picture.grad.abs().sum(1).gt(0).float().mean() > 0.9
    assert all(parameter.grad is not None for name, parameter in network.named_parameters() if "back_norms" not in name)


def test_instance_norm_adds_epsilon_to_the_standard_deviation():
    norm = InstanceNorm2d(2, eps=0.5)
    torch.nn.init.constant_(norm.weight, 2.0)
    image = torch.tensor([[[[0.0, 2.0]], [[5.0, 5.0]]]], requires_grad=True)
    output = norm(image)
    assert torch.allclose(output, torch.tensor([[[[-2 / 1.5, 2 / 1.5]], [[0.0, 0.0]]]]))
    output.square().sum().backward()
    assert image.grad.isfinite().all(), "a constant channel has a gradient too"
    assert "eps=0.5" in repr(norm)


def test_copies_are_averages_and_may_be_none():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(pooled(image, 2), torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]]))
    assert pooled(image[:, :0], 2).shape == (1, 0, 2, 2)


def test_composite_equals_the_person_where_the_matte_is_zero():
    person, painted = pictures(number=2)
    alpha = torch.zeros(2, 1, 96, 96)
    alpha[:, :, :40] = 1
    composite = Swap(alpha, painted).over(person)
    assert torch.equal(composite[:, :, :40], painted[:, :, :40]) and torch.equal(composite[:, :, 40:], person[:, :, 40:])


def test_results_of_instance_norm_do_not_depend_on_the_batch():
    torch.manual_seed(0)
    network, inputs = KerasGenerator(4), pictures()
    together = network(*inputs)[0].image
    alone = network(*(picture[:1] for picture in inputs))[0].image
    assert torch.allclose(together[:1], alone, atol=1e-5)


def test_the_way_back_may_have_norms_of_its_own():
    inputs = pictures()
    network = VitonBaselineGenerator(4, shared_norm=False)
    network.back_norms[0].bias.fill_(1.0)
    assert not torch.equal(network(*inputs)[0].image, network(*inputs, back=True)[0].image)
    assert not any("back_norms" in name for name, _ in network.named_parameters()), "never trained"
    network = VitonBaselineGenerator(4)
    assert torch.equal(network(*inputs)[0].image, network(*inputs, back=True)[0].image)


def test_kinds_of_pair_may_have_norms_of_their_own():
    person, garment = pictures(number=2)
    network = PatchDiscriminator(4, shared_norm=False)
    for place, relation in enumerate(RELATIONS):
        network.norms[relation][0].bias.fill_(float(place))
    logits = [network(person, garment, relation) for relation in RELATIONS]
    assert not torch.equal(logits[0], logits[1]) and not torch.equal(logits[1], logits[2])


def test_order_and_noise_of_the_discriminator():
    person, garment = pictures(number=2)
    torch.manual_seed(0)
    network = PatchDiscriminator(4)
    swapped = network(garment, person)
    network.garment_first = True
    assert torch.equal(network(person, garment), swapped)
    network.noise = 0.05
    assert not torch.equal(network(person, garment), swapped)
    assert torch.equal(network.eval()(person, garment), swapped), "noise and statistics: training alone, and always"


@pytest.mark.parametrize(
    "network, size, message",
    [
        (KerasGenerator(4), (72, 48), "keras networks need height and width in multiples of 16, at least 32, not 72x48"),
        (KerasGenerator(4), (64, 16), "at least 32, not 64x16"),
        (PaperGenerator(8), (40, 32), "paper networks need .* multiples of 16"),
        (VitonBaselineGenerator(4), (64, 48), "viton_baseline networks need .* multiples of 32"),
        (StackedGenerator(4, (8, 8)), (64, 48), "stacked networks need .* multiples of 32, at least 96"),
        (StackedGenerator(4, (8, 8)), (64, 64), "at least 96, not 64x64"),
    ],
)
def test_other_sizes_are_refused(network, size, message):
    with pytest.raises(ValueError, match=message):
        network(*pictures(size))


def test_the_papers_layers_need_room_for_copies():
    with pytest.raises(ValueError, match="width is more than 6, not 6"):
        PaperGenerator(6)
