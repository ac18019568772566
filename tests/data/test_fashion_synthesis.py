import pickle
import shutil

import h5py
import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from fashiongen.data.fashion_synthesis import FashionSynthesisDataModule
from fashiongen.data.fashion_synthesis_files import FashionSynthesisFiles
from fashiongen.mannequin import World
from fashiongen.mannequin.fashion_synthesis_writer import write_fashion_synthesis

TRAIN, TEST = 4, 3


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return write_fashion_synthesis(World(height=48), tmp_path_factory.mktemp("data_release"), TRAIN, TEST)


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original, tmp_path / "data_release")


def module(root, **options):
    return FashionSynthesisDataModule(str(root), **{"height": 48, "width": 48, "batch_size": 2, **options})


def change(root, name, **variables):
    """Rewrite variables of one of the MATLAB files."""
    path = next(root.rglob(name))
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, {key: value for key, value in {**content, **variables}.items() if value is not None})


def change_h5(root, name, values):
    with h5py.File(root / "supervision_signals" / "G2.h5", "r+") as file:
        del file[name]
        if values is not None:
            file[name] = values


def test_batches_hold_what_the_module_says(original):
    data = module(original)
    train = next(iter(data.train_dataloader()))
    assert train.person.image.shape == (2, 3, 48, 48) and train.person.parsing.shape == (2, 48, 48)
    assert train.person.scheme == "fashiongan7" and train.other_text is None
    assert all(sentence.startswith("the ") for sentence in train.person.text)
    test = next(iter(data.test_dataloader()))
    assert len(test.other_text) == 2 and test.person.text != test.other_text
    assert [len(each) for each in (data.train_set, data.validation_set, data.test_set)] == [TRAIN, TEST, TEST]


def test_test_people_get_the_sentences_of_their_partners(original):
    data = module(original)
    own = [example.person.text for example in data.test_set]
    assert [example.other_text for example in data.test_set] == [*own[1:], own[0]]


def test_splits_are_those_of_the_file(root):
    change(root, "ind.mat", train_ind=[[6, 2]], test_ind=[[1], [7]], test_set_pair_ind=[[7], [3]])
    files, data = FashionSynthesisFiles(root), module(root)
    assert [example.name for example in data.train_set] == [files.names[5], files.names[1]]
    assert torch.equal(data.train_set[0].person.image, files.picture(5))
    assert [example.other_text for example in data.test_set] == [files.sentences[6], files.sentences[2]]


def test_other_sizes(original):
    person = module(original, height=32, width=24).train_set[0].person
    assert person.image.shape == (3, 32, 24) and person.parsing.shape == (32, 24)


@pytest.mark.parametrize("flat", [True, False])
def test_files_may_lie_in_one_folder_or_where_the_demo_looks(root, flat):
    picture = FashionSynthesisFiles(root).picture(0)
    g2 = root / "supervision_signals" / "G2.h5"
    if flat:
        for path in [path for path in root.rglob("*") if path.is_file()]:
            path.rename(root / path.name)
    else:
        g2.rename(root / "test_phase_inputs" / "G2.h5")
    assert torch.equal(FashionSynthesisFiles(root).picture(0), picture)


def test_files_travel_to_other_processes(original):
    files = FashionSynthesisFiles(original)
    picture = files.picture(1)
    assert torch.equal(pickle.loads(pickle.dumps(files)).picture(1), picture)
    first = next(iter(module(original, num_workers=1).val_dataloader()))
    assert torch.equal(first.person.image, next(iter(module(original).val_dataloader())).person.image)


@pytest.mark.parametrize("name", ["ind.mat", "language_original.mat", "G2.h5"])
def test_missing_files_are_named(root, name):
    next(root.rglob(name)).unlink()
    with pytest.raises(FileNotFoundError, match=rf"has no .*/{name}.*zhusz"):
        module(root).train_set[0]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder; root is that of your copy of Fashion Synthesis"):
        _ = module(tmp_path / "nowhere").train_set


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"train_ind": [[0, 1]]}, r"ind.mat: train_ind holds 0; numbers of samples count from 1 to 7"),
        ({"test_ind": [[1, 8, 2]]}, r"ind.mat: test_ind holds 8; .*Are both files of one release"),
        ({"test_set_pair_ind": [[1, 2]]}, r"test_set_pair_ind has 2 entries for the 3 of test_ind"),
        ({"train_ind": [[1.5]]}, r"ind.mat: train_ind holds whole numbers"),
        ({"train_ind": np.zeros((0, 1))}, r"ind.mat: train_ind is empty"),
        ({"test_set_pair_ind": None}, r"ind.mat has no variable 'test_set_pair_ind'"),
    ],
)
def test_wrong_splits_are_told(root, variables, message):
    change(root, "ind.mat", **variables)
    with pytest.raises(ValueError, match=message):
        _ = module(root).train_set


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"engJ": np.array([["the lady"]], object)}, r"language_original.mat: engJ has 1 entries, .*G2.h5 has 7 samples"),
        ({"engJ": np.ones((7, 1))}, r"language_original.mat: engJ holds sentences or names, entry 0"),
        ({"nameList": None}, r"language_original.mat has no variable 'nameList'"),
    ],
)
def test_wrong_sentences_are_told(root, variables, message):
    change(root, "language_original.mat", **variables)
    with pytest.raises(ValueError, match=message):
        module(root).train_set[0]


def test_wrong_attributes_are_told(root):
    change(root, "language_original.mat", color_=np.zeros((7, 1)))
    with pytest.raises(ValueError, match="color_ counts from 1, it holds 0"):
        _ = FashionSynthesisFiles(root).attributes


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("b_", np.full((7, 1, 48, 48), 7), r"sample 0, b_: label ids \[7\] do not exist in fashiongan7"),
        ("b_", np.full((7, 1, 48, 48), np.nan), "sample 0, b_ holds label ids, whole numbers from 0 to 6"),
        ("b_", np.full((7, 1, 48, 48), 0.5), "sample 0, b_ holds label ids, whole numbers from 0 to 6"),
        ("b_", None, "has no array 'b_'"),
        ("b_", np.zeros((7, 1, 48, 40)), r"b_ \(n, 1, W, H\), this file has .* b_ \(7, 1, 48, 40\)"),
        ("ih", np.zeros((6, 3, 48, 48)), r"ih is \(n, 3, W, H\)"),
        ("ih", np.full((7, 3, 48, 48), 3.0), r"sample 0: ih \+ ih_mean is a picture in \[0, 1\]"),
        ("ih", np.full((7, 3, 48, 48), np.nan), r"sample 0: ih \+ ih_mean is a picture in \[0, 1\]"),
        ("ih", np.full((7, 3, 48, 48), b"x"), "G2.h5: ih does not hold numbers"),
        ("ih_mean", None, "has no array 'ih_mean'"),
    ],
)
def test_wrong_pictures_and_labels_are_told(root, name, values, message):
    change_h5(root, name, values)
    with pytest.raises(ValueError, match=message) as caught:
        module(root).train_set[0]
    assert "G2.h5" in str(caught.value)


def test_wrong_layouts_are_told(root):
    change(root, "sr1_8.mat", d=np.zeros((8, 8, 4, 6)))
    with pytest.raises(ValueError, match=r"sr1_8.mat: d is \(8, 8, 4, 7\) numbers .* not \(8, 8, 4, 6\)"):
        _ = FashionSynthesisFiles(root).layouts
    with pytest.raises(FileNotFoundError, match=r"test_phase_inputs/encode_hn2_rnn_100_2_full.mat"):
        _ = FashionSynthesisFiles(root).text_codes


@pytest.mark.parametrize("name", ["G2.h5", "ind.mat", "language_original.mat"])
def test_damage_gives_one_error_that_names_the_file(root, name):
    path = next(root.rglob(name))
    whole, random = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(1)
    refused = 0
    for trial in range(40):
        content = whole.copy()
        if trial % 2:
            content = content[: random.integers(1, len(content))]
        else:
            places = random.integers(0, min(len(content), 4000), 30)
            content[places] = random.integers(0, 256, len(places))
        path.write_bytes(content.tobytes())
        try:
            module(root).train_set[0]
        except ValueError as error:
            refused += 1
            assert str(root) in str(error) and "\n" not in str(error)
    assert refused > 20
