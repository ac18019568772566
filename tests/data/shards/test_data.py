import json
import multiprocessing
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import distributed

from fashiongen.data.shards.data import ShardsDataModule
from fashiongen.models.base import FashionModule, Stage
from fashiongen.registry import ANNOTATIONS

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


class Watcher(LightningModule):
    """Notes the names of what it sees; has a buffer, which `ddp` hands round before every step."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("steps", torch.zeros(1))
        self.seen, self.validated = [], []

    def training_step(self, batch, batch_idx):
        self.seen.append(batch.name)
        return (self.weight - batch.person.image.mean()).square().sum()

    def validation_step(self, batch, batch_idx):
        self.validated.append(batch.name)

    def test_step(self, batch, batch_idx):
        self.validated.append(batch.name)

    def predict_step(self, batch, batch_idx):
        return batch.name

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder, *callbacks, **options):
    return Trainer(default_root_dir=folder, callbacks=list(callbacks), devices=1, **QUIET, **options)


class Stop(Callback):
    """Ends the run as a kill would, right after a checkpoint."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(f"{trainer.default_root_dir}/kill.ckpt")
            raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stop", [2, 6])
def test_a_run_resumed_inside_an_epoch_sees_what_an_unbroken_one_sees(shards, tmp_path, workers, stop):
    options = {"max_steps": 10, "max_epochs": -1}
    unbroken, first, second = Watcher(), Watcher(), Watcher()

    def data():
        return ShardsDataModule(str(shards), batch_size=3, num_workers=workers, seed=2)

    trainer(tmp_path, **options).fit(unbroken, data())
    with pytest.raises(SystemExit):
        trainer(tmp_path, Stop(stop), **options).fit(first, data())
    trainer(tmp_path, **options).fit(second, data(), ckpt_path=tmp_path / "kill.ckpt")
    assert first.seen + second.seen == unbroken.seen
    assert torch.equal(second.weight, unbroken.weight)
    sequence = list(chain(*unbroken.seen))
    assert sorted(sequence[:13]) == sorted(sequence[13:26]) == sorted(f"train{place}" for place in range(13))


def test_the_other_loops_see_every_example_once(shards, tmp_path):
    model, data = Watcher(), ShardsDataModule(str(shards), batch_size=3)
    expected = [f"test{place}" for place in range(5)]
    assert list(chain(*trainer(tmp_path).predict(model, data))) == expected
    trainer(tmp_path).test(model, data, verbose=False)
    assert list(chain(*model.validated)) == expected


class Report(Callback):
    """Writes what each rank saw."""

    def on_fit_end(self, trainer, module):
        record = {"seen": module.seen, "validated": module.validated}
        Path(trainer.default_root_dir, f"rank{trainer.global_rank}.json").write_text(json.dumps(record))


def read(loader):
    return [name for batch in loader for name in batch.name]


def share(rank, address, root, queue):
    """What a process of two with two workers reads: three passes of training, and the others once."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", address, rank=rank, world_size=2)
    data = ShardsDataModule(root, batch_size=2, num_workers=2)
    loader = data.train_dataloader()
    batches = [batch.name for _ in range(5) for batch in loader]
    queue.put((rank, batches[:13], read(data.val_dataloader()), read(data.predict_dataloader())))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_every_example_once_over_two_processes_of_two_workers(shards, tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    address = f"file://{tmp_path}/meeting"
    processes = [context.Process(target=share, args=(rank, address, str(shards), queue)) for rank in range(2)]
    for process in processes:
        process.start()
    shares = sorted(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    (_, first, *firsts), (_, second, *seconds) = shares
    sequence = list(chain(*chain(*zip(first, second, strict=True))))
    assert len(sequence) == 4 * 13  # 13 steps of four are four epochs
    for epoch in range(4):
        assert Counter(sequence[13 * epoch : 13 * (epoch + 1)]) == Counter(f"train{place}" for place in range(13))
    for split, one, other in zip(("validation", "test"), firsts, seconds, strict=True):
        assert Counter(one + other) == Counter(f"{split}{place}" for place in range(5))


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
def test_uneven_processes_do_not_wait_for_each_other(shards, tmp_path, batch_size):
    """13 training and 5 validation examples for two processes, with validation in between: one has an example more."""
    pair = Trainer(
        default_root_dir=tmp_path, callbacks=[Report()], devices=2, strategy="ddp_fork", max_steps=9, val_check_interval=2,
        check_val_every_n_epoch=None, num_sanity_val_steps=0, **QUIET,
    )  # fmt: skip
    pair.fit(Watcher(), ShardsDataModule(str(shards), batch_size=batch_size))
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert [len(rank["seen"]) for rank in ranks] == [9, 9]
    validated = Counter(chain(*chain(*(rank["validated"] for rank in ranks))))
    assert validated == {f"validation{place}": 4 for place in range(5)}
    alone = Watcher()
    trainer(tmp_path, max_steps=9).fit(alone, ShardsDataModule(str(shards), batch_size=2 * batch_size))
    assert [one + other for one, other in zip(*(rank["seen"] for rank in ranks), strict=True)] == alone.seen


class Wanting(FashionModule):
    """Reads true answers, which training examples do not have."""

    name = "wanting"
    stages = (Stage("all", 1, ()),)
    needs_to_train = frozenset({"person", "truth"})
    needs_to_run = frozenset({"person", "truth"})

    def configure_optimizers(self):
        return []


def test_what_a_split_lacks_is_told_before_training(shards, tmp_path):
    data = ShardsDataModule(str(shards))
    assert data.provides < set(ANNOTATIONS) and "truth" in data.provides
    with pytest.raises(MisconfigurationException, match="wanting needs truth; ShardsDataModule provides garment, "):
        trainer(tmp_path).fit(Wanting(), data)


def test_training_alone_needs_no_other_split(numbered, tmp_path):
    from fashiongen.data.shards.writer import write_shards

    write_shards(numbered.NumberedData(), tmp_path / "train", "numbered", splits=["train"])
    model, data = Watcher(), ShardsDataModule(str(tmp_path / "train"), batch_size=4)
    trainer(tmp_path, max_steps=2).fit(model, data)
    assert len(model.seen) == 2 and not model.validated
    with pytest.raises(ValueError, match="has no test split, only train"):
        data.predict_dataloader()
