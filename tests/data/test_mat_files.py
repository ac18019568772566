import h5py
import numpy as np
import pytest
from scipy.io import savemat

from fashiongen.data.mat_files import numbers, open_h5, read_mat, strings

WORDS = ["the lady wore a red dress", "the boy"]
VALUES = np.arange(24.0).reshape(2, 3, 4)


def cell(values):
    made = np.empty((len(values), 1), object)
    for row, value in enumerate(values):
        made[row, 0] = value
    return made


@pytest.fixture
def v5(tmp_path):
    savemat(tmp_path / "v5.mat", {"words": cell(WORDS), "values": VALUES, "ids": cell([np.ones((2, 1)), np.ones((3, 1))])})
    return tmp_path / "v5.mat"


@pytest.fixture
def v73(tmp_path):
    """As MATLAB saves with -v7.3: HDF5 behind a header of 512 bytes, axes reversed, cells as references."""
    path = tmp_path / "v73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["values"] = VALUES.T
        references = np.empty((1, len(WORDS)), h5py.ref_dtype)
        for place, sentence in enumerate(WORDS):
            item = file.create_dataset(f"#refs#/{place}", data=np.array([[ord(sign)] for sign in sentence], np.uint16))
            item.attrs["MATLAB_class"] = np.bytes_("char")
            references[0, place] = item.ref
        file.create_dataset("words", data=references).attrs["MATLAB_class"] = np.bytes_("cell")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b"\x00"))
    return path


@pytest.mark.parametrize("version", ["v5", "v73"])
def test_both_versions_say_the_same(request, version):
    path = request.getfixturevalue(version)
    content = read_mat(path, ["values", "words"])
    assert np.array_equal(content["values"], VALUES)
    assert content["words"].shape == (2, 1)
    assert strings(content["words"], path, "words") == WORDS


def test_rows_of_characters_are_strings(tmp_path):
    savemat(tmp_path / "rows.mat", {"words": np.array(WORDS)})
    assert strings(read_mat(tmp_path / "rows.mat", ["words"])["words"], "rows.mat", "words") == WORDS


@pytest.mark.parametrize("version", ["v5", "v73"])
def test_missing_variables_and_files_are_named(request, version):
    path = request.getfixturevalue(version)
    with pytest.raises(ValueError, match=rf"{version}.mat has no variable 'engJ'"):
        read_mat(path, ["engJ"])
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{version}.mat: no such MATLAB file"):
        read_mat(path, ["values"])


def test_other_things_than_strings_are_refused(v5):
    content = read_mat(v5, ["values", "ids"])
    for name in content:
        with pytest.raises(ValueError, match=rf"v5.mat: {name} holds sentences or names, entry 0 is not one"):
            strings(content[name], v5, name)


def test_whole_numbers():
    assert numbers(np.array([[3.0], [1.0]]), "a.mat", "ind").tolist() == [3, 1]
    for values in (np.array([1.5]), np.array([np.nan]), np.array(["1"]), np.array([None], object)):
        with pytest.raises(ValueError, match=r"a.mat: ind holds whole numbers"):
            numbers(values, "a.mat", "ind")


@pytest.mark.parametrize("version", ["v5", "v73"])
def test_damage_gives_one_error_that_names_the_file(request, version):
    path = request.getfixturevalue(version)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for trial in range(60):
        content = np.frombuffer(whole, np.uint8).copy()
        if trial % 2:
            content = content[: random.integers(20, len(content))]
        else:
            places = random.integers(11, min(len(content), 3000), 40)
            content[places] = random.integers(0, 256, len(places))
        path.write_bytes(content.tobytes())
        try:
            read_mat(path, ["values", "words"])
        except ValueError as error:
            refused += 1
            assert f"{version}.mat" in str(error)
    assert refused > 20


def test_h5_files_are_opened_or_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such HDF5 file"):
        open_h5(tmp_path / "G2.h5")
    (tmp_path / "G2.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match=r"G2.h5 is damaged or no file of its kind"):
        open_h5(tmp_path / "G2.h5")
