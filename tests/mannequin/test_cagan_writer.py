import dataclasses

import pytest
import pytorch_lightning as pl
import torch

from fashiongen.data.cagan import CaganDataModule
from fashiongen.mannequin.cagan_writer import write_cagan
from fashiongen.mannequin.scenes import TryOnScenes
from fashiongen.mannequin.world import World
from fashiongen.models.cagan.module import Cagan

WORLD = World(height=64, width=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_cagan(WORLD, tmp_path_factory.mktemp("cagan"), train=3, test=2)


def test_names_and_lists(folder):
    names = [f"{number:06d}.jpg" for number in range(5)]
    for kind in ("people", "garments"):
        assert sorted(path.name for path in (folder / kind).iterdir()) == names
    assert (folder / "worn_train.txt").read_text().splitlines() == [f"{name} {name}" for name in names[:3]]
    lines = [line.split() for line in (folder / "worn_test.txt").read_text().splitlines()]
    assert lines == [[names[3], names[3], names[4]], [names[4], names[4], names[3]]]


def test_it_is_read_back_as_it_was_drawn(folder):
    data = CaganDataModule(str(folder), height=64, width=48)
    world = dataclasses.replace(WORLD, split="test")
    drawn = TryOnScenes(world, 2, warps=False, answers=False).batch(torch.arange(2))
    for index, other in ((0, 1), (1, 0)):
        example = data.test_set[index]
        assert (example.person.image - drawn.person.image[index]).abs().mean() < 0.06
        assert (example.garment.image - drawn.garment.image[index]).abs().mean() < 0.06
        assert (example.other_garment.image - drawn.garment.image[other]).abs().mean() < 0.06
        assert (example.garment.mask - drawn.garment.mask[index]).abs().mean() < 0.1


def test_cagan_trains_on_it(folder, tmp_path):
    data = CaganDataModule(str(folder), height=64, width=48, batch_size=2, draws=2)
    module = Cagan(size=(64, 48), width=4, discriminator_width=4, steps={"swap": 2}, pictures_every=0)
    runner = pl.Trainer(
        accelerator="cpu", max_epochs=-1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    runner.fit(module, datamodule=data)
    assert module.steps_in_stage == {"swap": 2}
    (figures,) = runner.test(module, datamodule=data, verbose=False)
    assert set(figures) == {f"test/cagan/{name}" for name in ("matte", "identity_l1", "cycle_l1")}
