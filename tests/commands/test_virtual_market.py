"""`predict --virtual.identities N`: a data set of people who do not exist."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

import fashiongen
from fashiongen.cli import main
from fashiongen.commands.planned import PICTURES
from fashiongen.commands.virtual_market import VirtualMarket, VirtualPeople
from fashiongen.data.pose_annotations import MarketName
from fashiongen.mannequin.data import MannequinDataModule

QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the tiny models, in a working folder with a checkpoint and a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    module = import_module("tiny_training")
    options = {
        "model": {"class_path": "tiny_training.Virtual"},
        "data": {
            "class_path": "fashiongen.mannequin.data.MannequinDataModule",
            "init_args": {"task": "people", "height": 32, "width": 16, "train_length": 8},
        },
        "trainer": {"accelerator": "cpu", "devices": 1},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(options))
    torch.manual_seed(0)
    model = module.Virtual()
    record = {"fashiongen": {"model": "tiny", "steps_in_stage": model.steps_in_stage}, "pytorch-lightning_version": "2.5.0"}
    torch.save(record | {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}, "tiny.ckpt")
    return module


def command(*words: str) -> list[str]:
    options = ("--virtual.identities=3", "--virtual.pictures=4", "--virtual.poses=5")
    return ["predict", "--config", "tiny.yaml", "--ckpt_path", "tiny.ckpt", *options, *QUIET, *words]


def files(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_every_person_has_all_pictures(tiny: ModuleType) -> None:
    assert main(command()) == 0
    written = files("runs/tiny/virtual")
    names = [MarketName.parse(Path(name).name) for name in written if name.startswith(PICTURES)]
    assert [name.identity for name in names] == [f"{person:04d}" for person in (1, 2, 3) for _ in range(4)]
    classes = [line.rpartition(" ")[2] for line in written["train.txt"].decode().splitlines()]
    assert classes == [str(person) for person in range(3) for _ in range(4)]


def test_a_run_in_two_parts_gives_the_same_and_nothing_twice(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(command("--virtual.out=whole")) == 0
    assert main(command("--virtual.out=parts", "--trainer.limit_predict_batches=1")) == 0
    assert len(list(Path("parts", PICTURES).iterdir())) == 4 and not Path("parts/train.txt").exists()
    drawn: list[int] = []
    virtual = tiny.Virtual.virtual
    monkeypatch.setattr(tiny.Virtual, "virtual", lambda self, *given, first: drawn.append(first) or virtual(self, *given, first))
    assert main(command("--virtual.out=parts")) == 0
    assert drawn == [1, 2]
    assert files("parts") == files("whole")


def test_poses_are_those_of_training_people(tiny: ModuleType) -> None:
    data = MannequinDataModule("people", height=32, width=16, train_length=8)
    poses = VirtualMarket(tiny.Virtual(), data, VirtualPeople(2, 2, poses=8)).poses
    real = [data.train_set[place].person.keypoints for place in range(8)]
    assert poses is not None and len(poses) == 8
    assert all(any(torch.equal(pose, known) for known in real) for pose in poses)
    assert VirtualMarket(tiny.Virtual(), data, VirtualPeople(2, 2, poses=0)).poses is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--virtual.identities=0"], "give --virtual.identities and --virtual.pictures 1 or more"),
        (["--reid.poses=2"], "--reid and --virtual are two data sets"),
        (["--model=tiny_training.Tiny"], "tiny draws no people who do not exist"),
        (["--data=tiny_training.TinyData"], "TinyData has no training people to lend poses; --virtual.poses=0"),
    ],
)
def test_refusals_are_one_line(words: list[str], told: str, tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(*words)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashiongen: error: ")]
    assert len(errors) == 1 and told in errors[0]


def test_the_model_of_the_paper_starts_at_any_person() -> None:
    torch.manual_seed(0)
    model = fashiongen.create("disentangled_pig", preset="mannequin").eval()
    data = MannequinDataModule("people", height=128, width=64, framing="full", train_length=4)
    plan = VirtualMarket(model, data, VirtualPeople(identities=3, pictures=2, poses=3))
    for person in (2, 0):
        assert [f"{name}.jpg" for name in plan.draw(person)["name"]] == [plan.names[place] for place in plan.places(person)]
