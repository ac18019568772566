import re

import pytest
import torch

from fashiongen.data.cache import pack
from fashiongen.layers import thin_plate_spline
from fashiongen.mannequin import captions
from fashiongen.mannequin.labels import LABEL, to_scheme
from fashiongen.mannequin.rendering import outfit_attributes
from fashiongen.mannequin.scenes import FACTORS, PeopleScenes, PoseScenes, RedressScenes, SwapScenes, TryOnScenes
from fashiongen.mannequin.world import World
from fashiongen.types import Batch

WORLD = World(height=64, width=48, split="test")


@pytest.fixture(scope="module")
def scenes():
    return TryOnScenes(WORLD, 6)


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


def test_other_labels_give_the_same_warp(batch):
    other = TryOnScenes(WORLD, 6, answers=False, scheme="atr18").batch(torch.arange(2))
    assert other.person.scheme == "atr18"
    assert torch.equal(other.control_points, batch.control_points[:2])


def test_the_other_garment_comes_without_the_answer(batch):
    other = TryOnScenes(WORLD, 6, warps=False, answers=False, others=True).batch(torch.arange(2))
    assert torch.equal(other.other_garment.image, batch.other_garment.image[:2])
    assert other.truth is None and other.control_points is None


@pytest.mark.parametrize("kind", [TryOnScenes, PeopleScenes, PoseScenes, SwapScenes, RedressScenes])
def test_an_example_does_not_depend_on_its_batch(kind):
    scenes = kind(WORLD, 6)
    alone, words = pack(scenes.batch(torch.tensor([4])))
    together, same_words = pack(Batch.collate([scenes.batch(torch.arange(6)).unbind()[4]]))
    assert words == same_words
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        assert torch.equal(tensor, together[name]), name


def test_people_have_every_annotation():
    indices = torch.arange(3)
    person = PeopleScenes(WORLD, 3, scheme="clothnet22").batch(indices).person
    drawn = WORLD.draw(indices)
    assert person.scheme == "clothnet22"
    assert torch.equal(person.parsing, to_scheme(drawn.labels, "clothnet22"))
    assert torch.equal(person.keypoints, drawn.keypoints)
    assert torch.equal(person.parts, drawn.parts)
    assert person.text == drawn.captions
    assert (person.image - drawn.image).abs().max() <= 1 / 255 + 1e-6


def test_people_turn_no_farther_than_they_may():
    """Those who hardly turn show both shoulders, the right one on the left of the picture."""
    people = torch.arange(16)
    facing = PeopleScenes(WORLD, 16, yaw=20).batch(people).person.keypoints
    around = PeopleScenes(WORLD, 16).batch(people).person.keypoints
    assert (facing[:, 2, 0] < facing[:, 5, 0]).all()
    assert (around[:, 2, 0] > around[:, 5, 0]).any()


def test_a_pose_scene_changes_the_pose_alone():
    world = World(height=64, width=32, split="test", framing="full", look="market")
    batch = PoseScenes(world, 4).batch(torch.arange(4))
    assert (batch.person.keypoints[..., :2] - batch.target.keypoints[..., :2]).abs().amax((1, 2)).min() > 2
    assert batch.person.text[0].split()[:2] == batch.target.text[0].split()[:2]
    corner = (slice(None), slice(None), slice(0, 4), slice(0, 4))
    assert torch.equal(batch.person.parsing[:, :4, :4], batch.target.parsing[:, :4, :4])
    assert (batch.person.image[corner] - batch.target.image[corner]).abs().mean() < 0.1


def rows(person, chosen):
    """Picture, parts, parsing and key points of some people of a batch."""
    return person.image[chosen], person.parts[chosen], person.parsing[chosen], person.keypoints[chosen]


@pytest.fixture(scope="module")
def swap():
    return SwapScenes(WORLD, 24).batch(torch.arange(24))


def test_the_factors_of_a_swap_take_turns(swap):
    assert swap.factor == list(FACTORS) * 8
    for annotation in ("keypoints", "parsing", "parts"):
        assert torch.equal(getattr(swap.donor, annotation)[:-1], getattr(swap.person, annotation)[1:])


def test_the_donor_is_seen_in_the_light_of_the_person():
    swap = SwapScenes(World(96, 48, split="test", framing="full", look="market"), 24).batch(torch.arange(24))
    chosen = torch.arange(23) % 3 == FACTORS.index("background")
    truth, donor, other = (each[chosen] for each in (swap.truth.image[:-1], swap.donor.image[:-1], swap.person.image[1:]))
    nobody = ((swap.person.parts[:-1] == 0) & (swap.donor.parts[:-1] == 0))[chosen][:, None]
    same, different = (((truth - each).abs() * nobody).sum() / (3 * nobody.sum()) for each in (donor, other))
    assert same < 0.25 * different


def test_another_background_is_seen_beside_the_person_alone(swap):
    chosen = torch.arange(24) % 3 == FACTORS.index("background")
    (image, *annotations), (truth, *same) = rows(swap.person, chosen), rows(swap.truth, chosen)
    assert all(torch.equal(first, second) for first, second in zip(annotations, same, strict=True))
    inside = WORLD.draw(torch.arange(24)[chosen]).mask == 1
    change = (image - truth).abs().amax(1, keepdim=True)
    assert (change[inside] == 0).all()
    assert change[~inside].mean() > 0.05
    assert [text for text, own in zip(swap.truth.text, chosen.tolist(), strict=True) if own] == swap.person.text[1::3]


@pytest.mark.parametrize("factor", ["foreground", "pose"])
def test_another_person_or_pose_leaves_the_background(swap, factor):
    chosen = torch.arange(24) % 3 == FACTORS.index(factor)
    (image, parts, _, _), (truth, other_parts, _, _) = rows(swap.person, chosen), rows(swap.truth, chosen)
    outside = (parts == 0) & (other_parts == 0)
    change = (image - truth).abs().amax(1)
    assert outside.float().mean() > 0.2
    assert (change[outside] == 0).all()
    assert (change.amax((1, 2)) > 0.1).all()


def test_another_pose_lays_the_joints_where_the_donor_has_them(swap):
    chosen = torch.arange(24) % 3 == FACTORS.index("pose")
    own, donor, truth = (person.keypoints[chosen][..., :2] for person in (swap.person, swap.donor, swap.truth))
    # What is left is the build of the body.
    assert (truth - donor).norm(dim=-1).mean() < 0.3 * (own - donor).norm(dim=-1).mean()
    assert [text.split()[2:] for text in swap.truth.text[2::3]] == [text.split()[2:] for text in swap.person.text[2::3]]


def test_another_foreground_wears_the_clothes_of_the_donor_in_the_pose_of_the_person(swap):
    chosen = torch.arange(24) % 3 == FACTORS.index("foreground")
    own, donor, truth = (person.keypoints[chosen][..., :2] for person in (swap.person, swap.donor, swap.truth))
    assert (truth - own).norm(dim=-1).mean() < 0.3 * (donor - own).norm(dim=-1).mean()
    for said, told in zip(swap.truth.text[0::3], swap.donor.text[0::3], strict=True):
        assert said.removesuffix(".").split()[-1] == told.removesuffix(".").split()[-1]
        assert (said.split()[1] in ("man", "boy")) == (told.split()[1] in ("man", "boy"))


def test_a_swap_without_answers_draws_the_same_people(swap):
    plain = SwapScenes(WORLD, 24, answers=False).batch(torch.arange(6))
    assert plain.truth is None
    assert torch.equal(plain.donor.image, swap.donor.image[:6])
    assert plain.factor == swap.factor[:6]


def test_redressing_changes_the_clothes_alone():
    world = World(height=64, width=48, split="test", framing="full")
    batch = RedressScenes(world, 24).batch(torch.arange(24))
    assert batch.truth.text == batch.other_text
    assert all(own != other for own, other in zip(batch.person.text, batch.other_text, strict=True))
    assert [own.split()[1] for own in batch.person.text] == [other.split()[1] for other in batch.other_text]
    outside = (batch.person.parts == 0) & (batch.truth.parts == 0)
    change = (batch.person.image - batch.truth.image).abs().amax(1)
    assert (change[outside] == 0).all()
    assert (change.amax((1, 2)) > 0.1).all()
    assert torch.equal(batch.person.keypoints[..., :2], batch.truth.keypoints[..., :2])


def test_clothes_that_sound_the_same_are_no_other_clothes():
    world = World(height=64, width=48)
    people = torch.tensor([816, 950, 1914])  # whose neighbours wear something of the same name
    identity, seed = world.identity(people), world.camera(people).grain
    said, neighbours = (
        captions.describe(outfit_attributes(identity, world.outfit(numbers)), seed) for numbers in (people, people + 1)
    )
    assert said == neighbours
    batch = RedressScenes(world, 2000).batch(people)
    assert batch.person.text == said
    assert all(own != other for own, other in zip(said, batch.other_text, strict=True))
    assert batch.truth.text == batch.other_text


def test_other_clothes_are_cut_for_the_wearer():
    numbers, _ = RedressScenes(WORLD, 40)._others(torch.arange(40))
    cuts = [WORLD.outfit(each).top.feminine for each in (torch.arange(40), numbers)]
    assert torch.equal(*cuts)


def test_redressing_without_answers_says_the_same():
    scenes = [RedressScenes(WORLD, 8, answers=answers).batch(torch.arange(8)) for answers in (True, False)]
    assert scenes[1].truth is None
    assert scenes[0].other_text == scenes[1].other_text


@pytest.fixture(scope="module")
def facing():
    """Fine labels of people who face the camera, their sentences, and the surface colours with the outermost upper garment."""
    world = World(height=128, width=128, split="train", framing="full")
    people = torch.arange(150)
    pose = PeopleScenes(world, 150, yaw=20)._pose(people)
    return world.render(world.identity(people), pose, world.outfit(people), world.background(people), world.camera(people))


def seen(rendering, *pattern):
    """(B, H, W) where a fine label matches one of the patterns."""
    ids = [index for name, index in LABEL.items() if any(re.fullmatch(each, name) for each in pattern)]
    return torch.isin(rendering.labels, torch.tensor(ids, dtype=torch.uint8))


def test_sentences_name_the_garment_that_is_seen(facing):
    coat, dress, top = (seen(facing, each).flatten(1).any(1) for each in ("coat|.*coat_sleeve", "dress", "top"))
    for sentence, has_coat, has_dress, has_top in zip(facing.captions, coat.tolist(), dress.tolist(), top.tolist(), strict=True):
        noun = next(name for name in captions.CATEGORIES if name in re.split(r"[ .]", sentence))
        assert (noun in ("coat", "jacket", "blazer", "cardigan")) == has_coat, sentence
        assert has_coat or (noun == "dress") == has_dress, sentence
        assert has_dress or has_top, sentence


def test_sentences_name_the_sleeves_that_are_seen(facing):
    sleeves, upper, lower = (seen(facing, each).flatten(1).sum(1).tolist() for each in (".*_sleeve", ".*_upper_arm", ".*_forearm"))
    said = [captions.SLEEVES[number] for number in facing.attributes.sleeve.tolist()]
    assert set(said) == set(captions.SLEEVES)
    for word, cloth, skin, forearm in zip(said, sleeves, upper, lower, strict=True):
        assert (word == "sleeveless") == (cloth == 0)
        if word == "long":
            assert skin == 0 and forearm < cloth / 5
        elif word in ("short", "sleeveless"):
            assert skin > 20 and forearm > 20


def test_sentences_name_the_colour_that_is_seen(facing):
    coat = seen(facing, "coat|.*coat_sleeve")
    worn = seen(facing, "top|.*top_sleeve|dress|.*dress_sleeve")
    garment = torch.where(coat.flatten(1).any(1)[:, None, None], coat, worn)
    right = []
    for albedo, place, said in zip(facing.albedo, garment, facing.attributes.colour.tolist(), strict=True):
        named = captions.name_colour(albedo[:, place].T)
        shares = torch.bincount(named, minlength=len(captions.COLOURS)) / len(named)
        several = captions.COLOURS[said] == "multicolor"
        right.append(bool(shares.max() < 0.75 if several else shares.argmax() == said))
    # Checks and stripes that are finer than a pixel mix to another colour.
    assert sum(right) / len(right) > 0.94
