"""The mannequin world as a data module."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Literal

from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.cache import DiskCache, Rendered, Scenes
from fashiongen.types import Batch

from .random import WORLD_VERSION
from .scenes import PoseScenes, TryOnScenes
from .world import World

#: Options that change what is drawn: they name the folder of a cache.
_DRAWING = ("task", "height", "width", "framing", "look", "yaw", "photographs", "photograph_share", "world_seed")

_ALWAYS = frozenset({"person", "keypoints", "parsing", "parts", "text"})
_PROVIDED = {"try_on": _ALWAYS | {"garment", "other_garment", "control_points", "truth"}, "pose": _ALWAYS | {"target"}}
#: What each function of the trainer reads.
_READ = {"fit": ("train", "validation"), "validate": ("validation",), "test": ("test",), "predict": ("test",)}


class MannequinDataModule(FashionDataModule):
    """The embedded world, drawn on the fly or once into a folder. People and garments of the three splits are disjoint.

    Args:
        task: "try_on" (`TryOnScenes`) or "pose" (`PoseScenes`).
        height, width: of the pictures.
        framing: "upper" (head to thigh) or "full".
        look: "studio" or "market".
        yaw: largest turn of a person from the camera in try-on, degrees.
        train_length, validation_length, test_length: number of examples.
        photographs: folder of garment photographs used as textures.
        photograph_share: share of the tops that carry a photograph.
        cache: folder where drawn examples are kept; each set of options has its own folder inside. Without it every example is
            drawn again whenever it is asked for.
        world_seed: another seed is another world.
        base: batch_size, num_workers, seed of `fashiongen.data.base.FashionDataModule`.
    """

    provides = _PROVIDED["try_on"] | _PROVIDED["pose"]

    def __init__(
        self,
        task: Literal["try_on", "pose"] = "try_on",
        height: int = 128,
        width: int = 96,
        framing: Literal["upper", "full"] = "upper",
        look: Literal["studio", "market"] = "studio",
        yaw: float = 35.0,
        train_length: int = 8192,
        validation_length: int = 64,
        test_length: int = 256,
        photographs: str | None = None,
        photograph_share: float = 0.5,
        cache: str | None = None,
        world_seed: int = 0,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names
        if task not in _PROVIDED:
            raise ValueError(f"the mannequin world has no task {task!r}; choose one of {', '.join(_PROVIDED)}")
        self.provides = _PROVIDED[task]
        self.lengths = {"train": train_length, "validation": validation_length, "test": test_length}
        self.cache = None if cache is None else Path(os.path.expanduser(cache))

    def _scenes(self, split: str) -> Scenes:
        options = self.hparams
        world = World(
            height=options["height"],
            width=options["width"],
            split=split,
            seed=options["world_seed"],
            framing=options["framing"],
            look=options["look"],
            photographs=options["photographs"],
            photograph_share=options["photograph_share"],
        )
        if options["task"] == "pose":
            return PoseScenes(world, self.lengths[split])
        return TryOnScenes(world, self.lengths[split], options["yaw"], answers=split != "train")

    def _folder(self, split: str) -> Path:
        assert self.cache is not None
        named = sorted((name, value) for name, value in self.hparams.items() if name in _DRAWING)
        return self.cache / f"{split}-{hashlib.sha256(repr((WORLD_VERSION, named, self.lengths[split])).encode()).hexdigest()[:16]}"

    def prepare_data(self) -> None:
        """Draw what the cache does not hold yet, of the splits that the trainer is going to read."""
        if self.cache is not None:
            running = None if self.trainer is None or self.trainer.state.fn is None else self.trainer.state.fn.value
            for split in _READ.get(running or "", tuple(self.lengths)):
                DiskCache(self._scenes(split), self._folder(split)).fill()

    def _set(self, split: str) -> Dataset[Batch]:
        scenes = self._scenes(split)
        return Rendered(scenes) if self.cache is None else DiskCache(scenes, self._folder(split))
