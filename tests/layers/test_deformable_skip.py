from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor

from fashiongen.layers.deformable_skip import deformable_skip, invert_transforms
from fashiongen.layers.part_affines import NO_PART, part_affines, part_masks

HEIGHT, WIDTH = 16, 12
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def part_loop(features: Tensor, transforms: Tensor, masks: Tensor | None, mode: str, aggregation: str) -> Tensor:
    """The definition: one warp a part, all of them kept, then joined."""
    height, width = features.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    warped = []
    for part in range(transforms.shape[1]):
        a0, a1, a2, b0, b1, b2, c0, c1 = transforms[:, part, :, None, None].unbind(1)
        depth = c0 * x + c1 * y + 1
        places = [((a0 * x + a1 * y) + a2) / depth, ((b0 * x + b1 * y) + b2) / depth]
        if mode == "nearest":
            places = [torch.where(p.frac().abs() == 0.5, p.trunc() + p.sign(), p.round()) for p in places]
        grid = torch.stack([(2 * p + 1) / n - 1 for p, n in zip(places, (width, height), strict=True)], dim=-1)
        moved = F.grid_sample(features, grid, mode=mode, align_corners=False)
        warped.append(moved if masks is None else moved * masks[:, part : part + 1])
    stacked = torch.stack(warped)
    if aggregation == "max":
        return stacked.amax(dim=0)
    if aggregation == "none":
        return torch.cat(warped, dim=1)
    return stacked.sum(dim=0) / masks.sum(dim=1, keepdim=True).clamp(min=1)


def example(seed: int = 0, channels: int = 5, parts: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, channels, HEIGHT, WIDTH, generator=generator)
    transforms = torch.tensor(IDENTITY) + torch.randn(2, parts, 8, generator=generator) * torch.tensor(
        [0.2, 0.2, 3.0, 0.2, 0.2, 3.0, 0.0, 0.0]
    )
    return features, transforms, torch.rand(2, parts, HEIGHT, WIDTH, generator=generator) > 0.4


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("aggregation", ["max", "avg", "none"])
def test_equals_the_part_loop(interpolation: str, aggregation: str) -> None:
    features, transforms, masks = example(channels=11)
    upstream = torch.randn(2, 11 * (4 if aggregation == "none" else 1), HEIGHT, WIDTH)
    results = []
    for function in (deformable_skip, part_loop):
        leaf = features.clone().requires_grad_()
        if function is deformable_skip:
            output = deformable_skip(leaf, transforms, masks, aggregation=aggregation, interpolation=interpolation)
        else:
            output = part_loop(leaf, transforms, masks, interpolation, aggregation)
        output.backward(upstream)
        results.append((output.detach(), leaf.grad))
    (output, gradient), (expected, expected_gradient) = results
    if aggregation == "avg":
        torch.testing.assert_close(output, expected)
    else:
        assert torch.equal(output, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_without_masks(interpolation: str) -> None:
    features, transforms, _ = example()
    output = deformable_skip(features, transforms, interpolation=interpolation)
    assert torch.equal(output, part_loop(features, transforms, None, interpolation, "max"))
    assert (output < 0).any()


def test_ties_share_the_gradient() -> None:
    features = torch.randn(1, 3, HEIGHT, WIDTH).abs().requires_grad_()
    same = torch.tensor(IDENTITY).expand(1, 2, 8)
    for interpolation in ("nearest", "bilinear"):
        output = deformable_skip(features, same, interpolation=interpolation)
        (gradient,) = torch.autograd.grad(output.sum(), features)
        torch.testing.assert_close(gradient, torch.ones_like(gradient))


def test_convention_halves_round_away_from_zero() -> None:
    features = torch.arange(1.0, 5.0).view(1, 1, 1, 4)
    shifted = torch.tensor([1.0, 0, -0.5, 0, 1, 0, 0, 0]).view(1, 1, 8)
    assert deformable_skip(features, shifted, interpolation="nearest").flatten().tolist() == [0, 2, 3, 4]
    assert deformable_skip(
        features, -shifted * torch.tensor([-1.0, 1, 1, 1, -1, 1, 1, 1]), interpolation="nearest"
    ).flatten().tolist() == [
        2,
        3,
        4,
        0,
    ]


def test_convention_translations_are_pixels_of_the_full_picture() -> None:
    features = torch.randn(1, 2, HEIGHT, WIDTH)
    transforms = torch.tensor([1.0, 0, 4, 0, 1, 8, 0, 0]).view(1, 1, 8)
    for interpolation in ("nearest", "bilinear"):
        output = deformable_skip(features, transforms, size=(4 * HEIGHT, 4 * WIDTH), interpolation=interpolation)
        torch.testing.assert_close(output[..., :-2, :-1], features[..., 2:, 1:])
        assert not output[..., -2:, :].any()


def test_masks_are_thinned_out() -> None:
    features = torch.ones(1, 1, HEIGHT, WIDTH)
    masks = torch.zeros(1, 1, 2 * HEIGHT, 2 * WIDTH, dtype=torch.bool)
    masks[..., ::2, ::4] = True
    output = deformable_skip(features, torch.tensor(IDENTITY).view(1, 1, 8), masks, interpolation="nearest")
    assert torch.equal(output[0, 0, 0], (torch.arange(WIDTH) % 2 == 0).float())


def test_absent_and_broken_parts_give_zeros() -> None:
    features = torch.randn(1, 2, HEIGHT, WIDTH, requires_grad=True)
    transforms = torch.tensor([NO_PART, (torch.nan,) * 8, (0.0,) * 6 + (-1.0, 0.0), (torch.inf,) * 8])[None]
    for options in (
        {"interpolation": "bilinear"},
        {"interpolation": "nearest"},
        {"interpolation": "nearest", "gradient": "tensorflow"},
    ):
        output = deformable_skip(features, transforms[:, [0, 1, 3]], **options)
        assert not output.any()
        assert torch.autograd.grad(deformable_skip(features, transforms, **options).sum(), features)[0].isfinite().all()


def test_tensorflow_gradient_warps_by_the_inverse() -> None:
    features = torch.randn(1, 2, HEIGHT, WIDTH, requires_grad=True)
    doubled = torch.tensor([2.0, 0, 0, 0, 2, 0, 0, 0]).view(1, 1, 8)
    upstream = torch.randn(1, 2, HEIGHT, WIDTH)
    output = deformable_skip(features, doubled, interpolation="nearest", gradient="tensorflow")
    (gradient,) = torch.autograd.grad(output, features, upstream)
    halved = torch.tensor([0.5, 0, 0, 0, 0.5, 0, 0, 0]).view(1, 1, 8)
    assert torch.equal(gradient, deformable_skip(upstream, halved, interpolation="nearest"))


def test_invert_transforms() -> None:
    transforms = example()[1]
    matrix = torch.cat([transforms, torch.ones(2, 4, 1)], dim=-1).view(2, 4, 3, 3)
    expected = torch.linalg.inv(matrix.double()).flatten(-2)
    torch.testing.assert_close(
        invert_transforms(transforms).double(), (expected / expected[..., 8:])[..., :8], rtol=1e-4, atol=1e-4
    )
    swapped = torch.tensor([0.0, 1, 2, 1, 0, 3, 0, 0])
    assert invert_transforms(swapped).tolist() == [0, 1, -3, 1, 0, -2, 0, 0]
    assert not invert_transforms(torch.zeros(8)).isfinite().all()


def test_channels_last_and_lower_precision() -> None:
    features, transforms, masks = example(channels=8)
    for interpolation in ("nearest", "bilinear"):
        expected = deformable_skip(features, transforms, masks, interpolation=interpolation)
        strided = features.to(memory_format=torch.channels_last)
        assert torch.equal(deformable_skip(strided, transforms, masks, interpolation=interpolation), expected)
        half = deformable_skip(features.bfloat16(), transforms, masks, interpolation=interpolation)
        assert half.dtype == torch.bfloat16
        torch.testing.assert_close(half.float(), expected, atol=0.05, rtol=0.02)


numbers = st.one_of(st.floats(-3e4, 3e4), st.sampled_from([0.0, 0.5, 10.0]))
poses = st.lists(st.tuples(numbers, numbers, st.sampled_from([0.0, 2.0])), min_size=18, max_size=18)
options = st.sampled_from([("nearest", "tensorflow"), ("nearest", "exact"), ("bilinear", "exact")])


@settings(max_examples=40, deadline=None)
@given(poses, poses, options, st.sampled_from(["max", "avg", "none"]))
def test_any_pose_gives_finite_values_and_gradients(
    source: list[tuple[float, ...]], target: list[tuple[float, ...]], how: tuple[str, str], aggregation: str
) -> None:
    here, there = torch.tensor([source]), torch.tensor([target])
    features = torch.randn(1, 2, HEIGHT // 2, WIDTH // 2, requires_grad=True)
    masks = part_masks(there, HEIGHT, WIDTH)
    output = deformable_skip(features, part_affines(here, there), masks, (HEIGHT, WIDTH), aggregation, *how)
    output.square().sum().backward()
    assert output.isfinite().all()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aggregation": "mean"}, "max, avg, none"),
        ({"interpolation": "cubic"}, "bilinear"),
        ({"gradient": "none"}, "exact"),
        ({"gradient": "tensorflow"}, "nearest"),
        ({"masks": None, "aggregation": "avg"}, "masks"),
        ({"masks": torch.ones(2, 3, HEIGHT, WIDTH)}, "masks"),
        ({"transforms": torch.ones(2, 4, 6)}, "transforms"),
        ({"size": (8, 8)}, "larger"),
    ],
)
def test_bad_input(change: dict, message: str) -> None:
    features, transforms, masks = example()
    with pytest.raises(ValueError, match=message):
        deformable_skip(**{"features": features, "transforms": transforms, "masks": masks, **change})


@pytest.mark.slow
@pytest.mark.parametrize("how", [("nearest", "tensorflow"), ("nearest", "exact"), ("bilinear", "exact")])
def test_compiles_without_a_break(how: tuple[str, str]) -> None:
    features, transforms, masks = example()

    def step(some: Tensor) -> Tensor:
        return deformable_skip(some * 2, transforms, masks, None, "max", *how)

    leaves = [features.clone().requires_grad_() for _ in range(2)]
    outputs = [function(leaf) for function, leaf in zip((step, torch.compile(step, fullgraph=True)), leaves, strict=True)]
    for output in outputs:
        output.sum().backward()
    torch.testing.assert_close(*(output.detach() for output in outputs))
    torch.testing.assert_close(*(leaf.grad for leaf in leaves))
