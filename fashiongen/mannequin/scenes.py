"""Examples of the tasks, made by the mannequin world: with everything a model may ask for, and the true answer."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import torch
from torch import Tensor

from fashiongen.layers.shape_context import match_masks
from fashiongen.types import Batch, Garment, Person

from .background import Background
from .camera import Camera
from .captions import describe
from .identity import Identity
from .labels import SCHEMES, to_scheme
from .numerics import choose, take
from .outfit import Outfit
from .pose import Pose
from .rendering import outfit_attributes
from .world import World

FACTORS = ("foreground", "background", "pose")
"""What a swap takes from the donor, in the order of the examples."""

Item = TypeVar("Item", Person, Garment)
_SEARCHED = 4
_VIEW = ("pitch", "scale", "shift_x", "head_room", "ground")


class PeopleScenes:
    """People, each alone, with every annotation: key points, parsing, parts and sentence.

    Args:
        world: draws the pictures.
        length: number of examples.
        yaw: largest turn from the camera, degrees; 180 is all around.
        scheme: labels of the parsing maps, a name of `fashiongen.mannequin.labels.SCHEMES`.
    """

    def __init__(self, world: World, length: int, yaw: float = 180.0, scheme: str = "lip20") -> None:
        self.world = world
        self.length = length
        self.yaw = yaw
        self.scheme = scheme

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        return Batch(self._people(indices), name=_names(indices))

    def _pose(self, index: Tensor, variant: int = 0) -> Pose:
        pose = self.world.pose(index, variant)
        if self.yaw >= 180:
            return pose
        turned = (pose.yaw + 180) % 360 - 180
        return dataclasses.replace(pose, yaw=turned * (self.yaw / 180))

    def _people(self, index: Tensor) -> Person:
        world = self.world
        return self._draw(
            world.identity(index), self._pose(index), world.outfit(index), world.background(index), world.camera(index)
        )

    def _draw(self, identity: Identity, pose: Pose, outfit: Outfit, background: Background, camera: Camera) -> Person:
        drawn = self.world.render(identity, pose, outfit, background, camera)
        return _eight_bit(dataclasses.replace(drawn.person(), parsing=to_scheme(drawn.labels, self.scheme), scheme=self.scheme))


class TryOnScenes(PeopleScenes):
    """A person in a top, the shop picture of that top, another top, and the same person in the other top.

    As in the try-on sets, people show their top: no coat, no dress, more or less towards the camera.

    Args:
        world, length, scheme: of `PeopleScenes`.
        yaw: largest turn from the camera, degrees.
        warps: make `control_points` (matching silhouettes takes longer than drawing).
        answers: make `truth`.
        others: make `other_garment`; by default with the answers.
    """

    def __init__(
        self,
        world: World,
        length: int,
        yaw: float = 35.0,
        warps: bool = True,
        answers: bool = True,
        others: bool | None = None,
        scheme: str = "lip20",
    ) -> None:
        super().__init__(world, length, yaw, scheme)
        self.warps = warps
        self.answers = answers
        self.others = answers if others is None else others
        self.outfits = self._tops(length)

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

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world = self.world
        identity, pose = world.identity(indices), self._pose(indices)
        background, camera = world.background(indices), world.camera(indices)
        worn, other = world.outfit(self.outfits[indices]), world.outfit(self.outfits[(indices + 1) % self.length])
        person, garment = self._draw(identity, pose, worn, background, camera), _eight_bit(world.lay_flat(worn))
        return Batch(
            person,
            garment=garment,
            other_garment=_eight_bit(world.lay_flat(other)) if self.others else None,
            control_points=self._control_points(garment, person) if self.warps else None,
            truth=self._draw(identity, pose, worn.with_top(other), background, camera) if self.answers else None,
            name=_names(indices),
        )

    def _control_points(self, garment: Garment, person: Person) -> Tensor:
        assert person.parsing is not None
        top = SCHEMES[self.scheme].index("upper-clothes")
        points = [
            torch.as_tensor(match_masks(mask, parsing == top))
            for mask, parsing in zip(garment.mask[:, 0].cpu().numpy(), person.parsing.cpu().numpy(), strict=True)
        ]
        return torch.stack(points).float().to(garment.device)


class PoseScenes(PeopleScenes):
    """A person, and the same person in another pose, turned another way: same clothes, background and light."""

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world = self.world
        identity, outfit = world.identity(indices), world.outfit(indices)
        background, camera = world.background(indices), world.camera(indices)

        def person(variant: int) -> Person:
            return self._draw(identity, self._pose(indices, variant), outfit, background, camera)

        return Batch(person(0), target=person(1), name=_names(indices))


class SwapScenes(PeopleScenes):
    """A person, the next person as donor, and the person with one factor of the donor; the factors take turns.

    The foreground is body, face and clothes; the pose is that of the joints and where the camera stands, so that the joints come to
    lie where the donor has them, but for the build of the body. Light, colour cast and noise belong to the picture: they stay, and
    the donor is seen in them as well, so that the answer follows from the two pictures.

    Args:
        world, length, yaw, scheme: of `PeopleScenes`.
        answers: make `truth`.
    """

    def __init__(self, world: World, length: int, yaw: float = 180.0, scheme: str = "lip20", answers: bool = True) -> None:
        super().__init__(world, length, yaw, scheme)
        self.answers = answers

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world, others = self.world, indices + 1
        camera = self._seen_from(others, indices)
        donor = self._draw(world.identity(others), self._pose(others), world.outfit(others), world.background(others), camera)
        return Batch(
            self._people(indices),
            donor=donor,
            factor=[FACTORS[index % len(FACTORS)] for index in indices.tolist()],
            truth=self._truth(indices) if self.answers else None,
            name=_names(indices),
        )

    def _seen_from(self, place: Tensor, light: Tensor) -> Camera:
        """The camera of some examples in the light of others."""
        given = self.world.camera(place)
        return dataclasses.replace(self.world.camera(light), **{name: getattr(given, name) for name in _VIEW})

    def _truth(self, indices: Tensor) -> Person:
        world, others = self.world, indices + 1
        turn = (indices % len(FACTORS)).to(world.device)
        foreground, background, pose = (turn == place for place in range(len(FACTORS)))
        return self._draw(
            choose(foreground, world.identity(others), world.identity(indices)),
            choose(pose, self._pose(others), self._pose(indices)),
            choose(foreground, world.outfit(others), world.outfit(indices)),
            choose(background, world.background(others), world.background(indices)),
            choose(pose, self._seen_from(others, indices), world.camera(indices)),
        )


class RedressScenes(PeopleScenes):
    """A person, a sentence about other clothes, and the same person, as she stands, in those clothes.

    The other clothes are the next of the same cut about which the sentence says something else.

    Args:
        world, length, scheme: of `PeopleScenes`.
        yaw: largest turn from the camera, degrees.
        answers: make `truth`.
    """

    def __init__(self, world: World, length: int, yaw: float = 35.0, scheme: str = "lip20", answers: bool = True) -> None:
        super().__init__(world, length, yaw, scheme)
        self.answers = answers

    def batch(self, indices: Tensor) -> Batch:
        """Examples number `indices` (B,); pictures hold 8-bit levels."""
        world = self.world
        numbers, text = self._others(indices)
        truth = None
        if self.answers:
            background, camera = world.background(indices), world.camera(indices)
            truth = self._draw(world.identity(indices), self._pose(indices), world.outfit(numbers), background, camera)
        return Batch(self._people(indices), other_text=text, truth=truth, name=_names(indices))

    def _others(self, indices: Tensor) -> tuple[Tensor, list[str]]:
        """Numbers of the other clothes (B,), and what is said about them."""
        world = self.world
        identity, seed, own = world.identity(indices), world.camera(indices).grain, world.outfit(indices)
        said = describe(outfit_attributes(identity, own), seed)
        numbers, text = indices.clone(), list(said)
        left = torch.arange(len(indices))
        while len(left):
            numbers[left] += 1
            other = world.outfit(numbers[left])
            sentences = describe(outfit_attributes(take(identity, left), other), seed[left])
            for place, sentence in zip(left.tolist(), sentences, strict=True):
                text[place] = sentence
            same = torch.tensor([text[place] == said[place] for place in left.tolist()])
            left = left[same | (other.top.feminine != own.top.feminine[left]).cpu()]
        return numbers, text


def _names(indices: Tensor) -> list[str]:
    return [f"{index:06d}" for index in indices.tolist()]


def _eight_bit(item: Item) -> Item:
    return dataclasses.replace(item, image=((item.image + 1) * 127.5).round() / 127.5 - 1)
