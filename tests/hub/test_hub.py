"""Models by name, from folders and from checkpoints; the Hub itself is in test_repository.py."""

from __future__ import annotations

import hashlib
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import safetensors.torch
import torch
from torch import Tensor

from fashiongen import hub, registry
from fashiongen.hub import HubError
from fashiongen.registry import UnknownName

PICTURES = torch.linspace(-1, 1, 15).reshape(5, 3)


def trained(tiny: Any, **options: Any) -> Any:
    """A model whose running statistics are not those of a fresh one."""
    torch.manual_seed(0)
    model = tiny(**options)
    model(PICTURES)
    return model.eval()


def same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# ---------------------------------------------------------------------------------------------------- create
@pytest.fixture
def presets(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny").mkdir()
    text = "model:\n  class_path: fashiongen.models.tiny.Tiny\n  init_args:\n    width: 7\n    rate: 2e-4\n    size: [4, 3]\n"
    (tmp_path / "tiny" / "official.yaml").write_text(text)
    monkeypatch.setattr(hub, "_CONFIGS", tmp_path)


def test_create_takes_the_preset_and_lets_options_win(presets: None) -> None:
    model = hub.create("tiny", preset="official", size=(2, 2), seed=5)
    assert (model.hparams["width"], model.hparams["rate"], model.hparams["size"]) == (7, 2e-4, (2, 2))
    assert model.seed == 5
    assert hub.create("tiny").hparams["width"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "tny"}, "there is no model 'tny'; did you mean tiny"),
        ({"name": "tiny", "preset": "oficial"}, "no tiny preset 'oficial'; did you mean official"),
        ({"name": "tiny", "preset": "official", "widht": 3}, "no tiny option 'widht'; did you mean width"),
        ({"name": "tiny", "gradient_clp": 3}, "no tiny option 'gradient_clp'; did you mean gradient_clip"),
    ],
)
def test_create_names_the_nearest(presets: None, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        hub.create(**arguments)


# ---------------------------------------------------------------------------------------------------- folders
def test_folder_gives_the_same_model_back(tiny: Any, tmp_path: Path) -> None:
    model = trained(tiny, width=5, size=(9, 7), steps={"only": 2})
    hub.save(model, tmp_path / "deep" / "folder")
    assert sorted(contents(tmp_path / "deep" / "folder")) == ["README.md", "config.json", "model.safetensors"]
    assert os.listdir(tmp_path / "deep") == ["folder"]

    loaded = hub.load(tmp_path / "deep" / "folder")
    assert not loaded.training
    assert loaded.hparams["size"] == [9, 7]
    assert loaded.plan == {"only": 2}
    assert same_weights(loaded.inference_state(), model.inference_state())
    assert torch.equal(loaded(PICTURES), model(PICTURES))


def test_only_what_the_verbs_need_is_written(tiny: Any, tmp_path: Path) -> None:
    state = safetensors.torch.load_file(hub.save(trained(tiny), tmp_path / "m") / "model.safetensors")
    assert state and not any("discriminator" in key for key in state)


def test_half_precision_file_gives_a_float32_model(tiny: Any, tmp_path: Path) -> None:
    model = trained(tiny)
    folder = hub.save(model, tmp_path / "half", dtype=torch.float16)
    state = safetensors.torch.load_file(folder / "model.safetensors")
    assert state["generator.0.weight"].dtype == torch.float16
    assert state["generator.1.num_batches_tracked"].dtype == torch.int64

    weight = hub.load(folder).generator[0].weight
    assert weight.dtype == torch.float32
    assert torch.equal(weight, model.generator[0].weight.half().float())
    assert model.generator[0].weight.dtype == torch.float32


def test_two_saves_give_the_same_bytes(tiny: Any, tmp_path: Path) -> None:
    model = trained(tiny)
    record = {"data": "mannequin", "figures": {"SSIM": 0.5}, "training": {"steps": {"only": 3}}}
    first, second = (contents(hub.save(model, tmp_path / name, **record)) for name in "ab")
    assert first == second


def test_record_is_kept(tiny: Any, tmp_path: Path) -> None:
    training = {"machine": "two cores", "seed": 0}
    folder = hub.save(trained(tiny), tmp_path / "m", data="mannequin", licence="mit", figures={"SSIM": 0.5}, training=training)
    record = json.loads((folder / "config.json").read_text())
    assert (record["model"], record["data"], record["licence"]) == ("tiny", "mannequin", "mit")
    assert (record["figures"], record["training"]) == ({"SSIM": 0.5}, training)


def test_save_pretrained_is_save(tiny: Any, tmp_path: Path) -> None:
    trained(tiny).save_pretrained(str(tmp_path / "m"), licence="mit")
    assert json.loads((tmp_path / "m" / "config.json").read_text())["licence"] == "mit"


def test_what_the_command_line_adds_is_stripped(tiny: Any, tmp_path: Path) -> None:
    model = trained(tiny)
    model.hparams.update({"_class_path": "tiny.Tiny", "_instantiator": "pytorch_lightning.cli.instantiate_module"})
    folder = hub.save(model, tmp_path / "m")
    assert "_class_path" not in (folder / "config.json").read_text()
    assert "_instantiator" not in (folder / "config.json").read_text()
    hub.load(folder)


class Mode(StrEnum):
    FAST = "fast"


@pytest.mark.parametrize("value", [Path("a"), Mode.FAST, {1: 2}, torch.ones(1), float("nan"), [1, {"a": {2}}]])
def test_hyper_parameter_that_json_cannot_hold(tiny: Any, tmp_path: Path, value: Any) -> None:
    with pytest.raises(HubError, match=r"hyper-parameter mode of .*config\.json is "):
        hub.save(trained(tiny, mode=value), tmp_path / "m")
    assert not os.listdir(tmp_path)


def test_weights_that_do_not_fit_the_type_are_refused(tiny: Any, tmp_path: Path) -> None:
    model = trained(tiny)
    model.generator[0].weight.data[0, 0] = 1e6
    with pytest.raises(HubError, match=r"generator\.0\.weight of this tiny is not finite in torch\.float16"):
        hub.save(model, tmp_path / "m", dtype=torch.float16)
    hub.save(model, tmp_path / "m")


@pytest.mark.parametrize("failing_call", [1, 2, 3])
def test_crash_while_replacing_is_told_or_harmless(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    folder = hub.save(trained(tiny), tmp_path / "m")
    before = contents(folder)
    calls, replace = [], os.replace

    def fail(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == failing_call:
            raise OSError("no space left")
        replace(*arguments)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        hub.save(trained(tiny, width=6), folder)
    assert os.listdir(tmp_path) == ["m"]
    if failing_call == 1:
        assert contents(folder) == before
    else:
        with pytest.raises(HubError, match=r"model\.safetensors has .*broken copy"):
            hub.load(folder)


def test_crash_while_writing_leaves_nothing(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, content: bytes) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space left"):
        hub.save(trained(tiny), tmp_path / "m")
    assert not os.listdir(tmp_path)


def test_options_replace_saved_hyper_parameters(tiny: Any, tmp_path: Path) -> None:
    folder = hub.save(trained(tiny, rate=1.0), tmp_path / "m")
    assert hub.load(folder, rate=2.0).hparams["rate"] == 2.0
    with pytest.raises(UnknownName, match="no tiny option 'ratee'; did you mean rate"):
        hub.load(folder, ratee=2.0)
    with pytest.raises(HubError, match=r"generator\.0\.weight \(4, 3\) for \(6, 3\)"):
        hub.load(folder, width=6)


# ---------------------------------------------------------------------------------------------------- damaged folders
def edit(folder: Path, **changes: Any) -> None:
    record = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(record | changes))


def rewrite(folder: Path, content: bytes) -> None:
    """Other weights, with the right size and sum."""
    (folder / "model.safetensors").write_bytes(content)
    edit(folder, weights={"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "dtype": "float32"})


def rename_key(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    state["other"] = state.pop("generator.0.bias")
    rewrite(folder, safetensors.torch.save(state))


def flip(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def truncate(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-10])


DAMAGES = {
    "no config": (lambda f: (f / "config.json").unlink(), r"config\.json is missing: save or copy the folder again"),
    "no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        r"model\.safetensors is missing: save or copy .*fashiongen\.create",
    ),
    "truncated": (truncate, r"model\.safetensors has [\d,]+ bytes in place of [\d,]+, a broken copy: save or copy"),
    "flipped bit": (flip, r"model\.safetensors has sha256 \w{12}…, config\.json says \w{12}…, it was changed: save or copy"),
    "no safetensors": (lambda f: rewrite(f, b"pickle"), r"model\.safetensors: "),
    "wrong keys": (rename_key, r"not weights of this tiny: missing: generator\.0\.bias; unknown: other"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), r"config\.json is damaged"),
    "no object": (lambda f: (f / "config.json").write_text("[1]"), "not written by fashiongen"),
    "another library": (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "not written by fashiongen"),
    "newer format": (lambda f: edit(f, format=2), "format 2, .* up to 1: pip install --upgrade fashiongen"),
    "no sum": (lambda f: edit(f, weights={"bytes": 1}), r"config\.json lacks sha256"),
    "no weights entry": (lambda f: edit(f, weights=None), r"config\.json lacks sha256, bytes"),
    "unknown model": (lambda f: edit(f, model="later"), "names the model 'later'; fashiongen .* knows .*tiny.*pip install"),
    "class path": (lambda f: edit(f, model="antigravity:fly"), "names the model 'antigravity:fly'"),
    "unknown option": (lambda f: edit(f, hyper_parameters={"depth": 3}), r"config\.json does not describe a tiny .*'depth'"),
    "class path option": (lambda f: edit(f, hyper_parameters={"_class_path": "antigravity"}), "'_class_path'"),
    "bad option": (lambda f: edit(f, hyper_parameters={"width": "wide"}), r"config\.json does not describe a tiny"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folder_is_one_clear_error(tiny: Any, tmp_path: Path, damage: str) -> None:
    folder = hub.save(trained(tiny), tmp_path / "m")
    spoil, message = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(HubError, match=message) as error:
        hub.load(folder)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- checkpoints
@pytest.fixture(scope="module")
def checkpoint_content(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a real Trainer wrote, with what LightningCLI adds to it."""
    import tiny

    folder = tmp_path_factory.mktemp("run")
    trainer = pl.Trainer(
        default_root_dir=folder, logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu"
    )
    trainer.fit(tiny.Tiny(size=(9, 7), pictures_every=0), torch.utils.data.DataLoader(PICTURES.repeat(4, 1), batch_size=5))
    trainer.save_checkpoint(folder / "last.ckpt")
    content = torch.load(folder / "last.ckpt", weights_only=True)
    content["hyper_parameters"] |= {"_class_path": "tiny.Tiny", "_instantiator": "pytorch_lightning.cli.instantiate_module"}
    return content


def test_checkpoint_gives_all_weights(tiny: Any, tmp_path: Path, checkpoint_content: dict[str, Any]) -> None:
    torch.save(checkpoint_content, tmp_path / "last.ckpt")
    model = hub.load(str(tmp_path / "last.ckpt"), rate=0.5)
    assert not model.training
    assert same_weights(model.state_dict(), checkpoint_content["state_dict"])
    assert (model.hparams["size"], model.hparams["rate"]) == ([9, 7], 0.5)
    assert not {"_class_path", "_instantiator"} & model.hparams.keys()
    assert checkpoint_content["fashiongen"]["steps_in_stage"] == {"only": 3}
    assert model.steps_done == 0

    again = hub.load(hub.save(model, tmp_path / "m"))
    assert torch.equal(again(PICTURES), model(PICTURES))


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil",)


def test_checkpoint_runs_no_code(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"fashiongen": {"model": "tiny"}, "hyper_parameters": {"mode": Evil()}, "state_dict": {}}, "evil.ckpt")
    with pytest.raises(HubError, match=r"evil\.ckpt is damaged, or cannot be opened without running code"):
        hub.load("evil.ckpt")
    assert os.listdir() == ["evil.ckpt"]


def test_unusable_checkpoints(tiny: Any, tmp_path: Path, checkpoint_content: dict[str, Any]) -> None:
    path = tmp_path / "a.ckpt"
    with pytest.raises(HubError, match=r"there is no checkpoint .*a\.ckpt"):
        hub.load(path)
    torch.save(checkpoint_content, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(HubError, match="is damaged"):
        hub.load(path)
    path.write_bytes(b"")
    with pytest.raises(HubError, match="is damaged"):
        hub.load(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(HubError, match="does not come from a training with fashiongen"):
        hub.load(path)
    torch.save(checkpoint_content | {"fashiongen": {"model": "later"}}, path)
    with pytest.raises(HubError, match="names the model 'later'"):
        hub.load(path)
    torch.save(checkpoint_content | {"state_dict": {"other": torch.ones(1)}}, path)
    with pytest.raises(HubError, match=r"Missing key.*generator\.0\.weight.*Unexpected key.*other") as error:
        hub.load(path)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- names
def test_bundled_names(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_BUNDLED", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    first, other = trained(tiny), trained(tiny, width=6)
    hub.save(first, tmp_path / "weights" / "tiny.mannequin")
    hub.save(other, tmp_path / "weights" / "tiny.other")
    hub.save(trained(tiny, width=3), tmp_path / "tiny")

    assert hub.load("tiny").hparams["width"] == 4
    assert hub.load("tiny.other").hparams["width"] == 6
    assert hub.load("./tiny").hparams["width"] == 3
    assert hub.load(Path("tiny")).hparams["width"] == 3
    with pytest.raises(UnknownName, match=r"tiny\.othr'; did you mean tiny\.other"):
        hub.load("tiny.othr")


def test_never_random_weights(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_BUNDLED", tmp_path)
    with pytest.raises(HubError, match=r"tiny\.mannequin.*missing: install fashiongen again"):
        hub.load("tiny")
    monkeypatch.setitem(registry.MODELS, "tiny", registry.ModelCard(**(vars(registry.MODELS["tiny"]) | {"pretrained": ()})))
    with pytest.raises(HubError, match=r"tiny has no bundled weights; fashiongen\.create\('tiny'\)"):
        hub.load("tiny")


def test_sources_that_are_nothing(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match="no folder or model 'tny'; did you mean tiny"):
        hub.load("tny")
    for source in ("a/b/c", "./folder", "/nowhere", "~/nowhere/x", Path("user/name")):
        with pytest.raises(HubError, match=r"there is no folder .*; repositories of the Hub are written user/name"):
            hub.load(source)
    for source in ("tiny", "tiny.other", "last.ckpt", Path("folder")):
        with pytest.raises(HubError, match="it has no revision 'main'"):
            hub.load(source, revision="main")
    with pytest.raises(HubError, match="give one of them"):
        hub.load("user/name@main", revision="other")


def test_a_subclass_of_another_project_is_saved_as_the_papers_model(tiny: Any, tmp_path: Path) -> None:
    class Ours(tiny):  # type: ignore[misc, valid-type]
        def __init__(self, style: float = 0.5, **options: Any) -> None:
            super().__init__(**options)
            self.save_hyperparameters()

    torch.manual_seed(0)
    folder = hub.save(tiny(width=6), tmp_path / "paper")
    ours = Ours.from_pretrained(folder, style=2.0, rate=0.1)
    assert type(ours) is Ours and not ours.training
    assert (ours.hparams["style"], ours.hparams["rate"], ours.hparams["width"]) == (2.0, 0.1, 6)
    paper = hub.load(folder)
    assert all(torch.equal(tensor, paper.inference_state()[key]) for key, tensor in ours.inference_state().items())
    again = hub.load(hub.save(ours, tmp_path / "ours", training={"seed": 0}))
    assert type(again) is tiny and "style" not in again.hparams and again.hparams["rate"] == 0.1
    record = json.loads((tmp_path / "ours/config.json").read_text())
    assert record["training"] == {"seed": 0, "options of Ours": {"style": 2.0}}


def test_another_papers_weights_are_refused(tiny: Any, tmp_path: Path) -> None:
    from fashiongen.models.pg2.module import Pg2

    folder = hub.save(tiny(), tmp_path / "tiny")
    with pytest.raises(ValueError, match="is a model of tiny, Pg2 one of pg2"):
        Pg2.from_pretrained(folder)
