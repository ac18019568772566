from __future__ import annotations

import builtins
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from fashiongen.convert.tensorflow import read_checkpoint

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def variables() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "generator/encoder_1/conv/filter": random.normal(size=(4, 4, 5, 3)).astype(np.float32),
        "generator/encoder_2/batchnorm/Variable": random.normal(size=7).astype(np.float32),
        "generator_train/beta1_power": np.float32(0.5),
        "global_step": np.int64(15000),
    }


@pytest.fixture(scope="module")
def written(variables: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as TensorFlow 1's Saver writes it; the folder."""
    tensorflow = pytest.importorskip("tensorflow", reason="the extra `convert` is not installed").compat.v1
    folder = tmp_path_factory.mktemp("stage1")
    with tensorflow.Graph().as_default(), tensorflow.Session() as session:
        for name, value in variables.items():
            tensorflow.get_variable(name, initializer=value, use_resource=False)
        session.run(tensorflow.global_variables_initializer())
        tensorflow.train.Saver().save(session, str(folder / "model"), global_step=15000)
    return folder


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["", "model-15000", "model-15000.index", "model-15000.data-00000-of-00001", "model-15000.meta"])
def test_a_checkpoint_is_read_by_folder_prefix_or_file(written: Path, variables: dict[str, np.ndarray], name: str) -> None:
    found = read_checkpoint(written / name)
    assert set(found) == set(variables)
    for key, value in variables.items():
        assert found[key].dtype == value.dtype
        assert np.array_equal(found[key], value)


def test_the_record_may_name_a_folder_of_another_machine(copy: Path, variables: dict[str, np.ndarray]) -> None:
    shutil.copy(copy / "model-15000.index", copy / "model-9.index")
    shutil.copy(copy / "model-15000.data-00000-of-00001", copy / "model-9.data-00000-of-00001")
    (copy / "checkpoint").write_text('model_checkpoint_path: "/home/author/model/stage1/model-15000"\n')
    assert set(read_checkpoint(copy)) == set(variables)


def test_a_folder_with_several_checkpoints_must_say_which(copy: Path) -> None:
    shutil.copy(copy / "model-15000.index", copy / "model-9.index")
    (copy / "checkpoint").unlink()
    with pytest.raises(ValueError, match="several checkpoints"):
        read_checkpoint(copy)


def test_missing_files_are_named(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model-7\.index is missing"):
        read_checkpoint(copy / "model-7")
    (copy / "model-15000.data-00000-of-00001").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-15000\.data-\* is missing"):
        read_checkpoint(copy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no TensorFlow checkpoint"):
        read_checkpoint(tmp_path / "empty")


def test_a_missing_shard_is_counted(copy: Path) -> None:
    (copy / "model-15000.data-00000-of-00001").rename(copy / "model-15000.data-00000-of-00002")
    with pytest.raises(FileNotFoundError, match="1 of its 2"):
        read_checkpoint(copy)


@pytest.mark.parametrize("name", ["model-15000.index", "model-15000.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_truncated_files_are_told(copy: Path, name: str, kept: float) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_checkpoint(copy / "model-15000")


def test_without_tensorflow_the_extra_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: object, **options: object) -> object:
        if name == "tensorflow":
            raise ImportError(name)
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"fashiongen\[convert\]"):
        read_checkpoint(copy)


@pytest.mark.parametrize("variant", ["market", "df"])
def test_checkpoints_that_an_official_trainer_saved(variant: str) -> None:
    pytest.importorskip("tensorflow", reason="the extra `convert` is not installed")
    named = os.environ.get("FASHIONGEN_GOLDEN")
    folder = (Path(named) if named else REPOSITORY.parent / "shared" / "golden") / "pg2"
    if not folder.is_dir():
        pytest.skip(f"no golden arrays in {folder}; set FASHIONGEN_GOLDEN to the folder that holds pg2/")
    found = read_checkpoint(folder / f"tiny_ckpt_{variant}")
    expected = load_file(folder / f"tiny_ckpt_{variant}_expected.safetensors")
    assert expected and expected.keys() <= found.keys()
    for name, value in expected.items():
        assert np.array_equal(found[name].reshape(value.shape), value), name
