import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongen.data.viton_hd import VitonHdDataModule
from fashiongen.mannequin import World
from fashiongen.mannequin.scenes import TryOnScenes
from fashiongen.mannequin.try_on_writers import write_viton_hd

WORLD = World(height=96, width=72)


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return write_viton_hd(WORLD, tmp_path_factory.mktemp("viton_hd"), 3, 2)


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original, tmp_path / "data")


def module(root, **options):
    return VitonHdDataModule(str(root), **{"height": 96, "width": 72, "batch_size": 2, **options})


def test_batches_hold_what_the_module_says(original):
    data = module(original, height=64, width=48)
    train = next(iter(data.train_dataloader()))
    assert train.person.image.shape == train.garment.image.shape == train.other_garment.image.shape == (2, 3, 64, 48)
    assert train.person.keypoints.shape == (2, 18, 3) and train.person.parsing.shape == (2, 64, 48)
    assert train.garment.mask.shape == (2, 1, 64, 48) and train.person.scheme == "lip20"
    validation = next(iter(data.val_dataloader()))
    assert validation.other_garment is None and validation.name == ["00003_00", "00004_00"]
    test = next(iter(data.test_dataloader()))
    assert test.name == ["00003_00_00004_00", "00004_00_00003_00"]
    assert torch.equal(test.other_garment.image, test.garment.image.flip(0))
    assert torch.equal(test.garment.image, validation.garment.image)
    assert [len(each) for each in (data.train_set, data.validation_set, data.test_set)] == [3, 2, 2]


def test_what_is_read_is_what_was_drawn(original):
    examples = module(original, scheme="cihp20").train_set
    drawn = TryOnScenes(WORLD, 3, warps=False, answers=False, scheme="cihp20").batch(torch.arange(3)).unbind()
    for read, true in zip(examples, drawn, strict=True):
        assert (read.person.image - true.person.image).abs().mean() < 0.05
        assert (read.garment.image - true.garment.image).abs().mean() < 0.05
        assert torch.equal(read.person.parsing, true.person.parsing)
        assert ((read.garment.mask > 0.5) == (true.garment.mask > 0.5)).float().mean() > 0.98
        seen = true.person.keypoints[:, 2] > 0
        assert torch.allclose(read.person.keypoints[seen, :2], true.person.keypoints[seen, :2], atol=1e-3)
        assert not read.person.keypoints[~seen, 2].any()


def test_training_people_get_another_garment(root):
    first = module(root).train_set
    assert torch.equal(first[0].other_garment.image, first[1].garment.image), "the list names their own"
    (root / "train_pairs.txt").write_text("00000_00.jpg 00002_00.jpg\n00001_00.jpg 00001_00.jpg\n")
    named = module(root).train_set
    assert torch.equal(named[0].other_garment.image, first[2].garment.image)
    assert torch.equal(named[0].garment.image, first[0].garment.image)
    assert torch.equal(named[1].other_garment.image, first[0].garment.image)


def test_the_first_release_has_other_folders(root):
    parsing = module(root).train_set[0].person.parsing
    for split in ("train", "test"):
        (root / split / "image-parse-v3").rename(root / split / "image-parse")
        (root / split / "openpose_json").rename(root / split / "openpose-json")
    assert torch.equal(module(root).train_set[0].person.parsing, parsing)


def test_older_lists_of_points_are_read(root):
    path = root / "train" / "openpose_json" / "00000_00_keypoints.json"
    points = module(root).train_set[0].person.keypoints
    person = json.loads(path.read_text())["people"][0]
    path.write_text(json.dumps({"version": 1.0, "people": [{"pose_keypoints": person["pose_keypoints_2d"]}]}))
    assert torch.equal(module(root).train_set[0].person.keypoints, points)


@pytest.mark.parametrize(
    "file", ["image/00001_00.jpg", "cloth/00001_00.jpg", "cloth-mask/00001_00.jpg", "image-parse-v3/00001_00.png"]
)
def test_missing_files_are_named(root, file):
    (root / "train" / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"train.{file} is missing, one of 1 files that the pairs of VITON-HD need"):
        _ = module(root).train_set


def test_wrong_files_are_named(root):
    with pytest.raises(FileNotFoundError, match="no such folder; root is that of your copy of VITON-HD"):
        _ = module(root / "nowhere").train_set
    labels = root / "train" / "image-parse-v3" / "00000_00.png"
    Image.fromarray(np.full((96, 72), 20, np.uint8)).save(labels)
    with pytest.raises(ValueError, match=r"00000_00.png: label ids \[20\] do not exist in cihp20"):
        module(root).train_set[0]
    Image.fromarray(np.zeros((48, 36), np.uint8)).save(labels)
    with pytest.raises(ValueError, match=r"00000_00.png has 36x48 pixels \(width x height\), its picture 72x96"):
        module(root).train_set[0]
    (root / "train_pairs.txt").write_text("00000_00.jpg\n")
    with pytest.raises(ValueError, match=r"train_pairs.txt, line 1: expected 'person.jpg garment.jpg'"):
        _ = module(root).train_set
    (root / "test_pairs.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"test_pairs.txt: no such pair list"):
        _ = module(root).test_set
