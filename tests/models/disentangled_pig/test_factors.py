import dataclasses
import itertools
import re

import pytest
import torch
from PIL import Image

from fashiongen.models.disentangled_pig.codes import Codes
from fashiongen.models.disentangled_pig.module import DisentangledPig
from fashiongen.types import Person

SIZE = (32, 16)
FACTORS = ("foreground", "background", "pose")


def person(seed, size=SIZE):
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    image = torch.rand(3, height, width, generator=generator) * 2 - 1
    places = torch.rand(18, 2, generator=generator) * torch.tensor([width, height])
    return Person(image, torch.cat([places, torch.full((18, 1), 2.0)], dim=1))


def people(*seeds):
    return Person.stack([person(seed) for seed in seeds])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return DisentangledPig(
        size=SIZE, width=3, levels=3, bottleneck=6, encoder_levels=3, region_size=8, region_code=3, background_code=5, pose_code=4,
        hidden=8, background_hidden=6, critic_width=2, critic_levels=2, joint_radius=2, mask_radius=3,
    ).eval()  # fmt: skip


def same(first, second):
    return torch.allclose(first, second, atol=1e-6)


# ------------------------------------------------------------------------------------------------------------ sample
def given_factors(model):
    codes = model.encode(person(1))
    return {
        "foreground": [None, person(1), codes.foreground[0]],
        "background": [None, person(2), codes.background[0]],
        "pose": [None, person(3), person(3).keypoints, codes.pose[0]],
    }


def test_every_combination_of_fixed_and_sampled_factors(model):
    for choice in itertools.product(*given_factors(model).values()):
        drawn = model.sample(2, *choice, seed=5)
        assert [picture.size for picture in drawn] == [(16, 32)] * 2 and all(isinstance(each, Image.Image) for each in drawn)


def test_a_person_is_as_good_as_her_code(model):
    codes, alice = model.encode(person(1)), person(1)
    for factor in ("foreground", "background"):
        from_person = model.sample(3, **{factor: alice}, seed=1)
        from_code = model.sample(3, **{factor: getattr(codes, factor)[0]}, seed=1)
        assert [each.tobytes() for each in from_person] == [each.tobytes() for each in from_code]


def test_the_same_seed_gives_the_same_pictures(model):
    first, again, other = (model.sample(3, seed=seed) for seed in (4, 4, 5))
    assert [each.tobytes() for each in first] == [each.tobytes() for each in again]
    assert [each.tobytes() for each in first] != [each.tobytes() for each in other]
    torch.manual_seed(0)
    unseeded = model.sample(2)
    torch.manual_seed(0)
    assert [each.tobytes() for each in unseeded] == [each.tobytes() for each in model.sample(2)]


def test_fixing_one_factor_leaves_the_samples_of_the_others(model):
    sampled = model.map(model.noise(2, seed=9))
    poses = model.decode_pose(sampled.pose)
    fixed = model.encode(people(1, 2))
    drawn = model.sample(2, foreground=people(1, 2), seed=9)
    assert same(drawn, model.decode(Codes(fixed.foreground, sampled.background, sampled.pose)))
    drawn = model.sample(2, pose=people(1, 2), seed=9)
    assert same(drawn, model.decode(sampled, people(1, 2).keypoints))
    assert not torch.equal(poses, people(1, 2).keypoints)


@pytest.mark.parametrize("factor", FACTORS)
def test_noise_of_a_factor_changes_its_code_alone(model, factor):
    noise = model.noise(2, seed=0)
    other = noise._replace(**{factor: getattr(noise, factor) + 0.1})
    for name, before, after in zip(FACTORS, model.map(noise), model.map(other), strict=True):
        assert torch.equal(before, after) == (name != factor)


def test_noise_has_the_models_deviation(model):
    noise = model.noise(2000, seed=0)
    for code in noise:
        assert code.std().item() == pytest.approx(0.2, rel=0.05) and abs(code.mean().item()) < 0.01


def test_lists_and_batches_give_one_factor_a_picture(model):
    drawn = model.sample(2, foreground=[person(1), person(2)], background=person(3), pose=person(4), seed=0)
    batch = model.sample(2, foreground=people(1, 2), background=person(3), pose=person(4), seed=0)
    assert isinstance(drawn, list) and batch.shape == (2, 3, *SIZE)
    one = model.sample(1, foreground=person(2), background=person(3), pose=person(4))
    assert one[0].tobytes() == drawn[1].tobytes()


def test_the_result_does_not_depend_on_the_batch_size(model):
    foreground = people(1, 2, 3, 4, 5)
    whole, parts = (model.sample(5, foreground=foreground, seed=0, batch_size=size) for size in (5, 2))
    assert same(whole, parts)


def test_the_released_testers_pass_poses_through_the_autoencoder(model):
    alice = people(1)
    keypoints = model.decode_pose(model.encode_pose(alice.keypoints))
    drawn = model.sample(1, alice, alice, alice, pose_source="autoencode")
    assert same(drawn, model.decode(model.encode(alice), keypoints))
    with pytest.raises(ValueError, match="give pose="):
        model.sample(1, pose_source="autoencode")


def test_people_of_other_sizes_and_with_missing_joints(model):
    tall = person(1, (64, 48))
    bare = person(2)
    bare.keypoints[::2] = 0
    nobody = dataclasses.replace(person(3), keypoints=torch.zeros(18, 3))
    for each in (tall, bare, nobody):
        assert len(model.sample(2, each, each, each)) == 2
        assert model.repose(each, person(4)).size == (16, 32)
    assert model.encode(nobody).foreground.eq(0).all()
    assert len(model.sample(2, foreground=[tall, bare], seed=0)) == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n": 0}, "n and batch_size are at least 1"),
        ({"n": 3, "foreground": [person(1), person(2)]}, "2 foregrounds for 3 pictures"),
        ({"n": 3, "pose": torch.zeros(2, 18, 3)}, "2 poses for 3 pictures"),
        ({"foreground": torch.zeros(5)}, re.escape("a foreground code is (21,) or (N, 21) numbers, not (5,)")),
        ({"pose": torch.zeros(17, 3)}, re.escape("a pose is key points (18, 3)")),
        ({"pose": dataclasses.replace(person(1), keypoints=None)}, "needs keypoints of the person"),
        ({"pose_source": "dream"}, "pose_source is 'mapper' or 'autoencode'"),
    ],
)
def test_bad_samples_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.sample(**{"n": 1, **arguments})


def test_a_model_without_background_says_so():
    model = DisentangledPig(
        size=SIZE, width=2, levels=2, encoder_levels=2, region_size=8, background_code=0, hidden=4, critic_width=1, critic_levels=2,
    )  # fmt: skip
    assert len(model.sample(2, person(1), seed=0)) == 2
    assert model.encode(person(1)).background is None and model.noise(2).background is None
    with pytest.raises(ValueError, match="has no factor 'background'; it has foreground, pose"):
        model.sample(1, background=person(1))
    assert len(model.interpolate(person(1), person(2), "all", steps=2)) == 2
    assert model.invert(person(1), steps=2).noise.background is None


# ------------------------------------------------------------------------------------------------------------ the other verbs
def test_the_codes_of_people(model):
    codes = model.encode([person(1), person(2)])
    assert [code.shape for code in codes] == [(2, 21), (2, 5), (2, 4)]
    assert same(codes.foreground[1:], model.encode(person(2)).foreground)
    hidden = person(1)
    hidden.keypoints[8:14] = 0
    assert model.encode(hidden).regions()[0].eq(0).all(dim=1).tolist() == [False, False, True, False, False, True, True]
    assert model.decode(codes, people(1, 2).keypoints).shape == (2, 3, *SIZE)


@pytest.mark.parametrize("factor", FACTORS)
def test_one_factor_is_exchanged(model, factor):
    own, other = model.encode(people(1)), model.encode(people(2))
    keypoints = people(2 if factor == "pose" else 1).keypoints
    codes = own if factor == "pose" else own._replace(**{factor: getattr(other, factor)})
    assert same(model.exchange(person(1), person(2), factor), model.decode(codes, keypoints))


def test_factors_may_differ_within_a_batch(model):
    drawn = model.exchange(people(1, 2, 3), people(4, 5, 6), list(FACTORS))
    for row, (first, second, factor) in enumerate(zip((1, 2, 3), (4, 5, 6), FACTORS, strict=True)):
        assert same(drawn[row : row + 1], model.exchange(person(first), person(second), factor))
    with pytest.raises(ValueError, match="no factor 'hat'"):
        model.exchange(person(1), person(2), "hat")
    with pytest.raises(ValueError, match="2 people, 1 donors and 2 factors"):
        model.exchange(people(1, 2), person(2), "pose")


def test_regions_are_mixed(model):
    own, other = model.encode(person(1)), model.encode(person(2))
    mixed = own.regions().clone()
    mixed[:, [2, 5, 6]] = other.regions()[:, [2, 5, 6]]
    expected = model.decode(own._replace(foreground=mixed.flatten(1)), people(1).keypoints)
    assert same(model.mix(people(1), {"bottom": person(2)}), expected)
    assert isinstance(model.mix(person(1), {"head": person(2)}, background=person(3), pose=person(4)), Image.Image)
    hidden = person(2)
    hidden.keypoints[8:14] = 0
    with pytest.raises(ValueError, match="legs is not visible"):
        model.mix(person(1), {"legs": hidden})
    with pytest.raises(ValueError, match="no body region 'hat'"):
        model.mix(person(1), {"hat": person(2)})


@pytest.mark.parametrize("path", ["linear", "spherical"])
@pytest.mark.parametrize("factor", [*FACTORS, "all"])
def test_interpolation_begins_and_ends_where_it_should(model, factor, path):
    a, b = person(1), person(2)
    walk = model.interpolate(a, b, factor, steps=3, path=path)
    assert len(walk) == 3
    own, other = model.encode(a), model.encode(b)
    if factor in ("foreground", "background"):
        first = model.decode(own, people(1).keypoints)
        last = model.decode(own._replace(**{factor: getattr(other, factor)}), people(1).keypoints)
    else:
        first, last = model.decode(own), model.decode(other if factor == "all" else own._replace(pose=other.pose))
    from_codes = model.interpolate(own, other, factor, steps=3, path=path)
    assert from_codes.shape == (3, 3, *SIZE)
    for picture, expected in ((walk[0], first), (walk[-1], last)):
        levels = torch.tensor(list(picture.tobytes())).view(*SIZE, 3).permute(2, 0, 1)
        assert (levels - (expected[0] + 1) * 127.5).abs().max() < 1


def test_interpolation_between_noises(model):
    assert len(model.interpolate(person(1), person(2), "foreground", steps=2, space="noise")) == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"factor": "hat"}, "no factor 'hat'"),
        ({"steps": 1}, "at least 2 steps"),
        ({"space": "time"}, "space is 'codes' or 'noise'"),
        ({"path": "round"}, "path 'linear' or 'spherical'"),
        ({"b": people(1, 2)}, "from one person to one other"),
    ],
)
def test_bad_interpolations_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.interpolate(**{"a": person(1), "b": person(2), **arguments})


def test_inversion_finds_noise_of_codes_that_come_from_noise(model):
    wanted = model.map(model.noise(3, seed=1))
    before = model._inverted(wanted, 0, 0.02)
    found = model._inverted(wanted, 300, 0.02)
    for name, error, start in zip(FACTORS, found.error, before.error, strict=True):
        assert error.shape == (3, 1) and (error < 0.1 * start).all(), name
    assert same(model.map(found.noise).foreground, found.codes.foreground)
    assert not any(tensor.requires_grad for tensor in found.noise)


def test_inversion_of_people_comes_closer_and_does_not_depend_on_company(model):
    found, start = model.invert(people(1, 2), steps=100), model.invert(people(1, 2), steps=0)
    assert (found.error.foreground < start.error.foreground).all()
    alone = model.invert(person(2), steps=100)
    torch.testing.assert_close(found.noise.foreground[1:], alone.noise.foreground, atol=1e-3, rtol=1e-3)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_virtual_people(model):
    poses = [person(1), person(2), person(3)]
    made = list(model.virtual(2, poses, pictures=3, seed=1))
    assert [name for name, _ in made] == [f"{identity:04d}_c1s1_{number:06d}_00" for identity in (1, 2) for number in (1, 2, 3)]
    assert all(picture.shape == (3, *SIZE) for _, picture in made)
    assert all(re.fullmatch(r"\d{4}_c\ds\d_\d{6}_\d\d", name) for name, _ in made)
    again = list(model.virtual(2, poses, pictures=3, seed=1, batch_size=2))
    assert all(same(first, second) for (_, first), (_, second) in zip(made, again, strict=True))
    more = list(model.virtual(3, poses, pictures=3, seed=1))
    assert all(same(first, second) for (_, first), (_, second) in zip(made, more, strict=False))
    later = list(model.virtual(2, poses, pictures=3, seed=1, first=1))
    assert [name for name, _ in later] == [name for name, _ in made[3:]]
    assert all(same(first, second) for (_, first), (_, second) in zip(made[3:], later, strict=True))
    assert not same(made[0][1], made[3][1]) and not same(made[0][1], made[1][1])


def test_virtual_people_keep_their_foreground(model):
    seen = []
    draw = model.draw
    model.draw = lambda foreground, background, keypoints: (
        seen.append((foreground, background)) or draw(foreground, background, keypoints)
    )
    list(model.virtual(2, pictures=3))
    for foreground, background in seen:
        assert torch.equal(foreground, foreground[:1].expand_as(foreground))
        assert len(background.unique(dim=0)) == 3
    assert not torch.equal(seen[0][0], seen[1][0])


def test_real_people_may_be_the_identities(model):
    made = list(model.virtual(people(1, 2), people(3).keypoints, pictures=1))
    assert len(made) == 2
    with pytest.raises(ValueError, match="at least 1 identity and 1 picture"):
        next(model.virtual(0))


def test_verbs_leave_the_mode_as_it_was(model):
    model.train()
    model.sample(1)
    model.invert(person(1), steps=1)
    assert model.training
