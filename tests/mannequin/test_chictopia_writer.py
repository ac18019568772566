import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongen.data.chictopia import Chictopia10KDataModule
from fashiongen.data.parsing import body_map, convert
from fashiongen.layers.sketch_colours import PALETTE
from fashiongen.mannequin.chictopia_writer import write_chictopia, write_chictopia_records, write_human_parsing
from fashiongen.mannequin.scenes import PeopleScenes
from fashiongen.mannequin.world import World

WORLD = World(height=80, width=40)


def drawn(split, count=2):
    world = dataclasses.replace(WORLD, width=80, framing="full", split=split)
    return PeopleScenes(world, count, yaw=60, scheme="clothnet22").batch(torch.arange(count)).person.unbind()


@pytest.fixture(scope="module", params=[write_chictopia, write_chictopia_records])
def written(request, tmp_path_factory):
    return request.param(WORLD, tmp_path_factory.mktemp("chictopia"), train=2, test=1)


def test_what_is_read_is_what_was_drawn(written):
    data = Chictopia10KDataModule(str(written), side=80, crop=False)
    for split, examples in {"train": data.train_set, "validation": data.validation_set, "test": data.test_set}.items():
        people = drawn(split, len(examples) // 2)
        assert people
        for index, person in enumerate(people):
            read = examples[2 * index].person
            assert torch.equal(read.parsing, person.parsing)
            assert torch.equal(body_map(read.parts), body_map(person.parts))
            seen = person.parsing > 0
            assert torch.equal(read.image[:, seen], person.image[:, seen])
            assert (read.image[:, ~seen] == -1).all()


def test_people_have_faces_and_bodies():
    people = drawn("train", 8)
    labels = torch.stack([person.parsing for person in people]).unique().tolist()
    assert {2, 4, 11, 18, 19}.issubset(labels) and {20, 21} & set(labels)


def test_colours_and_ids_tell_the_same(tmp_path):
    folder = write_chictopia(WORLD, tmp_path, train=1, test=1) / "train"
    ids = np.asarray(Image.open(folder / "0_labels:png.png"))
    assert ids.shape == (80, 80, 3) and (ids == ids[..., :1]).all()
    assert (np.asarray(Image.open(folder / "0_label_vis:png.png")) == np.array(PALETTE)[ids[..., 0]]).all()
    body = np.asarray(Image.open(folder / "0_bodysegments.png"))
    entries = np.array([0, 3, 7, 11, 14, 18, 21])
    assert (np.asarray(Image.open(folder / "0_bodysegments_vis.png")) == np.array(PALETTE)[entries[body]]).all()
    flat, picture = (np.asarray(Image.open(folder / f"0_{name}.png")).astype(int) for name in ("segcolors", "image:png"))
    top = ids[..., 0] == 4
    assert len(np.unique(flat[top], axis=0)) == 1 and (flat[ids[..., 0] == 0] == 0).all()
    assert np.abs(flat[top][0] - np.median(picture[top], axis=0)).max() < 25
    assert (folder / "0_original_filename.txt").read_text() == "000000.jpg\n"


def test_original_pairs_have_eighteen_labels(tmp_path):
    folder = write_human_parsing(dataclasses.replace(WORLD, width=60), tmp_path, train=2, test=1)
    stored = np.asarray(Image.open(folder / "SegmentationClassAug" / "000001.png"))
    world = dataclasses.replace(WORLD, width=60, framing="full")
    person = PeopleScenes(world, 3, yaw=60, scheme="clothnet22").batch(torch.tensor([1])).person
    assert np.array_equal(stored, convert(person.parsing[0], "clothnet22", "atr18").numpy())
    with Image.open(folder / "JPEGImages" / "000001.jpg") as picture:
        levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    assert (levels / 127.5 - 1 - person.image[0]).abs().mean() < 0.06
    assert len(list((folder / "JPEGImages").iterdir())) == 3
