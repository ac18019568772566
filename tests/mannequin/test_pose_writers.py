import dataclasses

import pytest
import torch

from fashiongen.data.deepfashion import DeepFashionInshopDataModule
from fashiongen.data.market1501 import Market1501DataModule
from fashiongen.data.pose_annotations import DeepFashionName, MarketName, identity, read_annotations
from fashiongen.mannequin.pose_writers import write_deepfashion_inshop, write_market1501
from fashiongen.mannequin.world import World

MARKET, SHOP = World(height=64, width=32), World(height=64, width=64)


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return write_market1501(MARKET, tmp_path_factory.mktemp("market"), train=2, test=1, poses=3)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return write_deepfashion_inshop(SHOP, tmp_path_factory.mktemp("shop"), train=1, test=1, poses=3)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_market_names_and_folders(market):
    train, test = names(market / "bounding_box_train"), names(market / "bounding_box_test")
    assert train[0] == "0002_c1s1_000451_00.jpg"
    assert len(train) == 2 * 3 and len(test) == 3 * 3
    assert {MarketName.parse(name).identity for name in train} == {"0002", "0003"}
    assert {MarketName.parse(name).identity for name in test} == {"-1", "0000", "0004"}
    assert set(read_annotations(market / "market-annotation-test.csv")) == set(test)


def test_market_is_read_back_as_it_was_drawn(market):
    data = Market1501DataModule(str(market), height=64, width=32)
    first = data.train_set.person("0002_c2s1_000476_00.jpg")
    world = dataclasses.replace(MARKET, look="market", framing="full")
    index, variant = torch.tensor([0]), torch.tensor([1])
    drawn = world.render(
        world.identity(index),
        world.pose(index, variant),
        world.outfit(index),
        world.background(variant),
        world.camera(index, variant),
    ).person()
    assert (first.image - drawn.image[0]).abs().mean() < 0.06
    seen = (drawn.keypoints[0, :, 2] > 0) & (first.keypoints[:, 2] > 0)
    assert seen.sum() >= 10
    assert ((first.keypoints - drawn.keypoints[0])[seen, :2].abs() <= 0.5).all(), "lists hold whole pixels"


def test_market_pairs_join_pictures_of_one_person(market):
    data = Market1501DataModule(str(market), height=64, width=32)
    pairs = [*data.train_set.pairs, *data.test_set.pairs]
    assert pairs
    assert all(identity(first) == identity(second) and first != second for first, second in pairs)
    assert {identity(first) for first, _ in data.test_set.pairs} == {"0004"}


def test_deepfashion_names_and_pairs(shop):
    files = names(shop / "train")
    assert files == [f"fasionWOMENBlousesShirtsid0000000101_{view}.jpg" for view in ("1front", "2side", "3back")]
    data = DeepFashionInshopDataModule(str(shop), height=64, width=64)
    assert len(data.train_set) == 6
    assert {DeepFashionName.parse(name).item for name, _ in data.test_set.pairs} == {"00000002"}
    item = data.train_set[0]
    assert (item.person.image - item.target.image).abs().mean() > 0.01


def test_as_many_poses_as_make_sense(tmp_path):
    with pytest.raises(ValueError, match="poses is at least 2, not 1"):
        write_market1501(MARKET, tmp_path, train=1, test=1, poses=1)
    with pytest.raises(ValueError, match="poses is 2 to 5, not 6"):
        write_deepfashion_inshop(SHOP, tmp_path, train=1, test=1, poses=6)
