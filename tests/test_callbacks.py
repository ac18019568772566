from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from pytorch_lightning import Callback, LightningModule, Trainer

from fashiongen.callbacks import PictureWriter, StageCheckpoint, StageProgressBar


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "commands"))
    return import_module("tiny_training")


def trainer(*callbacks: Callback, bar: bool = False, **options: Any) -> Trainer:
    quiet = {"logger": False, "enable_model_summary": False, "limit_val_batches": 0, "max_epochs": -1}
    return Trainer(accelerator="cpu", devices=1, callbacks=list(callbacks), enable_progress_bar=bar, **(quiet | options))


class Saves(StageCheckpoint):
    """Notes every file and the step at which it was written."""

    def __init__(self, every: int) -> None:
        super().__init__(every, "saved")
        self.written: list[tuple[str, int]] = []

    def _save(self, trainer: Trainer, name: str) -> None:
        super()._save(trainer, name)
        self.written.append((name, trainer.lightning_module.steps_done))


# ---------------------------------------------------------------------------------------------------- checkpoints
def test_checkpoints_are_written_every_so_many_steps_and_when_a_stage_is_done(tiny: ModuleType) -> None:
    saves = Saves(every=4)
    trainer(saves).fit(tiny.Tiny(), tiny.TinyData())
    assert saves.written == [
        ("last.ckpt", 4),
        ("coarse.ckpt", 6),
        ("last.ckpt", 6),
        ("last.ckpt", 8),
        ("refinement.ckpt", 12),
        ("last.ckpt", 12),
    ]
    assert {path.name for path in Path("saved").iterdir()} == {"last.ckpt", "coarse.ckpt", "refinement.ckpt"}


def test_a_training_that_is_stopped_is_saved(tiny: ModuleType) -> None:
    saves = Saves(every=100)
    trainer(saves, max_steps=3).fit(tiny.Tiny(), tiny.TinyData())
    assert saves.written == [("last.ckpt", 3)]


def test_steps_are_batches_however_many_updates_they_take(tiny: ModuleType) -> None:
    saves = Saves(every=3)
    trainer(saves).fit(tiny.Tiny(steps={"coarse": 0}), tiny.TinyData())
    assert saves.written == [("last.ckpt", 3), ("refinement.ckpt", 6), ("last.ckpt", 6)]


def test_a_checkpoint_is_replaced_in_one_piece(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(StageCheckpoint(2, "saved")).fit(tiny.Tiny(), tiny.TinyData())
    before = Path("saved/last.ckpt").read_bytes()

    def killed(self: Trainer, path: Path, weights_only: bool) -> None:
        Path(path).write_bytes(before[: len(before) // 2])
        raise SystemExit("killed while it writes")

    monkeypatch.setattr(Trainer, "save_checkpoint", killed)
    with pytest.raises(SystemExit):
        trainer(StageCheckpoint(2, "saved")).fit(tiny.Tiny(), tiny.TinyData())
    assert Path("saved/last.ckpt").read_bytes() == before


def test_checkpoints_lie_beside_the_log(tiny: ModuleType) -> None:
    trainer(StageCheckpoint(), default_root_dir="here").fit(tiny.Tiny(), tiny.TinyData())
    assert Path("here/last.ckpt").is_file()


def test_every_is_positive() -> None:
    with pytest.raises(ValueError, match="every 0 steps"):
        StageCheckpoint(every=0)


def test_stages_need_a_fashion_module() -> None:
    with pytest.raises(TypeError, match="FashionModule alone, not of LightningModule"):
        StageCheckpoint().on_train_start(SimpleNamespace(), LightningModule())


# ---------------------------------------------------------------------------------------------------- progress bar
class Watch(Callback):
    """Notes what the bar shows after every step."""

    def __init__(self, bar: StageProgressBar) -> None:
        self.bar = bar
        self.shown: list[str] = []
        self.losses: list[set[str]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        task = self.bar.train_progress_bar
        self.shown.append(f"{task.description} {task.completed:.0f}/{task.total:.0f}")
        self.losses.append(set(self.bar.get_metrics(trainer, pl_module)))


def test_the_bar_names_the_stage_its_steps_and_its_losses(tiny: ModuleType) -> None:
    bar = StageProgressBar(interval=0)
    watch = Watch(bar)
    trainer(bar, watch, bar=True).fit(tiny.Tiny(), tiny.TinyData())
    assert watch.shown == [f"{stage} {step}/6" for stage in ("coarse", "refinement") for step in range(1, 7)]
    assert watch.losses == 6 * [{"image"}] + 6 * [{"critic", "adversarial"}]


def test_the_bar_of_a_resumed_run_starts_where_it_was(tiny: ModuleType) -> None:
    trainer(StageCheckpoint(4, "saved"), max_steps=4).fit(tiny.Tiny(), tiny.TinyData())
    bar = StageProgressBar(interval=0)
    watch = Watch(bar)
    trainer(bar, watch, bar=True).fit(tiny.Tiny(), tiny.TinyData(), ckpt_path="saved/last.ckpt")
    assert watch.shown[:3] == ["coarse 5/6", "coarse 6/6", "refinement 1/6"]


def test_the_bar_looks_at_the_losses_now_and_then(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def count(self: StageProgressBar, *_: Any) -> dict[str, Any]:
        looks.append(1)
        return {}

    monkeypatch.setattr(StageProgressBar, "get_metrics", count)
    trainer(StageProgressBar(interval=1000), bar=True).fit(tiny.Tiny(), tiny.TinyData())
    assert len(looks) <= 4  # the first step, the end of each stage, the end of the epoch


# ---------------------------------------------------------------------------------------------------- pictures
@pytest.mark.parametrize(("names", "files"), [(["a/1", "b"], ["a_1.png", "b.png"]), (None, ["000000.png", "000001.png"])])
def test_predictions_become_pictures(names: list[str] | None, files: list[str], tmp_path: Path) -> None:
    image = torch.linspace(-1, 1, 2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    writer = PictureWriter(tmp_path / "new" / "folder")
    writer.write_on_batch_end(SimpleNamespace(), LightningModule(), {"name": names, "image": image}, None, None, 0, 0)
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == files
    assert Image.open(tmp_path / "new" / "folder" / files[0]).size == (5, 4)


def write(writer: PictureWriter, level: float) -> None:
    image = torch.full((1, 3, 4, 5), level)
    writer.write_on_batch_end(SimpleNamespace(), LightningModule(), {"name": ["a"], "image": image}, None, None, 0, 0)


@pytest.mark.parametrize(("once", "level"), [(False, 255), (True, 0)])
def test_pictures_are_replaced_unless_each_is_written_once(once: bool, level: int, tmp_path: Path) -> None:
    writer = PictureWriter(tmp_path, once=once)
    write(writer, -1)
    write(writer, 1)
    assert Image.open(tmp_path / "a.png").getpixel((0, 0)) == (level, level, level)


def test_a_picture_is_replaced_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = PictureWriter(tmp_path, "jpg")
    write(writer, -1)
    before = (tmp_path / "a.jpg").read_bytes()

    def killed(self: Image.Image, file: Path, **options: Any) -> None:
        file.write_bytes(b"half")
        raise SystemExit("killed while it writes")

    monkeypatch.setattr(Image.Image, "save", killed)
    with pytest.raises(SystemExit):
        write(writer, 1)
    assert (tmp_path / "a.jpg").read_bytes() == before


def test_numbers_go_on_from_batch_to_batch(tmp_path: Path) -> None:
    writer = PictureWriter(tmp_path)
    for _ in range(2):
        writer.write_on_batch_end(
            SimpleNamespace(), LightningModule(), {"name": None, "image": torch.zeros(2, 3, 4, 5)}, None, None, 0, 0
        )
    assert len(os.listdir(tmp_path)) == 4
