"""What is measured of CAGAN: swaps against the true answer, and what needs no answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fashiongen.metrics.masked import MaskedL1, MaskedSSIM
from fashiongen.models.base import FashionModule
from fashiongen.models.figures import log_figures
from fashiongen.types import Batch, Person


class SwapFigures(FashionModule):
    """Validation, test and prediction steps.

    Attributes:
        garments_of: what the people of a batch wear, and what they are to wear, (B, 3, H, W) each.
        put_on_again: people (B, 3, H, W) in the garments that they wear.
    """

    garments_of: Callable[[Batch], tuple[Tensor, Tensor]]
    put_on_again: Callable[[Tensor, Tensor], Tensor]

    def on_validation_epoch_start(self) -> None:
        self.figures: dict[str, dict[str, Any]] = {}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Figures against the truth where the data has it, and those that need no answer."""
        self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        log_figures(self, self.figures, "validation", f"{self.name}/swap_l1")

    def on_test_epoch_start(self) -> None:
        self.figures = {}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card: the swap and the picture unchanged against the true answer, where the data has it.

        "swap" is where the old or the new garment is, "garment" where the new one is, "outside" where neither is; "outside_change"
        is how far the result is from the person's own picture there. L1 is in units of a [0, 1] picture. Without an answer there
        remain "matte", the mean of alpha, "identity_l1", what putting on the same garment again changes, and "cycle_l1", how far
        swapping there and back is from the person.
        """
        self._evaluate(batch, stand_in=True)

    def on_test_epoch_end(self) -> None:
        log_figures(self, self.figures, "test", f"{self.name}/swap_l1")

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and pictures (B, 3, H, W) of the people of a batch in their other garments."""
        worn, target = self.garments_of(batch)
        return {"name": batch.name, "image": self(batch.person.image, worn, target).over(batch.person.image)}

    def _evaluate(self, batch: Batch, stand_in: bool = False) -> None:
        person = batch.person.image
        worn, target = self.garments_of(batch)
        swap = self(person, worn, target)
        picture = swap.over(person)
        restored = self(picture, target, worn).over(picture)
        self._update(self.name, "matte", swap.alpha * 2 - 1, torch.full_like(swap.alpha, -1))
        self._update(self.name, "identity_l1", self.put_on_again(person, worn), person)
        self._update(self.name, "cycle_l1", restored, person)
        if batch.truth is None:
            return
        new = self.garment_region(batch.truth)
        changed = torch.maximum(new, self.garment_region(batch.person))
        for name, result in {self.name: picture, **({"do_nothing": person} if stand_in else {})}.items():
            for where, region in (("swap", changed), ("garment", new), ("outside", 1 - changed), ("", None)):
                for figure in ("l1", "ssim"):
                    self._update(name, f"{where}_{figure}".strip("_"), result, batch.truth.image, region)
            self._update(name, "outside_change", result, person, 1 - changed)

    def _update(self, name: str, figure: str, picture: Tensor, reference: Tensor, region: Tensor | None = None) -> None:
        metrics = self.figures.setdefault(name, {})
        if figure not in metrics:
            metrics[figure] = (MaskedSSIM() if figure.endswith("ssim") else MaskedL1()).to(self.device)
        metrics[figure].update(picture, reference, region)

    def garment_region(self, person: Person, beside: Sequence[int] = ()) -> Tensor:
        """(B, 1, H, W) in {0, 1}: where a person wears the garment, or has one of the labels `beside` it."""
        if person.parsing is None:
            raise ValueError(
                "figures on the garment, matte_target='parsing' and a cycle_start other than 'generated' need parsing of everybody"
            )
        labels = torch.tensor([*self.hparams["garment_labels"], *beside], device=person.parsing.device)
        return torch.isin(person.parsing, labels).float().unsqueeze(1)
