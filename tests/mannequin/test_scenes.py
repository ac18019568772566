import pytest
import pytorch_lightning as pl
import torch

from fashiongen.data.cache import pack
from fashiongen.layers import thin_plate_spline
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.mannequin.scenes import PoseScenes, TryOnScenes
from fashiongen.mannequin.world import World
from fashiongen.types import Batch

OPTIONS = dict(height=64, width=48, train_length=6, validation_length=2, test_length=3, batch_size=2)


@pytest.fixture(scope="module")
def scenes():
    return TryOnScenes(World(height=64, width=48, split="test"), 6)


@pytest.fixture(scope="module")
def batch(scenes):
    return scenes.batch(torch.arange(6))


def test_people_show_their_tops(batch):
    shares = (batch.person.parsing == 5).float().mean((1, 2))
    assert (shares > 0.05).all()
    assert not ((batch.person.parsing == 6) | (batch.person.parsing == 7)).any()


def test_the_truth_differs_in_the_clothes_alone(batch):
    clothes = torch.zeros_like(batch.person.parsing, dtype=torch.bool)
    for person in (batch.person, batch.truth):
        clothes |= ~torch.isin(person.parsing, torch.tensor([0, 2, 13], dtype=torch.uint8))
    # Shadows of the clothes fall beside them.
    around = torch.nn.functional.max_pool2d(clothes[:, None].float(), 13, stride=1, padding=6) > 0
    change = (batch.person.image - batch.truth.image).abs().amax(1, keepdim=True)
    assert change[~around].max() < 0.02
    assert torch.equal(batch.person.keypoints[..., :2], batch.truth.keypoints[..., :2])
    assert (change.amax((1, 2, 3)) > 0.1).all()


def test_the_warp_lays_the_garment_on_the_person(batch):
    worn = (batch.person.parsing == 5)[:, None].float()
    warped = (thin_plate_spline(batch.garment.mask, batch.control_points) > 0.5).float()
    overlap = (worn * warped).sum((1, 2, 3)) / (worn + warped).clamp(max=1).sum((1, 2, 3))
    assert overlap.mean() > 0.6


def test_an_example_does_not_depend_on_its_batch(scenes, batch):
    alone = pack(scenes.batch(torch.tensor([4])))[0]
    together = pack(Batch.collate([batch.unbind()[4]]))[0]
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        assert torch.equal(tensor, together[name]), name


def test_cached_and_drawn_examples_are_equal(tmp_path):
    drawn = MannequinDataModule(**OPTIONS)
    cached = MannequinDataModule(cache=str(tmp_path), **OPTIONS)
    cached.prepare_data()
    for split in ("train_set", "test_set"):
        first, second = getattr(drawn, split)[1], getattr(cached, split)[1]
        assert torch.equal(first.person.image, second.person.image)
        assert torch.equal(first.control_points, second.control_points)
        assert first.name == second.name
    assert drawn.train_set[1].truth is None
    assert drawn.test_set[1].truth is not None


def test_every_set_of_options_has_its_own_cache(tmp_path):
    folders = {
        MannequinDataModule(cache=str(tmp_path), **{**OPTIONS, **change})._folder("train")
        for change in ({}, {"yaw": 10.0}, {"train_length": 7}, {"look": "market"})
    }
    assert len(folders) == 4


def test_splits_share_neither_people_nor_garments():
    data = MannequinDataModule(**OPTIONS)
    pictures = [example.garment.image for split in (data.train_set, data.test_set) for example in split.__getitems__([0, 1, 2])]
    assert all(not torch.equal(a, b) for index, a in enumerate(pictures) for b in pictures[:index])


def test_a_pose_scene_changes_the_pose_alone():
    world = World(height=64, width=32, split="test", framing="full", look="market")
    batch = PoseScenes(world, 4).batch(torch.arange(4))
    assert (batch.person.keypoints[..., :2] - batch.target.keypoints[..., :2]).abs().amax((1, 2)).min() > 2
    assert batch.person.text[0].split()[:2] == batch.target.text[0].split()[:2]
    corner = (slice(None), slice(None), slice(0, 4), slice(0, 4))
    assert torch.equal(batch.person.parsing[:, :4, :4], batch.target.parsing[:, :4, :4])
    assert (batch.person.image[corner] - batch.target.image[corner]).abs().mean() < 0.1


def test_tasks_provide_what_they_hold():
    pose = MannequinDataModule(task="pose", **OPTIONS)
    example = pose.train_set[0]
    assert example.target is not None and example.garment is None
    assert "target" in pose.provides and "garment" not in pose.provides
    assert "target" not in MannequinDataModule(**OPTIONS).provides
    with pytest.raises(ValueError, match="no task 'sleep'; choose one of try_on, pose"):
        MannequinDataModule(task="sleep", **OPTIONS)


def test_testing_does_not_draw_the_training_set(tmp_path):

    class Reader(pl.LightningModule):
        def test_step(self, batch, batch_idx):
            assert batch.truth is not None

    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.test(Reader(), datamodule=MannequinDataModule(cache=str(tmp_path), **OPTIONS), verbose=False)
    assert [folder.name.partition("-")[0] for folder in tmp_path.iterdir()] == ["test"]
