"""The world as a whole: determinism, independence of the batch, splits, counterfactuals."""

import dataclasses
import hashlib
import subprocess
import sys

import pytest
import torch

from fashiongen.mannequin import World, garment, person, render
from fashiongen.mannequin.labels import LABEL
from fashiongen.mannequin.numerics import take
from fashiongen.mannequin.pose import Family, sample_pose
from fashiongen.mannequin.topology import Slot

PAGES = ("image", "albedo", "labels", "parsing", "parts", "mask", "depth", "slot", "side", "coordinates", "keypoints")
HASH = """
import hashlib, torch
from fashiongen.mannequin import World
world = World(48, 36, framing="full", look="market")
rendering = world.draw(torch.arange(3))
flat = world.lay_flat(world.outfit(torch.arange(3)))
bits = b"".join(t.contiguous().numpy().tobytes() for t in (rendering.image, rendering.labels, rendering.keypoints, flat.image))
print(hashlib.sha256(bits).hexdigest())
"""


@pytest.mark.parametrize("framing", ["upper", "full"])
@pytest.mark.parametrize("look", ["studio", "market"])
def test_pictures_are_bit_equal_alone_in_batches_and_in_any_order(framing: str, look: str) -> None:
    world = World(64, 48, framing=framing, look=look)
    together = world.draw(torch.arange(10))
    for rows in (*torch.arange(10).split(1), torch.arange(10).flip(0)[:7]):
        apart = world.draw(rows)
        for name in PAGES:
            assert torch.equal(getattr(apart, name), getattr(together, name)[rows]), (name, rows)
        assert apart.captions == [together.captions[row] for row in rows.tolist()]


def test_shop_pictures_are_bit_equal_alone_and_in_batches() -> None:
    world = World(64, 48)
    together = world.lay_flat(world.outfit(torch.arange(8)))
    for row in range(8):
        apart = world.lay_flat(world.outfit(torch.tensor([row])))
        assert torch.equal(apart.image[0], together.image[row])
        assert torch.equal(apart.mask[0], together.mask[row])


def test_pictures_do_not_depend_on_the_number_of_threads() -> None:
    world, threads = World(64, 48), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = world.draw(torch.arange(8))
        torch.set_num_threads(2)
        two = world.draw(torch.arange(8))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(getattr(one, name), getattr(two, name)) for name in PAGES)


@pytest.mark.slow
def test_other_processes_draw_the_same_bytes() -> None:
    hashes = {
        subprocess.run([sys.executable, "-c", HASH], capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)
    }
    scope: dict[str, object] = {}
    printed: list[str] = []
    exec(HASH, {**scope, "print": printed.append})
    assert hashes == set(printed)
    assert len(printed[0]) == hashlib.sha256().digest_size * 2


def test_splits_share_nobody() -> None:
    index = torch.arange(400)
    names = {split: set(World(split=split)._names(index).tolist()) for split in ("train", "validation", "test")}
    assert all(len(found) == 400 for found in names.values())
    assert not names["train"] & names["validation"]
    assert not names["train"] & names["test"]
    assert not names["validation"] & names["test"]


def test_another_seed_is_another_world() -> None:
    index = torch.arange(4)
    assert not torch.equal(World(48, 36).draw(index).image, World(48, 36, seed=1).draw(index).image)


def test_variants_change_pose_and_view_only() -> None:
    world = World(48, 36)
    index = torch.arange(4)
    assert not torch.equal(world.pose(index).arms, world.pose(index, 1).arms)
    assert torch.equal(world.pose(index, 1).arms, world.pose(index, torch.ones(4, dtype=torch.int64)).arms)


@pytest.mark.parametrize("change", [{"split": "all"}, {"framing": "close"}, {"look": "film"}, {"height": 8}])
def test_bad_options_are_named(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(change.values())))):
        World(**change)  # type: ignore[arg-type]


def test_factors_are_independent() -> None:
    """Changing one factor leaves what the others decide."""
    world = World(96, 72, framing="full")
    a, b = torch.arange(4), torch.arange(4, 8)
    pose, outfit, background, camera = world.pose(a), world.outfit(a), world.background(a), world.camera(a)
    own = world.render(world.identity(a), pose, outfit, background, camera)
    elsewhere = world.render(world.identity(a), pose, outfit, world.background(b), camera)
    assert torch.equal(own.labels, elsewhere.labels)
    assert torch.equal(own.keypoints, elsewhere.keypoints)
    assert torch.equal(own.albedo, elsewhere.albedo)
    assert not torch.equal(own.image, elsewhere.image)
    inside = own.mask == 1
    assert torch.equal(own.image[inside.expand_as(own.image)], elsewhere.image[inside.expand_as(own.image)])
    dressed = world.render(world.identity(a), pose, world.outfit(b), background, camera)
    assert torch.equal(own.keypoints[:, [0, 1, 14, 15, 16, 17], :2], dressed.keypoints[:, [0, 1, 14, 15, 16, 17], :2])


def test_another_top_changes_nothing_but_what_the_top_touches() -> None:
    world = World(128, 96)
    a, b = torch.arange(12), torch.arange(12, 24)
    own, other = world.outfit(a), world.outfit(b)
    factors = world.identity(a), world.pose(a)
    before = world.render(*factors, own, world.background(a), world.camera(a))
    tried = own.with_top(other)
    after = world.render(*factors, tried, world.background(a), world.camera(a))
    assert torch.equal(tried.tucks, own.tucks)
    assert torch.equal(tried.tucked, own.tucks & ~other.dress)
    head = (before.slot == int(Slot.HEAD)) | (before.slot == int(Slot.HAIR))
    alike = before.labels == after.labels
    assert (alike | ~head).float().mean() > 0.999
    face = (before.labels >= LABEL["face"]) & (before.labels <= LABEL["lower_lip"]) & alike
    assert torch.equal(before.albedo.transpose(0, 1)[:, face], after.albedo.transpose(0, 1)[:, face])
    background = (before.mask[:, 0] == 0) & (after.mask[:, 0] == 0)
    assert torch.equal(before.image.transpose(0, 1)[:, background], after.image.transpose(0, 1)[:, background])
    assert torch.equal(before.keypoints[..., :2], after.keypoints[..., :2])
    assert not torch.equal(before.albedo, after.albedo)


def test_wearing_the_own_top_is_the_same_picture() -> None:
    world = World(64, 48)
    index = torch.arange(6)
    outfit = world.outfit(index)
    factors = world.identity(index), world.pose(index)
    again = world.render(*factors, outfit.with_top(outfit), world.background(index), world.camera(index))
    assert torch.equal(again.image, world.draw(index).image)


@pytest.mark.parametrize("yaw", [0.0, 100.0, 180.0])
def test_every_family_from_three_sides_is_finite_and_on_the_page(yaw: float) -> None:
    world = World(64, 48, framing="full")
    family = torch.arange(len(Family))
    pose = sample_pose(family + 50, family=family, yaw=torch.full((len(Family),), yaw))
    rendering = world.render(world.identity(family), pose, world.outfit(family), world.background(family), world.camera(family))
    assert rendering.image.isfinite().all()
    assert rendering.keypoints.isfinite().all()
    assert ((rendering.mask > 0.5).float().mean((1, 2, 3)) > 0.05).all()
    assert (rendering.keypoints[:, 1, 2] > 0).all()


def test_factors_can_be_reordered() -> None:
    world = World(48, 36)
    index = torch.tensor([2, 0, 1])
    outfit = take(world.outfit(torch.arange(3)), index)
    assert torch.equal(outfit.top.pattern.base, world.outfit(index).top.pattern.base)


def test_examples() -> None:
    example, item, everything = person(1, 64, 48), garment(1, 64, 48), render(1, 64, 48)
    assert example.image.shape == (3, 64, 48)
    assert example.scheme == "lip20"
    assert item.mask.shape == (1, 64, 48)
    assert isinstance(example.text, str)
    assert torch.equal(everything.image[0], example.image)
    assert torch.equal(dataclasses.replace(example).image, person(1, 64, 48).image)
    assert example.image.abs().max() <= 1
    assert item.image.abs().max() <= 1
