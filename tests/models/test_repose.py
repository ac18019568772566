import json

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.models import repose as verb
from fashiongen.models.repose import Repose, ReposeFigures, person_region
from fashiongen.types import Batch, Person


class Marker(Repose, nn.Module):
    """Paints the column of the nose in the colour of the person."""

    name = "marker"
    size = (8, 6)
    source_needs = frozenset()

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.calls = []

    def transfer(self, person, keypoints, strength=1.0):
        assert not self.training
        self.calls.append(len(keypoints))
        columns = torch.arange(6) == keypoints[:, 0, :1].floor()
        colour = person.image.mean((2, 3), keepdim=True)
        return torch.where(columns[:, None, None], strength * colour, -1.0).expand(-1, -1, 8, -1)


def person(colour=1.0, height=8, width=6, nose=None):
    return Person(torch.full((3, height, width), colour), None if nose is None else pose(nose))


def pose(x):
    keypoints = torch.ones(18, 3)
    keypoints[:, 0] = x
    return keypoints


def column(picture):
    return [picture.getpixel((x, 0))[0] for x in range(6)].index(255)


def test_one_in_one_picture_out():
    picture = Marker().repose(person(), pose(2.5))
    assert isinstance(picture, Image.Image)
    assert picture.size == (6, 8) and column(picture) == 2
    assert column(Marker().repose(person(), person(nose=4.5))) == 4


def test_poses_are_scaled_with_the_picture_they_belong_to():
    marker = Marker()
    assert column(marker.repose(person(), person(height=16, width=12, nose=4.5))) == 2
    assert column(marker.repose(person(height=16, width=12), pose(4.5))) == 2
    pictures = marker.repose([person(), person(height=16, width=12)], pose(4.5))
    assert [column(picture) for picture in pictures] == [4, 2]
    pictures = marker.repose([person(), person(height=16, width=12)], [pose(5.5), pose(4.5)])
    assert [column(picture) for picture in pictures] == [5, 2]


def test_one_person_takes_a_sequence_of_poses():
    marker = Marker()
    pictures = marker.repose(person(), [pose(0.5), person(nose=1.5), pose(2.5)], batch_size=2)
    assert [column(picture) for picture in pictures] == [0, 1, 2]
    assert marker.calls == [2, 1]
    video = torch.stack([pose(x + 0.5) for x in range(5)])
    pictures = marker.repose(person(), video)
    assert pictures.shape == (5, 3, 8, 6)
    assert pictures[:, 0, 0].argmax(1).tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(pictures, marker.repose(person(), video, batch_size=1))


def openpose(path, x, count=18):
    """A JSON file as OpenPose writes it; its pixels count from the centre of the first."""
    joints = [value for _ in range(count) for value in (x - 0.5, 0.5, 0.9)]
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": joints}]}))
    return path


@pytest.mark.parametrize("count", [18, 25])
def test_poses_come_from_files(tmp_path, count):
    marker = Marker()
    path = openpose(tmp_path / "pose.json", 2.5, count)
    for source in (path, str(path)):
        picture = marker.repose(person(), source)
        assert isinstance(picture, Image.Image) and column(picture) == 2
    assert column(marker.repose(person(height=16, width=12), openpose(path, 9.5, count))) == 4
    video = [openpose(tmp_path / f"{index}.json", index + 0.5, count) for index in range(3)]
    assert [column(picture) for picture in marker.repose(person(), [*video, pose(4.5)])] == [0, 1, 2, 4]
    assert [column(picture) for picture in marker.repose([person(), person(height=16, width=12)], video[2])] == [2, 1]


def test_poses_of_arrays_on_disk(tmp_path):
    np.save(tmp_path / "pose.npy", pose(3.5).numpy())
    assert column(Marker().repose(person(), tmp_path / "pose.npy")) == 3


def test_a_pose_may_count_in_pixels_of_another_picture(tmp_path):
    marker = Marker()
    path = openpose(tmp_path / "pose.json", 450)
    assert column(marker.repose(person(), path, frame=(800, 600))) == 4
    assert column(marker.repose(person(), pose(450.0), frame=(800, 600))) == 4
    with pytest.raises(ValueError, match=r"pose\.json: key points reach .* picture has 6x8 .* frame=\(height, width\)"):
        marker.repose(person(), path)
    with pytest.raises(ValueError, match=r"frame is height and width"):
        marker.repose(person(), path, frame=(0, 600))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"pose\.json: no such key-point file"):
        Marker().repose(person(), tmp_path / "pose.json")
    (tmp_path / "pose.json").write_text("{}")
    with pytest.raises(ValueError, match=r"pose\.json: not a key-point file of OpenPose"):
        Marker().repose(person(), tmp_path / "pose.json")
    with pytest.raises(ValueError, match="key points are read from"):
        (tmp_path / "pose.txt").touch()
        Marker().repose(person(), tmp_path / "pose.txt")


def test_everybody_takes_one_pose():
    people = Person.stack([person(1.0), person(0.5)])
    pictures = Marker().repose(people, pose(3.5), strength=0.5)
    assert pictures[:, 0, 0, 3].tolist() == [0.5, 0.25]
    assert len(Marker().repose([person()], pose(3.5))) == 1


def test_the_mode_is_left_as_it_was():
    marker = Marker().train()
    marker.repose(person(), pose(0.5))
    assert marker.training


class Careful(Marker):
    name = "careful"
    source_needs = frozenset({"keypoints"})


def test_mismatches_are_told():
    marker = Marker()
    with pytest.raises(ValueError, match="2 people and 3 poses"):
        marker.repose([person()] * 2, [pose(0.5)] * 3)
    with pytest.raises(ValueError, match="2 people and 3 poses"):
        marker.repose([person(), person(height=16, width=12)], torch.zeros(3, 18, 3))
    with pytest.raises(ValueError, match="list of poses is empty"):
        marker.repose(person(), [])
    with pytest.raises(ValueError, match=r"not \(17, 3\)"):
        marker.repose(person(), torch.zeros(17, 3))
    with pytest.raises(ValueError, match="has no key points"):
        marker.repose(person(), person())
    with pytest.raises(TypeError, match=r"pass key points.*not int"):
        marker.repose(person(), 3)
    with pytest.raises(ValueError, match="batch_size is at least 1"):
        marker.repose(person(), pose(0.5), batch_size=0)
    with pytest.raises(ValueError, match=r"careful needs keypoints.*fashiongen\.person"):
        Careful().repose(person(), pose(0.5))


def test_the_region_of_a_person():
    parsing = torch.zeros(1, 8, 6, dtype=torch.uint8)
    parsing[:, 2:4] = 5
    image = torch.zeros(1, 3, 8, 6)
    assert person_region(Person(image, parsing=parsing)).sum() == 12
    keypoints = torch.zeros(1, 18, 3)
    assert person_region(Person(image, keypoints)).sum() == 0
    keypoints[0, 1:3] = torch.tensor([3.5, 4.5, 2.0])
    assert person_region(Person(image, keypoints)).sum() > 0
    with pytest.raises(ValueError, match="parsing or the key points"):
        person_region(Person(image))


class Halfway(ReposeFigures, pl.LightningModule):
    """Answers with the middle between source and target."""

    name = "halfway"
    size = (16, 12)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def transfer(self, person, keypoints):
        colour = keypoints[:, 0, 2].view(-1, 1, 1, 1)  # the tests hide the target's colour there
        return (person.image + colour) / 2


class Colours(Dataset):
    def __init__(self, pairs, folder=None):
        self.pairs, self.folder = pairs, folder

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        if self.folder is not None:
            raise FileNotFoundError(f"{self.folder} is missing")
        source, target = self.pairs[index]
        keypoints = torch.full((18, 3), 4.5)
        keypoints[:, 2] = target
        return Batch(person(source, 16, 12), target=Person(torch.full((3, 16, 12), target), keypoints))


class ColourData(FashionDataModule):
    def __init__(self, train, test, missing=None):
        super().__init__(batch_size=2)
        self.sets = {"train": Colours(train, missing), "test": Colours(test)}

    def _set(self, split):
        return self.sets[split]


def figures_of(tmp_path, *args, **options):
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, default_root_dir=tmp_path
    )
    return trainer.test(Halfway(), *args, verbose=False, **options)[0]


TEST = [(1.0, 0.5), (0.0, 1.0), (0.25, 0.75)]


def test_the_share_of_the_gap_that_the_model_closes(tmp_path):
    figures = figures_of(tmp_path, datamodule=ColourData([(1.0, 0.0)] * 2, TEST))
    assert figures["test/halfway/person_gap_closed"] == pytest.approx(0.5, abs=1e-5)
    assert figures["test/copy_source/person_l1"] == pytest.approx(2 / 6, abs=1e-5)


def test_the_mean_picture_is_that_of_training_targets(tmp_path, monkeypatch):
    train = [(9.0, value) for value in (0.2, 0.4, 0.6, 1.0)]
    figures = figures_of(tmp_path, datamodule=ColourData(train, TEST))
    expected = sum(abs(target - 0.55) for _, target in TEST) / len(TEST) / 2
    assert figures["test/mean_picture/l1"] == pytest.approx(expected, abs=1e-5)
    monkeypatch.setattr(verb, "MEAN_PICTURE_EXAMPLES", 3)
    data = ColourData(train, TEST)
    seen = [train[index][1] for index in [*data.train_dataloader().sampler.batch(0), *data.train_dataloader().sampler.batch(1)]]
    figures = figures_of(tmp_path, datamodule=data)
    mean = sum(seen[:3]) / 3
    assert figures["test/mean_picture/l1"] == pytest.approx(sum(abs(t - mean) for _, t in TEST) / len(TEST) / 2, abs=1e-5)


def test_no_mean_picture_without_training_examples(tmp_path):
    data = ColourData([(1.0, 0.0)] * 2, TEST)
    names = {name.split("/")[1] for name in figures_of(tmp_path, data.test_dataloader())}
    assert names == {"halfway", "copy_source"}
    with pytest.warns(UserWarning, match="without the mean picture.*cache is missing"):
        figures = figures_of(tmp_path, datamodule=ColourData([(1.0, 0.0)] * 2, TEST, missing="cache"))
    assert {name.split("/")[1] for name in figures} == {"halfway", "copy_source"}


def test_labels_keep_their_mean_colour():
    image = torch.rand(2, 3, 4, 6) * 2 - 1
    labels = torch.randint(5, (2, 4, 6), dtype=torch.uint8)
    flat = verb.flat_colours(image, labels)
    for row, picture in enumerate(image):
        for label in labels[row].unique():
            where = labels[row] == label
            expected = picture[:, where].mean(dim=1, keepdim=True).expand(-1, int(where.sum()))
            assert torch.allclose(flat[row][:, where], expected, atol=1e-6)


def test_with_parsing_the_flat_target_is_measured(tmp_path):
    class Striped(ColourData):
        def _set(self, split):
            items = []
            for item in (self.sets[split][index] for index in range(len(self.sets[split]))):
                item.target.parsing = (torch.arange(12) % 2 + 1).expand(16, 12).to(torch.uint8)
                item.target.image = torch.where(item.target.parsing == 1, 0.2, -0.6).expand(3, 16, 12)
                items.append(item)
            return items

    figures = figures_of(tmp_path, datamodule=Striped([(1.0, 0.0)] * 2, TEST))
    assert figures["test/flat_target/person_l1"] == pytest.approx(0, abs=1e-6)
