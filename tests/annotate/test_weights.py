from types import SimpleNamespace

import huggingface_hub
import pytest

from fashiongen.annotate import weights
from fashiongen.annotate.weights import DETECTOR, PARSER, POSE, Weights, WeightsError, fetch, is_here

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub that has every repository at one commit, and notes what it is asked for."""
    asked = []

    def snapshot_download(repository, revision, allow_patterns):
        asked.append(("download", repository, revision))
        folder = tmp_path / repository / (revision if len(revision) == 40 else COMMIT)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def model_info(self, repository, revision):
        asked.append(("info", repository, revision))
        return SimpleNamespace(sha=COMMIT, card_data=SimpleNamespace(license="mit"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(weights, "is_here", lambda each: False)
    return asked


@pytest.mark.parametrize("pinned", [DETECTOR, POSE, PARSER])
def test_pinned_weights_are_told_with_their_licence_before_the_download(hub, capsys, pinned):
    folder, fetched = fetch(pinned)
    told = capsys.readouterr().err
    assert pinned.repository in told and pinned.revision in told and f"licence {pinned.licence}" in told
    assert hub == [("download", pinned.repository, pinned.revision)]
    assert fetched == pinned and folder.name == pinned.revision
    assert fetched.record()["licence"] == pinned.licence


def test_a_branch_becomes_a_commit_and_the_licence_is_asked_for(hub, capsys):
    _, fetched = fetch(Weights("clothes parser", "somebody/parser", "main"))
    assert hub == [("info", "somebody/parser", "main"), ("download", "somebody/parser", COMMIT)]
    assert (fetched.revision, fetched.licence) == (COMMIT, "mit")
    assert "licence mit" in capsys.readouterr().err


def test_weights_that_are_here_are_not_announced(hub, capsys, monkeypatch):
    monkeypatch.setattr(weights, "is_here", lambda each: True)
    fetch(POSE)
    assert capsys.readouterr().err == ""


def test_whether_weights_are_here_is_asked_of_the_disk(tmp_path, monkeypatch):
    present = {"config.json"}
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda repository, file, revision: str(tmp_path) if file in present else None
    )
    assert not is_here(POSE)
    present.add("model.safetensors")
    assert is_here(POSE)


def test_without_a_network_the_way_out_is_told(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no route\nto host")

    monkeypatch.setattr(weights, "is_here", lambda each: False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(WeightsError, match=r"cannot get usyd-community/vitpose.*no route to host.*annotator='mannequin'"):
        fetch(POSE)
