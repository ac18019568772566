"""`FashionModule`: what all papers share as LightningModules: stages, updates, pictures, and the check of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torch.optim import Optimizer

from fashiongen import hub, registry
from fashiongen.types import Batch


@dataclass(frozen=True)
class Stage:
    """One part of a training.

    Attributes:
        name: its name in options, logs and the progress bar; the module's method `train_<name>` runs a step of it.
        steps: how many steps the published training took.
        trains: names of the networks (attributes of the module) that it updates; all others are frozen meanwhile.
    """

    name: str
    steps: int
    trains: tuple[str, ...]


def check_choices(*options: tuple[str, Any, Sequence[str]]) -> None:
    """Refuse a value that an option does not take.

    Args:
        options: name, value and choices of each.

    Raises:
        ValueError: naming the option and its choices.
    """
    for option, value, choices in options:
        if value not in choices:
            raise ValueError(f"{option} is one of {', '.join(choices)}, not {value!r}")


class FashionModule(LightningModule):
    """A paper: its networks, its stages, its losses.

    One `Trainer.fit` walks through all stages. A run that was killed resumes inside the stage where it was, and gives the same
    weights as a run that never stopped: the randomness of a step depends on the seed, the step and the rank alone.

    A subclass sets the class attributes, builds its networks, calls `save_hyperparameters`, and has a method
    `train_<stage>(batch) -> losses` for each stage, which updates weights through `updating`.

    Attributes:
        name: registry name of the paper.
        stages: its stages, in order.
        needs_to_train: names of the annotations (`fashiongen.registry.ANNOTATIONS`) that training reads.
        needs_to_run: names of the annotations that its verbs read.

    Args:
        steps: stage name -> number of steps, in place of the published numbers.
        only: run this stage alone; the other networks stay as they were loaded.
        seed: of the randomness inside training steps.
        gradient_clip: largest norm of the gradient of one optimiser's weights; None leaves it.
        pictures_every: steps between two grids of sample pictures in the log; 0 for none.
        channels_last: train with the memory layout that convolutions are faster in.
        cooldown: last share of every stage in which the learning rates fall to 0, linearly; 0 keeps them.

    `losses` holds what the last training step returned, as "<stage>/<loss>".
    """

    name: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    needs_to_train: ClassVar[frozenset[str]]
    needs_to_run: ClassVar[frozenset[str]]

    def __init__(
        self,
        steps: Mapping[str, int] | None = None,
        only: str | None = None,
        seed: int = 0,
        gradient_clip: float | None = None,
        pictures_every: int = 500,
        channels_last: bool = False,
        cooldown: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= cooldown <= 1:
            raise ValueError(f"cooldown is a share of a stage, between 0 and 1, not {cooldown}")
        self.automatic_optimization = False
        names = [stage.name for stage in self.stages]
        unknown = sorted(({only} if only else set()).union(steps or {}) - set(names))
        if unknown:
            raise ValueError(f"{self.name} has no stage {', '.join(unknown)}; its stages are {', '.join(names)}")
        self.plan = {
            stage.name: (steps or {}).get(stage.name, stage.steps) if only in (None, stage.name) else 0 for stage in self.stages
        }
        self.steps_in_stage = dict.fromkeys(names, 0)
        self.losses: dict[str, Tensor] = {}
        self.seed = seed
        self.gradient_clip = gradient_clip
        self.pictures_every = pictures_every
        self.channels_last = channels_last
        self.cooldown = cooldown

    # ------------------------------------------------------------------------------------------------ stages
    @property
    def stage(self) -> Stage | None:
        """The stage that the next step belongs to; None when all are done."""
        for stage in self.stages:
            if self.steps_in_stage[stage.name] < self.plan[stage.name]:
                return stage
        return None

    @property
    def steps_done(self) -> int:
        """Training steps taken so far, over all stages: what a data loader must skip on resuming."""
        return sum(self.steps_in_stage.values())

    def stays_in_train_mode(self, network: str, stage: Stage) -> bool:
        """Whether a network that `stage` does not train keeps batch statistics and dropout on; a few papers do."""
        return False

    def train(self, mode: bool = True) -> FashionModule:
        """As `nn.Module.train`, but a network that the stage does not train stays in evaluation mode."""
        super().train(mode)
        stage = self.stage
        if mode and stage is not None:
            for name, network in self.named_children():
                if name not in stage.trains and not self.stays_in_train_mode(name, stage):
                    network.eval()
        return self

    def _enter_stage(self) -> None:
        stage = self.stage
        if stage is None:
            return
        trained = {name for each in self.stages for name in each.trains}
        for name in trained:
            self.get_submodule(name).requires_grad_(name in stage.trains)
        self.train()

    # ------------------------------------------------------------------------------------------------ updates
    def optimizer_for(self, name: str) -> Any:
        """The optimiser of the networks that `configure_optimizers` lists at the place of `name` in `optimizer_names`."""
        optimizers = self.optimizers()
        if not isinstance(optimizers, list):
            optimizers = [optimizers]
        return optimizers[self.optimizer_names.index(name)]

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        """Names of the optimisers in the order of `configure_optimizers`; one a stage unless a paper says otherwise."""
        return tuple(stage.name for stage in self.stages)

    @contextmanager
    def updating(self, name: str) -> Iterator[Callable[[Tensor], None]]:
        """Within it only the weights of one optimiser take gradients; call what it yields with the loss, once.

        Example::

            with self.updating("coarse") as update:
                loss = ...
                update(loss)
        """
        optimizer = self.optimizer_for(name)

        def update(loss: Tensor) -> None:
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()

        self.toggle_optimizer(optimizer)
        try:
            yield update
        finally:
            self.untoggle_optimizer(optimizer)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # Called after the gradients were unscaled, which makes clipping right under every precision.
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.gradient_clip)

    # ------------------------------------------------------------------------------------------------ Lightning's hooks
    def setup(self, stage: str) -> None:
        self.check_data(getattr(self.trainer, "datamodule", None), training=stage == "fit")

    def check_data(self, data: Any, training: bool) -> None:
        """Refuse data that lacks what the paper needs; data that does not say what it provides is trusted.

        Raises:
            MisconfigurationException: naming what is missing, and the data sets that have it.
        """
        provides = getattr(data, "provides", None)
        if provides is None:
            return
        needs = self.needs_to_train if training else self.needs_to_run
        missing = sorted(needs - provides)
        if missing:
            fitting = [name for name, card in registry.DATA.items() if needs <= card.provides]
            raise MisconfigurationException(
                f"{self.name} needs {', '.join(missing)}; {type(data).__name__} provides {', '.join(sorted(provides))}"
                + (f"; try {' or '.join(fitting)}" if fitting else "")
            )

    def on_fit_start(self) -> None:
        if self.channels_last:
            self.to(memory_format=torch.channels_last)

    def on_train_start(self) -> None:
        self._enter_stage()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        stage = self.stage
        if stage is None:
            self.trainer.should_stop = True
            return
        # A resumed run must draw the same dropout masks and noise as one that never stopped.
        torch.manual_seed(((self.seed * 1_000_003 + self.steps_done) * 4096 + self.global_rank) % 2**63)
        self._cool_down(stage)
        losses = getattr(self, f"train_{stage.name}")(batch)
        self.losses = {f"{stage.name}/{name}": value.detach() for name, value in losses.items()}
        self.steps_in_stage[stage.name] += 1
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        if every and (self.steps_done % every == 0 or self.stage is not stage):
            self._log_losses()
        if self.pictures_every and self.steps_done % self.pictures_every == 0:
            self._log_pictures(batch)
        if self.stage is not stage:
            self._enter_stage()
            self.trainer.should_stop = self.stage is None

    def _cool_down(self, stage: Stage) -> None:
        if self.cooldown:
            left = 1 - self.steps_in_stage[stage.name] / self.plan[stage.name]
            for optimizer in self.trainer.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group.setdefault("initial_lr", group["lr"]) * min(1.0, left / self.cooldown)

    def _log_losses(self) -> None:
        # `self.log` would go on to log the last values of a stage that is over, and wait for the device at every step.
        values = {name: value.item() for name, value in self.losses.items()}
        for logger in self.loggers:
            logger.log_metrics(values, step=self.steps_done)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["fashiongen"] = {"model": self.name, "steps_in_stage": dict(self.steps_in_stage)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        record = checkpoint.get("fashiongen", {"model": "something else"})
        if record["model"] != self.name:
            raise MisconfigurationException(f"this is a checkpoint of {record['model']}, not of {self.name}")
        self.steps_in_stage.update(record["steps_in_stage"])

    # ------------------------------------------------------------------------------------------------ pictures
    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        """Columns of the sample grid: title -> (B, 3, H, W) in [-1, 1]."""
        return {"person": batch.person.image}

    @torch.no_grad()
    def _log_pictures(self, batch: Batch) -> None:
        if not isinstance(self.logger, TensorBoardLogger) or not self.trainer.is_global_zero:
            return
        was_training = [(module, module.training) for module in self.modules()]
        self.eval()
        columns = self.pictures(batch)
        for module, mode in was_training:
            module.training = mode
        rows = torch.stack([column[:4].float() for column in columns.values()], 1)
        grid = rows.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
        self.logger.experiment.add_image(" | ".join(columns), (grid.clamp(-1, 1) + 1) / 2, self.steps_done)

    # ------------------------------------------------------------------------------------------------ weights
    def inference_state(self) -> dict[str, Tensor]:
        """The weights that the verbs need: what a published folder holds. All of them unless a paper says otherwise."""
        return self.state_dict()

    def load_inference_state(self, state: Mapping[str, Tensor]) -> None:
        """Load what `inference_state` gave, strictly.

        Raises:
            ValueError: with the keys that are missing, unknown, or of another shape.
        """
        expected = self.inference_state()
        shapes = [
            f"{key} {tuple(state[key].shape)} for {tuple(expected[key].shape)}"
            for key in expected.keys() & state.keys()
            if state[key].shape != expected[key].shape
        ]
        problems = {
            "missing": expected.keys() - state.keys(),
            "unknown": state.keys() - expected.keys(),
            "of another shape": shapes,
        }
        if any(problems.values()):
            told = "; ".join(f"{kind}: {_some(keys)}" for kind, keys in problems.items() if keys)
            raise ValueError(f"these are not weights of this {self.name}: {told}")
        with torch.no_grad():
            for key, tensor in expected.items():
                tensor.copy_(state[key])

    @classmethod
    def from_pretrained(cls, source: str | Path, **options: Any) -> Self:
        """A trained model as one of this class, such as a subclass in your own project; `fashiongen.load` gives the paper's.

        Args:
            source: as `fashiongen.load` takes it.
            options: hyper-parameters in place of the saved ones, or beside them.

        Returns:
            the model in evaluation mode; networks that only training needs start fresh.

        Raises:
            KeyError, HubError: as `fashiongen.load`.
            ValueError: when `source` holds another paper's model.
        """
        trained = hub.load(source)
        if trained.name != cls.name:
            raise ValueError(f"{source} is a model of {trained.name}, {cls.__name__} one of {cls.name}")
        module = cls(**{**trained.hparams, **options})
        module.load_inference_state(trained.inference_state())
        return module.eval()

    def save_pretrained(self, folder: str | Path, **card: Any) -> Path:
        """Write config.json, model.safetensors and README.md; see `fashiongen.hub.save`."""
        return hub.save(self, folder, **card)

    def push_to_hub(self, repository: str, **options: Any) -> str:
        """Publish on the Hub; see `fashiongen.hub.push`. Returns the address of the commit."""
        return hub.push(self, repository, **options)


def _some(keys: Iterable[str], shown: int = 4) -> str:
    names = sorted(keys)
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
