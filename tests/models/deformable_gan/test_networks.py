from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from fashiongen.models.deformable_gan.networks import DISCRIMINATORS, WARP_SKIPS, Discriminator, Generator
from fashiongen.models.deformable_gan.representation import condition

HEIGHT, WIDTH = 64, 32
JUDGED = (48, 40)


def poses(batch: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(batch, 18, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    return torch.cat([places, torch.full((batch, 18, 1), 2.0)], dim=-1)


def counted(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("warp_skip", "levels", "parameters"),
    [
        ("none", 6, 36_072_533),
        ("none", 7, 48_655_449),
        ("full", 6, 61_109_085),
        ("mask", 6, 61_109_085),
        ("mask", 7, 82_080_611),
        ("stn", 6, 61_109_085 + 6_950),
        ("stn", 7, 82_080_611 + 6_950),
    ],
)
def test_generator_has_the_published_number_of_parameters(warp_skip: str, levels: int, parameters: int) -> None:
    with torch.device("meta"):
        assert counted(Generator(warp_skip, levels=levels)) == parameters


@pytest.mark.parametrize(
    ("kind", "size", "parameters"),
    [
        ("call", (128, 64), 2_803_782),
        ("sim", (128, 64), 2_795_591),
        ("sim", (256, 256), 3_004_487),
        ("warp", (128, 64), 2_934_918),
    ],
)
def test_discriminator_has_the_published_number_of_parameters(kind: str, size: tuple[int, int], parameters: int) -> None:
    with torch.device("meta"):
        assert counted(Discriminator(kind, size=size)) == parameters


@pytest.mark.parametrize(("size", "patches"), [((128, 64), 3), ((256, 256), 49)])
def test_number_of_patches(size: tuple[int, int], patches: int) -> None:
    image, pose = torch.zeros(1, 3, *size), torch.zeros(1, 18, *size)
    assert Discriminator(width=2)(image, pose, image, pose).shape == (1, patches)


@pytest.mark.parametrize("warp_skip", WARP_SKIPS)
@pytest.mark.parametrize("options", [{}, {"interpolation": "nearest", "warp_gradient": "tensorflow"}, {"levels": 4}])
def test_generator_paints_and_learns(warp_skip: str, options: dict[str, Any]) -> None:
    generator = Generator(warp_skip, width=4, **options)
    image = torch.rand(2, 3, HEIGHT, WIDTH) * 2 - 1
    output = generator(*condition(image, poses(2), poses(2, seed=1), warp_skip))
    assert output.shape == image.shape
    assert output.abs().max() <= 1
    output.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in generator.parameters())


@pytest.mark.parametrize("warp_skip", WARP_SKIPS)
def test_patches_of_pixels_are_channels(warp_skip: str) -> None:
    options = {"levels": 4, "patch": 2, "interpolation": "nearest"}
    generator = Generator(warp_skip, width=4, **options)
    image = torch.rand(2, 3, HEIGHT, WIDTH) * 2 - 1
    given = condition(image, poses(2), poses(2, seed=1), warp_skip)
    output = generator(*given)
    assert output.shape == image.shape
    output.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in generator.parameters())
    with pytest.raises(ValueError, match="patches of 2 needs height and width in multiples of 16, not 64x40"):
        generator(torch.rand(1, 21, 64, 40), torch.rand(1, 18, 64, 40))


def test_a_moved_patch_is_read_at_its_place() -> None:
    """Whole patches to the right move the skip of patches as they move the picture."""
    generator = Generator("mask", width=4, levels=3, patch=2, interpolation="nearest")
    features = [torch.rand(1, 4, HEIGHT // 2, WIDTH // 2)]
    shift = torch.tensor([[[1.0, 0, 4, 0, 1, 0, 0, 0]]])
    moved = generator.warp(features, shift, torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool))[0]
    torch.testing.assert_close(moved[..., :-2], features[0][..., 2:])
    assert not moved[..., -2:].any()


def test_a_sample_does_not_depend_on_its_batch() -> None:
    generator = Generator(width=4).eval()
    image = torch.rand(2, 3, HEIGHT, WIDTH)
    both = generator(*condition(image, poses(2), poses(2, seed=1)))
    alone = generator(*condition(image[:1], poses(2)[:1], poses(2, seed=1)[:1]))
    torch.testing.assert_close(both[:1], alone)


def test_background_and_missing_source_pose() -> None:
    image = torch.rand(1, 3, *JUDGED)
    given = condition(image, poses(1), poses(1, 1), source_pose=False, background=image)
    generator = Generator(width=4, source_channels=3, target_channels=21, levels=4)
    assert generator(*given).shape == image.shape
    judged = Discriminator(width=4, background=True)(image, given.target[:, :18], image, given.target[:, :18], image)
    assert judged.isfinite().all()


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_discriminators_judge_and_learn(kind: str) -> None:
    discriminator = Discriminator(kind, width=4, size=JUDGED)
    image, other = torch.rand(2, 2, 3, *JUDGED).unbind()
    given = condition(image, poses(2), poses(2, 1))
    logits = discriminator(image, given.source[:, 3:], other, given.target, transforms=given.transforms, masks=given.masks)
    logits.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in discriminator.parameters())


joint = st.tuples(st.floats(-200, 200), st.floats(-200, 200), st.sampled_from([0.0, 2.0]))


@settings(max_examples=12, deadline=None)
@given(st.lists(joint, min_size=18, max_size=18), st.lists(joint, min_size=18, max_size=18), st.sampled_from(WARP_SKIPS))
def test_any_pose_gives_finite_pictures_and_gradients(
    source: list[tuple[float, ...]], target: list[tuple[float, ...]], warp_skip: str
) -> None:
    generator = Generator(warp_skip, width=2, levels=4)
    image = torch.rand(1, 3, 32, 16, requires_grad=True)
    output = generator(*condition(image, torch.tensor([source]), torch.tensor([target]), warp_skip))
    output.square().sum().backward()
    assert output.isfinite().all()
    assert image.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in generator.parameters())


def test_bad_input() -> None:
    image = torch.zeros(1, 3, 48, WIDTH)
    with pytest.raises(ValueError, match="multiples of 32"):
        Generator(width=2)(*condition(image, poses(1), poses(1)))
    with pytest.raises(ValueError, match="needs masks"):
        Generator(width=2, levels=4)(torch.zeros(1, 21, 48, 32), torch.zeros(1, 18, 48, 32), torch.zeros(1, 10, 8))
    with pytest.raises(ValueError, match="warp_skip"):
        Generator("flow")
    with pytest.raises(ValueError, match="levels"):
        Generator(levels=2)
    with pytest.raises(ValueError, match="at least 34"):
        Discriminator(width=2)(*(torch.zeros(1, channels, 64, 32) for channels in (3, 18, 3, 18)))
    with pytest.raises(ValueError, match="kind"):
        Discriminator("patch")
    with pytest.raises(ValueError, match="background"):
        Discriminator("sim", background=True)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "levels"), [((128, 64), 6), ((256, 256), 7)])
def test_full_width(size: tuple[int, int], levels: int) -> None:
    generator = Generator(levels=levels).eval()
    with torch.inference_mode():
        output = generator(*condition(torch.zeros(1, 3, *size), poses(1), poses(1, 1)))
    assert output.shape == (1, 3, *size)
    assert output.isfinite().all()
