"""Publishing and loading over HTTP, against the local Hub of server.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import torch
from server import TOKEN, HubServer

import fashiongen
from fashiongen import hub
from fashiongen.hub import HubError

NAME = "someone/tiny"


@pytest.fixture
def model(tiny: Any) -> Any:
    torch.manual_seed(0)
    return tiny(width=5, size=(9, 7)).eval()


def set_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def commits(server: HubServer) -> int:
    return len(server.repositories[NAME].commits)


# ---------------------------------------------------------------------------------------------------- push and load
def test_what_was_pushed_is_loaded(model: Any, hub_server: HubServer) -> None:
    address = model.push_to_hub(NAME, data="mannequin", figures={"SSIM": 0.5}, dtype=torch.float16)
    repository = hub_server.repositories[NAME]
    assert address == f"{hub_server.address}/{NAME}/commit/{repository.branches['main']}"
    assert not repository.private
    files = repository.commits[repository.branches["main"]]
    assert sorted(files) == [".gitattributes", "README.md", "config.json", "model.safetensors"]
    assert f'fashiongen.load("{NAME}")' in files["README.md"].decode()

    loaded = fashiongen.load(NAME)
    assert not loaded.training
    assert (loaded.hparams["width"], loaded.hparams["size"]) == (5, [9, 7])
    assert torch.equal(loaded.generator[0].weight, model.generator[0].weight.half().float())


def test_second_identical_push_makes_no_commit(model: Any, hub_server: HubServer) -> None:
    first = hub.push(model, NAME, training={"steps": 3})
    uploads = sum("/large/" in request for request in hub_server.requests)
    assert (commits(hub_server), uploads) == (2, 1)
    assert hub.push(model, NAME, training={"steps": 3}) == first
    assert commits(hub_server) == 2

    assert hub.push(model, NAME, training={"steps": 4}) != first
    assert commits(hub_server) == 3
    assert sum("/large/" in request for request in hub_server.requests) == uploads


def test_pinned_revision(model: Any, tiny: Any, hub_server: HubServer) -> None:
    old = hub.push(model, NAME).rpartition("/")[2]
    hub.push(tiny(width=6), NAME)
    assert hub.load(NAME).hparams["width"] == 6
    assert hub.load(f"{NAME}@{old}").hparams["width"] == 5
    assert hub.load(NAME, revision=old).hparams["width"] == 5
    assert hub.load(f"{NAME}@main").hparams["width"] == 6


def test_branch_is_made_and_used(model: Any, tiny: Any, hub_server: HubServer) -> None:
    hub.push(model, NAME)
    for width in (6, 7):
        hub.push(tiny(width=width), NAME, revision="wide", message=f"width {width}")
        assert hub.load(f"{NAME}@wide").hparams["width"] == width
    assert hub.load(NAME).hparams["width"] == 5


def test_private_repository(model: Any, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.push(model, NAME, private=True)
    assert hub_server.repositories[NAME].private
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"cannot load someone/tiny: there is no such repository, or it is private.*token="):
        hub.load(NAME)
    assert hub.load(NAME, token=TOKEN).hparams["width"] == 5


def test_folder_is_pushed_as_it_is(model: Any, tmp_path: Path, hub_server: HubServer) -> None:
    folder = hub.save(model, tmp_path / "m")
    (folder / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    (folder / "notes.txt").write_text("private")
    hub.push(folder, NAME)
    repository = hub_server.repositories[NAME]
    files = repository.commits[repository.branches["main"]]
    assert files["README.md"].endswith(b"Mine.\n") and "notes.txt" not in files

    with pytest.raises(HubError, match="has its card already; licence, data can be set for a model alone"):
        hub.push(folder, NAME, licence="mit", data="mannequin")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(HubError, match="a broken copy"):
        hub.push(folder, NAME)
    assert commits(hub_server) == 2


def test_folder_on_this_disk_wins_over_a_repository(
    model: Any, tiny: Any, tmp_path: Path, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hub.push(model, NAME)
    hub.save(tiny(width=6), NAME)
    assert hub.load(NAME).hparams["width"] == 6
    assert hub.load(NAME, revision="main").hparams["width"] == 5


# ---------------------------------------------------------------------------------------------------- what goes wrong
def test_missing_repository_and_revision(model: Any, hub_server: HubServer) -> None:
    with pytest.raises(HubError, match="cannot load someone/tiny: there is no such repository") as error:
        hub.load(NAME)
    assert type(error.value.__cause__).__name__ == "RepositoryNotFoundError"
    hub.push(model, NAME)
    with pytest.raises(HubError, match="cannot load someone/tiny: it has no revision 'v2'"):
        hub.load(f"{NAME}@v2")
    with pytest.raises(HubError, match=r"cannot load someone/tiny: it has no revision 'f{40}'"):
        hub.load(NAME, revision="f" * 40)


DAMAGES: dict[str, tuple[Any, str]] = {
    "no config": (lambda files: {"config_json": None}, r"config\.json is missing"),
    "no weights": (lambda files: {"model_safetensors": None}, r"model\.safetensors is missing"),
    "truncated": (lambda files: {"model_safetensors": files["model.safetensors"][:-9]}, "a broken copy"),
    "changed": (lambda files: {"model_safetensors": files["model.safetensors"][:-1] + b"?"}, "it was changed"),
    "other keys": (
        lambda files: {"config_json": files["config.json"].replace(b'"width": 5', b'"width": 4')},
        r"not weights of this tiny: of another shape: generator\.0\.bias \(5,\) for \(4,\)",
    ),
    "unknown model": (lambda files: {"config_json": files["config.json"].replace(b'"tiny"', b'"os:system"')}, "'os:system'"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_repository_is_one_clear_error(model: Any, hub_server: HubServer, damage: str) -> None:
    hub.push(model, NAME)
    change, message = DAMAGES[damage]
    repository = hub_server.repositories[NAME]
    hub_server.change(NAME, **change(repository.commits[repository.branches["main"]]))
    with pytest.raises(HubError, match=message) as error:
        hub.load(NAME)
    assert "\n" not in str(error.value)


def test_damaged_cache_is_healed_by_what_the_error_advises(model: Any, tmp_path: Path, hub_server: HubServer) -> None:
    hub.push(model, NAME)
    hub.load(NAME)
    (weights,) = (tmp_path / "cache").glob("*/snapshots/*/model.safetensors")
    weights.resolve().write_bytes(b"half")
    with pytest.raises(HubError, match=r"a broken copy: delete .*models--someone--tiny and load again"):
        hub.load(NAME)
    rmtree(tmp_path / "cache" / "models--someone--tiny")
    assert hub.load(NAME).hparams["width"] == 5


def test_server_error(model: Any, hub_server: HubServer) -> None:
    hub_server.failures["/api/"] = 500
    message = r"someone/tiny: the Hub answered 500 \(.*out of order.*\); try again later"
    with pytest.raises(HubError, match=f"cannot push to {message}"):
        hub.push(model, NAME)
    with pytest.raises(HubError, match=f"cannot load {message}"):
        hub.load(NAME)
    hub_server.failures.clear()
    hub.push(model, NAME)
    hub.load(NAME)
    hub_server.failures["/api/"] = 500
    assert hub.load(NAME).hparams["width"] == 5


def test_push_without_the_right_to_write(model: Any, hub_server: HubServer) -> None:
    with pytest.raises(HubError, match=r"cannot push to someone/tiny: the Hub answered 403 \(.*\); check the token and its rights"):
        hub.push(model, NAME, token="hf_other")
    assert not hub_server.repositories


def test_name_that_no_repository_can_have(model: Any, hub_server: HubServer) -> None:
    for name in ("tiny", "a/b/c", "a b/c"):
        with pytest.raises(HubError, match=f"cannot push to {name}: repositories of the Hub are written user/name"):
            hub.push(model, name)
    for call in (hub.load, lambda name: hub.push(model, name)):
        with pytest.raises(HubError, match="a--b/tiny: the Hub allows no such name"):
            call("a--b/tiny")
    assert not hub_server.requests


def test_model_that_cannot_be_saved_makes_no_repository(tiny: Any, hub_server: HubServer) -> None:
    with pytest.raises(HubError, match="hyper-parameter mode"):
        hub.push(tiny(mode=Path("a")), NAME)
    assert not hub_server.requests


# ---------------------------------------------------------------------------------------------------- without a connection
def test_offline_with_and_without_a_cache(model: Any, hub_server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.push(model, NAME)
    hub.load(NAME)
    asked = len(hub_server.requests)
    set_offline(monkeypatch)
    assert hub.load(NAME).hparams["width"] == 5
    for source in (f"{NAME}@v2", "someone/other"):
        with pytest.raises(HubError, match="it is not in the cache, and HF_HUB_OFFLINE forbids to fetch it"):
            hub.load(source)
    assert len(hub_server.requests) == asked


def test_server_that_is_gone(model: Any, hub_server: HubServer) -> None:
    hub.push(model, NAME)
    hub.load(NAME)
    address = hub_server.address
    hub_server.stop()
    assert hub.load(NAME).hparams["width"] == 5
    with pytest.raises(HubError, match=f"cannot load someone/other: {address} cannot be reached, and the cache holds no copy"):
        hub.load("someone/other")


CLIENT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import tiny
from fashiongen import hub, registry

registry.MODELS["tiny"] = tiny.CARD
print(json.dumps(hub.load("someone/tiny").hparams["width"]))
"""


@pytest.mark.slow
def test_fresh_processes_set_up_by_their_environment(model: Any, tmp_path: Path, hub_server: HubServer) -> None:
    hub.push(model, NAME)
    environment = os.environ | {
        "HF_ENDPOINT": hub_server.address,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    for offline in ("0", "1"):
        command = [sys.executable, "-c", CLIENT, str(Path(__file__).parent)]
        answer = subprocess.run(command, env=environment | {"HF_HUB_OFFLINE": offline}, capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout.splitlines()[-1]) == 5
    assert list((tmp_path / "home").glob("hub/models--someone--tiny/snapshots/*/model.safetensors"))
