from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from fashiongen.metrics.pckh import PCKh, head_boxes


def people(count: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 18, 2, generator=generator) * 40
    seen = 2.0 * (torch.rand(count, 18, 1, generator=generator) < 0.7)
    return torch.cat([place, seen], dim=-1) * (seen > 0)


def by_hand(found: Tensor, wanted: Tensor, alpha: float) -> float:
    """PATN's counting, joint by joint."""
    right = counted = 0
    for theirs, ours in zip(found.numpy(), wanted.numpy(), strict=True):
        head = np.array([ours[joint, :2] for joint in (0, 1, 14, 15, 16, 17) if ours[joint, 2] > 0])
        if len(head) < 2:
            continue
        width, height = head.max(axis=0) - head.min(axis=0)
        for a, b in zip(theirs, ours, strict=True):
            counted += b[2] > 0
            near = abs(a[0] - b[0]) < alpha * width and abs(a[1] - b[1]) < alpha * height
            right += bool(a[2] > 0 and b[2] > 0 and near)
    return right / counted


def score(found: Tensor, wanted: Tensor, parts: int = 1, **options: float) -> float:
    queue = list(found.chunk(parts))
    metric = PCKh(lambda image: queue.pop(0), **options)
    for some in wanted.chunk(parts):
        metric.update(torch.zeros(len(some), 3, 8, 8), some)
    return metric.compute().item()


@pytest.mark.parametrize("alpha", [0.1, 0.5, 2.0])
def test_against_counting_by_hand(alpha: float) -> None:
    wanted, found = people(20), people(20, seed=1)
    assert 0 < score(found, wanted, alpha=alpha) < 1
    assert score(found, wanted, alpha=alpha) == pytest.approx(by_hand(found, wanted, alpha))
    assert score(found, wanted, parts=4, alpha=alpha) == score(found, wanted, alpha=alpha)


def test_a_perfect_answer_and_none() -> None:
    wanted = people()
    assert score(wanted, wanted) == 1
    assert score(torch.zeros_like(wanted), wanted) == 0


def test_heads() -> None:
    keypoints = torch.zeros(3, 18, 3)
    keypoints[0, 0] = torch.tensor([10.0, 5.0, 2.0])
    keypoints[0, 16] = torch.tensor([6.0, 8.0, 1.0])
    keypoints[1, 1] = torch.tensor([6.0, 8.0, 1.0])
    boxes, known = head_boxes(keypoints)
    assert boxes[0].tolist() == [4, 3] and known.tolist() == [True, False, False]
    assert boxes.isfinite().all()


def test_merging_and_reset() -> None:
    wanted, found = people(8), people(8, seed=1)
    metrics = [PCKh(lambda image, part=part: part, alpha=2.0) for part in found.split(4)]
    for metric, part in zip(metrics, wanted.split(4), strict=True):
        metric.update(torch.zeros(4, 3, 8, 8), people(4, seed=5))
        metric.reset()
        metric.update(torch.zeros(4, 3, 8, 8), part)
    metrics[0].merge_state(metrics[1])
    assert metrics[0].compute().item() == score(found, wanted, alpha=2.0)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"key points \(2, 18, 3\), not \(2, 17, 3\)"):
        PCKh(lambda image: torch.zeros(2, 17, 3)).update(torch.zeros(2, 3, 8, 8), people(2))
