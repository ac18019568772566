"""PG2, small, that tells what every process of a training sees."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch.optim import SGD, Optimizer

from fashiongen.models.pg2.module import Pg2
from fashiongen.types import Batch


class Told(Pg2):
    """Learns by plain gradient descent, in which a wrong gradient shows, and writes the losses and names of each process."""

    told: list[dict[str, Any]]

    def on_train_start(self) -> None:
        super().on_train_start()
        self.told = []

    def configure_optimizers(self) -> list[Optimizer]:
        groups = [[weight for group in each.param_groups for weight in group["params"]] for each in super().configure_optimizers()]
        return [SGD(weights, 0.1) for weights in groups]

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.told.append({"names": batch.name, **{name: value.item() for name, value in self.losses.items()}})

    def on_train_end(self) -> None:
        weights = float(torch.cat([weight.detach().flatten() for weight in self.parameters()]).double().square().sum())
        record = {"steps": self.told, "weights": weights, "world_size": self.trainer.world_size}
        Path(os.environ["TOLD"], f"rank{self.global_rank}.json").write_text(json.dumps(record))
