"""Pictures a second of a catalogue, 4 people in 8 garments with the bundled VITON.

`fashiongen predict` against one `try_on` a picture, and what a run costs that finds everything drawn.

python benchmarks/catalogue.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from pytorch_lightning import Trainer

import fashiongen
from fashiongen.commands import arguments
from fashiongen.commands.catalogue_run import Catalogue, CatalogueData, CatalogueRun, CatalogueWriter
from fashiongen.models.viton.module import Viton


def one_by_one(model: Viton, people: int, garments: int, folder: Path) -> float:
    """Seconds of reading, drawing and writing every picture by itself."""
    started = time.perf_counter()
    for person in range(people):
        for garment in range(garments):
            wearer, worn = arguments.person(f"mannequin:{person}", model), arguments.garment(f"mannequin:{garment}", model)
            model.try_on(wearer, worn).save(folder / f"{person}_{garment}.png")
    return time.perf_counter() - started


def catalogue(model: Viton, options: Catalogue, batch: int, workers: int, folder: Path) -> float:
    """Seconds of what `fashiongen predict --catalogue...` does once it has started."""
    run = CatalogueRun(model, options, batch)
    writer = CatalogueWriter(run, folder)
    trainer = Trainer(
        accelerator="auto", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False, callbacks=[writer]
    )
    started = time.perf_counter()
    trainer.predict(model, CatalogueData(run, writer, workers), return_predictions=False)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--garments", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()
    model = fashiongen.load("viton").eval()
    options = Catalogue(f"mannequin:0-{given.people - 1}", f"mannequin:0-{given.garments - 1}")
    pictures = given.people * given.garments
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {pictures} pictures of {model.size}")
    with tempfile.TemporaryDirectory() as folder:
        arguments.person("mannequin:0", model)  # the world warms up
        slow = one_by_one(model, given.people, given.garments, Path(folder))
        fast = catalogue(model, options, given.batch, given.workers, Path(folder, "catalogue"))
        again = catalogue(model, options, given.batch, given.workers, Path(folder, "catalogue"))
    print(f"one try_on a picture:  {pictures / slow:6.2f} pictures/s")
    print(f"catalogue, batch {given.batch}:    {pictures / fast:6.2f} pictures/s, {slow / fast:.2f} times as fast")
    print(f"run again, all drawn:  {again:6.2f} s, {again / fast:.1%} of the first run")


if __name__ == "__main__":
    main()
