import json
import pickle
import shutil
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import loadmat, savemat

from fashiongen.data.viton import VitonDataModule
from fashiongen.data.viton_files import VitonFiles, own_garment
from fashiongen.layers.thin_plate_spline import ThinPlateSpline
from fashiongen.mannequin import World
from fashiongen.mannequin.scenes import TryOnScenes
from fashiongen.mannequin.writers import write_viton, write_viton_resize

LAYOUTS = {"authors": write_viton, "viton_resize": write_viton_resize}


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """Both layouts on disk, with three training and two test people."""
    world = World(height=96, width=72)
    folder = tmp_path_factory.mktemp("viton")
    return {layout: write(world, folder / layout, 3, 2) for layout, write in LAYOUTS.items()}


@pytest.fixture(params=LAYOUTS)
def root(request, originals, tmp_path):
    """A copy of one layout that a test may damage."""
    return shutil.copytree(originals[request.param], tmp_path / "data")


@pytest.fixture
def authors(originals, tmp_path):
    return shutil.copytree(originals["authors"], tmp_path / "data")


@pytest.fixture
def resized(originals, tmp_path):
    return shutil.copytree(originals["viton_resize"], tmp_path / "data")


def module(root, **options):
    options = {"height": 64, "width": 48, "batch_size": 2, "cache": str(root.parent / "cache"), **options}
    return VitonDataModule(str(root), **options)


@pytest.fixture(scope="session")
def truth():
    """What the writers were given of the test people."""
    scenes = TryOnScenes(World(height=96, width=72, split="test"), 2, warps=False, answers=False)
    return scenes.batch(torch.arange(2))


@pytest.mark.parametrize("resize", ["legacy", "antialias"])
def test_batches_hold_what_the_module_says(root, resize):
    data = module(root, resize=resize)
    train = next(iter(data.train_dataloader()))
    assert train.person.image.shape == train.garment.image.shape == (2, 3, 64, 48)
    assert train.person.keypoints.shape == (2, 18, 3) and train.person.parsing.shape == (2, 64, 48)
    assert train.garment.mask.shape == (2, 1, 64, 48) and train.control_points.shape == (2, 100, 2)
    assert train.other_garment is None and train.person.scheme == "lip20"
    validation = next(iter(data.val_dataloader()))
    assert validation.name == ["000003_0_000003_1", "000004_0_000004_1"] and validation.other_garment is None
    test = next(iter(data.test_dataloader()))
    assert test.name == ["000003_0_000004_1", "000004_0_000003_1"]
    assert torch.equal(test.garment.image, validation.garment.image)
    assert torch.equal(test.other_garment.image, validation.garment.image.flip(0))
    assert [len(each) for each in (data.train_set, data.validation_set, data.test_set)] == [3, 2, 2]


def test_annotations_lie_on_the_person_as_they_were_written(root, truth):
    truth = truth.person
    person = next(iter(module(root, height=96, width=72, warp=False).val_dataloader())).person
    assert (person.image - truth.image).abs().mean() < 0.05
    # The authors' squares of 641 pixels are one pixel larger than the picture in them: edges may move by a pixel.
    assert (person.parsing != truth.parsing).float().mean() < 0.03
    seen = truth.keypoints[..., 2] > 0
    assert torch.equal(person.keypoints[..., 2] > 0, seen)
    assert torch.allclose(person.keypoints[..., :2][seen], truth.keypoints[..., :2][seen], atol=1e-3)


def test_legacy_key_points_are_whole_pixels(root):
    keypoints = next(iter(module(root, resize="legacy").val_dataloader())).person.keypoints
    seen = keypoints[..., 2] > 0
    assert torch.equal(keypoints[..., :2][seen] % 1, torch.full_like(keypoints[..., :2][seen], 0.5))
    assert (keypoints[~seen] == 0).all()


def test_garment_masks_cover_the_garment(root, truth):
    garment = next(iter(module(root, height=96, width=72).val_dataloader())).garment
    assert (garment.mask - truth.garment.mask).abs().mean() < 0.05  # edges; JPEG writes a fringe around them


def test_control_points_bring_the_garment_onto_the_person(root):
    batch = next(iter(module(root).train_dataloader()))
    warped = ThinPlateSpline(size=(64, 48))(batch.garment.mask, batch.control_points)[:, 0] > 0.5
    region = batch.person.parsing == 5
    overlap = (warped & region).sum((1, 2)) / (warped | region).sum((1, 2))
    unwarped = batch.garment.mask[:, 0] > 0.5
    before = (unwarped & region).sum((1, 2)) / (unwarped | region).sum((1, 2))
    assert (overlap > before).all() and overlap.min() > 0.6


def test_matching_happens_once(root):
    data = module(root)
    first = data.train_set[0].control_points
    files = sorted((root.parent / "cache").rglob("*.npy"))
    stamps = [path.stat().st_mtime_ns for path in files]
    assert len(files) == 3 and not list((root.parent / "cache").rglob("*.part"))
    again = module(root).train_set
    assert [path.stat().st_mtime_ns for path in files] == stamps
    assert torch.equal(again[0].control_points, first)


def test_stored_control_points_are_read_instead_of_matched(authors):
    stored = np.random.default_rng(0).random((2, 10, 10))
    (authors / "tps").mkdir()
    for person in range(3):
        savemat(authors / "tps" / f"{person:06d}_0.mat", {"control_points": stored})
    points = module(authors).train_set[1].control_points
    assert not (authors.parent / "cache").exists()
    for row, column in ((0, 0), (0, 1), (7, 3)):
        expected = torch.tensor(stored[:, row, column] * 2 - 1).float()
        assert torch.allclose(points[row * 10 + column], expected)
    savemat(authors / "tps" / "000001_0.mat", {"control_points": stored[:, :5]})
    with pytest.raises(ValueError, match=r"000001_0\.mat.*2x10x10"):
        module(authors).train_set[1]


def test_without_warps_nothing_is_matched(root):
    data = module(root, warp=False)
    assert "control_points" not in data.provides and "control_points" in VitonDataModule.provides
    assert next(iter(data.train_dataloader())).control_points is None
    assert not (root.parent / "cache").exists()


def erase_clothes(root, person="000001_0"):
    """A person without a garment region."""
    if (root / "segment").is_dir():
        path = root / "segment" / f"{person}.mat"
        segment = loadmat(path)["segment"]
        savemat(path, {"segment": np.where(segment == 5, 0, segment)})
    else:
        path = root / "train" / "image-parse" / f"{person}.png"
        parsing = np.array(Image.open(path))
        Image.fromarray(np.where(parsing == 5, 0, parsing).astype(np.uint8)).save(path)


def test_pairs_that_cannot_be_matched_are_an_error_that_lists_them(root):
    erase_clothes(root)
    with pytest.raises(ValueError, match=r"1 of 3 training pairs.*000001_0\.jpg 000001_1\.jpg.*skip_unmatched=True"):
        _ = module(root).train_set
    report = next((root.parent / "cache").rglob("unmatched.txt"))
    assert report.read_text() == "000001_0.jpg 000001_1.jpg\n"


def test_pairs_that_cannot_be_matched_are_left_out_when_asked_with_one_warning(root):
    erase_clothes(root)
    with pytest.warns(UserWarning, match=r"1 of 3 training pairs.*unmatched\.txt") as warned:
        pairs = module(root, skip_unmatched=True).train_set.pairs
    assert len(warned) == 1
    assert [person for person, _ in pairs] == ["000000_0.jpg", "000002_0.jpg"]


def test_nothing_is_warned_about_a_sound_set(root):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(module(root).train_dataloader()))


def test_layouts_are_recognised(originals, tmp_path):
    for layout, folder in originals.items():
        assert VitonFiles.find(folder).layout == layout
    with pytest.raises(FileNotFoundError, match=r"women_top.*viton_resize"):
        VitonFiles.find(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        VitonFiles.find(tmp_path / "nowhere")


def test_missing_pair_list(root):
    for path in root.glob("*train*.txt"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"train_pairs\.txt: no such pair list"):
        _ = module(root).train_set


def test_the_authors_list_of_training_images_is_a_pair_list(authors):
    (authors / "viton_train_pairs.txt").unlink()
    assert len(module(authors, warp=False).train_set) == 3


@pytest.mark.parametrize(("text", "reason"), [("", "lists no pairs"), ("000003_0.jpg\n", r"line 1.*'000003_0\.jpg'")])
def test_broken_pair_lists(root, text, reason):
    path = next(root.glob("*test_pairs.txt"))
    path.write_text(text)
    with pytest.raises(ValueError, match=reason) as error:
        _ = module(root).test_set
    assert str(path) in str(error.value)


@pytest.mark.parametrize("what", ["person", "garment", "keypoints", "parsing"])
def test_missing_files_are_found_before_training_starts(root, what):
    files = VitonFiles.find(root)
    name = "000001_1.jpg" if what == "garment" else "000001_0.jpg"
    path = getattr(files, what)("train", name)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"one of 1 files that the train pairs need") as error:
        _ = module(root).train_set
    assert str(path) in str(error.value)


def test_a_picture_that_does_not_decode(root):
    path = VitonFiles.find(root).person("test", "000003_0.jpg")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ValueError, match=r"000003_0\.jpg.*cut short"):
        _ = module(root).test_set[0]


def test_parsing_of_another_size(resized):
    path = resized / "test" / "image-parse" / "000003_0.png"
    Image.fromarray(np.ones((10, 20), np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"000003_0\.png has 20x10.*72x96"):
        _ = module(resized).test_set[0]


def test_a_map_that_lies_over_the_picture_is_not_taken_for_a_padded_one(authors):
    labels = torch.randint(20, (96, 72), dtype=torch.uint8)
    for path in (authors / "segment").iterdir():
        savemat(path, {"segment": labels.numpy()})
    for segment_format in ("lip641_transposed", "image"):
        data = module(authors, height=96, width=72, segment_format=segment_format)
        assert torch.equal(data.test_set[0].person.parsing, labels)
    savemat(authors / "segment" / "000003_0.mat", {"segment": labels.numpy().T})
    with pytest.raises(ValueError, match=r"000003_0\.mat has 96x72.*square"):
        _ = module(authors).test_set[0]


def test_padded_segments_are_no_images(authors):
    with pytest.raises(ValueError, match=r"000003_0\.mat has 641x641.*expected 72x96"):
        _ = module(authors, segment_format="image").test_set[0]


def test_key_points_without_a_person(root):
    path = VitonFiles.find(root).keypoints("test", "000003_0.jpg")
    if path.suffix == ".json":
        path.write_text('{"people": []}')
    else:
        savemat(path, {"candidate": np.zeros((0, 4)), "subset": np.zeros((0, 20))})
    with pytest.raises(ValueError, match=r"000003_0.*nobody"):
        _ = module(root).test_set[0]


def test_body_25_is_converted(resized):
    path = resized / "test" / "pose" / "000003_0_keypoints.json"
    before = module(resized).test_set[0].person.keypoints
    points = np.array(json.loads(path.read_text())["people"][0]["pose_keypoints"]).reshape(18, 3)
    body25 = np.concatenate([points[:8], [[1, 1, 1]], points[8:], np.zeros((6, 3))])
    path.write_text(json.dumps({"people": [{"pose_keypoints_2d": body25.reshape(-1).tolist()}]}))
    assert torch.allclose(module(resized).test_set[0].person.keypoints, before)


def test_a_garment_mask_of_another_size(resized):
    Image.new("L", (5, 7), 255).save(resized / "test" / "cloth-mask" / "000004_1.jpg")
    with pytest.raises(ValueError, match=r"000004_1\.jpg has 5x7.*cloth.*72x96"):
        _ = module(resized).test_set[0]


def test_test_people_whose_own_garment_is_unknown(root):
    for path in root.glob("*test_pairs.txt"):
        path.write_text("000003_0.jpg 000004_1.jpg\n")
    VitonFiles.find(root).garment("test", "000003_1.jpg").unlink()
    example = module(root).test_set[0]
    assert example.garment is None and example.other_garment is not None
    with pytest.raises(FileNotFoundError, match="000003_1"):
        _ = module(root).validation_set


def test_own_garment():
    assert own_garment("000001_0.jpg") == "000001_1.jpg"


def test_damaged_cache_files_are_named(root):
    data = module(root)
    _ = data.train_set
    path = next((root.parent / "cache").rglob("000000_0_000000_1.npy"))
    path.write_bytes(b"x" * 400)
    with pytest.raises(ValueError, match=r"000000_0_000000_1\.npy is damaged.*delete"):
        _ = data.train_set[0]
    path.unlink()
    with pytest.raises(FileNotFoundError, match="fill the cache"):
        _ = data.train_set[0]


@pytest.mark.slow
def test_workers_match_and_read_the_same(root):
    alone = [batch.control_points for batch in module(root).train_dataloader()]
    shutil.rmtree(root.parent / "cache")
    together = [batch.control_points for batch in module(root, num_workers=2).train_dataloader()]
    assert all(torch.equal(first, second) for first, second in zip(alone, together, strict=True))


def test_key_points_may_lie_in_the_authors_pickle(authors, truth):
    def people(data):
        return [example.person.keypoints for example in (data.train_set[2], *data.validation_set)]

    apart = people(module(authors, warp=False))
    names = ("candidate", "subset")
    poses = {path.stem: {name: loadmat(path)[name] for name in names} for path in (authors / "pose").iterdir()}
    (authors / "pose.pkl").write_bytes(pickle.dumps(poses, protocol=2))
    shutil.rmtree(authors / "pose")
    assert all(torch.equal(one, other) for one, other in zip(people(module(authors, warp=False)), apart, strict=True))
    del poses["000004_0"]
    (authors / "pose.pkl").write_bytes(pickle.dumps(poses, protocol=2))
    with pytest.raises(ValueError, match=r"pose.pkl has no candidate and subset of 000004_0"):
        _ = module(authors, warp=False).validation_set
