"""`fit`, `validate`, `test`, `predict`: LightningCLI with shipped configurations, stages and one folder a run."""

from __future__ import annotations

import logging
import re
import warnings
from argparse import ArgumentError
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import TensorBoardLogger

from fashiongen import hub, registry
from fashiongen.annotate.figures import JointFigures
from fashiongen.callbacks import LAST, PictureWriter, StageCheckpoint, StageProgressBar
from fashiongen.commands import UsageError
from fashiongen.commands.catalogue_run import Catalogue, CatalogueData, CatalogueRun, CatalogueWriter
from fashiongen.commands.configurations import configuration
from fashiongen.commands.planned import Plan, PlannedData, PlannedWriter
from fashiongen.commands.reidentification import Reidentification, Reposed
from fashiongen.commands.virtual_market import VirtualMarket, VirtualPeople
from fashiongen.models.base import FashionModule
from fashiongen.protocols import ProtocolFigures
from fashiongen.published import PROTOCOLS

_DESCRIPTIONS = {
    "fit": "Train a model, all its stages in one run: fashiongen fit --config viton/mannequin. Every option of the configuration "
    "can be overridden. Log, checkpoints and the full configuration go to runs/<model>/. Go on with a run: --ckpt_path last. "
    "One stage alone: --model.init_args.only STAGE. Fine-tune: --weights MODEL.",
    "validate": "Figures on the validation split: fashiongen validate --config viton/mannequin --ckpt_path runs/viton/last.ckpt",
    "test": "Figures on the test split: fashiongen test --config viton/mannequin --weights viton. With --protocol NAME the "
    "figures of a paper, every setting and the published table beside them; with --annotator NAME also PCKh.",
    "predict": "Write the pictures of the test split as PNG files to runs/<model>/predictions/: "
    "fashiongen predict --config viton/mannequin --weights viton. With --reid.poses N write a re-posed training set for "
    "re-identification in Market-1501's layout to runs/<model>/reid/, with --virtual.identities N (disentangled_pig) one of people "
    "who do not exist to runs/<model>/virtual/, with --catalogue.people FOLDER --catalogue.garments FOLDER everybody in every "
    "garment to runs/<model>/catalogue/. Killed runs of all three go on with the same command.",
}
_PLANS = ("reid", "virtual", "catalogue")
"""Options of `predict` that draw something else than the test split."""
_COUNTS = {2: "two", 3: "three"}
_DDP = ("ddp", "ddp_spawn", "ddp_fork", "ddp_notebook")


def train(words: Sequence[str]) -> None:
    """Run one of the four commands.

    Args:
        words: its name and its options, as on the command line.

    Raises:
        KeyError: for a `--config` that is neither a shipped configuration nor a file, with the nearest names.
        UsageError: for options that cannot be understood.
    """
    warnings.filterwarnings("ignore", message="LightningCLI's args parameter")
    # What Lightning says of a module in evaluation mode, and of few workers, is meant so here.
    # Of which examples a planned batch is made is told by their names.
    harmless = "Found .* module.s. in eval mode|.*does not have many workers|Couldn't infer the batch indices"
    warnings.filterwarnings("ignore", message=harmless)
    logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_no_advertisement)
    try:
        TrainingCLI(_with_names(words))
    except ArgumentError as error:
        raise UsageError(f"{told(error)}; see fashiongen {words[0]} --help") from error
    except ValueError as error:
        raise ValueError(told(error)) from error


def _usage(command: str) -> str:
    return f"fashiongen {command} --config NAME_OR_FILE [options]"


def told(error: Exception) -> str:
    """Of what jsonargparse says of a class that does not take its options, the reason alone."""
    reason = re.search(r"Errors:\s+- (.*?)\s+- Expected a <class 'NoneType'>", str(error), re.DOTALL)
    return reason[1] if reason else str(error)


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "💡 Tip" not in record.getMessage()


def _class_path(name: str, cards: Mapping[str, registry.ModelCard] | Mapping[str, registry.DataCard]) -> str:
    """The class of a registry name; anything else is left for the parser to judge."""
    return cards[name].path.replace(":", ".") if name in cards else name


#: Options whose value may be a name, and what it stands for.
_NAMED: dict[str, Callable[[str], str]] = {
    "--config": lambda name: str(configuration(name)),
    "-c": lambda name: str(configuration(name)),
    "--model": lambda name: _class_path(name, registry.CARDS),
    "--data": lambda name: _class_path(name, registry.DATA),
}


def _with_names(words: Sequence[str]) -> list[str]:
    """The command line with files and classes in place of names."""
    found: list[str] = []
    for word in words:
        option, equals, name = word.partition("=")
        if found and found[-1] in _NAMED:
            found.append(_NAMED[found[-1]](word))
        elif option in _NAMED and equals:
            found.append(f"{option}={_NAMED[option](name)}")
        else:
            found.append(word)
    return found


class TrainingCLI(LightningCLI):
    """LightningCLI for `FashionModule`s.

    - The log, the checkpoints and the full configuration of a run are one folder: `<trainer.default_root_dir>/<model>`.
    - The options of the model come from the configuration and the command line alone, not from the checkpoint, so that a run can go
      on with other ones.
    - Several processes search for unused parameters, since every stage leaves networks without gradients.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(
            FashionModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=_SaveConfigOfFit,
            save_config_kwargs={"overwrite": True},
            trainer_defaults={
                "default_root_dir": "runs",
                "max_epochs": -1,  # the stages say when to stop
                "val_check_interval": 1000,
                "check_val_every_n_epoch": None,
            },
            seed_everything_default=0,
            auto_configure_optimizers=False,
            parser_kwargs={
                "prog": "fashiongen",
                **{name: {"command": name, "description": text, "usage": _usage(name)} for name, text in _DESCRIPTIONS.items()},
            },
            args=list(words),
        )

    def init_parser(self, command: str = "", **kwargs: Any) -> LightningArgumentParser:
        self._parsed_for = command
        return super().init_parser(exit_on_error=False, **kwargs)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--weights", type=str | None, help="Trained model to start from, as fashiongen.load takes it.")
        parser.add_argument("--checkpoint_every", type=int, default=500, help=f"Steps between two {LAST}.")
        if self._parsed_for == "predict":
            parser.add_argument("--reid", type=Reidentification | None, help="A re-posed training set for re-identification.")
            parser.add_argument("--virtual", type=VirtualPeople | None, help="A training set of people who do not exist.")
            parser.add_argument("--catalogue", type=Catalogue | None, help="Everybody in every garment.")
        if self._parsed_for == "test":
            parser.add_argument("--protocol", type=str | None, help=f"Measure as a paper did: {', '.join(PROTOCOLS)}.")
            parser.add_argument(
                "--annotator", type=str | None, help="PCKh: are joints where they should be, as mannequin or photo sees them?"
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        super().parse_arguments(parser, args)
        # LightningCLI would let the hyper-parameters in the checkpoint win over what the command line says.
        self._resumed = self.options.pop("ckpt_path", None)

    @property
    def options(self) -> Any:
        """The parsed options of the command that runs."""
        return self.config[self.config["subcommand"]]

    def before_instantiate_classes(self) -> None:
        if self.subcommand == "predict" and self.options["return_predictions"] is None:
            self.options["return_predictions"] = False

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        options = self.config_init[self.subcommand]["trainer"]
        self.folder = Path(options["default_root_dir"] or ".") / self.model.name
        if options["logger"] in (None, True):
            kwargs["logger"] = False
            if self.subcommand == "fit":
                self._refuse_to_overwrite(options)
                kwargs["logger"] = TensorBoardLogger(self.folder.parent, self.folder.name, version="")
        self._planned = self._plan()
        return super().instantiate_trainer(callbacks=self._callbacks(options), strategy=process_strategy(options), **kwargs)

    def _refuse_to_overwrite(self, options: Any) -> None:
        if (self.folder / LAST).exists() and self._resumed is None and not options["fast_dev_run"]:
            raise FileExistsError(
                f"{self.folder} holds a run already; go on with it by --ckpt_path last, "
                "name another folder by --trainer.default_root_dir, or delete it"
            )

    def _plan(self) -> PlannedWriter | None:
        """Have the trainer draw what a plan says instead of the test split."""
        options = self.config_init[self.subcommand]
        reid, virtual, catalogue = (options.get(name) for name in _PLANS)
        chosen = [f"--{name}" for name in _PLANS if options.get(name) is not None]
        if not chosen:
            return None
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} are {_COUNTS[len(chosen)]} data sets; write one after the other")
        workers = getattr(self.datamodule, "num_workers", 0)
        if catalogue is not None:
            run = CatalogueRun(self.model, catalogue, getattr(self.datamodule, "batch_size", 16))
            shop = CatalogueWriter(run, catalogue.out or self.folder / "catalogue")
            self.datamodule = CatalogueData(run, shop, workers)
            return shop
        plan: Plan
        if virtual is not None:
            plan = VirtualMarket(self.model, self.datamodule, virtual)
            self.model.predict_step = plan.draw  # type: ignore[method-assign]
            folder = virtual.out or self.folder / "virtual"
        else:
            plan = Reposed(self.datamodule, reid)
            folder = reid.out or self.folder / "reid"
        writer = PlannedWriter(plan, folder)
        self.datamodule = PlannedData(plan, writer, workers)
        return writer

    def _callbacks(self, options: Any) -> list[Any]:
        callbacks = list(options["callbacks"] or [])

        def lacks(kind: type) -> bool:
            return not any(isinstance(callback, kind) for callback in callbacks)

        if options["enable_checkpointing"] is not False and lacks(StageCheckpoint):
            callbacks.append(StageCheckpoint(self.config_init[self.subcommand]["checkpoint_every"]))
        if options["enable_progress_bar"] is not False and lacks(ProgressBar):
            callbacks.append(StageProgressBar())
        if self.subcommand == "predict" and lacks(PictureWriter):
            callbacks.append(self._planned or PictureWriter(self.folder / "predictions"))
        protocol = self.config_init[self.subcommand].get("protocol")
        if protocol is not None:
            callbacks.append(ProtocolFigures(protocol))
        reader = self.config_init[self.subcommand].get("annotator")
        if reader is not None:
            callbacks.append(JointFigures(reader))
        return callbacks

    def after_instantiate_classes(self) -> None:
        self.model.check_data(self.datamodule, training=self.subcommand == "fit")
        weights = self.config_init[self.subcommand]["weights"]
        if weights is None and self._resumed is None and self.subcommand != "fit":
            raise ValueError(f"{self.subcommand} needs a trained model: --ckpt_path CHECKPOINT or --weights MODEL")
        if weights is not None and self._resumed is not None:
            raise ValueError("--weights starts a new training, --ckpt_path goes on with one; give one of them")
        if weights is not None:
            self.model.load_inference_state(hub.load(weights).inference_state())
        self.config_init[self.subcommand]["ckpt_path"] = None if self._resumed is None else self._checkpoint(self._resumed)

    def _checkpoint(self, path: str) -> str:
        file = self.folder / LAST if path == "last" else Path(path)
        if not file.is_file():
            raise FileNotFoundError(f"there is no checkpoint {file}")
        return str(file)


class _SaveConfigOfFit(SaveConfigCallback):
    """Keeps `config.yaml` of a run as it was trained."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            super().setup(trainer, pl_module, stage)


def process_strategy(options: Any) -> Any:
    """The strategy of several processes, made to search for parameters without gradients.

    Args:
        options: of the trainer: strategy, devices, accelerator, num_nodes.
    """
    strategy = options["strategy"]
    if strategy == "auto" and _processes(options) > 1:
        strategy = "ddp"
    return f"{strategy}_find_unused_parameters_true" if strategy in _DDP else strategy


def _processes(options: Any) -> int:
    devices = options["devices"]
    if isinstance(devices, (list, tuple)):
        count = len(devices)
    elif devices in ("auto", -1, "-1"):
        count = torch.cuda.device_count() if options["accelerator"] in ("auto", "gpu", "cuda") else 1
    else:
        count = int(devices) if str(devices).isdecimal() else str(devices).count(",") + 1
    return count * options["num_nodes"]
