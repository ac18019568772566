"""From what the picture generator painted to the picture: what of the person's own picture is kept.

Authors' code: `demo_release/demo_full.lua`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fashiongen.models.fashion_gan.representation import ARMS, BACKGROUND, FACE, HAIR, LEGS, masked_median

SKIN_LABELS = (LEGS, ARMS)
"""Labels whose painted pixels are mixed half and half with the person's own colour of that label, in this order."""


def skin_medians(image: Tensor, labels: Tensor, new_labels: Tensor) -> tuple[Tensor, Tensor]:
    """Median colours of the person's legs and arms.

    Args:
        image: (B, 3, H, W) the person.
        labels: (B, H, W) the person's label map.
        new_labels: (B, H, W) the label map after redressing.

    Returns:
        (B, 3, 2) colours and (B, 2) bool, whether they are used: where both maps have the label.
    """
    colours, used = [], []
    for label in SKIN_LABELS:
        own, new = labels == label, new_labels == label
        colours.append(masked_median(image, own))
        used.append(own.flatten(1).any(dim=1) & new.flatten(1).any(dim=1))
    return torch.stack(colours, dim=2), torch.stack(used, dim=1)


def composite_person(
    image: Tensor,
    labels: Tensor,
    painted: Tensor,
    new_labels: Tensor,
    keep: Sequence[int] = (HAIR, FACE),
    skin: bool = True,
    background: bool = False,
) -> Tensor:
    """Lay the person's hair and face on what was painted, and bring arms and legs nearer to the person's own skin.

    Skin comes after the labels that are kept, so that a kept pixel which the new map calls leg or arm is mixed as well.

    Args:
        image: (B, 3, H, W) the person.
        labels: (B, H, W) the person's label map.
        painted: (B, 3, H, W) what the generator painted, in the same units.
        new_labels: (B, H, W) the label map that it was painted from.
        keep: labels of the person's picture that are kept where they are.
        skin: mix arms and legs with the person's own median colours.
        background: keep the person's background, too, where the new map has background; the authors paint it.

    Returns:
        (B, 3, H, W), not clipped.
    """
    kept = torch.isin(labels, torch.tensor(list(keep), device=labels.device, dtype=labels.dtype))
    if background:
        kept = kept | ((labels == BACKGROUND) & (new_labels == BACKGROUND))
    result = torch.where(kept[:, None], image, painted)
    if not skin:
        return result
    colours, used = skin_medians(image, labels, new_labels)
    for place, label in enumerate(SKIN_LABELS):
        mixed = (new_labels == label) & used[:, place, None, None]
        result = torch.where(mixed[:, None], (result + colours[:, :, place, None, None]) / 2, result)
    return result


def compositional_mapping(candidates: Tensor, maps: Tensor) -> Tensor:
    """The paper's last layer: a picture for every label, of which each pixel takes the one of its label, I = sum_l S_l * I_l.

    Args:
        candidates: (B, 21, H, W): red, green and blue for label 0, then for label 1, ...
        maps: (B, H, W) integer labels, or (B, 7, H, W) shares of the labels, in the order of the labels.

    Returns:
        (B, 3, H, W).
    """
    pictures = candidates.unflatten(1, (-1, 3))
    if maps.ndim == 4:
        return (pictures * maps[:, :, None]).sum(dim=1)
    index = maps.long()[:, None, None].expand(-1, 1, 3, -1, -1)
    return pictures.gather(1, index).squeeze(1)
