"""Key points -> boxes around parts of the body."""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.layers.pose_disks import joint_pixels

# fmt: off
PARTS = (
    (0, 1, 2, 5, 14, 15, 16, 17), (2, 3, 4, 5, 6, 7, 8, 11), (8, 9, 10, 11, 12, 13), (5, 6, 7), (2, 3, 4), (11, 12, 13), (8, 9, 10),
    (2, 5, 8, 11), (5, 6), (6, 7), (2, 3), (3, 4), (11, 12), (12, 13), (8, 9), (9, 10), tuple(range(18)),
    *((joint,) for joint in range(18)), (2, 3, 4, 8, 9, 10), (5, 6, 7, 11, 12, 13),
)
# fmt: on
"""OpenPose-18 joints of the 37 parts: head and shoulders, upper body, legs, arms, single legs (the seven that Disentangled PIG
looks at), torso, single limbs, the whole body, single joints, right and left side."""

MARGINS = {"market": ((6, 10), (6, 10)), "deepfashion": ((10, 20), (20, 40))}
"""Rule -> pixels around the joints of a part, and around a single joint: of whole bodies, and of others."""
_NOSE_LIFT = {"market": (0, 0), "deepfashion": (10, 25)}
_NOSE, _LOWER_LEGS = 0, ((9, 10), (12, 13))


def part_boxes(keypoints: Tensor, height: int, width: int, rule: str = "market") -> tuple[Tensor, Tensor]:
    """Boxes around the visible joints of each part, in the coordinates that the authors' data sets store (PG2, Disentangled PIG).

    Args:
        keypoints: (B, 18, 3) x, y in pixels (pixel i spans [i, i + 1)), then visibility, 0 for a missing joint.
        height: height H of the picture.
        width: width W of the picture.
        rule: "market" (128x64), or "deepfashion" (256x256): margins depend on whether the whole body is seen (a lower leg on
            either side), and the nose is moved up, to cover the head.

    Returns:
        (B, 37, 4) int64 pixel indices y1, x1, y2, x2, both ends included and inside the picture; [0, 0, 1, 1] for a part
        without joints; and (B, 37) bool, which parts have a visible joint.

    Raises:
        ValueError: for an unknown rule.
    """
    if rule not in MARGINS:
        raise ValueError(f"rule is one of {', '.join(MARGINS)}, not {rule!r}")
    pixels, seen = joint_pixels(keypoints)
    whole = torch.stack([seen[:, joints].any(dim=1) for joints in _LOWER_LEGS]).all(dim=0)
    lift = torch.tensor(_NOSE_LIFT[rule], device=pixels.device)[(~whole).long()]
    rows, columns = pixels[..., 1].clone(), pixels[..., 0]
    rows[:, _NOSE] = (rows[:, _NOSE] - lift).clamp(min=0)

    member = torch.zeros(len(PARTS), 18, dtype=torch.bool, device=pixels.device)
    for part, joints in enumerate(PARTS):
        member[part, list(joints)] = True
    member = member & seen[:, None]
    count = member.sum(dim=-1)
    margins = torch.tensor(MARGINS[rule], device=pixels.device)[(~whole).long()]
    margin = torch.where(count == 1, margins[:, 1:], margins[:, :1])
    far = 2**20
    low, high = [], []
    for place, length in ((rows, height), (columns, width)):
        low.append((torch.where(member, place[:, None], far).amin(dim=-1) - margin).clamp(0, length - 1))
        high.append((torch.where(member, place[:, None], -far).amax(dim=-1) + margin).clamp(0, length - 1))
    boxes = torch.stack([*low, *high], dim=-1)
    visible = count > 0
    return torch.where(visible[..., None], boxes, boxes.new_tensor([0, 0, 1, 1])), visible
