import os
import pickle

import numpy as np
import pytest

from fashiongen.data.pickles import read_pickle

CONTENT = {
    "000001_0": {"candidate": np.arange(8.0).reshape(2, 4), "subset": -np.ones((1, 20)), "score": np.float64(0.5)},
    "n": [1, "a"],
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_numbers_and_arrays_are_read(tmp_path, protocol):
    path = tmp_path / "pose.pkl"
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    found = read_pickle(path)
    assert found["n"] == [1, "a"]
    for name, value in CONTENT["000001_0"].items():
        assert np.array_equal(found["000001_0"][name], value)


def test_python_2_strings_are_read(tmp_path):
    path = tmp_path / "pose.pkl"
    path.write_bytes(b"\x80\x02}q\x01U\x08000001_0q\x02K\x01s.")
    assert read_pickle(path) == {"000001_0": 1}


class Command:
    def __reduce__(self):
        return os.mkdir, ("was_run",)


def test_programs_are_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pose.pkl"
    path.write_bytes(pickle.dumps([Command()]))
    with pytest.raises(ValueError, match=r"pose.pkl cannot be read as a pickle of numbers \(it holds .*mkdir"):
        read_pickle(path)
    assert not (tmp_path / "was_run").exists()


def test_damage_is_told(tmp_path):
    path = tmp_path / "pose.pkl"
    with pytest.raises(FileNotFoundError, match=r"pose.pkl: no such pickle"):
        read_pickle(path)
    path.write_bytes(pickle.dumps(CONTENT)[:50])
    with pytest.raises(ValueError, match=r"pose.pkl cannot be read"):
        read_pickle(path)
