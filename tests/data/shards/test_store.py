import http.server
import json
import pickle
import threading
from functools import partial

import fsspec
import pytest
import torch

from fashiongen.data.shards.reader import ShardSet
from fashiongen.data.shards.store import ShardStore


def names(store, split="train"):
    examples = ShardSet(store.index.splits[split], store)
    return [examples[place].name for place in range(len(examples))]


TRAIN = [f"train{place}" for place in range(13)]


def test_a_folder_is_read_where_it_is(shards, tmp_path):
    store = ShardStore(shards, cache=str(tmp_path / "cache"))
    assert names(store) == TRAIN
    assert names(ShardStore(f"file://{shards}")) == TRAIN
    assert not (tmp_path / "cache").exists()


def test_examples_come_back_as_they_were(numbered, shards):
    store = ShardStore(shards)
    examples = ShardSet(store.index.splits["test"], store, open_shards=1)
    for place in (4, 0, 3):
        example, made = examples[place], numbered.Numbered(5, "test")[place]
        assert torch.equal(example.person.image, made.person.image)
        assert torch.equal(example.garment.mask, made.garment.mask)
        assert example.truth is not None and example.person.text == made.person.text
    with pytest.raises(IndexError):
        examples[5]
    assert pickle.loads(pickle.dumps(examples))[1].name == "test1"


@pytest.fixture
def served(shards):
    """Address of the shards, and the files that were asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path.rpartition("/")[2])
            super().do_GET()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=shards))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()


def test_a_shard_is_fetched_once(served, tmp_path):
    address, asked = served
    for _ in range(2):
        assert names(ShardStore(address, str(tmp_path / "cache"))) == TRAIN
    assert sorted(file for file in asked if file.endswith(".tar")) == [f"train-{number:06d}.tar" for number in range(4)]


def test_a_damaged_copy_is_fetched_again(served, tmp_path):
    address, _ = served
    store = ShardStore(address, str(tmp_path / "cache"))
    names(store)
    kept = store.folder / "train-000001.tar"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1] + b"x")
    assert names(ShardStore(address, str(tmp_path / "cache"))) == TRAIN
    assert kept.read_bytes() == whole


def test_the_cache_stays_small(served, tmp_path):
    address, _ = served
    store = ShardStore(address, str(tmp_path / "cache"))
    size = store.index.splits["train"].shards[0].bytes
    store = ShardStore(address, str(tmp_path / "cache"), cache_gigabytes=2 * size / 1e9)
    assert names(store) == TRAIN
    assert sorted(file.name for file in store.folder.glob("*.tar")) == ["train-000002.tar", "train-000003.tar"]


def test_whatever_fsspec_opens_is_read(shards, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.put(str(shards), "/bucket/set", recursive=True)
    assert names(ShardStore("memory://bucket/set", str(tmp_path))) == TRAIN


def damaged(content):
    return content[:-1] + b"x"


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (damaged, ValueError, "train-000001.tar is damaged: its SHA-256"),
        (lambda content: content[:-512], ValueError, "train-000001.tar has .* bytes, its index says"),
        (None, FileNotFoundError, "train-000001.tar is missing"),
    ],
)
def test_a_damaged_shard_is_named(shards, served, tmp_path, change, error, told):
    file = shards / "train-000001.tar"
    content = file.read_bytes()
    file.unlink() if change is None else file.write_bytes(change(content))
    with pytest.raises(error, match=told):
        names(ShardStore(shards))
    with pytest.raises(error, match=r"http://.*/train-000001.tar is missing or damaged; upload it again"):
        names(ShardStore(served[0], str(tmp_path / "cache")))
    assert not list((tmp_path / "cache").rglob("train-000001.tar*.part"))


def test_without_verification_only_the_size_counts(shards):
    file = shards / "train-000001.tar"
    file.write_bytes(damaged(file.read_bytes()))
    assert names(ShardStore(shards, verify=False)) == TRAIN


def test_a_shard_that_holds_less_than_its_index_says_is_named(shards):
    record = json.loads((shards / "index.json").read_text())
    train = record["splits"]["train"]
    train["shards"][3]["samples"], train["samples"] = 2, 14
    (shards / "index.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"train-000003.tar holds 1 examples, its index says 2"):
        names(ShardStore(shards))


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        (None, FileNotFoundError, "holds no index.json"),
        ("{", ValueError, "is no index of shards"),
        ("[]", ValueError, "is no index of shards"),
        ('{"format": 1, "splits": {"train": {}}}', ValueError, "is no index of shards"),
        ('{"format": 2}', ValueError, "is of another format than 1"),
    ],
)
def test_a_folder_without_a_readable_index_is_refused(tmp_path, text, error, told):
    if text is not None:
        (tmp_path / "index.json").write_text(text)
    with pytest.raises(error, match=told):
        ShardStore(tmp_path)


def test_an_unfinished_set_is_refused(shards):
    record = json.loads((shards / "index.json").read_text())
    del record["splits"]["test"]["shards"][1]
    (shards / "index.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="unfinished: 4 of the 5 examples of its test split are there"):
        ShardStore(shards)
