"""The smallest model that dresses people: it mixes the picture of the person with that of the garment."""

from __future__ import annotations

import os
import signal
from typing import Any

from tiny_training import Tiny

from fashiongen.models.verbs import TryOn
from fashiongen.types import Batch


class Mixer(TryOn, Tiny):
    """Dies before one batch, if told so; leaves a line for each that it draws."""

    needs_to_run = frozenset({"person", "keypoints", "garment"})
    size = (32, 24)

    def on_predict_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if batch_idx == self.hparams["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        assert batch.garment is not None and batch.other_garment is not None and batch.person.keypoints is not None
        with open("drawn.txt", "a") as file:
            file.write("".join(f"{name}\n" for name in batch.name or []))
        image = self.coarse(batch.person.image) + batch.other_garment.image - batch.garment.image
        return {"name": batch.name, "image": image.clamp(-1, 1)}
