"""People of whom nothing tells any more what they wear: where the way there and back may start. Not in paper or codes."""

from __future__ import annotations

import torch
from torch import Tensor

from fashiongen.data.parsing import PARTS
from fashiongen.layers.compositor import composite
from fashiongen.layers.label_means import label_means
from fashiongen.layers.segment_colours import paint
from fashiongen.types import Person


def in_clothes_of_another(person: Person, cover: Tensor) -> Tensor:
    """People who, where they are covered, show the colours and the texture of the one before in the batch (`roll(1, 0)`).

    The outlines of their body parts stay: each part has the mean colour that it has under the cover of the one before (that of the
    whole cover where she lacks the part), so that nothing is left of pattern, sleeves and skin.

    Args:
        person: batch with body parts.
        cover: (B, 1, H, W) in {0, 1}.

    Returns:
        (B, 3, H, W) in [-1, 1]; beside the cover the pictures of the people.

    Raises:
        ValueError: for people without body parts.
    """
    if person.parts is None:
        raise ValueError("cycle_start='exchanged' needs the body parts of everybody, which this data lacks; choose 'covered'")
    image = person.image
    covered = (person.parts.long() + 1) * cover.squeeze(1).long()
    means, sizes = label_means(image, covered, len(PARTS) + 1)
    whole = (image * cover).sum(dim=(2, 3)) / cover.sum(dim=(2, 3)).clamp(min=1)
    means = torch.where(sizes[..., None] > 0, means, whole[:, None])
    texture = (image - paint(covered, means)) * cover
    return composite((paint(covered, means.roll(1, 0)) + texture.roll(1, 0)).clamp(-1, 1), image, cover)
