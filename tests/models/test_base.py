import importlib.util
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Trainer

from fashiongen.models.base import FashionModule

_spec = importlib.util.spec_from_file_location("tiny_training", Path(__file__).parents[1] / "commands/tiny_training.py")
assert _spec is not None and _spec.loader is not None
tiny_training = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny_training)


def rates(tmp_path: Path, resume: str | None = None, max_steps: int = -1, **options: object) -> tuple[list[float], FashionModule]:
    """The learning rate of the optimiser that each step uses first."""
    seen: list[float] = []

    class Watched(tiny_training.Tiny):
        def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
            seen.append(optimizer.param_groups[0]["lr"])

    torch.manual_seed(0)
    model = Watched(pictures_every=0, **options)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=-1,
        max_steps=max_steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, datamodule=tiny_training.TinyData(), ckpt_path=resume)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    return seen, model


def test_learning_rates_stay_or_fall_to_zero_at_the_end_of_every_stage(tmp_path):
    steps = {"coarse": 4, "refinement": 2}
    assert rates(tmp_path, steps=steps)[0] == [0.01] * 8
    cooled, _ = rates(tmp_path, steps=steps, cooldown=0.5)
    assert cooled == pytest.approx([0.01, 0.01, 0.01, 0.005, 0.01, 0.01, 0.01, 0.01])
    cooled, _ = rates(tmp_path, steps=steps, cooldown=1.0)
    assert cooled == pytest.approx([0.01, 0.0075, 0.005, 0.0025, 0.01, 0.01, 0.005, 0.005])


@pytest.mark.parametrize("stopped_after", [3, 6])
def test_a_resumed_run_cools_down_as_the_whole_one(tmp_path, stopped_after):
    steps = {"coarse": 4, "refinement": 2}
    whole, model = rates(tmp_path, steps=steps, cooldown=1.0)
    first, _ = rates(tmp_path, steps=steps, cooldown=1.0, max_steps=stopped_after)
    second, resumed = rates(tmp_path, str(tmp_path / "last.ckpt"), steps=steps, cooldown=1.0)
    assert first + second == pytest.approx(whole)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True))


def test_a_share_is_between_0_and_1():
    with pytest.raises(ValueError, match="cooldown is a share of a stage, between 0 and 1, not 2"):
        tiny_training.Tiny(cooldown=2)
