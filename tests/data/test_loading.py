import json
from itertools import chain
from pathlib import Path

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.loading import StepSampler, TrainLoader
from fashiongen.types import Batch, Person


class Numbered(Dataset):
    """Pictures that carry their index."""

    def __init__(self, length=11):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return Batch(Person(torch.full((3, 2, 2), index / 100)), name=str(index))


class NumberedData(FashionDataModule):
    def __init__(self, length=11, **base):
        super().__init__(**base)
        self.length = length

    def _set(self, split):
        return Numbered(self.length)


class Watcher(LightningModule):
    """Notes the names of what it is trained on."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def training_step(self, batch, batch_idx):
        self.seen.append(batch.name)
        return (self.weight - batch.person.image.mean()).square().sum()

    def validation_step(self, batch, batch_idx):
        pass

    def predict_step(self, batch, batch_idx):
        return batch.name

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder, *callbacks, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu", "devices": 1}
    return Trainer(default_root_dir=folder, callbacks=list(callbacks), **quiet, **options)


def indices_of(sampler, steps):
    return list(chain(*(sampler.batch(step) for step in steps)))


def test_every_pass_is_a_permutation():
    sampler = StepSampler(12, 4, seed=3)
    first, second = indices_of(sampler, range(3)), indices_of(sampler, range(3, 6))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert first != indices_of(StepSampler(12, 4, seed=4), range(3))


def test_nothing_is_left_out_where_batches_straddle_two_passes():
    sampler = StepSampler(10, 4)
    indices = indices_of(sampler, range(5))
    assert sorted(indices[:10]) == sorted(indices[10:]) == list(range(10))


def test_a_data_set_smaller_than_a_batch_is_read_again():
    assert sorted(StepSampler(2, 4).batch(0)) == [0, 0, 1, 1]
    assert len(list(TrainLoader(Numbered(2), 4))) == 1


def test_two_ranks_share_the_batch_of_one_process():
    whole = StepSampler(23, 6, seed=1, rank=0, world_size=1)
    halves = [StepSampler(23, 3, seed=1, rank=rank, world_size=2) for rank in range(2)]
    for step in range(9):
        assert halves[0].batch(step) + halves[1].batch(step) == whole.batch(step)
    assert [half.steps_a_pass for half in halves] == [3, 3]


@pytest.mark.parametrize(("length", "batch_size", "rank"), [(0, 1, 0), (3, 0, 0), (3, 1, 2)])
def test_impossible_samplers_are_refused(length, batch_size, rank):
    with pytest.raises(ValueError):
        StepSampler(length, batch_size, rank=rank, world_size=1)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [1, 3, 6, 8])
def test_the_sequence_after_resuming_is_the_tail_of_the_full_sequence(workers, stop):
    def names(loader, count):
        taken = []
        while len(taken) < count:
            for batch in loader:
                taken.append(batch.name)
                if len(taken) == count:
                    break
        return taken

    full = names(TrainLoader(Numbered(), 3, seed=5), 12)
    killed = TrainLoader(Numbered(), 3, seed=5, num_workers=workers)
    assert names(killed, stop) == full[:stop]
    resumed = TrainLoader(Numbered(), 3, seed=5, num_workers=workers)
    resumed.load_state_dict(killed.state_dict())
    assert names(resumed, 12 - stop) == full[stop:]


def test_iterating_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(TrainLoader(Numbered(), 3))
    list(NumberedData(batch_size=3).val_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


class Stop(Callback):
    """Ends the run as a kill would, right after a checkpoint."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(f"{trainer.default_root_dir}/kill.ckpt")
            raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stop", [2, 3, 5])
def test_a_killed_and_resumed_run_sees_what_an_unbroken_one_sees(tmp_path, workers, stop):
    options = {"max_steps": 8, "max_epochs": -1, "limit_val_batches": 1, "check_val_every_n_epoch": None, "val_check_interval": 3}
    data = {"batch_size": 3, "num_workers": workers, "seed": 2}
    unbroken, first, second = Watcher(), Watcher(), Watcher()
    trainer(tmp_path, **options).fit(unbroken, NumberedData(**data))
    with pytest.raises(SystemExit):
        trainer(tmp_path, Stop(stop), **options).fit(first, NumberedData(**data))
    trainer(tmp_path, **options).fit(second, NumberedData(**data), ckpt_path=tmp_path / "kill.ckpt")
    assert len(unbroken.seen) == 8
    assert first.seen == unbroken.seen[:stop]
    assert first.seen + second.seen == unbroken.seen
    assert torch.equal(second.weight, unbroken.weight)


def test_a_run_resumed_from_the_end_of_an_epoch_goes_on_with_the_next_permutation(tmp_path):
    unbroken, first, second = Watcher(), Watcher(), Watcher()
    trainer(tmp_path, max_epochs=3).fit(unbroken, NumberedData(batch_size=3))
    keep = ModelCheckpoint(tmp_path, "end", save_on_train_epoch_end=True)
    trainer(tmp_path, keep, max_epochs=1).fit(first, NumberedData(batch_size=3))
    trainer(tmp_path, max_epochs=3).fit(second, NumberedData(batch_size=3), ckpt_path=keep.best_model_path)
    assert first.seen + second.seen == unbroken.seen


def test_limited_epochs_still_walk_through_the_whole_data_set(tmp_path):
    watcher = Watcher()
    trainer(tmp_path, max_epochs=4, limit_train_batches=1).fit(watcher, NumberedData(12, batch_size=3))
    assert sorted(chain(*watcher.seen)) == sorted(map(str, range(12)))


def test_overfitting_repeats_one_batch(tmp_path):
    watcher = Watcher()
    trainer(tmp_path, max_epochs=3, overfit_batches=1).fit(watcher, NumberedData(batch_size=3))
    assert watcher.seen == [["0", "1", "2"]] * 3


def test_predicting_goes_through_the_test_set_in_order(tmp_path):
    names = trainer(tmp_path).predict(Watcher(), NumberedData(4, batch_size=3))
    assert names == [["0", "1", "2"], ["3"]]


class Report(Callback):
    """Writes what each rank saw."""

    def on_train_end(self, trainer, module):
        Path(trainer.default_root_dir, f"rank{trainer.global_rank}.json").write_text(json.dumps(module.seen))


@pytest.mark.slow
def test_two_processes_see_together_what_one_sees_with_the_doubled_batch(tmp_path):
    alone = Watcher()
    trainer(tmp_path, max_steps=4).fit(alone, NumberedData(23, batch_size=4))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    pair = Trainer(default_root_dir=tmp_path, callbacks=[Report()], devices=2, strategy="ddp_fork", max_steps=4, **quiet)
    pair.fit(Watcher(), NumberedData(23, batch_size=2))
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert [first + second for first, second in zip(*ranks, strict=True)] == alone.seen


def test_an_impossible_batch_size_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        NumberedData(batch_size=0)
