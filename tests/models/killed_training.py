"""Trains the tiny model of a paper's own tests to its end, and again with a SIGKILL in the middle of every stage; a program.

    python killed_training.py PAPER FOLDER

prints the stages in which it is killed, and those after whose kill the weights are those of the unbroken run, bit by bit. A paper's
tests may name options, ALL_STAGES, of a model with more stages than it has by default.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from fitting import same, trainer
from pytorch_lightning import Callback
from torch import nn

from fashiongen.callbacks import LAST, StageCheckpoint
from fashiongen.data.loading import TrainLoader

STEPS = 3


class KillAt(Callback):
    """Ends the process as `kill -9` does, at the beginning of a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if pl_module.steps_done == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def fitted(tests: ModuleType, stages: dict[str, int], folder: Path, *callbacks: Callback, again: bool = False) -> nn.Module:
    module = tests.tiny(steps=stages, **getattr(tests, "ALL_STAGES", {}))
    checkpoint = StageCheckpoint(every=1, folder=str(folder))
    data = TrainLoader(tests.examples(), batch_size=2, seed=0)
    runner = trainer(folder, callbacks=[checkpoint, *callbacks], enable_checkpointing=True)
    runner.fit(module, data, ckpt_path=folder / LAST if again else None)
    return module


def main(paper: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"{paper}_tests", Path(__file__).parent / paper / "test_module.py")
    assert spec is not None and spec.loader is not None
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    names = [stage.name for stage in tests.tiny(**getattr(tests, "ALL_STAGES", {})).stages]
    stages = dict.fromkeys(names, STEPS)
    unbroken = fitted(tests, stages, folder / "unbroken")
    for place, name in enumerate(names):
        child = os.fork()
        if child == 0:
            fitted(tests, stages, folder / name, KillAt(place * STEPS + 2))
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"{name}: the run was not killed"
        print("killed", name, flush=True)
        if same(fitted(tests, stages, folder / name, again=True), unbroken):
            print("same", name, flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]))
