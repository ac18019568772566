"""The mannequin world as a data module: options, splits, caches."""

import hashlib
import os

import pytest
import pytorch_lightning as pl
import torch

from fashiongen.data.cache import pack
from fashiongen.data.parsing import convert
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.mannequin.random import WORLD_VERSION
from fashiongen.registry import ANNOTATIONS
from fashiongen.types import Batch

OPTIONS = dict(height=64, width=48, train_length=6, validation_length=2, test_length=3, batch_size=2)
TASKS = ("try_on", "pose", "people", "swap", "redress")


@pytest.mark.parametrize("task", TASKS)
def test_cached_and_drawn_examples_are_equal(tmp_path, task):
    drawn = MannequinDataModule(task=task, **OPTIONS)
    cached = MannequinDataModule(task=task, cache=str(tmp_path), **OPTIONS)
    cached.prepare_data()
    for split in ("train_set", "test_set"):
        first, second = (pack(Batch.collate([getattr(data, split)[1]])) for data in (drawn, cached))
        assert first[1] == second[1]
        assert first[0].keys() == second[0].keys()
        for name, tensor in first[0].items():
            assert torch.equal(tensor, second[0][name]), name


@pytest.mark.parametrize("task", TASKS)
def test_batches_hold_what_the_task_provides(task):
    data = MannequinDataModule(task=task, **OPTIONS)
    batch = next(iter(data.test_dataloader()))
    held = {name for name in ANNOTATIONS if getattr(batch, name, None) is not None}
    held |= {name for name in ANNOTATIONS if getattr(batch.person, name, None) is not None}
    assert held == data.provides
    assert data.provides < MannequinDataModule.provides
    assert (batch.factor is not None) == (task == "swap")


def test_training_examples_come_without_answers():
    for task in TASKS:
        data = MannequinDataModule(task=task, **OPTIONS)
        assert data.train_set[0].truth is None, task
    assert MannequinDataModule(**OPTIONS).train_set[0].other_garment is None
    example = MannequinDataModule(warps=False, others=True, **OPTIONS).train_set[0]
    assert example.other_garment is not None and example.control_points is None
    assert MannequinDataModule(task="swap", **OPTIONS).train_set[0].donor is not None
    assert MannequinDataModule(task="redress", **OPTIONS).train_set[0].other_text is not None


def test_without_warps_no_control_points_are_provided():
    provided = MannequinDataModule(**OPTIONS).provides
    assert provided - MannequinDataModule(warps=False, **OPTIONS).provides == {"control_points"}


@pytest.mark.parametrize("scheme", ["atr18", "cihp20", "fashiongan7"])
def test_parsing_follows_the_scheme(scheme):
    fine = MannequinDataModule(task="redress", scheme=scheme, **OPTIONS).test_set[1]
    lip = MannequinDataModule(task="redress", **OPTIONS).test_set[1]
    for person, plain in ((fine.person, lip.person), (fine.truth, lip.truth)):
        assert person.scheme == scheme
        # Translating LIP loses belts and bare skin, the tables of the world do not.
        assert (person.parsing == convert(plain.parsing, "lip20", scheme)).float().mean() > 0.97


def test_every_set_of_options_has_its_own_cache(tmp_path):
    changes = (
        {},
        *({"task": task} for task in TASKS[1:]),
        {"yaw": 10.0},
        {"task": "people", "yaw": 35.0},
        {"train_length": 7},
        {"look": "market"},
        {"scheme": "atr18"},
        {"warps": False},
        {"others": True},
    )
    folders = {MannequinDataModule(cache=str(tmp_path), **{**OPTIONS, **change})._folder("train") for change in changes}
    assert len(folders) == len(changes)
    same = MannequinDataModule(cache=str(tmp_path), num_workers=2, cache_workers=1, **{**OPTIONS, "batch_size": 4})
    assert same._folder("train") in folders


def test_options_that_came_later_leave_older_folders_their_names(tmp_path):
    named = [
        *(("framing", "upper"), ("height", 64), ("look", "studio"), ("photograph_share", 0.5), ("photographs", None)),
        *(("task", "try_on"), ("width", 48), ("world_seed", 0), ("yaw", 35.0)),
    ]
    digest = hashlib.sha256(repr((WORLD_VERSION, named, 6)).encode()).hexdigest()[:16]
    assert MannequinDataModule(cache=str(tmp_path), **OPTIONS)._folder("train") == tmp_path / f"train-{digest}"


def test_several_processes_fill_the_cache_with_the_same_bytes(tmp_path):
    options = {**OPTIONS, "height": 32, "width": 24, "train_length": 130, "task": "people", "test_length": 1}
    files = []
    for workers in (0, 2):
        data = MannequinDataModule(cache=str(tmp_path / str(workers)), cache_workers=workers, **options)
        data.prepare_data()
        files.append({path.name: path.read_bytes() for path in data._folder("train").iterdir()})
    assert len(files[0]) == 3
    assert files[0] == files[1]


def test_by_default_every_core_draws():
    assert 0 <= MannequinDataModule(**OPTIONS).cache_workers <= (os.cpu_count() or 1)


def test_splits_share_neither_people_nor_garments():
    data = MannequinDataModule(**OPTIONS)
    pictures = [example.garment.image for split in (data.train_set, data.test_set) for example in split.__getitems__([0, 1, 2])]
    assert all(not torch.equal(a, b) for index, a in enumerate(pictures) for b in pictures[:index])


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="no task 'sleep'; choose one of try_on, pose, people, swap, redress"):
        MannequinDataModule(task="sleep", **OPTIONS)
    with pytest.raises(ValueError, match="no label scheme 'coco'; choose one of lip20"):
        MannequinDataModule(scheme="coco", **OPTIONS)
    with pytest.raises(ValueError, match="both_ways turns pairs of poses around, task='pose'; task='people' has none"):
        MannequinDataModule(task="people", both_ways=True, **OPTIONS)


@pytest.mark.parametrize("cached", [True, False])
def test_pairs_come_both_ways_in_training_alone(tmp_path, cached):
    data = MannequinDataModule(task="pose", both_ways=True, cache=str(tmp_path) if cached else None, **OPTIONS)
    data.prepare_data()
    assert [len(each) for each in (data.train_set, data.validation_set, data.test_set)] == [12, 2, 3]
    there, back = data.train_set.__getitems__([4, 10])
    assert there.name == back.name
    for one, other in ((there.person, back.target), (there.target, back.person)):
        assert torch.equal(one.image, other.image) and torch.equal(one.keypoints, other.keypoints)
    assert not torch.equal(there.person.image, back.person.image)
    assert torch.equal(data.train_set[10].person.image, back.person.image)
    plain = MannequinDataModule(task="pose", cache=str(tmp_path) if cached else None, **OPTIONS)
    plain.prepare_data()
    assert len({*tmp_path.iterdir()}) == 3 * cached, "both share their folders"


def test_testing_does_not_draw_the_training_set(tmp_path):

    class Reader(pl.LightningModule):
        def test_step(self, batch, batch_idx):
            assert batch.truth is not None

    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.test(Reader(), datamodule=MannequinDataModule(cache=str(tmp_path), **OPTIONS), verbose=False)
    assert [folder.name.partition("-")[0] for folder in tmp_path.iterdir()] == ["test"]
