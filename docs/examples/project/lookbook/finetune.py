"""One LightningModule of fashiongen in a Trainer of one's own, with one's own data: `python -m lookbook.finetune data`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor

from fashiongen.callbacks import StageCheckpoint
from fashiongen.losses import nearest_neighbour_loss
from fashiongen.models.pg2.module import Pg2
from lookbook.data import LookbookData


class Ours(Pg2):
    """PG2 with another optimiser and one more loss."""

    def __init__(self, texture_weight: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()

    def reconstruction_losses(self, image: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
        losses = super().reconstruction_losses(image, target, mask)
        losses["texture"] = nearest_neighbour_loss(image, target, size=3)
        return losses | {"total": losses["total"] + self.hparams["texture_weight"] * losses["texture"]}

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        networks = (self.coarse, self.refinement, self.critic)
        return [torch.optim.AdamW(network.parameters(), lr=self.hparams["learning_rate"]) for network in networks]


def finetune(root: Path, run: Path, steps: int, source: str = "pg2", batch_size: int = 8) -> tuple[Ours, dict[str, Any]]:
    """Fine-tune both stages, or go on where an earlier run of the same folder ended; returns the model and its figures."""
    model = Ours.from_pretrained(source, learning_rate=1e-4, steps={"coarse": steps, "refinement": steps}, pictures_every=0)
    data = LookbookData(root, model.size, batch_size)
    trainer = pl.Trainer(
        accelerator="auto",
        devices=1,
        max_epochs=-1,  # the stages say when to stop
        default_root_dir=run,
        logger=CSVLogger(run, name="", version=""),
        callbacks=[StageCheckpoint(every=50, folder=str(run))],
        enable_progress_bar=False,
        log_every_n_steps=1,
    )
    last = run / "last.ckpt"
    before = run / "before.json"
    if not before.is_file():
        before.parent.mkdir(parents=True, exist_ok=True)
        before.write_text(json.dumps(trainer.test(model, data, verbose=False)[0]))
    trainer.fit(model, data, ckpt_path=last if last.is_file() else None)
    figures = {"before": json.loads(before.read_text()), "after": dict(trainer.test(model, data, verbose=False)[0])}
    return model, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--run", type=Path, default=Path("run"))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--source", default="pg2")
    options = parser.parse_args()
    model, figures = finetune(options.root, options.run, options.steps, options.source)
    record = {"steps": {"coarse": options.steps, "refinement": options.steps}, "fine-tuned from": options.source}
    model.save_pretrained(options.run / "model", data="a shop that does not exist", figures=figures, training=record)
    for when, measured in figures.items():
        print(f"{when}: L1 on the person {measured['test/pg2/person_l1']:.4f}")


if __name__ == "__main__":
    main()
