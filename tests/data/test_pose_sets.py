import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from fashiongen.data.deepfashion import DeepFashionInshopDataModule
from fashiongen.data.market1501 import Market1501DataModule
from fashiongen.data.pose_annotations import Annotations, DeepFashionName, person_pairs, write_annotations, write_pairs

MARKET = {
    "train": ["0002_c1s1_000451_03.jpg", "0002_c2s1_000776_01.jpg", "0002_c3s1_000801_02.jpg"],
    "test": ["-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0001_c1s1_001051_00.jpg", "0001_c2s1_000301_00.jpg"],
}
SHOP = {
    "train": ["WOMEN/Tees_Tanks/id_00007838/05_7_additional.jpg", "WOMEN/Tees_Tanks/id_00007838/05_1_front.jpg"],
    "test": ["MEN/Denim/id_00000080/01_1_front.jpg", "MEN/Denim/id_00000080/01_2_side.jpg"],
}
HALF = torch.tensor([0.5, 0.5, 2.0])


def paint(path, height, width):
    """A picture whose red grows with the column, green with the row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (width, height))
    picture.putdata([(column, row, 0) for row in range(height) for column in range(width)])
    picture.save(path, quality=100, subsampling=0)


def figure(column, row):
    """18 joints, one beside the other, from a pixel on."""
    return torch.tensor([[column + joint, row + joint, 0.0] for joint in range(18)]) + HALF


def annotate(path, names, column=20, row=30):
    write_annotations(Annotations(names, torch.stack([figure(column, row) for _ in names])), path)


def market(root, folders=("bounding_box_train", "bounding_box_test"), ending="", lists=True):
    for (split, names), folder in zip(MARKET.items(), folders, strict=True):
        for name in names:
            paint(root / folder / f"{name}{ending}", 128, 64)
        if lists:
            annotate(root / f"market-annotation-{split}.csv", names)
    return str(root)


def shop(root, flattened, lists, width=256, column=100):
    """Pictures by names of a rule; without a rule the original tree, with PATN's names in the lists."""
    for split, paths in SHOP.items():
        parsed = [DeepFashionName.parse(path) for path in paths]
        for name in parsed:
            paint(root / split / getattr(name, flattened) if flattened else root / "img" / name.path, 256, width)
        annotate(root / f"{lists}-annotation-{split}.csv", [getattr(name, flattened or "patn") for name in parsed], column)
    return str(root)


@pytest.mark.parametrize(
    "folders", [("bounding_box_train", "bounding_box_test"), ("train", "test"), ("market-dataset/train", "market-dataset/test")]
)
@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_market_layouts(tmp_path, folders, ending):
    data = Market1501DataModule(market(tmp_path, folders, ending), batch_size=2)
    assert data.train_set.pairs == person_pairs(MARKET["train"])
    assert sorted(data.test_set.pairs) == person_pairs(MARKET["test"][2:]), "junk and distractors make no pairs"
    assert data.validation_set.pairs == data.test_set.pairs
    batch = next(iter(data.test_dataloader()))
    assert batch.person.image.shape == batch.target.image.shape == (2, 3, 128, 64)
    assert torch.equal(batch.target.keypoints[0], figure(20, 30))
    first, second = (Path(name).stem for name in data.test_set.pairs[0])
    assert batch.name[0] == f"{first}_{second}"
    assert next(iter(data.train_dataloader())).person.keypoints.shape == (2, 18, 3)


def test_published_pairs_win_and_may_name_pictures_of_the_other_list(tmp_path):
    root = market(tmp_path)
    pairs = [(MARKET["test"][2], MARKET["train"][0])]
    write_pairs(pairs, tmp_path / "market-pairs-train.csv")
    data = Market1501DataModule(root)
    assert data.train_set.pairs == pairs
    assert data.train_set[0].target.keypoints.any()


def test_resized_pictures_carry_their_key_points_along(tmp_path):
    root = market(tmp_path)
    exact = Market1501DataModule(root, height=64, width=32).train_set[0].person
    assert exact.image.shape == (3, 64, 32)
    assert torch.allclose(exact.keypoints[:, :2], figure(20, 30)[:, :2] / 2)
    whole = Market1501DataModule(root, height=64, width=32, whole_pixels=True).train_set[0].person
    assert torch.equal(whole.keypoints[:, :2], (figure(20, 30)[:, :2] / 2).floor() + 0.5)


def test_joints_outside_of_the_picture_are_missing(tmp_path):
    root = market(tmp_path)
    annotate(tmp_path / "market-annotation-train.csv", MARKET["train"], column=50)
    keypoints = Market1501DataModule(root).train_set[0].person.keypoints
    assert (keypoints[:14, 2] == 2).all() and not keypoints[14:].any()


@pytest.mark.parametrize("place", ["", "train"])
def test_openpose_files_beside_the_pictures(tmp_path, place):
    root = market(tmp_path / "market", lists=False)
    folder = tmp_path / "openpose"
    (folder / place).mkdir(parents=True)
    values = [value for joint in range(18) for value in (20.0 + joint, 30.0 + joint, 0.7)]
    for name in MARKET["train"]:
        people = [] if name == MARKET["train"][1] else [{"pose_keypoints_2d": values}]
        (folder / place / f"{Path(name).stem}_keypoints.json").write_text(json.dumps({"people": people}))
    data = Market1501DataModule(root, annotations=str(folder))
    assert data.train_set.pairs == person_pairs([MARKET["train"][0], MARKET["train"][2]])
    assert torch.allclose(data.train_set[0].person.keypoints, figure(20, 30))


@pytest.mark.parametrize("flattened", ["pose_gan", "patn", None])
@pytest.mark.parametrize("crop", [False, True])
def test_deepfashion_layouts(tmp_path, flattened, crop):
    data = DeepFashionInshopDataModule(shop(tmp_path, flattened, "fasion"), crop=crop)
    assert len(data.train_set) == len(data.test_set) == 2
    person = data.train_set[0].person
    left = 40 if crop else 0
    assert person.image.shape == (3, 256, 176 if crop else 256)
    assert torch.equal(person.keypoints, figure(100 - left, 30))
    levels = (person.image[:2, 30, 100 - left] + 1) * 127.5
    assert torch.allclose(levels, torch.tensor([100.0, 30.0]), atol=4), "the first joint lies on its pixel"


@pytest.mark.parametrize(("width", "crop", "column"), [(176, True, 60), (176, False, 60), (256, True, 60), (256, False, 100)])
def test_patn_counts_from_the_crop(tmp_path, width, crop, column):
    root = shop(tmp_path, "patn", "fasion-resize", width, column=60)
    person = DeepFashionInshopDataModule(root, crop=crop, width=None if crop else width).train_set[0].person
    assert torch.equal(person.keypoints, figure(column, 30))


def test_whoever_knows_better_says_where_columns_are_counted_from(tmp_path):
    root = shop(tmp_path, "patn", "fasion-resize", column=100)
    data = DeepFashionInshopDataModule(root, crop=True, cropped_annotations=False)
    assert torch.equal(data.train_set[0].person.keypoints, figure(60, 30))


def test_small_deepfashion_as_the_authors_make_it(tmp_path):
    data = DeepFashionInshopDataModule(shop(tmp_path, "pose_gan", "fasion"), crop=True, height=128, width=64, whole_pixels=True)
    person = data.train_set[0].person
    assert person.image.shape == (3, 128, 64)
    assert person.keypoints[0].tolist() == [int(60 * 64 / 176) + 0.5, 15.5, 2]


def test_patn_lists_say_which_pictures_of_the_tree_are_for_what(tmp_path):
    root = shop(tmp_path, None, "fasion")
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    values = [value for joint in range(18) for value in (100.0 + joint, 30.0 + joint, 0.7)]
    for split, paths in SHOP.items():
        names = [DeepFashionName.parse(path).patn for path in paths]
        (tmp_path / f"{split}.lst").write_text("\n".join(names) + "\n")
        for name in names:
            text = json.dumps({"people": [{"pose_keypoints_2d": values}]})
            (tmp_path / f"{Path(name).stem}_keypoints.json").write_text(text)
    data = DeepFashionInshopDataModule(root)
    assert len(data.train_set) == len(data.test_set) == 2
    (tmp_path / "train.lst").unlink()
    with pytest.raises(FileNotFoundError, match=r"does not say which pictures are for the train split.*train\.lst, train/"):
        _ = DeepFashionInshopDataModule(root).train_set


def test_what_is_missing_is_named_with_where_one_gets_it(tmp_path):
    def refused(match, error=FileNotFoundError, **options):
        with pytest.raises(error, match=match):
            _ = Market1501DataModule(str(tmp_path / "market"), **options).train_set

    refused("market: no such folder; root is that of your copy of Market-1501.*project page")
    (tmp_path / "market").mkdir()
    refused("elsewhere: no such folder", annotations=str(tmp_path / "elsewhere"))
    refused(r"no key points of the train pictures: neither market-annotation-train\.csv.*READMEs.*OpenPose")
    annotate(tmp_path / "market" / "market-annotation-train.csv", MARKET["train"])
    refused("no copy of Market-1501: it holds neither bounding_box_train/ nor train/.*project page")
    market(tmp_path / "market")
    (tmp_path / "market" / "bounding_box_train" / MARKET["train"][1]).unlink()
    refused("0002_c2s1_000776_01.jpg is missing, one of 1 pictures")
    write_pairs([("0009_c1s1_000451_03.jpg", MARKET["train"][0])], tmp_path / "market" / "market-pairs-train.csv")
    refused("0009_c1s1_000451_03.jpg has no key points, one of 1 pictures", ValueError)


def test_a_folder_of_single_pictures_makes_no_pairs(tmp_path):
    root = market(tmp_path)
    annotate(tmp_path / "market-annotation-train.csv", MARKET["train"][:1])
    with pytest.raises(ValueError, match="no train pairs can be made of 1 pictures"):
        _ = Market1501DataModule(root).train_set


def test_a_picture_too_narrow_for_the_crop_is_refused(tmp_path):
    data = DeepFashionInshopDataModule(shop(tmp_path, "patn", "fasion", width=100), crop=True)
    with pytest.raises(ValueError, match="100 pixels wide; columns 40 to 215"):
        _ = data.train_set[0]
