"""Examples of the tasks, made by the mannequin world: with everything a model may ask for, and the true answer."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import torch
from torch import Tensor

from fashiongen.layers.shape_context import match_masks
from fashiongen.types import Batch, Garment, Person

from .outfit import Outfit
from .pose import Pose
from .world import World

TOP_LABEL = 5
Item = TypeVar("Item", Person, Garment)
_SEARCHED = 4


class TryOnScenes:
    """A person in a top, the shop picture of that top, another top, and the same person in the other top.

    As in the try-on sets, people show their top: no coat, no dress, more or less towards the camera.

    Args:
        world: draws the pictures.
        length: number of examples.
        yaw: largest turn from the camera, degrees.
        warps: make `control_points` (matching silhouettes takes longer than drawing).
        answers: make `other_garment` and `truth`.
    """

    def __init__(self, world: World, length: int, yaw: float = 35.0, warps: bool = True, answers: bool = True) -> None:
        self.world = world
        self.length = length
        self.yaw = yaw
        self.warps = warps
        self.answers = answers
        self.outfits = self._tops(length)

    def __len__(self) -> int:
        return self.length

    def _tops(self, count: int) -> Tensor:
        """Numbers of the first outfits that are a top and nothing over it."""
        plain = dataclasses.replace(self.world, photographs=None)
        found: list[Tensor] = []
        start = 0
        while sum(map(len, found)) < count:
            numbers = torch.arange(start, start + _SEARCHED * count)
            outfit = plain.outfit(numbers)
            found.append(numbers[~(outfit.dress | outfit.coat).cpu()])
            start += len(numbers)
        return torch.cat(found)[:count]

    def _pose(self, index: Tensor) -> Pose:
        pose = self.world.pose(index)
        turned = (pose.yaw + 180) % 360 - 180
        return dataclasses.replace(pose, yaw=turned * (self.yaw / 180))

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world = self.world
        identity, pose = world.identity(indices), self._pose(indices)
        background, camera = world.background(indices), world.camera(indices)
        worn = world.outfit(self.outfits[indices])

        def person(outfit: Outfit) -> Person:
            return _eight_bit(world.render(identity, pose, outfit, background, camera).person())

        first, garment = person(worn), _eight_bit(world.lay_flat(worn))
        batch = Batch(
            person=first,
            garment=garment,
            control_points=self._control_points(garment, first) if self.warps else None,
            name=[f"{index:06d}" for index in indices.tolist()],
        )
        if not self.answers:
            return batch
        other = world.outfit(self.outfits[(indices + 1) % self.length])
        return dataclasses.replace(batch, other_garment=_eight_bit(world.lay_flat(other)), truth=person(worn.with_top(other)))

    @staticmethod
    def _control_points(garment: Garment, person: Person) -> Tensor:
        assert person.parsing is not None
        points = [
            torch.as_tensor(match_masks(mask, parsing == TOP_LABEL))
            for mask, parsing in zip(garment.mask[:, 0].cpu().numpy(), person.parsing.cpu().numpy(), strict=True)
        ]
        return torch.stack(points).float().to(garment.device)


class PoseScenes:
    """A person, and the same person in another pose, turned another way: same clothes, background and light.

    Args:
        world: draws the pictures.
        length: number of examples.
    """

    def __init__(self, world: World, length: int) -> None:
        self.world = world
        self.length = length

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world = self.world
        identity, outfit = world.identity(indices), world.outfit(indices)
        background, camera = world.background(indices), world.camera(indices)

        def person(variant: int) -> Person:
            return _eight_bit(world.render(identity, world.pose(indices, variant), outfit, background, camera).person())

        return Batch(person(0), target=person(1), name=[f"{index:06d}" for index in indices.tolist()])


def _eight_bit(item: Item) -> Item:
    return dataclasses.replace(item, image=((item.image + 1) * 127.5).round() / 127.5 - 1)
