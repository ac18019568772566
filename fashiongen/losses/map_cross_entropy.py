"""Cross entropy of label maps, summed over pixels, as the losses of variational auto-encoders have it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

KINDS = ("sigmoid", "softmax")


def map_cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor | None = None, kind: str = "softmax") -> Tensor:
    """Cross entropy between logits and a label map: a *sum* over places, a mean over the batch.

    Args:
        logits: (B, K, H, W).
        labels: (B, H, W) integer ids below K.
        weight: (B, H, W), how much each place counts; 1 everywhere when None.
        kind: "softmax": one choice among K labels. "sigmoid": K independent yes/no decisions, the *mean* over them (ClothNet's
            code), which makes the loss about K times smaller.

    Returns:
        scalar.

    Raises:
        ValueError: for another kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "softmax":
        loss = F.cross_entropy(logits, labels.long(), reduction="none")
    else:
        # The cross entropy with 0 everywhere, and what changes where the label is: no one-hot map is made.
        chosen = logits.gather(1, labels.long().unsqueeze(1)).squeeze(1)
        loss = (F.softplus(logits).sum(dim=1) - chosen) / logits.shape[1]
    return (loss if weight is None else weight * loss).sum(dim=(1, 2)).mean()


def label_weights(labels: Tensor, classes: Sequence[int], factor: float, predicted: Tensor | None = None) -> Tensor:
    """`factor` where a label is one of `classes`, else 1.

    Args:
        labels: (...) integer ids of the truth.
        classes: the ids that count more: small things such as eyes.
        factor: how much more.
        predicted: (...) ids of a prediction: places that it calls one of `classes` count more too (once, not twice), which
            punishes false alarms as well as misses.

    Returns:
        (...) float32.
    """
    chosen = torch.as_tensor(list(classes), device=labels.device, dtype=labels.dtype)
    important = torch.isin(labels, chosen)
    if predicted is not None:
        important = important | torch.isin(predicted, chosen.to(predicted.dtype))
    return torch.where(important, float(factor), 1.0)
