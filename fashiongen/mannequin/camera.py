"""The camera and the light: an orthographic view of the person, from the head to the feet or to the thighs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .identity import Identity
from .numerics import DEGREE
from .pose import Pose
from .random import uniform

CAMERA_STREAM = 3
FRAMINGS = ("upper", "full")
RAISED_ARMS = 100.0


@dataclass(frozen=True)
class Camera:
    """View and light of B pictures.

    Attributes:
        pitch: (B,) degrees, positive looks down.
        scale: (B,) page heights that a person of height 1 takes.
        shift_x: (B,) to the right, page heights.
        head_room: (B,) place of the top of the head below the upper edge of the page, page heights; NaN to stand on `ground`.
        ground: (B,) place of the soles below the upper edge of the page, page heights.
        azimuth: (B,) radians, light from the right of the picture when positive.
        elevation: (B,) height of the light.
        ambient: (B,) light from everywhere.
        warmth: (B,) -.06 (cool) to .06 (warm).
        grain: (B,) int64 name of the noise of the look.
    """

    pitch: Tensor
    scale: Tensor
    shift_x: Tensor
    head_room: Tensor
    ground: Tensor
    azimuth: Tensor
    elevation: Tensor
    ambient: Tensor
    warmth: Tensor
    grain: Tensor

    @property
    def full(self) -> Tensor:
        """(B,) bool, the whole figure is on the page."""
        return self.head_room.isnan()


def sample_camera(seed: Tensor, framing: str) -> Camera:
    """(B,) int64 seeds -> cameras."""
    draws = uniform(seed, CAMERA_STREAM, 8).t().contiguous()
    upper = framing == "upper"
    pitch = (draws[0] - 0.35) * 10
    return Camera(
        pitch=pitch * 0.3 if upper else pitch,
        scale=(1.48 if upper else 0.855) + 0.05 * draws[1],
        shift_x=(draws[2] - 0.5) * 0.06,
        head_room=0.055 + 0.03 * draws[3] if upper else torch.full_like(pitch, float("nan")),
        ground=0.955 + (draws[3] - 0.5) * 0.03,
        azimuth=(draws[4] - 0.5) * 1.6,
        elevation=0.5 + 0.3 * draws[5],
        ambient=0.50 + 0.10 * draws[7],
        warmth=(draws[6] - 0.5) * 0.12,
        grain=seed,
    )


@dataclass(frozen=True)
class Projection:
    """Orthographic projection of posed points to the page.

    Attributes:
        cosine, sine: (B,) of the pitch.
        scale: (B,) pixels per unit.
        floor: (B,) height of the floor, posed.
        x, y: (B,) pixels of the point on the floor below the pelvis.
    """

    cosine: Tensor
    sine: Tensor
    scale: Tensor
    floor: Tensor
    x: Tensor
    y: Tensor

    def __call__(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Posed coordinates, each (B, n), to pixels x, y and depth (larger is nearer, in body heights)."""
        cosine, sine, scale = self.cosine[:, None], self.sine[:, None], self.scale[:, None]
        y = y - self.floor[:, None]
        return self.x[:, None] + x * scale, self.y[:, None] - (y * cosine - z * sine) * scale, z * cosine + y * sine

    def turn(self, normal: Tensor) -> Tensor:
        """(B, 3, n) normals as the camera sees them."""
        cosine, sine = self.cosine[:, None], self.sine[:, None]
        x, y, z = normal.unbind(1)
        return torch.stack([x, y * cosine - z * sine, z * cosine + y * sine], 1)


def projection(camera: Camera, identity: Identity, pose: Pose, floor: Tensor, height: int, width: int) -> Projection:
    """How a camera sees a person on a page.

    A whole figure with raised arms is shown from farther away so that the hands stay on the page.
    """
    standing = camera.full
    raised = pose.arms[:, :, 0].amax(1) > RAISED_ARMS
    scale = camera.scale * identity.height * torch.where(raised & standing, 0.84, 1.0)
    ground = torch.where(standing, camera.ground, camera.head_room + scale * 1.02)
    pitch = (camera.pitch * DEGREE).contiguous()
    return Projection(
        cosine=torch.cos(pitch),
        sine=torch.sin(pitch),
        scale=scale * height,
        floor=floor,
        x=0.5 * width + camera.shift_x * height,
        y=ground * height,
    )
