"""Figures of Disentangled PIG: each factor exchanged alone, against the true answer, and what leaks from one code into another."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from fashiongen.metrics.masked import MaskedL1
from fashiongen.models.repose import ReposeFigures, person_region
from fashiongen.types import Batch, Person


class SwapFigures(ReposeFigures):
    """Test figures on two kinds of batches: with `target`, re-posing as `ReposeFigures` does; with `donor`, `factor` and `truth`,
    swaps of single factors.

    A swap divides a picture in two. *Changed* is the region in which the truth may differ: where either the person or the truth
    has a body, for foreground and pose; all the rest, for the background. *Kept* is its complement. Logged of each factor, L1 in
    units of a [0, 1] picture:

    - `swap_<factor>/changed_l1`, `kept_l1`: the model against the truth;
    - `do_nothing_<factor>/changed_l1`, `kept_l1`: the unchanged person against the truth;
    - `swap_<factor>/gap_closed`: 1 - changed_l1 / changed_l1 of doing nothing;
    - `swap_<factor>/kept_change`: what the exchange of the code changes in the kept region of the picture that the model
      draws of the person, and `kept_share`, the same divided by changed_l1 of doing nothing. The truth itself changes there by
      `do_nothing_<factor>/kept_l1`: shadows, blur and compression cross outlines;
    - `swap_<factor>/kept_error`: how far this change, made to the person's own picture, is from the truth there;
    - `leak/<factor>_on_person`, `_on_background`: what the exchange of this one code changes on the two bodies of person and
      donor, and beside them, over *all* examples.

    `reconstruction/...` is the person drawn again from her own codes.
    """

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that the model has codes of."""
        raise AttributeError(f"{type(self).__name__} has no factors")

    def exchange(self, person: Person, donor: Person, factor: str | list[str]) -> Tensor:
        """(B, 3, H, W) people with one factor of the donors; see `fashiongen.models.disentangled_pig.factors.FactorVerbs`."""
        raise AttributeError(f"{type(self).__name__} cannot exchange factors")

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """L1 and SSIM against the target where the data has it, against the true swap, or against the person drawn again."""
        if batch.target is not None:
            super().validation_step(batch, batch_idx)
        elif batch.truth is not None and batch.donor is not None and batch.factor is not None:
            picture = self.exchange(batch.person, batch.donor, batch.factor)
            self._measure(self.name, picture, dataclasses.replace(batch, target=batch.truth))
        else:
            self._measure(self.name, self._again(batch.person), dataclasses.replace(batch, target=batch.person))

    def on_test_epoch_start(self) -> None:
        super().on_test_epoch_start()
        self.swaps: dict[str, MaskedL1] = {}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card.

        Raises:
            ValueError: for a batch with neither `target` nor the true answer of a swap.
        """
        if batch.target is not None:
            super().test_step(batch, batch_idx)
        elif batch.truth is not None and batch.donor is not None and batch.factor is not None:
            self._measure_swaps(batch.person, batch.donor, batch.factor, batch.truth)
        else:
            raise ValueError("these figures need the same person in another pose (`target`), or the true swap (`truth`)")

    def on_test_epoch_end(self) -> None:
        if self.figures:
            super().on_test_epoch_end()
        found = {name: metric.compute() for name, metric in self.swaps.items()}
        for factor in self.factors if found else ():
            gap = found[f"do_nothing_{factor}/changed_l1"]
            found[f"swap_{factor}/gap_closed"] = 1 - found[f"swap_{factor}/changed_l1"] / gap
            found[f"swap_{factor}/kept_share"] = found[f"swap_{factor}/kept_change"] / gap
        for name, value in found.items():
            if not value.isnan():  # no example exchanges this factor
                self.log(f"test/{name}", value)  # type: ignore[attr-defined]

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and pictures (B, 3, H, W): people in the poses of their targets, with a factor of their donors, or drawn again."""
        if batch.target is not None:
            return super().predict_step(batch, batch_idx)
        if batch.donor is not None and batch.factor is not None:
            return {"name": batch.name, "image": self.exchange(batch.person, batch.donor, batch.factor)}
        return {"name": batch.name, "image": self._again(batch.person)}

    def _again(self, person: Person) -> Tensor:
        assert person.keypoints is not None
        return self.transfer(person, person.keypoints)

    def _measure_swaps(self, person: Person, donor: Person, factor: str | list[str], truth: Person) -> None:
        again = self._again(person)
        self._swap("reconstruction/l1", again, person.image, torch.ones_like(person.image[:, :1]))
        self._swap("reconstruction/person_l1", again, person.image, person_region(person))
        exchanged = {name: self.exchange(person, donor, name) for name in self.factors}

        both = torch.maximum(person_region(person), person_region(donor))
        for name, picture in exchanged.items():
            self._swap(f"leak/{name}_on_person", picture, again, both)
            self._swap(f"leak/{name}_on_background", picture, again, 1 - both)

        bodies = torch.maximum(person_region(person), person_region(truth))
        factors = [factor] * len(person.image) if isinstance(factor, str) else factor
        for name, picture in exchanged.items():
            rows = [row for row, each in enumerate(factors) if each == name]
            changed = 1 - bodies[rows] if name == "background" else bodies[rows]
            for region, where in (("changed_l1", changed), ("kept_l1", 1 - changed)):
                self._swap(f"swap_{name}/{region}", picture[rows], truth.image[rows], where)
                self._swap(f"do_nothing_{name}/{region}", person.image[rows], truth.image[rows], where)
            self._swap(f"swap_{name}/kept_change", picture[rows], again[rows], 1 - changed)
            changed_person = person.image[rows] + picture[rows] - again[rows]
            self._swap(f"swap_{name}/kept_error", changed_person, truth.image[rows], 1 - changed)

    def _swap(self, name: str, picture: Tensor, expected: Tensor, region: Tensor) -> None:
        if name not in self.swaps:
            self.swaps[name] = MaskedL1().to(self.device)  # type: ignore[attr-defined]
        self.swaps[name].update(picture, expected, region)
