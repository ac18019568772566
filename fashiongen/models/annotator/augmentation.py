"""Windows of pictures with their annotations, and changes of colour: one set of whole figures teaches close pictures as well."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.types import Person


@dataclass(frozen=True)
class Window:
    """Which part of pictures is looked at, each in its own way.

    Attributes:
        centre: (B, 2) x and y in pixels of the picture.
        height: (B,) of the part, in pixels of the picture; its width follows from the page.
        angle: (B,) by which the part is turned, in radians.
    """

    centre: Tensor
    height: Tensor
    angle: Tensor


def whole(person: Person, page: tuple[int, int]) -> Window:
    """The smallest window of the page's aspect that holds the whole picture."""
    height, width = person.size
    count = len(person.image)
    tall = max(height, width * page[0] / page[1])
    centre = person.image.new_tensor([width / 2, height / 2])
    return Window(centre.expand(count, 2), centre.new_full((count,), tall), centre.new_zeros(count))


def upper(person: Person, page: tuple[int, int], share: Tensor | float = 0.6, margin: Tensor | float = 0.08) -> Window:
    """From above the head down: what try-on pictures show of a person.

    Args:
        person: batch with parsing.
        page: height and width.
        share: of the figure that is shown, (B,) or one for all.
        margin: free above the head, as a share of the window.
    """
    assert person.parsing is not None
    figure = person.parsing > 0
    top, bottom = _extent(figure.any(dim=2))
    head_to_hip = figure & (torch.arange(figure.shape[1], device=figure.device)[:, None] < ((top + bottom) / 2)[:, None, None])
    left, right = _extent(head_to_hip.any(dim=1))
    height = (bottom - top).clamp(min=1) * share / (1 - margin)
    height = height.clamp(min=8.0)
    y = top - margin * height + height / 2
    return Window(torch.stack([(left + right) / 2, y], dim=1), height, torch.zeros_like(y))


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First and one after the last True of (B, N); the whole where there is none."""
    count = occupied.shape[1]
    places = torch.arange(count, device=occupied.device)
    none = ~occupied.any(dim=1)
    first = torch.where(occupied, places, count).amin(dim=1).masked_fill(none, 0)
    last = torch.where(occupied, places, -1).amax(dim=1).masked_fill(none, count - 1) + 1
    return first.float(), last.float()


def looked_at(person: Person, window: Window, page: tuple[int, int]) -> Person:
    """What windows show, on pages of one size; white and background beyond the picture, joints outside of the page unknown.

    Args:
        person: batch (B, 3, h, w) with key points and parsing.
        window: what is looked at.
        page: height and width of the result.
    """
    assert person.keypoints is not None and person.parsing is not None
    (height, width), (h, w) = page, person.size
    scale = window.height / height
    cosine, sine = window.angle.cos() * scale, window.angle.sin() * scale
    turn = torch.stack([torch.stack([cosine, -sine], dim=1), torch.stack([sine, cosine], dim=1)], dim=1)
    half_page = scale.new_tensor([width, height]) / 2
    half_picture = scale.new_tensor([w, h]) / 2
    theta = torch.cat([turn * half_page, (window.centre - half_picture)[:, :, None]], dim=2) / half_picture[:, None]
    grid = F.affine_grid(theta, [len(theta), 1, height, width], align_corners=False)
    image = F.grid_sample(person.image - 1, grid, align_corners=False) + 1
    parsing = F.grid_sample(person.parsing[:, None].to(grid.dtype), grid, mode="nearest", align_corners=False)[:, 0]
    places = (person.keypoints[..., :2] - window.centre[:, None]) @ turn / scale.square()[:, None, None] + half_page
    inside = ((places >= 0) & (places < 2 * half_page)).all(dim=2, keepdim=True) & (person.keypoints[..., 2:] > 0)
    keypoints = torch.cat([places, person.keypoints[..., 2:]], dim=2) * inside
    return dataclasses.replace(person, image=image, keypoints=keypoints, parsing=parsing.to(person.parsing.dtype), parts=None)


def random_window(person: Person, page: tuple[int, int]) -> Window:
    """Half of the time the whole picture, half of the time head to somewhere below the waist; moved and turned a little."""
    count, device = len(person.image), person.image.device
    u = torch.rand(count, 6, device=device)
    wide = whole(person, page)
    close = upper(person, page, share=0.4 + 0.4 * u[:, 0], margin=0.02 + 0.13 * u[:, 1])
    chosen = u[:, 2] < 0.5
    height = torch.where(chosen, close.height, wide.height * (0.85 + 0.35 * u[:, 0]))
    centre = torch.where(chosen[:, None], close.centre, wide.centre)
    moved = centre + (u[:, 3:5] - 0.5) * 0.12 * height[:, None]
    return Window(moved, height, (u[:, 5] - 0.5) * 0.35)


def recoloured(image: Tensor) -> Tensor:
    """Other light and another camera: contrast, exposure, colour cast, some blur or few pixels, noise.

    Args:
        image: (B, 3, H, W) in [-1, 1].
    """
    count = len(image)
    u = torch.rand(count, 8, 1, 1, device=image.device)
    cast = 1 + 0.24 * (torch.rand(count, 3, 1, 1, device=image.device) - 0.5)
    light = (image + 1) / 2
    mean = light.mean(dim=(1, 2, 3), keepdim=True)
    light = (mean + (light - mean) * (0.65 + 0.7 * u[:, 0:1])) * (0.75 + 0.5 * u[:, 1:2]) * cast
    grey = light.mean(dim=1, keepdim=True).expand_as(light)
    light = torch.where(u[:, 2:3] < 0.1, grey, light)
    coarse = F.interpolate(F.avg_pool2d(light, 2, ceil_mode=True), size=light.shape[-2:], mode="bilinear", align_corners=False)
    light = torch.where(u[:, 3:4] < 0.3, torch.lerp(light, coarse, u[:, 4:5]), light)
    light = light + 0.06 * u[:, 5:6].square() * torch.randn_like(light)
    return light.clamp(0, 1) * 2 - 1
