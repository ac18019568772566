"""`predict --catalogue.people FOLDER --catalogue.garments FOLDER`: everybody in every garment, each picture once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader, Subset
from torch.utils.data.distributed import DistributedSampler

import fashiongen
from fashiongen.commands import arguments, examples
from fashiongen.commands.planned import Plan, PlannedData, PlannedWriter
from fashiongen.data.loading import loader_options
from fashiongen.models.verbs import TryOn
from fashiongen.types import Batch, Garment, Person

_TILE = 64
"""Garments that are kept in memory while everybody tries them on."""
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
_BESIDE = ("_parsing", "_worn", "_mask")
"""Endings of the names of pictures that belong to another."""
_RANGE = re.compile(r"mannequin:(\d+)-(\d+)")


@dataclass(frozen=True)
class Catalogue:
    """Options of a catalogue.

    Args:
        people: folder of photographs with their annotations beside them: alice.jpg, alice_keypoints.json (OpenPose's),
            alice_parsing.png, and for models that ask for it alice_worn.jpg, a shop picture of what she wears. mannequin:0-7 are
            eight embedded people.
        garments: folder of shop pictures or photographs; shirt_mask.png beside shirt.jpg says where the garment is, else it is
            found. mannequin:0-7 are embedded garments.
        out: folder of the pictures; by default `catalogue` in the folder of the run.
        scheme: label scheme of the parsing maps.
    """

    people: str
    garments: str
    out: str | None = None
    scheme: str = "lip20"


@dataclass(frozen=True)
class _Canvas:
    """What readers of files ask a model for."""

    name: str
    size: tuple[int, int]


class CatalogueRun(Plan):
    """Every person in every garment, `<person>_<garment>.png`.

    The pictures are drawn in tiles of 64 garments: everybody tries on the garments of a tile before the next one is read.

    Args:
        model: of a try-on paper.
        options: whose folders these are.
        batch_size: pictures that are drawn at once.

    Attributes:
        pairs: numbers of the person and of the garment of each picture.

    Raises:
        FileNotFoundError: for a folder that does not exist or holds no picture, and for people without the annotations that the
            model reads.
        ValueError: when the model is of another task, and when two pictures would have one name.
    """

    def __init__(self, model: Any, options: Catalogue, batch_size: int) -> None:
        if not isinstance(model, TryOn):
            raise ValueError(f"{model.name} dresses nobody; --catalogue belongs to models that have try_on")
        self.people, self.garments = _sources(options.people, "people"), _sources(options.garments, "garments")
        self.scheme, self.canvas = options.scheme, _Canvas(model.name, model.size)
        self.reads_worn = "garment" in model.needs_to_run
        self._check(model.needs_to_run)
        self.pairs = list(_tiles(len(self.people), len(self.garments)))
        people, garments = ([_label(source) for source in sources] for sources in (self.people, self.garments))
        names = [f"{people[person]}_{garments[garment]}.png" for person, garment in self.pairs]
        super().__init__(names, batch_size, {"size": list(model.size), "scheme": options.scheme})
        # People and garments may join later: the pictures of the others stay as they are.
        del self.options["pictures"]

    def _check(self, needs: frozenset[str]) -> None:
        wanted = {"keypoints": "_keypoints.json", "parsing": "_parsing.png", "garment": "_worn.jpg"}
        for annotation in (name for name in wanted if name in needs):
            lacking = [person for person in self.people if not _has(person, annotation)]
            if lacking:
                more = f" ({len(lacking)} of {len(self.people)} people lack it)" if len(lacking) > 1 else ""
                missing = f"{Path(lacking[0]).stem}{wanted[annotation]}"
                raise FileNotFoundError(f"{self.canvas.name} needs {missing} beside {lacking[0]}{more}")

    def __getitem__(self, batch: int) -> Batch:
        examples = []
        for place in self.places(batch):
            person, garment = self.people[self.pairs[place][0]], self.garments[self.pairs[place][1]]
            wearer, worn = _person(person, self.canvas, self.scheme, self.reads_worn)
            examples.append(Batch(wearer, garment=worn, other_garment=_garment(garment, self.canvas), name=self.names[place][:-4]))
        return Batch.collate(examples)


class CatalogueWriter(PlannedWriter):
    """Writes the pictures of a catalogue, each once.

    Args:
        plan: what is drawn.
        folder: of the pictures.
    """

    def __init__(self, plan: Plan, folder: str | Path) -> None:
        super().__init__(plan, folder)
        self.folder, self.ending = self.set_folder, "png"

    def claim(self, trainer: Trainer, module: LightningModule) -> tuple[str | None, list[int]]:
        """Mark the folder as that of this catalogue.

        Returns:
            Why that is not possible, if it is not, and the batches of which a picture is missing.
        """
        try:
            super().on_predict_start(trainer, module)
        except FileExistsError as error:
            return str(error), []
        return None, self.missing()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing: the folder was claimed before the batches were shared."""

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Nothing: there is nothing beside the pictures, and a process without a batch does not come here."""


class CatalogueData(PlannedData):
    """Shares the missing batches between the processes; the first one says which these are, so that none is drawn twice."""

    def predict_dataloader(self) -> DataLoader[Any]:
        trainer, writer = self.trainer, self.writer
        assert trainer is not None and isinstance(writer, CatalogueWriter)
        found: tuple[str | None, list[int]] = (None, [])
        if trainer.is_global_zero:
            found = writer.claim(trainer, trainer.lightning_module)
        refused, wanted = trainer.strategy.broadcast(found)
        if refused:
            raise FileExistsError(refused)
        sampler = _Share(len(wanted), trainer.world_size, trainer.global_rank)
        options = {name: value for name, value in loader_options(self.num_workers).items() if name != "collate_fn"}
        batches = Subset(self.plan, wanted)
        return DataLoader(batches, batch_size=None, sampler=sampler, num_workers=self.num_workers, **options)


class _Share(DistributedSampler):
    """Every so many batches from that of the rank on; none where there are fewer batches than processes."""

    def __init__(self, count: int, world_size: int, rank: int) -> None:
        super().__init__(range(count), world_size, rank, shuffle=False)  # type: ignore[arg-type]
        self.places = range(rank, count, world_size)

    def __iter__(self) -> Iterator[int]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def _sources(given: str, what: str) -> list[str]:
    embedded = _RANGE.fullmatch(given)
    if embedded:
        return [f"mannequin:{number}" for number in range(int(embedded[1]), int(embedded[2]) + 1)]
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{given}: no such folder of {what}; mannequin:0-7 are eight embedded ones")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and not path.stem.endswith(_BESIDE))
    if not files:
        raise FileNotFoundError(f"{folder} holds no pictures of {what} ({', '.join(sorted(_PICTURES))})")
    return [str(path) for path in files]


def _label(source: str) -> str:
    return source.replace(":", "") if _is_embedded(source) else Path(source).stem


def _is_embedded(source: str) -> bool:
    return source.startswith("mannequin:")


def _tiles(people: int, garments: int) -> Iterator[tuple[int, int]]:
    for first in range(0, garments, _TILE):
        for person in range(people):
            for garment in range(first, min(first + _TILE, garments)):
                yield person, garment


def _has(person: str, annotation: str) -> bool:
    if _is_embedded(person):
        return True
    if annotation == "garment":
        return _beside(person, "_worn", sorted(_PICTURES)) is not None
    return _beside(person, *{"keypoints": ("_keypoints", [".json"]), "parsing": ("_parsing", [".png"])}[annotation]) is not None


def _beside(picture: str, ending: str, suffixes: Sequence[str]) -> Path | None:
    path = Path(picture)
    places = (path.with_name(f"{path.stem}{ending}{suffix}") for suffix in suffixes)
    return next((place for place in places if place.is_file()), None)


@lru_cache(maxsize=4)
def _person(source: str, canvas: _Canvas, scheme: str, reads_worn: bool) -> tuple[Person, Garment | None]:
    worn = None
    if reads_worn:
        shown = source if _is_embedded(source) else str(_beside(source, "_worn", sorted(_PICTURES)))
        worn = _garment(shown, canvas)
    if _is_embedded(source):
        return arguments.person(source, canvas), worn
    height, width = canvas.size
    keypoints, parsing = _beside(source, "_keypoints", [".json"]), _beside(source, "_parsing", [".png"])
    read = fashiongen.person(
        source, keypoints, parsing, scheme,
        height=height, width=width, target_scheme=examples.scheme(canvas), annotator=None,
    )  # fmt: skip
    return read, worn


@lru_cache(maxsize=_TILE + 4)
def _garment(source: str, canvas: _Canvas) -> Garment:
    mask = None if _is_embedded(source) else _beside(source, "_mask", [".png"])
    return arguments.garment(source, canvas, mask)
