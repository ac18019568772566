import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashiongen.data.tfrecords import read_example, record_places, write_examples

EXAMPLES = [{"name": b"first", "picture": bytes(range(256)) * 3}, {"name": b"", "picture": b"\x00"}]


@pytest.fixture
def path(tmp_path):
    write_examples(EXAMPLES, tmp_path / "train_p0.tfrecords")
    return tmp_path / "train_p0.tfrecords"


def test_examples_come_back(path):
    assert [read_example(path, place) for place in record_places(path)] == EXAMPLES


@pytest.mark.slow
def test_tensorflow_reads_and_writes_the_same_files(path, tmp_path):
    tf = pytest.importorskip("tensorflow")
    records = [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    assert [{name: each.bytes_list.value[0] for name, each in record.features.feature.items()} for record in records] == EXAMPLES
    feature = {
        "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a", b"b"])),
        "height": tf.train.Feature(int64_list=tf.train.Int64List(value=[286])),
        "scale": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
        "nothing": tf.train.Feature(bytes_list=tf.train.BytesList()),
    }
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    (place,) = record_places(tmp_path / "theirs")
    assert read_example(tmp_path / "theirs", place) == {"name": b"a"}


def test_what_is_cut_short_is_told(path):
    whole = path.read_bytes()
    for length in (5, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"train_p0.tfrecords is cut short in record [01]"):
            record_places(path)
    with pytest.raises(FileNotFoundError, match="no such record file"):
        record_places(path.with_name("val_p0.tfrecords"))


def test_what_is_no_record_is_told(path):
    path.write_bytes(b"not a record file at all")
    with pytest.raises(ValueError, match="record 0 does not begin like one"):
        record_places(path)
    path.write_bytes(struct.pack("<QI", 2**60, 0))
    with pytest.raises(ValueError, match="train_p0"):
        record_places(path)


@given(st.binary(max_size=40), st.integers(0, 900))
def test_damaged_content_gives_an_error_that_names_the_file_or_an_example(tmp_path_factory, noise, offset):
    path = tmp_path_factory.mktemp("fuzzed") / "fuzzed.tfrecords"
    write_examples(EXAMPLES, path)
    places = record_places(path)
    content = bytearray(path.read_bytes())
    offset %= len(content)
    content[offset : offset + len(noise)] = noise
    path.write_bytes(content)
    for place in places:
        try:
            example = read_example(path, place)
        except ValueError as error:
            assert "fuzzed.tfrecords: the record at byte" in str(error)
        else:
            assert all(isinstance(value, bytes) for value in example.values())
