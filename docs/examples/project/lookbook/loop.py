"""One generator of fashiongen in a training loop of one's own, without Lightning: `python -m lookbook.loop data`.

The generator is a plain `torch.nn.Module`; the layers and losses around it are functions. Gradients are accumulated, and what is
kept is a moving average of the weights.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import fashiongen
from fashiongen.layers import pose_disks
from fashiongen.losses import masked_l1, nearest_neighbour_loss
from fashiongen.types import Batch
from lookbook.data import LookbookData


def drawn(generator: nn.Module, batch: Batch, radius: int) -> Tensor:
    """(B, 3, H, W): the people of a batch in the poses of their targets."""
    assert batch.target is not None and batch.target.keypoints is not None
    image = batch.person.image
    return generator(image, pose_disks(batch.target.keypoints, *image.shape[-2:], radius=radius))


@torch.no_grad()
def error(generator: nn.Module, data: LookbookData, radius: int) -> float:
    """Mean L1 distance to the true pictures of the test split, in [0, 2]."""
    found = [(drawn(generator, batch, radius), batch.target) for batch in data.test_dataloader()]
    return float(torch.stack([masked_l1(image, target.image) for image, target in found]).mean())


def train(
    root: Path, steps: int, source: str = "pg2", batch_size: int = 8, accumulate: int = 2
) -> tuple[nn.Module, dict[str, float]]:
    """Fine-tune the first stage of PG2; returns it, and the error before and after."""
    model = fashiongen.load(source)
    generator, radius = model.coarse.train(), model.hparams["joint_radius"]
    data = LookbookData(root, model.size, batch_size)
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    optimizer = torch.optim.AdamW(generator.parameters(), lr=1e-4)
    figures = {"before": error(generator, data, radius)}
    for step, batch in enumerate(islice(data.train_dataloader(), steps * accumulate), 1):
        picture = drawn(generator, batch, radius)
        loss = masked_l1(picture, batch.target.image) + 0.1 * nearest_neighbour_loss(picture, batch.target.image, size=3)
        (loss / accumulate).backward()
        if step % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
            averaged.update_parameters(generator)
    figures["after"] = error(averaged.module, data, radius)
    return averaged.module, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--source", default="pg2")
    parser.add_argument("--out", type=Path, default=Path("generator.pt"))
    options = parser.parse_args()
    generator, figures = train(options.root, options.steps, options.source)
    torch.save(generator.state_dict(), options.out)
    print(f"L1 on the test split: {figures['before']:.4f} before, {figures['after']:.4f} after; {options.out}")


if __name__ == "__main__":
    main()
