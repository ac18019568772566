"""Deformable skip against the loop over its parts: 64 channels of 64x64, 10 parts, batch 2, forward and backward.

Once with the regions of people, and once with the torso everywhere and each of the others on a random half of all pixels.

python benchmarks/deformable_skip.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from peak_memory import median_ms, peak_megabytes
from torch import Tensor

from fashiongen.layers.deformable_skip import deformable_skip
from fashiongen.layers.part_affines import part_affines, part_masks
from fashiongen.mannequin import World
from fashiongen.mannequin.scenes import PoseScenes

BATCH, CHANNELS, SIZE, PARTS = 2, 64, 64, 10


def part_loop(features: Tensor, transforms: Tensor, masks: Tensor, interpolation: str) -> Tensor:
    """One warp a part, all of them kept, then their maximum."""
    height, width = features.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=features.device).float(), torch.arange(width, device=features.device).float(), indexing="ij"
    )
    warped = []
    for part in range(transforms.shape[1]):
        a0, a1, a2, b0, b1, b2 = transforms[:, part, :6, None, None].unbind(1)
        places = [(a0 * x + a1 * y) + a2, (b0 * x + b1 * y) + b2]
        if interpolation == "nearest":
            places = [torch.where(p.frac().abs() == 0.5, p.trunc() + p.sign(), p.round()) for p in places]
        grid = torch.stack([(2 * p + 1) / n - 1 for p, n in zip(places, (width, height), strict=True)], dim=-1)
        warped.append(F.grid_sample(features, grid, mode=interpolation, align_corners=False) * masks[:, part : part + 1])
    return torch.stack(warped).amax(dim=0)


def both_ways(function: Callable[[], Tensor], features: Tensor, upstream: Tensor) -> None:
    torch.autograd.grad(function(), features, upstream)


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(BATCH, CHANNELS, SIZE, SIZE, generator=generator).to(device).requires_grad_()
    upstream = torch.randn(BATCH, CHANNELS, SIZE, SIZE, generator=generator).to(device)
    people = PoseScenes(World(height=SIZE, width=SIZE, split="test", framing="full"), BATCH).batch(torch.arange(BATCH))
    source, target = people.person.keypoints, people.target.keypoints
    halves = torch.rand(BATCH, PARTS, SIZE, SIZE, generator=generator) < 0.5
    halves[:, 0] = True
    random = torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0]) + torch.randn(BATCH, PARTS, 8, generator=generator) * torch.tensor(
        [0.1, 0.1, 5.0, 0.1, 0.1, 5.0, 0.0, 0.0]
    )
    cases = {"people": (part_affines(source, target).float(), part_masks(target, SIZE, SIZE)), "halves": (random, halves)}

    for (case, given), interpolation in product(cases.items(), ("nearest", "bilinear")):
        transforms, masks = (each.to(device) for each in given)

        ours = partial(deformable_skip, features, transforms, masks, interpolation=interpolation)
        loop = partial(part_loop, features, transforms, masks, interpolation)
        with torch.no_grad():
            equal = torch.equal(ours(), loop())
            forward = [median_ms(function, device) for function in (ours, loop)]
        training = [partial(both_ways, function, features, upstream) for function in (ours, loop)]
        both = [median_ms(function, device) for function in training]
        memory = [peak_megabytes(function, device) for function in training]
        print(
            f"{case}, {interpolation} on {device}: {'bit-equal' if equal else 'NOT EQUAL'}; "
            f"forward {forward[0]:.1f} against {forward[1]:.1f} ms ({forward[1] / forward[0]:.1f} times faster), "
            f"with backward {both[0]:.1f} against {both[1]:.1f} ms ({both[1] / both[0]:.1f} times faster), "
            f"peak memory {memory[0]:.0f} against {memory[1]:.0f} MB ({memory[0] / memory[1]:.2f} of it)"
        )


if __name__ == "__main__":
    main()
