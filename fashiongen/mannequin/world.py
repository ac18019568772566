"""The mannequin world: numbered people, poses, clothes, backgrounds and cameras, and pictures of any combination of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fashiongen.types import Garment

from . import background as backgrounds
from . import random
from .background import Background
from .camera import FRAMINGS, Camera, sample_camera
from .identity import Identity, sample_identity
from .looks import LOOKS
from .outfit import Outfit, sample_outfit
from .pose import Pose, sample_pose
from .rendering import Rendering, draw_flat, draw_people

if TYPE_CHECKING:
    from .photographs import PhotographBank

SPLITS = ("train", "validation", "test")
_NAME_STREAM, _VARIANT_STREAM = 1_000, 900


@dataclass(frozen=True)
class World:
    """Options of a world. Everything else follows from numbers: the same call gives the same bits in every process.

    Every method takes int64 indices (B,) and works on the whole batch. People and garments of the three splits are disjoint: of ten
    consecutive numbers eight are for training, one for validation and one for testing.

    Args:
        height, width: of the pictures in pixels.
        split: "train", "validation" or "test".
        seed: another seed is another world.
        framing: "upper", head to thigh as in VITON, or "full", the whole figure.
        look: "studio" or "market", the surveillance look of Market-1501.
        photographs: folder of garment photographs, the cloth of some tops.
        photograph_share: share of these tops.
        device: where everything is drawn.

    Raises:
        ValueError: for an unknown split, framing or look, or a page smaller than 16 x 16.
    """

    height: int = 128
    width: int = 96
    split: str = "train"
    seed: int = 0
    framing: str = "upper"
    look: str = "studio"
    photographs: str | None = None
    photograph_share: float = 0.5
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("split", self.split, SPLITS),
            ("framing", self.framing, FRAMINGS),
            ("look", self.look, LOOKS),
        ):
            if value not in known:
                raise ValueError(f"the mannequin world has no {name} {value!r}; choose one of {', '.join(known)}")
        if min(self.height, self.width) < 16:
            raise ValueError(f"pages of {self.height} x {self.width} pixels are too small to show a person; use at least 16 x 16")

    @cached_property
    def _photographs(self) -> PhotographBank | None:
        if self.photographs is None:
            return None
        from .photographs import PhotographBank

        return PhotographBank(self.photographs, split=self.split)

    def _names(self, index: Tensor) -> Tensor:
        """(B,) numbers within the split -> (B,) seeds that no other split has."""
        index = torch.as_tensor(index, dtype=torch.int64, device=self.device)
        offset = SPLITS.index(self.split)
        number = 10 * torch.div(index, 8, rounding_mode="floor") + index % 8 if offset == 0 else 10 * index + 7 + offset
        return random.bits(number, _NAME_STREAM + self.seed, 1)[:, 0]

    def _variants(self, index: Tensor, variant: int | Tensor) -> Tensor:
        names = self._names(index)
        return random.bits(names + torch.as_tensor(variant, dtype=torch.int64, device=names.device), _VARIANT_STREAM, 1)[:, 0]

    def identity(self, index: Tensor) -> Identity:
        """People number `index`."""
        return sample_identity(self._names(index))

    def pose(self, index: Tensor, variant: int | Tensor = 0) -> Pose:
        """Pose `variant` of people number `index`."""
        return sample_pose(self._variants(index, variant))

    def outfit(self, index: Tensor) -> Outfit:
        """Clothes number `index`, cut for the person of the same number."""
        return sample_outfit(self._names(index), self._photographs, self.photograph_share)

    def background(self, index: Tensor) -> Background:
        """Backgrounds number `index`."""
        return backgrounds.sample_background(self._names(index))

    def camera(self, index: Tensor, variant: int | Tensor = 0) -> Camera:
        """View and light `variant` of people number `index`."""
        return sample_camera(self._variants(index, variant), self.framing)

    def render(self, identity: Identity, pose: Pose, outfit: Outfit, background: Background, camera: Camera) -> Rendering:
        """Draw people; every factor may come from another index, so every counterfactual exists."""
        return draw_people(identity, pose, outfit, background, camera, self.height, self.width, self.look)

    def draw(self, index: Tensor, variant: int | Tensor = 0) -> Rendering:
        """People number `index` in their own clothes, in pose `variant`."""
        return self.render(
            self.identity(index), self.pose(index, variant), self.outfit(index), self.background(index), self.camera(index, variant)
        )

    def lay_flat(self, outfit: Outfit) -> Garment:
        """Shop pictures of the tops (or dresses) of outfits."""
        return draw_flat(outfit, self.height, self.width).garment()

    def resized(self, height: int, width: int) -> World:
        """The same world on other pages."""
        return dataclasses.replace(self, height=height, width=width)
