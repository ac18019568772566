import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import Callback, LightningModule, Trainer

from fashiongen.data.chictopia import Chictopia10KDataModule, cut
from fashiongen.data.chictopia_files import Prepared, mirrored, split_places
from fashiongen.data.parsing import body_map
from fashiongen.layers.resize import legacy_bilinear_resize, legacy_nearest_resize
from fashiongen.mannequin import World
from fashiongen.mannequin.chictopia_writer import write_chictopia, write_chictopia_records, write_human_parsing
from fashiongen.types import Person

WORLD = World(height=72)
WRITERS = {"prepared": write_chictopia, "records": write_chictopia_records, "humanparsing": write_human_parsing}


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chictopia")
    sizes = {"prepared": (3, 2), "records": (3, 2), "humanparsing": (8, 2)}
    return {layout: write(WORLD, folder / layout, *sizes[layout]) for layout, write in WRITERS.items()}


@pytest.fixture
def prepared(originals, tmp_path):
    return shutil.copytree(originals["prepared"], tmp_path / "data")


@pytest.fixture
def records(originals, tmp_path):
    return shutil.copytree(originals["records"], tmp_path / "data")


@pytest.fixture
def pairs(originals, tmp_path):
    return shutil.copytree(originals["humanparsing"], tmp_path / "data")


def module(root, **options):
    return Chictopia10KDataModule(str(root), **{"side": 64, "batch_size": 2, **options})


@pytest.mark.parametrize("layout", WRITERS)
def test_batches_hold_what_the_module_says(originals, layout):
    data = module(originals[layout], bodies=layout != "humanparsing", crop=False)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        batch = next(iter(loader))
        assert batch.person.image.shape == (2, 3, 64, 64) and batch.person.parsing.shape == (2, 64, 64)
        assert batch.person.scheme == "clothnet22"
        assert (batch.person.parts is not None) == ("parts" in data.provides) == (layout != "humanparsing")
        assert batch.person.parsing.unique().numel() > 5
    assert len(data.train_set) == {"prepared": 6, "records": 6, "humanparsing": 16}[layout]


@pytest.mark.parametrize("inside", ["pose/extracted", "people/full", ""])
def test_the_folder_above_will_do(prepared, inside, tmp_path):
    root = tmp_path / "generation" / "data"
    (root / inside).parent.mkdir(parents=True, exist_ok=True)
    prepared.rename(root / inside)
    assert len(module(root).test_set) == 4


def test_records_and_folders_say_the_same(originals):
    folders, records = (module(originals[layout]).train_set for layout in ("prepared", "records"))
    for one, other in zip(folders, records, strict=True):
        assert one.name == other.name
        assert torch.equal(one.person.image, other.person.image)
        assert torch.equal(one.person.parsing, other.person.parsing) and torch.equal(one.person.parts, other.person.parts)


def test_every_other_example_is_a_mirrored_copy(originals):
    sketches = Prepared(originals["prepared"] / "train")
    for index in range(0, len(sketches), 2):
        first, second = sketches.read(index), sketches.read(index + 1)
        copy = mirrored(first)
        assert second.name == copy.name == f"{first.name}_swapped"
        assert torch.equal(second.image, copy.image)
        assert torch.equal(second.labels, copy.labels) and torch.equal(second.body, copy.body)


def test_parts_give_the_body_map_back(originals):
    stored = Prepared(originals["prepared"] / "test").read(1)
    person = module(originals["prepared"], side=72).test_set[1].person
    assert torch.equal(body_map(person.parts), stored.body)
    assert set(stored.body.unique().tolist()) == set(range(7))


def test_the_authors_resize_is_an_option(originals):
    stored = Prepared(originals["prepared"] / "test").read(0)
    person = module(originals["prepared"], resize="legacy").test_set[0].person
    assert torch.equal(person.image, legacy_bilinear_resize(stored.image, 64, 64))
    assert torch.equal(person.parsing, legacy_nearest_resize(stored.labels, 64, 64))
    assert not torch.equal(person.image, module(originals["prepared"]).test_set[0].person.image)


def test_scaling_can_be_left_to_the_model(originals):
    stored = Prepared(originals["prepared"] / "test").read(0)
    person = module(originals["prepared"], resize="none", side=65).test_set[0].person
    assert torch.equal(person.image, stored.image) and torch.equal(person.parsing, stored.labels)


class Recorder(LightningModule):
    """Keeps what the trainer hands to it."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.batches, self.validated = [], []

    def training_step(self, batch, index):
        self.batches.append(batch.person)

    def validation_step(self, batch, index):
        self.validated.append(batch.person)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class SaveFourth(Callback):
    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, trainer, recorder, *_):
        if len(recorder.batches) == 4:
            trainer.save_checkpoint(self.path)


def fit(root, resume=None, callbacks=()):
    recorder = Recorder()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=2, accelerator="cpu", callbacks=list(callbacks), **quiet)
    trainer.fit(recorder, datamodule=module(root, side=60), ckpt_path=resume)
    return recorder


def test_training_pictures_are_cut_at_random_and_the_same_again(originals):
    first, again = fit(originals["prepared"]), fit(originals["prepared"])
    assert {tuple(person.image.shape) for person in first.batches} == {(2, 3, 60, 60)}
    assert {tuple(person.image.shape) for person in first.validated} == {(2, 3, 60, 60)}
    assert len(first.batches) == 6
    for one, other in zip(first.batches, again.batches, strict=True):
        assert torch.equal(one.image, other.image) and torch.equal(one.parts, other.parts)
    shown = {person.image.numpy().tobytes() for batch in first.batches for person in batch.unbind()}
    assert len(shown) > 6, "in the second pass the six pictures are cut elsewhere"


def test_a_resumed_run_cuts_as_one_that_never_stopped(originals, tmp_path):
    whole = fit(originals["prepared"], callbacks=[SaveFourth(tmp_path / "four.ckpt")])
    rest = fit(originals["prepared"], resume=tmp_path / "four.ckpt")
    assert len(rest.batches) == 2
    for one, other in zip(whole.batches[4:], rest.batches, strict=True):
        assert torch.equal(one.image, other.image)


def test_picture_parsing_and_parts_are_cut_at_one_place():
    ramp = torch.arange(30).repeat(30, 1) + 8 * torch.arange(30)[:, None]
    whole = Person(ramp.float().expand(4, 3, 30, 30), parsing=ramp.expand(4, 30, 30), parts=ramp.expand(4, 30, 30))
    part = cut(whole, 12, torch.Generator().manual_seed(3))
    assert part.image.shape == (4, 3, 12, 12)
    assert torch.equal(part.image[:, 0].long(), part.parsing) and torch.equal(part.parsing, part.parts)
    assert part.parsing[:, 0, 0].unique().numel() > 1


def test_splits_are_disjoint_and_complete(pairs):
    places = [split_places(57, split) for split in ("train", "validation", "test")]
    assert [len(each) for each in places] == [45, 6, 6]
    assert sorted(place for each in places for place in each) == list(range(57))
    data = module(pairs, bodies=False)
    names = [{each.name for each in split} for split in (data.train_set, data.validation_set, data.test_set)]
    assert len(set().union(*names)) == sum(map(len, names)) == 20


def test_original_pairs_become_people_on_black(pairs):
    person = module(pairs, bodies=False, side=286, crop=False).train_set[0].person
    assert person.image[:, person.parsing == 0].max() == -1
    assert 0.05 < (person.parsing > 0).float().mean() < 0.5
    assert person.parsing.max() <= 17, "no parts of the face"


def test_other_pictures_of_the_mixture_can_be_left_out(pairs):
    assert len(module(pairs, bodies=False, pictures="00000[0-4]*").train_set) == 8
    with pytest.raises(ValueError, match=r"0 pictures match 'dataset10k_\*', too few for a train split"):
        _ = module(pairs, bodies=False, pictures="dataset10k_*").train_set


def test_missing_files_are_named(prepared):
    (prepared / "train" / "2_bodysegments.png").unlink()
    assert len(module(prepared, bodies=False).train_set) == 6
    with pytest.raises(FileNotFoundError, match=r"2_bodysegments.png is missing, one of 1 .*bodies=False"):
        _ = module(prepared).train_set
    (prepared / "train" / "3_labels:png.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"3_labels:png.png is missing"):
        _ = module(prepared, bodies=False).train_set
    shutil.rmtree(prepared / "val")
    with pytest.raises(FileNotFoundError, match=r"val: no such folder; it holds the validation examples"):
        _ = module(prepared).validation_set


def test_pairs_without_the_other_half_are_named(pairs):
    (pairs / "JPEGImages" / "000004.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"JPEGImages.000004.jpg is missing, one of 1"):
        _ = module(pairs, bodies=False).train_set


def test_pairs_have_no_bodies(pairs):
    with pytest.raises(ValueError, match=r"has no body maps: set bodies=False"):
        _ = module(pairs).train_set


def test_no_copy_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither test/ nor test_p0.tfrecords nor JPEGImages/.*classner"):
        _ = module(tmp_path).test_set
    with pytest.raises(FileNotFoundError, match="no such folder; root is that of your copy of Chictopia10K"):
        _ = module(tmp_path / "nowhere").test_set


@pytest.mark.parametrize(
    ("file", "ids", "message"),
    [
        ("0_labels:png.png", np.full((72, 72), 22), r"train/0, labels: label ids \[22\] do not exist in clothnet22"),
        ("0_bodysegments.png", np.full((72, 72), 7), r"train/0, the body map: label ids \[7\] do not exist in body7"),
        ("0_bodysegments.png", np.zeros((72, 70)), r"train/0: the body map has 70x72 pixels \(width x height\), its picture 72x72"),
    ],
)
def test_wrong_maps_are_refused(prepared, file, ids, message):
    Image.fromarray(ids.astype(np.uint8)).save(prepared / "train" / file)
    with pytest.raises(ValueError, match=message):
        module(prepared).train_set[0]


def test_damaged_pictures_are_named(prepared):
    (prepared / "train" / "0_image:png.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(ValueError, match=r"0_image:png.png is not a picture"):
        module(prepared).train_set[0]


def test_eighteen_labels_are_expected_in_the_original_pairs(pairs):
    for path in (pairs / "SegmentationClassAug").iterdir():
        Image.fromarray(np.full_like(np.asarray(Image.open(path)), 18)).save(path)
    with pytest.raises(ValueError, match=r"\[18\] do not exist in atr18"):
        module(pairs, bodies=False).train_set[0]


def test_damaged_records_are_named(records):
    path = records / "train_p0.tfrecords"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"train_p0.tfrecords is cut short in record 5"):
        _ = module(records).train_set
    path.write_bytes(whole.replace(b"labels:png", b"lobels:png", 1))
    with pytest.raises(ValueError, match=r"train_p0.tfrecords, example 0 has no feature 'labels:png', only"):
        module(records).train_set[0]
    path.write_bytes(whole.replace(b"\x89PNG", b"\x89GNP"))
    with pytest.raises(ValueError, match=r"train_p0.tfrecords, example 0, image:png is not a readable PNG"):
        module(records).train_set[0]
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"train_p0.tfrecords is missing; it holds the train examples"):
        _ = module(records).train_set
