import json
import shutil

import pytest
import torch

from fashiongen.data.dress_code import CATEGORIES, DressCodeDataModule, read_dress_code
from fashiongen.data.parsing import convert
from fashiongen.mannequin import World
from fashiongen.mannequin.scenes import TryOnScenes
from fashiongen.mannequin.try_on_writers import write_dress_code

WORLD = World(height=96, width=72)


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return write_dress_code(WORLD, tmp_path_factory.mktemp("dress_code"), 2, 2)


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original, tmp_path / "data")


def module(root, **options):
    return DressCodeDataModule(str(root), **{"height": 96, "width": 72, "batch_size": 2, **options})


def test_batches_hold_what_the_module_says(original):
    data = module(original)
    assert [len(each) for each in (data.train_set, data.validation_set, data.test_set)] == [6, 6, 6]
    train = next(iter(data.train_dataloader()))
    assert train.person.keypoints.shape == (2, 18, 3) and train.garment.mask.shape == (2, 1, 96, 72)
    assert train.person.scheme == "lip20" and train.other_garment is not None
    test = next(iter(data.test_dataloader()))
    assert test.name == ["000002_0_000003_1", "000003_0_000002_1"]
    assert torch.equal(test.other_garment.image, test.garment.image.flip(0))


def test_what_is_read_is_what_was_drawn(original):
    drawn = TryOnScenes(WORLD, 6, warps=False, answers=False, scheme="atr18").batch(torch.arange(6)).unbind()
    for place, category in enumerate(CATEGORIES):
        examples = module(original, categories=[category], scheme="atr18").train_set
        for read, true in zip(examples, drawn[place :: len(CATEGORIES)], strict=True):
            assert (read.person.image - true.person.image).abs().mean() < 0.05
            assert (read.garment.image - true.garment.image).abs().mean() < 0.05
            assert torch.equal(read.person.parsing, true.person.parsing)
            seen = true.person.keypoints[:, 2] > 0
            assert torch.allclose(read.person.keypoints[seen, :2], true.person.keypoints[seen, :2], atol=0.1)
            assert not read.person.keypoints[~seen, 2].any()


def test_labels_come_in_the_scheme_that_is_asked_for(original):
    stored = module(original, scheme="atr18").train_set[0].person.parsing
    assert torch.equal(module(original).train_set[0].person.parsing, convert(stored, "atr18", "lip20"))


def test_missing_joints_are_those_near_the_corner(tmp_path):
    path = tmp_path / "000000_2.json"
    rows = [[0.0, 0.0, 0.0, -1], [-1, -1, 0, -1], [100, 1.0, 1, 2], [100.0, 200.0, 1, 3], *([[-1, -1, 0, -1]] * 14)]
    path.write_text(json.dumps({"keypoints": rows}))
    keypoints = read_dress_code(path)
    assert keypoints[:, 2].tolist() == [0, 0, 0, 2] + 14 * [0]
    assert keypoints[3, :2].tolist() == [100.5, 200.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a key-point file of Dress Code"),
        ('{"people": []}', "not a key-point file of Dress Code"),
        (
            json.dumps({"keypoints": [[1, 2, 3, 4]] * 17}),
            r"expected 18 points of \(x, y, score, id\), got an array of shape \(17, 4\)",
        ),
        (json.dumps({"keypoints": [[-1, -1, 0, -1]] * 18}), "no joint was found"),
        (json.dumps({"keypoints": [[float("nan"), 5, 1, 0]] * 18}), "not a number"),
    ],
)
def test_wrong_key_points_are_told(root, content, message):
    (root / "upper_body" / "keypoints" / "000000_2.json").write_text(content)
    with pytest.raises(ValueError, match=rf"000000_2.json: .*{message}"):
        module(root).train_set[0]


def test_wrong_folders_are_told(root):
    with pytest.raises(ValueError, match="categories are some of upper_body, lower_body, dresses, not shoes"):
        _ = module(root, categories=["shoes"]).train_set
    shutil.rmtree(root / "dresses" / "label_maps")
    with pytest.raises(FileNotFoundError, match=r"dresses.label_maps.000000_4.png is missing, one of 2 files"):
        _ = module(root).train_set
    shutil.rmtree(root / "dresses")
    with pytest.raises(FileNotFoundError, match=r"dresses.train_pairs.txt: no such pair list"):
        _ = module(root).train_set
    assert len(module(root, categories=["upper_body"]).train_set) == 2
