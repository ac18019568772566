import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from pytorch_lightning import LightningDataModule

from fashiongen.data.shards.index import Index
from fashiongen.data.shards.writer import write_shards
from fashiongen.types import Batch, Person


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_every_example_is_written_once(shards):
    index = Index.from_json((shards / "index.json").read_bytes(), "index")
    assert {name: [shard.samples for shard in split.shards] for name, split in index.splits.items()} == {
        "train": [4, 4, 4, 1],
        "validation": [4, 1],
        "test": [4, 1],
    }
    keys = []
    for shard in index.splits["train"].shards:
        with tarfile.open(shards / shard.file) as archive:
            members = archive.getmembers()
        assert all((member.mtime, member.uid, member.uname) == (0, 0, "") for member in members)
        keys += dict.fromkeys(member.name.partition(".")[0] for member in members)
    assert keys == [f"{place:08d}" for place in range(13)]


def test_the_index_says_what_is_in_a_set(shards):
    index = Index.from_json((shards / "index.json").read_bytes(), "index")
    train = index.splits["train"]
    assert (train.size, train.scheme) == ((8, 6), "cihp20")
    assert set(index.splits["test"].provides) - set(train.provides) == {"truth"}
    assert index.data == {"name": "numbered", "options": {"length": 13}}


def test_webdataset_reads_it(shards):
    webdataset = pytest.importorskip("webdataset")
    samples = list(webdataset.WebDataset(str(shards / "test-000000.tar"), shardshuffle=False).decode("rgb8"))
    assert [sample["__key__"] for sample in samples] == [f"{place:08d}" for place in range(4)]
    assert samples[2]["person.image.png"].shape == (8, 6, 3)
    assert samples[2]["person.keypoints.npy"].shape == (18, 3)
    assert samples[2]["json"]["name"] == "test2"


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_writing_again_changes_nothing(numbered, shards, workers):
    before = {path: path.stat().st_mtime_ns for path in shards.glob("*.tar")}
    whole = contents(shards)
    write_shards(numbered.NumberedData(), shards, "numbered", samples_a_shard=4, workers=workers)
    assert contents(shards) == whole
    assert {path: path.stat().st_mtime_ns for path in shards.glob("*.tar")} == before
    (shards / "train-000001.tar").unlink()
    write_shards(numbered.NumberedData(), shards, "numbered", samples_a_shard=4, workers=workers)
    assert contents(shards) == whole


KILLED = """
import sys
from numbered import NumberedData
from fashiongen.data.shards.writer import write_shards
write_shards(NumberedData(kill_at=int(sys.argv[2])), sys.argv[1], "numbered", samples_a_shard=4)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(numbered, shards, tmp_path):
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), "9"]
    killed = subprocess.run(command, env=os.environ | {"PYTHONPATH": here}, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    there = sorted((tmp_path / "killed").glob("*.tar"))
    assert [path.name for path in there] == ["train-000000.tar", "train-000001.tar"]
    times = [path.stat().st_mtime_ns for path in there]
    write_shards(numbered.NumberedData(), tmp_path / "killed", "numbered", samples_a_shard=4)
    assert contents(tmp_path / "killed") == contents(shards)
    assert [path.stat().st_mtime_ns for path in there] == times


def test_a_shard_of_which_the_index_knows_nothing_yet_is_written_again(numbered, shards, tmp_path):
    folder = tmp_path / "between"
    index = write_shards(numbered.NumberedData(), folder, "numbered", samples_a_shard=4, splits=["train"])
    (folder / "train-000003.tar").write_bytes(b"what a killed run left")
    train = index.splits["train"]
    unfinished = type(train)(**{**vars(train), "shards": train.shards[:3]})
    type(index)(**{**vars(index), "splits": {"train": unfinished}}).save(folder)
    write_shards(numbered.NumberedData(), folder, "numbered", samples_a_shard=4, splits=["train"])
    assert (folder / "train-000003.tar").read_bytes() == (shards / "train-000003.tar").read_bytes()


@pytest.mark.parametrize(
    ("options", "arguments", "told"),
    [
        ({"length": 12}, {}, "data.options and train split"),
        ({}, {"samples_a_shard": 5}, "number of samples a shard"),
        ({}, {"name": "others"}, "data.name"),
        ({}, {"splits": ["train"]}, "validation split and test split"),
    ],
)
def test_two_sets_are_not_mixed(numbered, shards, options, arguments, told):
    given = {"name": "numbered", "samples_a_shard": 4, **arguments}
    with pytest.raises(FileExistsError, match=f"holds shards of another {told}; name another folder"):
        write_shards(numbered.NumberedData(**options), shards, **given)


def test_bad_data_is_refused(numbered, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="LightningDataModule is none"):
        write_shards(LightningDataModule(), tmp_path, "none")
    with pytest.raises(ValueError, match="at least one sample"):
        write_shards(numbered.NumberedData(), tmp_path, "none", samples_a_shard=0)
    with pytest.raises(ValueError, match="the train split is empty"):
        write_shards(numbered.NumberedData(length=0), tmp_path, "none")
    whole = numbered.Numbered.__getitem__

    def sometimes(self, index):
        return whole(self, index) if index < 6 else Batch(Person(whole(self, index).person.image), name="bare")

    monkeypatch.setattr(numbered.Numbered, "__getitem__", sometimes)
    with pytest.raises(ValueError, match=r"example 6 of the train split .* having or lacking garment.image"):
        write_shards(numbered.NumberedData(), tmp_path, "none", samples_a_shard=4)
