"""`fit`, `validate`, `test`, `predict` end to end, on the smallest model; and with it what `FashionModule` promises."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

import fashiongen.hub
from fashiongen.cli import main
from fashiongen.commands.configurations import configuration, configurations
from fashiongen.commands.training import process_strategy
from fashiongen.published import PROTOCOLS

HERE = Path(__file__).parent
QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the tiny model, in an empty working folder that holds its configuration, tiny.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    options = {
        "model": {"class_path": "tiny_training.Tiny"},
        "data": {"class_path": "tiny_training.TinyData"},
        "trainer": {"accelerator": "cpu", "devices": 1, "val_check_interval": 4, "log_every_n_steps": 1},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(options))
    return import_module("tiny_training")


def fit(*words: str) -> int:
    return main(["fit", "--config", "tiny.yaml", *QUIET, *words])


def saved(path: str) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[key]) for key, tensor in one.items())


def everything_same(one: str, other: str) -> bool:
    first, second = saved(one), saved(other)
    moments = [
        {f"{optimizer}.{key}.{name}": value for optimizer, state in enumerate(each["optimizer_states"])
         for key, entry in state["state"].items() for name, value in entry.items()}
        for each in (first, second)
    ]  # fmt: skip
    return same(first["state_dict"], second["state_dict"]) and same(*moments) and first["fashiongen"] == second["fashiongen"]


# ---------------------------------------------------------------------------------------------------- configurations
@pytest.mark.parametrize("option", [("--config", "viton/manequin"), ("--config=viton/manequin",), ("-c", "viton/manequin")])
def test_an_unknown_configuration_suggests_the_nearest(option: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *option]) == 1
    told = capsys.readouterr().err
    assert "'viton/manequin'; did you mean viton/mannequin" in told and told.count("\n") == 1


# ---------------------------------------------------------------------------------------------------- fit
def test_one_fit_walks_through_all_stages(tiny: ModuleType) -> None:
    assert fit("--checkpoint_every=4") == 0
    files = {path.name for path in Path("runs/tiny").iterdir()}
    assert {"last.ckpt", "coarse.ckpt", "refinement.ckpt", "config.yaml"} <= files
    assert any(name.startswith("events.out.tfevents") for name in files)
    assert not any(name.endswith(".part") for name in files)
    assert saved("runs/tiny/coarse.ckpt")["fashiongen"] == {"model": "tiny", "steps_in_stage": {"coarse": 6, "refinement": 0}}
    assert saved("runs/tiny/last.ckpt")["fashiongen"]["steps_in_stage"] == {"coarse": 6, "refinement": 6}
    assert everything_same("runs/tiny/last.ckpt", "runs/tiny/refinement.ckpt")


def test_a_stage_trains_its_networks_alone(tiny: ModuleType) -> None:
    assert fit() == 0
    first, last = saved("runs/tiny/coarse.ckpt")["state_dict"], saved("runs/tiny/last.ckpt")["state_dict"]
    changed = {key.partition(".")[0] for key in first if not torch.equal(first[key], last[key])}
    assert changed == {"refinement", "discriminator"}  # not even the running statistics of coarse


def test_frozen_networks_stay_in_evaluation_mode_after_validation(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    monkeypatch.setattr(tiny.Tiny, "on_train_end", lambda self: models.append(self))
    assert fit() == 0
    coarse = {"coarse": True, "refinement": False, "discriminator": False}
    assert models[0].modes == 6 * [coarse] + 6 * [{name: not mode for name, mode in coarse.items()}]
    assert models[0].seen == list(range(24))


def test_an_update_takes_gradients_of_its_own_networks_alone(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    monkeypatch.setattr(tiny.Tiny, "on_train_end", lambda self: models.append(self))
    assert fit() == 0
    assert models[0].trainable == 6 * ["coarse"] + 6 * ["discriminator", "refinement"]


def test_losses_are_logged_under_their_stage_while_it_lasts(tiny: ModuleType) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert fit("--trainer.log_every_n_steps=2", "--model.init_args.pictures_every=5") == 0
    log = EventAccumulator("runs/tiny")
    log.Reload()
    steps = {name: [event.step for event in log.Scalars(name)] for name in log.Tags()["scalars"]}
    assert steps["coarse/image"] == [2, 4, 6]
    assert steps["refinement/critic"] == steps["refinement/adversarial"] == [8, 10, 12]
    assert steps["validation/error"]
    assert [event.step for event in log.Images("person")] == [5, 10]


def test_one_stage_alone(tiny: ModuleType) -> None:
    assert fit("--model.init_args.only=coarse") == 0
    coarse = saved("runs/tiny/last.ckpt")
    assert coarse["fashiongen"]["steps_in_stage"] == {"coarse": 6, "refinement": 0}
    assert fit("--model.init_args.only=refinement", "--ckpt_path=runs/tiny/coarse.ckpt") == 0
    refined = saved("runs/tiny/last.ckpt")
    assert refined["fashiongen"]["steps_in_stage"] == {"coarse": 6, "refinement": 6}
    assert refined["hyper_parameters"]["only"] == "refinement"


@pytest.mark.parametrize("updates", [4, 6, 10])
def test_a_run_goes_on_as_if_it_had_never_stopped(updates: int, tiny: ModuleType) -> None:
    assert fit("--trainer.default_root_dir=whole") == 0
    assert fit(f"--trainer.max_steps={updates}") == 0  # counts updates: one a step in coarse, two in refinement
    done = sum(saved("runs/tiny/last.ckpt")["fashiongen"]["steps_in_stage"].values())
    assert done == min(updates, 6) + max(updates - 6, 0) // 2
    assert fit("--ckpt_path=last") == 0
    assert everything_same("runs/tiny/last.ckpt", "whole/tiny/last.ckpt")


def test_a_finished_run_goes_on_with_more_steps(tiny: ModuleType) -> None:
    assert fit() == 0
    assert fit("--ckpt_path=last", "--model.init_args.steps.refinement=9") == 0
    assert saved("runs/tiny/last.ckpt")["fashiongen"]["steps_in_stage"] == {"coarse": 6, "refinement": 9}


def test_a_finished_run_stops_at_once(tiny: ModuleType) -> None:
    assert fit() == 0
    before = Path("runs/tiny/last.ckpt").read_bytes()
    assert fit("--ckpt_path=last") == 0
    assert Path("runs/tiny/last.ckpt").read_bytes() == before


@pytest.mark.parametrize("limit", ["4", "0.3"])
def test_short_epochs_change_nothing(limit: str, tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ["--data=mannequin", "--data.task=people", "--data.height=16", "--data.width=16", "--data.batch_size=2"]
    data += ["--data.train_length=14", "--data.validation_length=2"]
    models = []
    monkeypatch.setattr(tiny.Tiny, "on_train_end", lambda self: models.append(self))
    assert fit("--trainer.default_root_dir=whole", *data) == 0
    assert fit(f"--trainer.limit_train_batches={limit}", *data) == 0  # an epoch ends inside a stage, and a stage inside an epoch
    assert models[0].seen == models[1].seen and len(models[0].seen) == 24
    assert same(*(saved(f"{folder}/tiny/last.ckpt")["state_dict"] for folder in ("whole", "runs")))


def test_clipping_bounds_the_gradient_of_every_optimiser(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []
    step = tiny.Adam.step

    def measured(self: Any, closure: Any = None) -> Any:
        result = step(self, closure)
        norms.append(torch.cat([p.grad.flatten() for group in self.param_groups for p in group["params"]]).norm().item())
        return result

    monkeypatch.setattr(tiny.Adam, "step", measured)
    assert fit("--model.init_args.gradient_clip=0.01") == 0
    assert len(norms) == 6 + 2 * 6 and max(norms) <= 0.01 * 1.001


def test_bfloat16_trains(tiny: ModuleType) -> None:
    assert fit("--trainer.precision=bf16-mixed") == 0
    assert all(tensor.isfinite().all() for tensor in saved("runs/tiny/last.ckpt")["state_dict"].values())


def test_a_dry_run_writes_nothing(tiny: ModuleType) -> None:
    assert fit("--trainer.fast_dev_run=2") == 0
    assert not list(Path().rglob("*.ckpt"))


def test_weights_are_a_start(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(5)
    trained = tiny.Tiny()
    monkeypatch.setattr(fashiongen.hub, "load", {"trained": trained}.__getitem__)
    assert fit("--weights=trained", "--model.init_args.only=coarse") == 0
    state = saved("runs/tiny/last.ckpt")["state_dict"]
    assert torch.equal(state["refinement.weight"], trained.state_dict()["refinement.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [name for name in configurations() if name.endswith("/mannequin")])
def test_a_shipped_recipe_runs(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stages = yaml.safe_load(configuration(recipe).read_text())["model"]["init_args"]["steps"]
    words = [f"--model.init_args.steps.{stage}=1" for stage in stages]
    words += ["--data.init_args.train_length=8", "--data.init_args.validation_length=2", "--data.init_args.test_length=2"]
    words += ["--data.init_args.batch_size=2", "--data.init_args.cache=null", "--trainer.accelerator=cpu", *QUIET]
    assert main(["fit", "--config", recipe, *words]) == 0
    assert saved(f"runs/{recipe.partition('/')[0]}/last.ckpt")["fashiongen"]["steps_in_stage"] == dict.fromkeys(stages, 1)


# ---------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fit"], 2, "required"),
        (["fit", "--config", "tiny.yaml", "--model.init_args.widht=3"], 2, "Option 'widht' is not accepted"),
        (
            ["fit", "--config", "tiny.yaml", "--model.init_args.steps.fine=3"],
            1,
            "tiny has no stage fine; its stages are coarse, refinement",
        ),
        (["fit", "--config", "tiny.yaml", "--ckpt_path=nowhere.ckpt"], 1, "there is no checkpoint nowhere.ckpt"),
        (["fit", "--config", "tiny.yaml", "--ckpt_path=last"], 1, "there is no checkpoint runs/tiny/last.ckpt"),
        (
            ["fit", "--config", "tiny.yaml", "--data=tiny_training.NamelessData"],
            1,
            "tiny needs person; NamelessData provides text; try",
        ),
        (["fit", "--config", "tiny.yaml", "--data=mannequinn"], 2, "mannequinn"),
        (["fit", "--config", "tiny.yaml", "--protocol=viton"], 2, "protocol"),
        (["test", "--config", "tiny.yaml", "--reid.poses=2"], 2, "reid"),
        (["fit", "--config", "tiny.yaml", "--checkpoint_every=0"], 1, "a checkpoint every 0 steps is impossible"),
        (["fit", "--config", "tiny.yaml", "--weights=viton", "--ckpt_path=last"], 1, "give one of them"),
        (["test", "--config", "tiny.yaml"], 1, "test needs a trained model: --ckpt_path CHECKPOINT or --weights MODEL"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], code: int, told: str, tiny: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("fashiongen: error: ")]
    assert len(errors) == 1 and lines[-1] == errors[0] and told in errors[0]
    assert not Path("runs").exists()


def test_a_run_is_never_overwritten_by_accident(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    before = Path("runs/tiny/last.ckpt").read_bytes()
    assert fit() == 1
    assert "runs/tiny holds a run already; go on with it by --ckpt_path last" in capsys.readouterr().err
    assert Path("runs/tiny/last.ckpt").read_bytes() == before


def test_a_checkpoint_of_something_else_is_refused(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    checkpoint = saved("runs/tiny/last.ckpt")
    del checkpoint["fashiongen"]
    torch.save(checkpoint, "other.ckpt")
    assert fit("--ckpt_path=other.ckpt") == 1
    assert "this is a checkpoint of something else, not of tiny" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- the other three
def test_figures_and_pictures_of_a_checkpoint(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    trained = Path("runs/tiny/config.yaml").read_text()
    for command, figure in (("validate", "validation/error"), ("test", "test/error"), ("predict", "")):
        assert main([command, "--config", "tiny.yaml", "--ckpt_path", "last", *QUIET]) == 0
        assert figure in capsys.readouterr().out
    assert sorted(path.name for path in Path("runs/tiny/predictions").iterdir()) == ["0.png", "1.png", "2.png", "3.png"]
    assert Path("runs/tiny/config.yaml").read_text() == trained


def test_a_protocol_measures_as_a_paper_did(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    words = ["test", "--config", "tiny.yaml", "--ckpt_path", "last", *QUIET]
    assert main([*words, "--protocol=viton"]) == 0
    shown = capsys.readouterr().out
    assert "Protocol viton: VITON" in shown and "tiny instead of viton" in shown and "test/error" in shown


def test_an_unknown_protocol_suggests_the_nearest(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    capsys.readouterr()
    assert main(["test", "--config", "tiny.yaml", "--ckpt_path", "last", *QUIET, "--protocol", "pg2-markt"]) == 1
    assert "there is no protocol 'pg2-markt'; did you mean pg2-market" in capsys.readouterr().err


def test_an_annotator_looks_for_the_joints_of_what_is_drawn(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit() == 0
    capsys.readouterr()
    words = ["test", "--config", "tiny.yaml", "--ckpt_path", "last", *QUIET]
    assert main([*words, "--annotator", "files:."]) == 1
    assert "PCKh needs the key points of the true pictures" in capsys.readouterr().err
    assert main([*words, "--annotator", "someone"]) == 1
    assert "no annotator is called 'someone'; known: mannequin, photo" in capsys.readouterr().err


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["test", "--help"])
    shown = "".join(capsys.readouterr().out.split())
    assert all(name in shown for name in PROTOCOLS)


def test_the_configuration_of_a_run_runs_again(tiny: ModuleType) -> None:
    assert fit("--seed_everything=3", "--model.init_args.width=6") == 0
    assert main(["fit", "--config", "runs/tiny/config.yaml", "--trainer.default_root_dir=again", *QUIET]) == 0
    assert everything_same("runs/tiny/last.ckpt", "again/tiny/last.ckpt")


# ---------------------------------------------------------------------------------------------------- several processes
@pytest.mark.parametrize(
    ("given", "strategy"),
    [
        ({}, "auto"),
        ({"devices": 2}, "ddp_find_unused_parameters_true"),
        ({"devices": "0,1"}, "ddp_find_unused_parameters_true"),
        ({"devices": [0, 1]}, "ddp_find_unused_parameters_true"),
        ({"devices": [1]}, "auto"),
        ({"num_nodes": 2}, "ddp_find_unused_parameters_true"),
        ({"strategy": "ddp"}, "ddp_find_unused_parameters_true"),
        ({"strategy": "ddp_spawn", "devices": 2}, "ddp_spawn_find_unused_parameters_true"),
        ({"strategy": "fsdp", "devices": 2}, "fsdp"),
    ],
)
def test_several_processes_search_for_unused_parameters(given: dict[str, Any], strategy: str) -> None:
    assert process_strategy({"strategy": "auto", "devices": 1, "accelerator": "cpu", "num_nodes": 1} | given) == strategy


def process(*words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "fashiongen.cli", "fit", "--config", "tiny.yaml", *QUIET, *words]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_two_processes_train_one_model(tiny: ModuleType) -> None:
    done = process("--trainer.devices=2", "--trainer.strategy=ddp", "--checkpoint_every=3")
    assert done.returncode == 0, done.stderr  # Tiny.on_train_end compares the weights of the processes
    both = saved("runs/tiny/last.ckpt")
    assert both["fashiongen"]["steps_in_stage"] == {"coarse": 6, "refinement": 6}
    assert fit("--trainer.default_root_dir=alone") == 0
    assert not same(both["state_dict"], saved("alone/tiny/last.ckpt")["state_dict"])


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_never_been_killed(tiny: ModuleType) -> None:
    assert fit("--trainer.default_root_dir=whole") == 0
    for kill_at, resume in ((3, []), (9, ["--ckpt_path=last"])):
        killed = process("--checkpoint_every=2", f"--model.init_args.kill_at={kill_at}", *resume)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert sum(saved("runs/tiny/last.ckpt")["fashiongen"]["steps_in_stage"].values()) == kill_at - 1
    done = process("--ckpt_path=last")
    assert done.returncode == 0, done.stderr
    assert everything_same("runs/tiny/last.ckpt", "whole/tiny/last.ckpt")
