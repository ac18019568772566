"""Stand-ins for trained models, which answer at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from fashiongen.types import Batch, to_pil

SIZE = (64, 48)


class Standin(nn.Module):
    """Every verb gives back what tells whether it was asked for the right thing; notes how many are at work at once."""

    name = "standin"
    size = SIZE
    needs_to_run: frozenset[str] = frozenset({"person"})

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seconds = seconds
        self.at_work = self.most_at_work = self.asked = 0
        self._count = threading.Lock()

    def _work(self) -> None:
        with self._count:
            self.asked += 1
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        time.sleep(self.seconds)
        with self._count:
            self.at_work -= 1

    def try_on(self, person: Any, garment: Any, **controls: Any) -> Image.Image:
        self._work()
        return garment.to_pil()

    def repose(self, person: Any, pose: Any) -> Image.Image:
        self._work()
        return pose.to_pil()

    def redress(self, person: Any, text: str) -> Image.Image:
        self._work()
        return to_pil(torch.rand(3, *SIZE) * 2 - 1)

    def sample(self, n: int = 1) -> list[Image.Image]:
        self._work()
        return [to_pil(torch.rand(3, *SIZE) * 2 - 1) for _ in range(n)]

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        return {"person": batch.person.image, "upside down": batch.person.image.flip(2)}


class Comparer(Standin):
    """Needs the worn garment as well."""

    needs_to_run = frozenset({"person", "garment", "other_garment"})

    def try_on(self, person: Any, garment: Any, **controls: Any) -> Image.Image:
        self._work()
        return controls["worn"].to_pil()
