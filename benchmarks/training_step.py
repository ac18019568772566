"""Where the time of a training step goes: a step of the refinement stage of PG2, Market-1501's size, batch 4.

python benchmarks/training_step.py
"""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch.profiler import ProfilerActivity, profile

from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.models.pg2.module import Pg2

BATCH, SHOWN = 4, 5


class ProfiledStep(Callback):
    """Profiles the second step; the first one warms up."""

    def __init__(self) -> None:
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
        self.profiler = profile(activities=activities)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            self.profiler.start()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            self.profiler.stop()


def main() -> None:
    model = Pg2(steps={"refinement": 2}, only="refinement", pictures_every=0)
    data = MannequinDataModule(task="pose", height=128, width=64, framing="full", look="market", train_length=8, batch_size=BATCH)
    step = ProfiledStep()
    Trainer(
        max_epochs=-1,
        callbacks=[step],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
    ).fit(model, data)
    events = sorted(step.profiler.key_averages(), key=lambda event: event.self_device_time_total + event.self_cpu_time_total)
    total = sum(event.self_device_time_total + event.self_cpu_time_total for event in events)
    print(f"{total / 1e6:.2f} s in operations")
    for event in events[: -SHOWN - 1 : -1]:
        own = event.self_device_time_total + event.self_cpu_time_total
        print(f"{100 * own / total:5.1f} %  {event.key} ({event.count} calls)")


if __name__ == "__main__":
    main()
