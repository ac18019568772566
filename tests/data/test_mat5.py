import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.io import savemat

from fashiongen.data.mat5 import read_mat5

TYPES = st.sampled_from([np.float64, np.float32, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
VALUES = TYPES.flatmap(lambda kind: arrays(kind, array_shapes(min_dims=2, max_dims=4, max_side=4)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("mat5") / "any.mat"


@given(VALUES, st.booleans())
def test_numbers_are_as_scipy_writes_them(path, values, compressed):
    savemat(path, {"values": values, "other": "word"}, do_compression=compressed)
    found = read_mat5(path, ["values"])
    assert list(found) == ["values"]
    assert found["values"].dtype == values.dtype
    assert np.array_equal(found["values"], values, equal_nan=values.dtype.kind == "f")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFF), min_size=1, max_size=9), min_size=1))
def test_strings_lie_in_cells(path, words):
    cell = np.empty((len(words), 1), object)
    cell[:, 0] = words
    savemat(path, {"words": cell})
    assert [entry[0] for entry in read_mat5(path, ["words"])["words"][:, 0]] == words


def test_cells_may_lie_in_cells_and_be_empty(path):
    inner, outer = np.empty((1, 2), object), np.empty((2, 2), object)
    inner[0, 0], inner[0, 1] = np.arange(3.0)[None], np.zeros((0, 0))
    outer[0, 0], outer[0, 1], outer[1, 0], outer[1, 1] = inner, "a", np.array(["ab", "cd"]), np.eye(2)
    savemat(path, {"outer": outer})
    found = read_mat5(path, ["outer"])["outer"]
    assert found.shape == (2, 2) and found[0, 1].tolist() == ["a"]
    assert found[1, 0].tolist() == ["ab", "cd"] and np.array_equal(found[1, 1], np.eye(2))
    assert found[0, 0][0, 0].tolist() == [[0, 1, 2]] and found[0, 0][0, 1].size == 0


def test_big_endian_files_are_read(path):
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    flags = b"\0\0\0\x06\0\0\0\x08" + b"\0\0\0\x06\0\0\0\0"
    shape = b"\0\0\0\x05\0\0\0\x08" + b"\0\0\0\x01\0\0\0\x02"
    name, data = b"\0\x01\0\x01d\0\0\0", b"\0\x04\0\x03\x01\x02\xff\xfe"
    matrix = flags + shape + name + data
    path.write_bytes(head + b"\0\0\0\x0e" + len(matrix).to_bytes(4, "big") + matrix)
    assert read_mat5(path, ["d"])["d"].tolist() == [[258, -2]]


def test_structures_are_dictionaries(path):
    table = np.zeros((2, 2), [("name", object), ("a_field", object)])
    for place, record in enumerate(table.flat):
        record["name"], record["a_field"] = f"layer {place}", np.full((1, place), place, np.float32)
    savemat(path, {"table": table, "one": {"inner": {"value": 3.0}}})
    found = read_mat5(path, ["table", "one"])
    assert found["one"].item()["inner"].item()["value"].item() == 3
    for expected, record in zip(table.flat, found["table"].flat, strict=True):
        assert list(record) == ["name", "a_field"] and record["name"].item() == expected["name"]
        assert np.array_equal(record["a_field"].ravel(), expected["a_field"].ravel())


def test_other_kinds_are_refused_when_they_are_asked_for(path):
    savemat(path, {"value": np.array([[1j]]), "number": 3.0})
    assert read_mat5(path, ["number"])["number"].item() == 3
    with pytest.raises(ValueError, match="neither real numbers, strings, a cell nor a structure"):
        read_mat5(path, ["value"])


@pytest.mark.parametrize("compressed", [False, True])
def test_any_damage_ends_in_a_value_or_an_error(path, compressed):
    cell = np.empty((3, 1), object)
    cell[:, 0] = ["the lady wore", "a", "the boy"]
    record = {"name": "conv1_1", "weights": cell}
    savemat(path, {"words": cell, "values": np.arange(24.0).reshape(2, 3, 4), "record": record}, do_compression=compressed)
    whole, random, refused = np.fromfile(path, np.uint8), np.random.default_rng(0), 0
    for trial in range(600):
        content = whole.copy()
        if trial % 3 == 0:
            content = content[: random.integers(len(content))]
        else:
            places = random.integers(120, len(content), random.integers(1, 9))
            content[places] = random.integers(0, 256, len(places))
        content.tofile(path)
        try:
            read_mat5(path, ["words", "values", "record"])
        except ValueError:
            refused += 1
    assert refused > 200
