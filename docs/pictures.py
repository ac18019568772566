"""Draws the pictures of the documentation: `python docs/pictures.py`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from fashiongen.mannequin import World
from fashiongen.mannequin.labels import to_scheme
from fashiongen.mannequin.scenes import RedressScenes, SwapScenes
from fashiongen.types import to_pil

FOLDER = Path(__file__).parent / "images"


def sheet(rows: list[list[Tensor]], name: str) -> None:
    """Rows of (3, H, W) pictures in [-1, 1] -> one file."""
    to_pil(torch.cat([torch.cat(row, 2) for row in rows], 1)).save(FOLDER / name, quality=92)


def colours(labels: Tensor) -> Tensor:
    """(B, H, W) ids -> (B, 3, H, W): a fixed bright colour for each id, white for 0."""
    generator = torch.Generator().manual_seed(11)
    palette = torch.rand(64, 3, generator=generator) * 1.5 - 0.6
    palette[0] = 1
    return palette.clamp(-1, 1)[labels.long()].permute(0, 3, 1, 2)


def people() -> None:
    full = World(height=256, width=144, split="test", framing="full").draw(torch.arange(12))
    upper = World(height=192, width=144, split="test").draw(torch.arange(12, 24))
    sheet([list(full.image), list(upper.image)], "mannequin.jpg")


def annotations() -> None:
    world = World(height=256, width=144, split="test", framing="full")
    person = torch.full((6,), 3)
    drawn = world.render(
        world.identity(person),
        world.pose(person, torch.arange(6)),
        world.outfit(person),
        world.background(person),
        world.camera(person, torch.arange(6)),
    )
    dots = drawn.image.clone()
    for picture, joints in zip(dots, drawn.keypoints, strict=True):
        for x, y, seen in joints.tolist():
            if seen:
                column, row = int(x), int(y)
                colour = torch.tensor([1.0, 0.9, -1.0] if seen == 2 else [-1.0, 0.2, 1.0]).view(3, 1, 1)
                picture[:, max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3] = colour
    inside = drawn.depth.isfinite()[:, None]
    nearest, farthest = drawn.depth[inside[:, 0]].min(), drawn.depth[inside[:, 0]].max()
    grey = torch.where(inside, 0.6 - 1.4 * (drawn.depth[:, None] - nearest) / (farthest - nearest), 1.0).expand(-1, 3, -1, -1)
    dense = torch.where(inside, drawn.coordinates.remainder(0.25).mul(8).sub(1), 1.0)
    row = [p for group in zip(drawn.image, dots, strict=True) for p in group]
    second = [p for group in zip(colours(drawn.labels), colours(drawn.parts), strict=True) for p in group]
    third = [p for group in zip(grey, dense, strict=True) for p in group]
    sheet([row[:8], second[:8], third[:8]], "annotations.jpg")


def garments() -> None:
    world = World(height=192, width=144, split="test")
    numbers = torch.arange(400)
    outfits = world.outfit(numbers)
    in_top = ~(outfits.dress | outfits.coat)
    chosen = numbers[in_top][:10]
    facing = (world.pose(numbers).yaw.abs() < 15) & (world.identity(numbers).presentation > 0.5)
    wearer = torch.full_like(chosen, int(numbers[facing & in_top][1]))
    background, camera = world.background(wearer), world.camera(wearer)
    own, pose = world.outfit(wearer), world.pose(wearer)
    flat = world.lay_flat(world.outfit(chosen)).image
    worn = world.render(world.identity(wearer), pose, own.with_top(world.outfit(chosen)), background, camera).image
    sheet([list(flat), list(worn)], "garments.jpg")


def swaps() -> None:
    """Columns of person, donor and truth; the factors take turns."""
    batch = SwapScenes(World(height=192, width=96, split="test", framing="full"), 9).batch(torch.arange(9))
    assert batch.donor is not None and batch.truth is not None
    sheet([list(batch.person.image), list(batch.donor.image), list(batch.truth.image)], "mannequin-swap.jpg")


def redressing() -> None:
    """People above, the same people in the clothes of the other sentence below; prints the sentences."""
    batch = RedressScenes(World(height=192, width=128, split="test", framing="full"), 7).batch(torch.arange(7))
    assert batch.truth is not None
    sheet([list(batch.person.image), list(batch.truth.image)], "mannequin-redress.jpg")
    for own, other in zip(batch.person.text or "", batch.other_text or "", strict=True):
        print(f"{own}  ->  {other}")


def schemes() -> None:
    """Whole figures on the 128 x 128 page, and their labels in three schemes."""
    world, people = World(height=128, width=128, split="test", framing="full"), torch.arange(8)
    drawn = world.draw(people)
    maps = [list(colours(to_scheme(drawn.labels, scheme))) for scheme in ("lip20", "clothnet22", "fashiongan7")]
    sheet([list(drawn.image), *maps], "mannequin-schemes.png")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    people()
    annotations()
    garments()
    swaps()
    redressing()
    schemes()
