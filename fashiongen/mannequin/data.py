"""The mannequin world as a data module."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import os
from pathlib import Path
from typing import Any, Literal

from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.cache import DiskCache, Rendered, Scenes
from fashiongen.types import Batch

from .labels import SCHEMES
from .random import WORLD_VERSION
from .scenes import PeopleScenes, PoseScenes, RedressScenes, SwapScenes, TryOnScenes
from .world import World

#: Options that change what is drawn: they name the folder of a cache. The second ones only where they are not what they were
#: before they existed, so that older folders keep their names; the last are tasks that were drawn otherwise before.
_DRAWING = ("task", "height", "width", "framing", "look", "yaw", "photographs", "photograph_share", "world_seed")
_DRAWING_SINCE = {"scheme": "lip20", "warps": True, "others": False}
_DRAWN_ANEW = {"swap": 2}

_ALWAYS = frozenset({"person", "keypoints", "parsing", "parts", "text"})
_PROVIDED = {
    "try_on": _ALWAYS | {"garment", "other_garment", "control_points", "truth"},
    "pose": _ALWAYS | {"target"},
    "people": _ALWAYS,
    "swap": _ALWAYS | {"donor", "truth"},
    "redress": _ALWAYS | {"other_text", "truth"},
}
_YAW = {"try_on": 35.0, "redress": 35.0}
#: What each function of the trainer reads.
_READ = {"fit": ("train", "validation"), "validate": ("validation",), "test": ("test",), "predict": ("test",)}


class MannequinDataModule(FashionDataModule):
    """The embedded world, drawn on the fly or once into a folder. People and garments of the three splits are disjoint.

    Args:
        task: "try_on" (`TryOnScenes`), "pose" (`PoseScenes`), "people" (`PeopleScenes`), "swap" (`SwapScenes`) or "redress"
            (`RedressScenes`). `truth`, and in try-on `other_garment`, are drawn for validation and test examples alone: training
            does not read them.
        height, width: of the pictures.
        framing: "upper" (head to thigh) or "full".
        look: "studio" or "market".
        scheme: labels of the parsing maps: "lip20", "cihp20", "atr18", "clothnet22" or "fashiongan7".
        yaw: largest turn of a person from the camera, degrees; by default 35 in try-on and redressing, else 180: all around.
        warps: try-on examples hold `control_points`; making them takes longer than drawing.
        others: try-on examples for training, too, hold `other_garment`.
        both_ways: pairs of poses for training come a second time, the other way round, as in the papers' lists of pairs: twice
            `train_length` examples.
        train_length, validation_length, test_length: number of examples.
        photographs: folder of garment photographs used as textures.
        photograph_share: share of the tops that carry a photograph.
        cache: folder where drawn examples are kept; each set of options has its own folder inside. Without it every example is
            drawn again whenever it is asked for.
        cache_workers: processes that fill the cache; by default one a core where processes can be forked, else none but this one.
        world_seed: another seed is another world.
        base: batch_size, num_workers, seed of `fashiongen.data.base.FashionDataModule`.
    """

    provides = frozenset[str]().union(*_PROVIDED.values())

    def __init__(
        self,
        task: Literal["try_on", "pose", "people", "swap", "redress"] = "try_on",
        height: int = 128,
        width: int = 96,
        framing: Literal["upper", "full"] = "upper",
        look: Literal["studio", "market"] = "studio",
        scheme: str = "lip20",
        yaw: float | None = None,
        warps: bool = True,
        others: bool = False,
        both_ways: bool = False,
        train_length: int = 8192,
        validation_length: int = 64,
        test_length: int = 256,
        photographs: str | None = None,
        photograph_share: float = 0.5,
        cache: str | None = None,
        cache_workers: int | None = None,
        world_seed: int = 0,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names
        if task not in _PROVIDED:
            raise ValueError(f"the mannequin world has no task {task!r}; choose one of {', '.join(_PROVIDED)}")
        if scheme not in SCHEMES:
            raise ValueError(f"the mannequin world has no label scheme {scheme!r}; choose one of {', '.join(SCHEMES)}")
        if both_ways and task != "pose":
            raise ValueError(f"both_ways turns pairs of poses around, task='pose'; task={task!r} has none")
        self.provides = _PROVIDED[task] - (frozenset() if warps else {"control_points"})
        self.yaw = _YAW.get(task, 180.0) if yaw is None else yaw
        self.lengths = {"train": train_length, "validation": validation_length, "test": test_length}
        self.cache_workers = _cores() if cache_workers is None else cache_workers
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
        length, answers = self.lengths[split], split != "train"
        common: dict[str, Any] = {"yaw": self.yaw, "scheme": options["scheme"]}
        match options["task"]:
            case "try_on":
                others = answers or options["others"]
                return TryOnScenes(world, length, warps=options["warps"], answers=answers, others=others, **common)
            case "swap":
                return SwapScenes(world, length, answers=answers, **common)
            case "redress":
                return RedressScenes(world, length, answers=answers, **common)
            case "pose":
                return PoseScenes(world, length, **common)
        return PeopleScenes(world, length, **common)

    def _folder(self, split: str) -> Path:
        assert self.cache is not None
        options = {**self.hparams, "yaw": self.yaw}
        since = [name for name, before in _DRAWING_SINCE.items() if options[name] != before]
        named = sorted((name, options[name]) for name in (*_DRAWING, *since))
        named += [("drawn anew", version) for task, version in _DRAWN_ANEW.items() if task == options["task"]]
        return self.cache / f"{split}-{hashlib.sha256(repr((WORLD_VERSION, named, self.lengths[split])).encode()).hexdigest()[:16]}"

    def prepare_data(self) -> None:
        """Draw what the cache does not hold yet, of the splits that the trainer is going to read."""
        if self.cache is not None:
            running = None if self.trainer is None or self.trainer.state.fn is None else self.trainer.state.fn.value
            for split in _READ.get(running or "", tuple(self.lengths)):
                DiskCache(self._scenes(split), self._folder(split)).fill(self.cache_workers)

    def _set(self, split: str) -> Dataset[Batch]:
        scenes = self._scenes(split)
        examples = Rendered(scenes) if self.cache is None else DiskCache(scenes, self._folder(split))
        return BothWays(examples) if split == "train" and self.hparams["both_ways"] else examples


class BothWays(Dataset[Batch]):
    """Pairs of poses, then the same pairs with person and target exchanged."""

    def __init__(self, pairs: Rendered | DiskCache) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return 2 * len(self.pairs)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Batch]:
        count = len(self.pairs)
        examples = self.pairs.__getitems__([index % count for index in indices])
        return [_turned(pair) if index >= count else pair for index, pair in zip(indices, examples, strict=True)]


def _turned(pair: Batch) -> Batch:
    assert pair.target is not None
    return dataclasses.replace(pair, person=pair.target, target=pair.person)


def _cores() -> int:
    """Cores for processes that need no guard around the caller's main module; 0 where such processes do not exist."""
    # Asking for the method itself would settle it, and `set_start_method` would fail from then on.
    method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    if method != "fork":
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
