"""One colour for each part of a dressed person: what a picture generator can be told about its colours.

Labels are the 22 of the scheme "clothnet22" of `fashiongen.data.parsing`. Authors' code: step 07 of ClothNet's data preparation
and `geometric_median.py`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from fashiongen.layers.label_means import label_means

MERGED = ((9, 10), (11, 14, 15, 19), (12, 13), (20, 21))
"""Labels that share one colour: shoes, skin (face, arms, nose), legs, eyes. Every other label has its own."""

_LABELS = 22
_MOST_STEPS = 10_000


def geometric_median(points: Tensor, tolerance: float = 1e-5) -> Tensor:
    """The place with the smallest sum of distances to the points.

    Args:
        points: (N, D) with at least one point.
        tolerance: the iteration ends when its step is shorter.

    Returns:
        (D,) float64.

    Raises:
        ValueError: without points.
    """
    if not len(points):
        raise ValueError("there is no geometric median of no points")
    return segment_medians(points, torch.zeros(len(points), dtype=torch.int64, device=points.device), 1, tolerance)[0]


def segment_medians(points: Tensor, segment: Tensor, count: int, tolerance: float = 1e-5) -> Tensor:
    """Geometric median of each of several sets of points, all at once.

    Weiszfeld's iteration from the mean, with the treatment of points that coincide with the estimate by Vardi and Zhang ("The
    multivariate L1-median and associated data depth", PNAS 2000). A set whose step is shorter than the tolerance stays as it is.

    Args:
        points: (N, D).
        segment: (N,) int64 in 0..count-1: which set each point belongs to.
        count: number of sets.
        tolerance: Euclidean length of the last step.

    Returns:
        (count, D) float64; zero for an empty set.
    """
    points = points.double()
    sizes = torch.zeros(count, dtype=torch.float64, device=points.device).index_add_(0, segment, points.new_ones(len(points)))

    def sums(values: Tensor, where: Tensor) -> Tensor:
        return values.new_zeros(count, *values.shape[1:]).index_add_(0, where, values)

    median = sums(points, segment) / sizes.clamp(min=1)[:, None]
    active = sizes > 0
    for _ in range(_MOST_STEPS):
        chosen = active[segment]
        points, segment = points[chosen], segment[chosen]
        if not len(points):
            break
        distance = (points - median[segment]).norm(dim=1)
        apart = distance > 0
        inverse = torch.where(apart, 1 / distance.where(apart, 1), 0)
        total = sums(inverse, segment)
        mean = sums(points * inverse[:, None], segment) / total.where(total > 0, 1)[:, None]
        coinciding = sums((~apart).double(), segment)
        pull = ((mean - median) * total[:, None]).norm(dim=1)
        # With points on the estimate the pull of the others must exceed their number, else the estimate is the median.
        share = torch.where(pull > 0, (coinciding / pull.where(pull > 0, 1)).clamp(max=1), 1.0)
        share = torch.where(coinciding > 0, share, 0.0)
        moved = torch.where((active & (total > 0))[:, None], (1 - share)[:, None] * mean + share[:, None] * median, median)
        active = active & ((moved - median).norm(dim=1) >= tolerance)
        median = moved
    return median


def segment_colours(image: Tensor, labels: Tensor, statistic: Literal["median", "mean"] = "median") -> Tensor:
    """The colour of every label of pictures of people.

    Labels of one group of `MERGED` share the colour of their union.

    Args:
        image: (B, 3, H, W) uint8.
        labels: (B, H, W) integer ids.
        statistic: "median", the geometric median (truncated to whole levels, as the authors do), or "mean", which is faster.

    Returns:
        (B, 22, 3) uint8; zero for background and labels that are not there.

    Raises:
        ValueError: for another statistic.
    """
    if statistic not in ("median", "mean"):
        raise ValueError(f"statistic is 'median' or 'mean', not {statistic!r}")
    batch = len(image)
    group = torch.arange(_LABELS, device=labels.device)
    for merged in MERGED:
        group[list(merged)] = merged[0]
    sample = torch.arange(batch, device=labels.device)[:, None]
    flat = labels.long().flatten(1)
    if statistic == "median":
        points, dressed = image.permute(0, 2, 3, 1).reshape(-1, 3), flat.flatten() > 0
        segment = (sample * _LABELS + group[flat]).flatten()
        colours = segment_medians(points[dressed], segment[dressed], batch * _LABELS)
    else:
        colours, _ = label_means(image.double(), group[labels.long()], _LABELS)
    present = torch.zeros(batch, _LABELS, dtype=torch.bool, device=labels.device)
    present[sample.expand_as(flat), flat] = True
    present[:, 0] = False
    colours = colours.view(batch, _LABELS, 3)[:, group].to(torch.uint8)
    return colours * present[..., None]


def paint(labels: Tensor, colours: Tensor) -> Tensor:
    """Fill a label map with one colour a label.

    Args:
        labels: (B, H, W) integer ids.
        colours: (B, L, 3) of any type, a row for every id.

    Returns:
        (B, 3, H, W) of that type.
    """
    sample = torch.arange(labels.shape[0], device=labels.device)[:, None, None]
    return colours[sample, labels.long()].movedim(-1, 1)
