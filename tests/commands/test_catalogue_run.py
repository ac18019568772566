"""`predict --catalogue.people FOLDER --catalogue.garments FOLDER`, whole, in parts, killed, and by two processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

import fashiongen
from fashiongen.cli import main
from fashiongen.commands import catalogue_run
from fashiongen.commands.catalogue_run import Catalogue, CatalogueRun
from fashiongen.mannequin.data import MannequinDataModule

HERE = Path(__file__).parent
QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")
PEOPLE, GARMENTS = 3, 5


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of photographed people, with what belongs to them, and of garments."""
    folder = tmp_path_factory.mktemp("shop")
    data = MannequinDataModule("try_on", height=64, width=48, warps=False, test_length=GARMENTS)
    (folder / "people").mkdir()
    (folder / "garments").mkdir()
    for number in range(GARMENTS):
        example = data.test_set[number]
        assert example.garment is not None and example.other_garment is not None and example.person.keypoints is not None
        example.other_garment.to_pil().save(folder / "garments" / f"top{number}.png")
        if number < PEOPLE:
            example.person.to_pil().save(folder / "people" / f"p{number}.jpg")
            example.garment.to_pil().save(folder / "people" / f"p{number}_worn.png")
            points = example.person.keypoints * torch.tensor([1.0, 1.0, 0.5])
            record = {"people": [{"pose_keypoints_2d": points.flatten().tolist()}]}
            (folder / "people" / f"p{number}_keypoints.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def tiny(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the tiny model, in a working folder with the shop, a checkpoint and a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    module = import_module("tiny_catalogue")
    Path("shop").symlink_to(shop)
    options = {
        "model": {"class_path": "tiny_catalogue.Mixer"},
        "data": {"class_path": "fashiongen.mannequin.data.MannequinDataModule", "init_args": {"batch_size": 4}},
        "trainer": {"accelerator": "cpu", "devices": 1},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(options))
    torch.manual_seed(0)
    model = module.Mixer()
    record = {"fashiongen": {"model": "tiny", "steps_in_stage": model.steps_in_stage}, "pytorch-lightning_version": "2.5.0"}
    torch.save(record | {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams)}, "tiny.ckpt")
    return module


def command(*words: str) -> list[str]:
    options = ("--catalogue.people=shop/people", "--catalogue.garments=shop/garments")
    return ["predict", "--config", "tiny.yaml", "--ckpt_path", "tiny.ckpt", *options, *QUIET, *words]


def process(*words: str, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "fashiongen.cli", *command(*words)],
        env=os.environ | {"PYTHONPATH": path} | environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def files(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def drawn() -> Counter[str]:
    """How often each picture was drawn since the last look."""
    lines = Counter(Path("drawn.txt").read_text().splitlines()) if Path("drawn.txt").exists() else Counter()
    Path("drawn.txt").unlink(missing_ok=True)
    return lines


NAMES = [f"p{person}_top{garment}" for person in range(PEOPLE) for garment in range(GARMENTS)]


def test_everybody_wears_everything(tiny: ModuleType) -> None:
    assert main(command()) == 0
    assert sorted(files("runs/tiny/catalogue")) == sorted([*(f"{name}.png" for name in NAMES), "plan.json"])
    assert drawn() == Counter(NAMES)


def test_a_run_in_two_parts_gives_the_same_and_nothing_twice(tiny: ModuleType) -> None:
    assert main(command("--catalogue.out=whole")) == 0
    assert main(command("--catalogue.out=parts", "--trainer.limit_predict_batches=2")) == 0
    assert len(list(Path("parts").glob("*.png"))) == 8
    drawn()
    assert main(command("--catalogue.out=parts")) == 0
    assert drawn() == Counter(NAMES[8:])
    assert files("parts") == files("whole")
    assert main(command("--catalogue.out=parts")) == 0
    assert not drawn() and files("parts") == files("whole")


@pytest.mark.slow
def test_a_killed_run_goes_on(tiny: ModuleType) -> None:
    assert main(command("--catalogue.out=whole")) == 0
    drawn()
    killed = process("--catalogue.out=killed", "--model.init_args.kill_at=2")
    assert killed.wait(120) == -signal.SIGKILL, killed.stderr
    assert main(command("--catalogue.out=killed")) == 0
    assert drawn() == Counter(NAMES)
    assert files("killed") == files("whole")


@pytest.mark.slow
def test_two_processes_go_on_with_a_catalogue_of_one(tiny: ModuleType) -> None:
    assert main(command("--catalogue.out=whole")) == 0
    assert main(command("--catalogue.out=shared", "--trainer.limit_predict_batches=1")) == 0
    drawn()
    for expected in (NAMES[4:], []):  # three batches for two processes, then none
        run = process("--trainer.devices=2", "--trainer.strategy=ddp", "--catalogue.out=shared")
        assert run.wait(300) == 0, run.stderr and run.stderr.read()
        assert drawn() == Counter(expected)
    assert files("shared") == files("whole")


def test_garments_that_join_later_are_drawn_alone(tiny: ModuleType, shop: Path) -> None:
    few = Path("few")
    few.mkdir()
    for number in range(2):
        (few / f"top{number}.png").symlink_to(shop / "garments" / f"top{number}.png")
    words = command("--catalogue.garments=few")
    assert main(words) == 0
    drawn()
    (few / "top4.png").symlink_to(shop / "garments" / "top4.png")
    assert main(words) == 0
    assert {f"p{person}_top4" for person in range(PEOPLE)} <= set(drawn())
    assert len(list(Path("runs/tiny/catalogue").glob("*.png"))) == PEOPLE * 3


def test_pictures_of_other_weights_are_not_mixed(tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command("--trainer.limit_predict_batches=1")) == 0
    saved = torch.load("tiny.ckpt", weights_only=True)
    saved["state_dict"]["coarse.0.weight"] += 1
    torch.save(saved, "tiny.ckpt")
    assert main(command()) == 1
    assert "holds pictures of another weights" in capsys.readouterr().err


def test_every_garment_is_read_once(shop: Path, tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()
    garment = fashiongen.garment
    monkeypatch.setattr(catalogue_run, "_TILE", 2)
    monkeypatch.setitem(vars(fashiongen), "garment", lambda path, **more: read.update([Path(path).stem]) or garment(path, **more))
    catalogue_run._garment.cache_clear()
    catalogue_run._person.cache_clear()
    plan = CatalogueRun(tiny.Mixer(), Catalogue(str(shop / "people"), str(shop / "garments")), 4)
    names = [name for batch in range(len(plan)) for name in plan[batch].name or []]
    assert sorted(names) == sorted(NAMES)
    assert read == Counter([f"top{number}" for number in range(GARMENTS)] + [f"p{number}_worn" for number in range(PEOPLE)])


def test_embedded_people_in_embedded_garments_of_the_bundled_model() -> None:
    viton = fashiongen.load("viton")
    plan = CatalogueRun(viton, Catalogue("mannequin:0-1", "mannequin:3-4"), 3)
    assert plan.names == [f"mannequin{person}_mannequin{garment}.png" for person in (0, 1) for garment in (3, 4)]
    batch = plan[1]
    assert batch.name == ["mannequin1_mannequin4"] and batch.garment is None and batch.person.parsing is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--catalogue.people=nowhere"], "nowhere: no such folder of people"),
        (["--catalogue.garments=empty"], "empty holds no pictures of garments"),
        (["--catalogue.people=bare"], "tiny needs p0_keypoints.json beside bare/p0.jpg"),
        (["--catalogue.people=clash"], "pictures of the plan would replace others of the same name"),
        (["--virtual.identities=3"], "--virtual and --catalogue are two data sets"),
        (["--model=tiny_training.Tiny"], "tiny dresses nobody; --catalogue belongs to models that have try_on"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], told: str, tiny: ModuleType, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("empty", "bare", "clash"):
        Path(name).mkdir()
    Path("bare/p0.jpg").symlink_to(shop / "people/p0.jpg")
    for file in (shop / "people").glob("p0*"):
        Path("clash", file.name).symlink_to(file)
    Path("clash/p0.jpeg").symlink_to(shop / "people/p0.jpg")
    assert main(command(*words)) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashiongen: error: ")]
    assert len(errors) == 1 and told in errors[0]
