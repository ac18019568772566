"""A small network that reads people: one encoder, one decoder, heat maps of joints and a label map side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Reading(NamedTuple):
    """What the network says of pictures (B, 3, H, W); all of it logits.

    Attributes:
        joints: (B, J, H/2, W/2) heat maps; the softmax over the places of a map says where a joint is.
        visibility: (B, J, 3) of unknown, hidden and seen.
        parsing: (B, L, H/2, W/2) label maps.
    """

    joints: Tensor
    visibility: Tensor
    parsing: Tensor


class PersonReader(nn.Module):
    """A residual network of `timm` from random weights, and a decoder that merges its levels, up to half the resolution.

    Whether a joint is there is read off the features at the place where its heat map puts it, beside those of the whole picture.

    Args:
        backbone: residual network of `timm` with basic blocks.
        channels: of its four levels, at a quarter to a thirty-second of the resolution.
        width: channels of the decoder; the network's stem has as many.
        joints: number of joints.
        labels: number of labels.
    """

    def __init__(self, backbone: str, channels: Sequence[int], width: int, joints: int, labels: int) -> None:
        super().__init__()
        encoder: Any = timm.create_model(
            backbone, pretrained=False, features_only=True, channels=tuple(channels), stem_width=width // 2
        )
        self.encoder = encoder
        *finer, coarsest = encoder.feature_info.channels()
        self.lateral = nn.Conv2d(coarsest, width, 1)
        self.merge = nn.ModuleList(_convolution(skip + width, width) for skip in reversed(finer))
        self.joints = nn.Conv2d(width, joints, 1)
        self.parsing = nn.Conv2d(width, labels, 1)
        self.known = nn.Sequential(nn.Linear(width + coarsest, 64), nn.ReLU(), nn.Linear(64, 3))
        self.which = nn.Parameter(torch.zeros(joints, width + coarsest))

    def forward(self, image: Tensor) -> Reading:
        """Pictures (B, 3, H, W) in [-1, 1], H and W multiples of 32."""
        *finer, coarsest = self.encoder(image)
        features = self.lateral(coarsest)
        for skip, merge in zip(reversed(finer), self.merge, strict=True):
            larger = F.interpolate(features, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            features = merge(torch.cat([larger, skip], dim=1))
        maps = self.joints(features)
        where = maps.flatten(2).softmax(dim=2)
        there = where @ features.flatten(2).transpose(1, 2)
        everywhere = coarsest.mean(dim=(2, 3))[:, None].expand(-1, there.shape[1], -1)
        visibility = self.known(torch.cat([there, everywhere], dim=2) + self.which)
        return Reading(maps, visibility, self.parsing(features))


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def locate(maps: Tensor, window: int = 2) -> tuple[Tensor, Tensor]:
    """Where the joints are: the mean place around the largest value of each map.

    Args:
        maps: (B, J, h, w) logits of heat maps.
        window: how many cells around the largest value count.

    Returns:
        (B, J, 2) x and y in cells, the centre of the first at 0.5, and (B, J) the share of the map inside the window.
    """
    height, width = maps.shape[-2:]
    share = maps.float().flatten(2).softmax(dim=2).view(maps.shape)
    place = share.flatten(2).argmax(dim=2)
    row, column = place // width, place % width
    rows, columns = (torch.arange(size, device=maps.device) for size in (height, width))
    near_rows = (rows - row[..., None]).abs() <= window
    near_columns = (columns - column[..., None]).abs() <= window
    near = share * (near_rows[..., :, None] & near_columns[..., None, :])
    total = near.sum(dim=(2, 3))
    x = (near.sum(dim=2) * (columns + 0.5)).sum(dim=2) / total
    y = (near.sum(dim=3) * (rows + 0.5)).sum(dim=2) / total
    return torch.stack([x, y], dim=2), total
