"""What the tests of all papers' trainings share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn


def trainer(folder: Path, **options: Any) -> pl.Trainer:
    """A silent one on the CPU, which keeps nothing unless told and goes on until the stages end."""
    options = {"enable_checkpointing": False} | options
    return pl.Trainer(
        accelerator="cpu", max_epochs=-1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, **options,
    )  # fmt: skip


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same names and weights, bit by bit."""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def changed(module: nn.Module, before: nn.Module) -> set[str]:
    """Names of the networks of a module whose weights differ."""
    return {name for name, network in module.named_children() if not same(network, before.get_submodule(name))}
