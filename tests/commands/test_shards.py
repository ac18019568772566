"""`fashiongen data shard`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fashiongen.cli import main
from fashiongen.data.shards.data import ShardsDataModule
from fashiongen.mannequin import World
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.mannequin.writers import write_viton_resize

SMALL = ("--data.height=32", "--data.width=24", "--data.train_length=5", "--data.validation_length=2", "--data.test_length=3")


def test_a_data_set_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "shards"
    words = ["--data", "mannequin", *SMALL, "--data.task", "pose", "--samples=2", "--out", str(out)]
    assert main(["data", "shard", *words, "--splits", "train", "test"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert sorted(path.name for path in out.glob("*.tar")) == [
        "test-000000.tar", "test-000001.tar", "train-000000.tar", "train-000001.tar", "train-000002.tar",
    ]  # fmt: skip
    drawn = MannequinDataModule("pose", height=32, width=24, train_length=5)
    read = ShardsDataModule(str(out))
    for place in (4, 0):
        assert torch.equal(read.train_set[place].target.image, drawn.train_set[place].target.image)  # type: ignore[union-attr]


def test_the_data_of_a_configuration_with_other_options(tmp_path: Path) -> None:
    out = tmp_path / "shards"
    assert main(["data", "shard", "--config=pg2/mannequin", *SMALL, "--data.cache=null", f"--out={out}", "--splits", "test"]) == 0
    record = json.loads((out / "index.json").read_text())
    assert record["data"]["name"] == "mannequin" and record["data"]["options"]["task"] == "pose"
    assert record["splits"]["test"]["size"] == [32, 24] and "target" in record["splits"]["test"]["provides"]


def test_a_real_layout_and_nothing_of_where_it_lies(tmp_path: Path) -> None:
    write_viton_resize(World(64, 48), tmp_path / "private" / "viton", 2, 2)
    out = tmp_path / "shards"
    words = [f"--data.root={tmp_path}/private/viton", "--data.height=64", "--data.width=48", f"--out={out}"]
    assert main(["data", "shard", "--data=viton_zalando", *words]) == 0
    record = (out / "index.json").read_text()
    assert "private" not in record and json.loads(record)["data"]["options"]["root"] == "viton"
    assert ShardsDataModule(str(out)).provides >= {"garment", "other_garment", "control_points"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--data=mannequin"], 2, "out"),
        (["--out=x"], 2, "data"),
        (["--data=mannequin", "--out=x", "--splits", "night"], 2, "night"),
        (["--config=pg2/mannequim", "--out=x"], 1, "pg2/mannequin"),
        (["--data=mannequin", "--data.task=dance", "--out=x"], 2, "dance"),
        (["--data=shards", "--data.root=nowhere", "--out=x"], 1, "nowhere holds no index.json"),
        (["--data=mannequin", "--samples=0", "--out=x"], 1, "shards hold at least one sample"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], code: int, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", "shard", *words]) == code
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and errors[0].startswith("fashiongen: error: ") and told in errors[0]
