"""PCKh: are the joints of generated people where they should be?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchmetrics import Metric

_HEAD = (0, 1, 14, 15, 16, 17)  # nose, neck, eyes, ears


def head_boxes(keypoints: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of heads: of the box around those of nose, neck, eyes and ears that were found.

    Args:
        keypoints: (B, 18, 3) x, y in pixels, then visibility, 0 for a missing joint.

    Returns:
        (B, 2) width and height, and (B,) bool: whether at least two of the six joints were found.
    """
    head = keypoints[:, _HEAD]
    seen = head[..., 2:] > 0
    far = torch.finfo(head.dtype).max
    low = torch.where(seen, head[..., :2], far).amin(dim=1)
    high = torch.where(seen, head[..., :2], -far).amax(dim=1)
    known = seen.sum(dim=(1, 2)) >= 2
    return torch.where(known[:, None], high - low, 0), known


class PCKh(Metric):
    """Share of the target's joints that a key-point reader finds at their place on the generated picture; higher is better.

    A joint is at its place when it is off by less than `alpha` times the width of the target's head in x, and times its height in
    y (PATN's `calPCKH_market.py`; Zhu et al., CVPR 2019). A joint that is not found is wrong; targets without a head are left out.
    All joints of all pictures count alike.

    Args:
        reader: pictures (B, 3, H, W) in [-1, 1] -> key points (B, 18, 3) in their pixels, visibility 0 for what was not found.
        alpha: share of the head.
    """

    higher_is_better = True
    full_state_update = False
    right: Tensor
    count: Tensor

    def __init__(self, reader: Callable[[Tensor], Tensor], alpha: float = 0.5) -> None:
        super().__init__()
        self.reader, self.alpha = reader, alpha
        for name in ("right", "count"):
            self.add_state(name, torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, keypoints: Tensor) -> None:
        """Pictures (B, 3, H, W) in [-1, 1] and the key points (B, 18, 3) that they should have.

        Raises:
            ValueError: when the reader gives key points of another shape.
        """
        if isinstance(self.reader, nn.Module):
            self.reader.eval()
        found = self.reader(prediction)
        if found.shape != keypoints.shape:
            raise ValueError(f"a reader gives key points {tuple(keypoints.shape)}, not {tuple(found.shape)}")
        found = found.to(keypoints)
        boxes, known = head_boxes(keypoints)
        counted = (keypoints[..., 2] > 0) & known[:, None]
        near = ((found - keypoints)[..., :2].abs() < self.alpha * boxes[:, None]).all(dim=-1)
        self.right += (counted & near & (found[..., 2] > 0)).sum()
        self.count += counted.sum()

    def compute(self) -> Tensor:
        return self.right.double() / self.count
