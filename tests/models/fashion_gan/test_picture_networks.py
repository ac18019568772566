import pytest
import torch

from fashiongen.models.fashion_gan.compositing import compositional_mapping
from fashiongen.models.fashion_gan.picture_networks import (
    PatchDiscriminator,
    PlainDiscriminator,
    PlainGenerator,
    UNetGenerator,
)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def inputs(size):
    return torch.rand(2, 3, size, size), torch.rand(2, 6), torch.rand(2, 4)


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("kind", ["plain", "skip", "p2p"])
def test_shapes(kind, size):
    condition, code, noise = inputs(size)
    if kind == "plain":
        generator, discriminator = PlainGenerator(size, 2, 6, 4), PlainDiscriminator(size, 2, 6)
    else:
        text = kind == "skip"
        generator, discriminator = UNetGenerator(size, 2, 6, 4, text=text), PatchDiscriminator(size, 2, 6, text)
    image = generator(condition, code, noise)
    assert image.shape == (2, 3, size, size) and image.abs().max() <= 1
    logits = discriminator(image, condition, code)
    assert logits.shape == ((2, 1, 1, 1) if kind == "plain" else (2, 1, size // 8 - 2, size // 8 - 2))


def test_the_published_sizes():
    assert (count(PlainGenerator()), count(PlainDiscriminator())) == (29_874_791, 26_801_549)
    assert (count(UNetGenerator()), count(PatchDiscriminator())) == (42_654_695, 2_935_501)
    assert (count(UNetGenerator(text=False)), count(PatchDiscriminator(text=False))) == (41_833_475, 2_769_601)


def test_pix2pix_looks_at_neither_text_nor_noise():
    generator = UNetGenerator(32, 2, 6, 4, text=False).eval()
    condition, code, noise = inputs(32)
    assert torch.equal(generator(condition, code, noise), generator(condition, -code, -noise))


def test_the_negative_half_of_the_noise_is_thrown_away():
    torch.manual_seed(0)
    generator = UNetGenerator(32, 2, 6, 4)
    condition, code, noise = inputs(32)
    seen = []
    generator.decoder[0][1].register_forward_hook(lambda layer, given, output: seen.append(given[0][:, :4]))
    for factor in (1.0, -1.0):
        generator(condition, code, factor * noise)
    assert torch.equal(seen[0][..., 0, 0], noise) and not seen[1].any()


def test_the_compositional_mapping_chooses_among_seven_pictures():
    generator = UNetGenerator(32, 2, 6, 4, channels=21).eval()
    condition, code, noise = inputs(32)
    labels = torch.randint(0, 7, (2, 32, 32))
    candidates = generator(condition, code, noise)
    assert candidates.shape == (2, 21, 32, 32)
    torch.testing.assert_close(generator(condition, code, noise, labels), compositional_mapping(candidates, labels))


def test_shifts_bring_the_code_to_every_level():
    torch.manual_seed(0)
    generator = UNetGenerator(32, 2, 6, 4, channels=21, shifts=True).eval()
    condition, code, noise = inputs(32)
    labels = torch.arange(7).repeat(2, 32, 5)[..., :32]
    torch.nn.init.zeros_(generator.output[1].weight)
    torch.nn.init.zeros_(generator.output[1].bias)
    image = generator(condition, code, noise, labels)
    expected = generator.shifts[-1](code).tanh().view(2, 7, 3)  # a colour for every label
    torch.testing.assert_close(image[:, :, 0, :7], expected.transpose(1, 2))
    assert count(generator) - count(UNetGenerator(32, 2, 6, 4, channels=21)) == sum(7 * n for n in (16, 8, 4, 2, 21))
