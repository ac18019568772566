"""`predict --reid.poses N`: a re-posed training set, whole, in two parts, and killed in between."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from fashiongen.cli import main
from fashiongen.commands.planned import PICTURES
from fashiongen.commands.reidentification import Reidentification, Reposed
from fashiongen.data.deepfashion import DeepFashionInshopDataModule
from fashiongen.data.market1501 import Market1501DataModule
from fashiongen.data.pose_annotations import MarketName, identity, read_annotations
from fashiongen.mannequin import World
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.mannequin.pose_writers import write_deepfashion_inshop, write_market1501

HERE = Path(__file__).parent
PEOPLE, POSES = 3, 2
QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Market-1501 of mannequins."""
    return write_market1501(World(32, 16), tmp_path_factory.mktemp("market"), PEOPLE, 2, poses=3)


@pytest.fixture
def tiny(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the tiny model, in a working folder with the Market-1501 of mannequins and the configuration of both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    Path("market").symlink_to(market)
    options = {
        "model": {"class_path": "tiny_training.Tiny"},
        "data": {
            "class_path": "fashiongen.data.market1501.Market1501DataModule",
            "init_args": {"root": "market", "height": 32, "width": 16, "batch_size": 4},
        },
        "trainer": {"accelerator": "cpu", "devices": 1},
    }
    Path("tiny.yaml").write_text(yaml.safe_dump(options))
    return import_module("tiny_training")


def checkpoint(tiny: ModuleType, seed: int = 0) -> str:
    torch.manual_seed(seed)
    model, path = tiny.Tiny(), f"tiny-{seed}.ckpt"
    record = {"model": "tiny", "steps_in_stage": dict(model.steps_in_stage)}
    saved = {"state_dict": model.state_dict(), "fashiongen": record, "pytorch-lightning_version": "2.5.0"}
    torch.save(saved | {"hyper_parameters": dict(model.hparams)}, path)
    return path


def command(path: str, *words: str) -> list[str]:
    return ["predict", "--config", "tiny.yaml", "--ckpt_path", path, f"--reid.poses={POSES}", *QUIET, *words]


def files(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def test_every_training_picture_is_drawn_in_some_poses(tiny: ModuleType) -> None:
    assert main(command(checkpoint(tiny))) == 0
    written = files("runs/tiny/reid")
    names = [Path(name).name for name in written if name.startswith(PICTURES)]
    originals = {path.name for path in Path("market/bounding_box_train").iterdir()}
    generated = [name for name in names if name not in originals]
    usable = set(names) & originals
    assert usable and len(generated) == POSES * len(usable)
    assert all(MarketName.parse(name).sequence == 0 for name in generated)
    for person in {identity(name) for name in usable}:
        pictures = sum(identity(name) == person for name in usable)
        assert sum(identity(name) == person for name in generated) == POSES * pictures
    classes = dict(line.rsplit(" ", 1) for line in written["train.txt"].decode().splitlines())
    assert sorted(classes) == sorted(f"{PICTURES}/{name}" for name in names)
    assert len(set(classes.values())) == len({identity(name) for name in usable})


def test_the_set_is_read_as_market1501(tiny: ModuleType) -> None:
    assert main(command(checkpoint(tiny))) == 0
    data = Market1501DataModule("runs/tiny/reid", height=32, width=16)
    person = data.train_set[0].person
    assert person.image.shape == (3, 32, 16)
    known = read_annotations("runs/tiny/reid/market-annotation-train.csv")
    taken = Reposed(Market1501DataModule("market", height=32, width=16, batch_size=4), Reidentification(POSES))
    source = read_annotations("market/market-annotation-train.csv")
    for drawn, (_, pose) in zip(taken.names, taken.pairs, strict=True):
        assert torch.equal(known[drawn], source[pose])


def test_the_authors_names_and_no_originals(tiny: ModuleType) -> None:
    assert main(command(checkpoint(tiny), "--reid.names=authors", "--reid.originals=false", "--reid.out=set")) == 0
    names = [path.name for path in Path("set", PICTURES).iterdir()]
    assert names and all(re.fullmatch(r"\d{4}_c\ds\d_\d{6}_\d{2}g\d+\.jpg", name) for name in names)


def test_a_run_in_two_parts_gives_the_same_and_nothing_twice(tiny: ModuleType) -> None:
    path = checkpoint(tiny)
    assert main(command(path, "--reid.out=whole")) == 0
    assert main(command(path, "--reid.out=parts", "--trainer.limit_predict_batches=2")) == 0
    assert not Path("parts/train.txt").exists()
    before = {file: file.stat().st_mtime_ns for file in Path("parts", PICTURES).iterdir()}
    assert len(before) == 2 * 4
    missing = next(iter(before))
    missing.unlink()  # its batch is drawn again, but it alone is written
    assert main(command(path, "--reid.out=parts")) == 0
    assert files("parts") == files("whole")
    assert all(file.stat().st_mtime_ns == time for file, time in before.items() if file != missing)


def test_a_finished_set_stays_as_it_is(tiny: ModuleType) -> None:
    path = checkpoint(tiny)
    assert main(command(path)) == 0
    before = files("runs/tiny/reid")
    Path("runs/tiny/reid/train.txt").unlink()  # killed before the lists were written
    assert main(command(path)) == 0
    assert files("runs/tiny/reid") == before


@pytest.mark.parametrize(("words", "told"), [(["--reid.seed=1"], "seed"), (["--reid.poses=3"], "poses and pictures")])
def test_sets_are_not_mixed(words: list[str], told: str, tiny: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint(tiny)
    assert main(command(path)) == 0
    before = files("runs/tiny/reid")
    assert main(command(path, *words)) == 1
    assert f"runs/tiny/reid holds pictures of another {told}; name another folder" in capsys.readouterr().err
    assert main(command(checkpoint(tiny, seed=1))) == 1
    assert "another weights" in capsys.readouterr().err
    assert files("runs/tiny/reid") == before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--reid.poses=0"], 1, "reid.poses is a number from 1 to 99, not 0"),
        (["--reid.poses=50"], 1, "cannot draw 50 different poses"),
        (["--data=mannequin"], 1, "not of MannequinDataModule: --data market1501"),
        (["--reid.pose=3"], 2, "Option 'pose' is not accepted"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], code: int, told: str, tiny: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(checkpoint(tiny), *words)) == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashiongen: error: ")]
    assert len(errors) == 1 and told in errors[0]
    assert not Path("runs").exists()


def test_other_data_sets_get_names_of_market1501(tmp_path: Path) -> None:
    write_deepfashion_inshop(World(32, 32), tmp_path, 3, 2, poses=3)
    plan = Reposed(DeepFashionInshopDataModule(str(tmp_path), height=32, width=32), Reidentification(poses=1))
    people = [identity(pair[0]) for pair in plan.pairs]
    numbers = [MarketName.parse(name).identity for name in plan.names]
    assert len(set(zip(people, numbers, strict=True))) == len(set(people)) == len(set(numbers))
    assert set(plan.names).isdisjoint(plan.originals.values())


def test_only_a_folder_of_pictures_can_be_reposed() -> None:
    with pytest.raises(ValueError, match="not of MannequinDataModule"):
        Reposed(MannequinDataModule(), Reidentification())


@pytest.mark.slow
def test_a_killed_run_goes_on(tiny: ModuleType) -> None:
    path = checkpoint(tiny)
    assert main(command(path, "--reid.out=whole")) == 0
    script = "from fashiongen.cli import main; import sys; raise SystemExit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    for killed_at in (1, 2):
        words = command(path, "--reid.out=killed", f"--model.init_args.kill_at={killed_at}")
        done = subprocess.run([sys.executable, "-c", script, *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not Path("killed/train.txt").exists()
    assert main(command(path, "--reid.out=killed")) == 0
    assert files("killed") == files("whole")
