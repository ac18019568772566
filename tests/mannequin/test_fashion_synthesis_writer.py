import dataclasses

import h5py
import numpy as np
import pytest
import torch
from scipy.io import loadmat

from fashiongen.data.attributes import CATEGORIES, COLOURS, GENDERS, SLEEVES
from fashiongen.data.fashion_synthesis import FashionSynthesisDataModule
from fashiongen.data.fashion_synthesis_files import FashionSynthesisFiles
from fashiongen.data.parsing import convert
from fashiongen.mannequin.fashion_synthesis_writer import write_fashion_synthesis
from fashiongen.mannequin.scenes import PeopleScenes
from fashiongen.mannequin.world import World

WORLD = World(height=64, width=48)
TRAIN, TEST = 6, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fashion_synthesis(WORLD, tmp_path_factory.mktemp("fashion_synthesis"), TRAIN, TEST)


def drawn(split, count):
    scenes = PeopleScenes(dataclasses.replace(WORLD, width=64, split=split), count, yaw=35, scheme="fashiongan7")
    return scenes.batch(torch.arange(count)).person.unbind()


def test_what_is_read_is_what_was_drawn(folder):
    data = FashionSynthesisDataModule(str(folder), height=64, width=64)
    for examples, people in ((data.train_set, drawn("train", TRAIN)), (data.test_set, drawn("test", TEST))):
        for example, person in zip(examples, people, strict=True):
            assert (example.person.image - person.image).abs().max() < 1e-5
            assert torch.equal(example.person.parsing, person.parsing)
            assert example.person.text == person.text


def test_heads_are_at_the_top(folder):
    labels = FashionSynthesisFiles(folder).labels(0)
    rows = torch.arange(64)[:, None].expand(64, 64)
    assert rows[labels == 2].float().mean() < rows[labels == 3].float().mean()
    with h5py.File(folder / "supervision_signals" / "G1.h5") as file:
        assert np.array_equal(file["b_"][0, 0], labels.numpy())
    with h5py.File(folder / "supervision_signals" / "G2.h5") as file:
        assert np.array_equal(file["b_"][0, 0], labels.numpy().T)


def test_attributes_fit_the_sentences(folder):
    files = FashionSynthesisFiles(folder)
    people = {"female": {"lady", "woman", "girl"}, "male": {"man", "boy"}}
    for sample, sentence in enumerate(files.sentences):
        found = {name: int(values[sample]) for name, values in files.attributes.items()}
        words = sentence.rstrip(".").split()
        assert CATEGORIES[found["category"]] in words and COLOURS[found["colour"]] in words
        assert people[GENDERS[found["gender"]]] & set(words)
        sleeve = SLEEVES[found["sleeve"]]
        assert sleeve == "other" or any(word.startswith(sleeve) for word in words)


def test_layouts_show_where_hair_face_and_the_rest_are(folder):
    files = FashionSynthesisFiles(folder)
    assert torch.allclose(files.layouts.sum(1), torch.ones(()), atol=1e-5)
    merged = convert(files.labels(0), "fashiongan7", "fashiongan4")
    shares = torch.stack([(merged == label).float().mean() for label in (1, 2, 3, 0)])
    assert torch.allclose(files.layouts[0].mean((1, 2)), shares, atol=0.03)


def test_word_numbers_stand_for_words(folder):
    content = loadmat(folder / "benchmark" / "language_original.mat")
    known = {}
    for sentence, numbers in zip(content["engJ"][:, 0], content["codeJ"][:, 0], strict=True):
        words = str(sentence[0]).rstrip(".").split()
        assert numbers.shape == (len(words), 1) and numbers.min() >= 1
        for word, number in zip(words, numbers[:, 0].tolist(), strict=True):
            assert known.setdefault(word, number) == number
    assert len(set(known.values())) == len(known)
