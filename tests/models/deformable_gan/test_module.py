import copy
import dataclasses
import itertools

import h5py
import pytest
import torch
from fitting import changed, trainer
from PIL import Image
from torch.utils.data import DataLoader

from fashiongen import hub
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.nearest_neighbour import nearest_neighbour_loss
from fashiongen.models.deformable_gan.losses import smoothness
from fashiongen.models.deformable_gan.module import DeformableGan
from fashiongen.models.deformable_gan.official import discriminator_variables, generator_variables, load_official
from fashiongen.optim import TFAdam
from fashiongen.types import Batch, Person

SIZE = (48, 40)
AS_PUBLISHED = {
    "interpolation": "nearest", "warp_gradient": "tensorflow", "pose": "staircase", "batches": "separate", "epsilon": 1e-7,
    "content_taps": ["conv1_2"], "neighbourhood": 3, "content_weight": 0.01, "vgg": "random", "vgg_normalization": "caffe-swapped",
    "optimizer": "tf_adam",
}  # fmt: skip
BODY = (
    (0, 4),
    (0, 8),
    (-4, 8),
    (-5, 14),
    (-5, 19),
    (4, 8),
    (5, 14),
    (5, 19),
    (-3, 20),
    (-3, 27),
    (-3, 34),
    (3, 20),
    (3, 27),
    (3, 34),
)
FACE = ((-1, 3), (1, 3), (-2, 4), (2, 4))


def figure(colour, left, lean=0.0):
    """A coloured bar as a person, its joints within."""
    image = torch.full((3, *SIZE), -0.5)
    image[:, 3:37, left : left + 10] = colour
    joints = torch.tensor([*BODY, *FACE], dtype=torch.float32)
    keypoints = torch.full((18, 3), 2.0)
    keypoints[:, 0] = left + 5.5 + joints[:, 0] + lean * joints[:, 1]
    keypoints[:, 1] = joints[:, 1] + 0.5
    return Person(image, keypoints)


def examples(count=4):
    generator = torch.Generator().manual_seed(0)
    items = []
    for index in range(count):
        colour = torch.rand(3, 1, 1, generator=generator) * 2 - 1
        items.append(Batch(figure(colour, 1 + index), figure(colour, 20 - index, 0.1), name=f"{index}"))
    return items


def loader(batch_size=4):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(
        size=SIZE, width=4, levels=3, discriminator_width=4, learning_rate=2e-3, steps={"adversarial": 2}, pictures_every=0
    )  # fmt: skip
    torch.manual_seed(0)
    return DeformableGan(**{**defaults, **options})


def fit(module, folder, **options):
    trainer(folder, **options).fit(module, loader())


# ------------------------------------------------------------------------------------------------------------ training
@pytest.mark.parametrize(
    "options",
    [
        {},
        AS_PUBLISHED,
        {"warp_skip": "full", "discriminator_kind": "warp", "smoothness_weight": 1e-4},
        {"warp_skip": "stn", "discriminator_kind": "sim", "source_pose": False},
        {"warp_skip": "none", "pose": "stickman", "neighbourhood": 3},
        {"aggregation": "avg", "pose": "exponential", "interpolation": "nearest"},
        {"parts": "rectangles", "aggregation": "avg", "pose_mask_weight": 300.0, "patch": 2},
    ],
)
def test_every_mode_trains_both_networks(tmp_path, options):
    module = tiny(**options)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == {"adversarial": 2}
    assert changed(module, before) == {"generator", "discriminator"}
    names = {"real", "fake", "discriminator", "adversarial", "content", "total"}
    names |= {name for name in ("smoothness", "pose_mask") if f"{name}_weight" in options}
    assert set(module.losses) == {f"adversarial/{name}" for name in names}
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_training_lowers_the_loss(tmp_path):
    module = tiny(steps={"adversarial": 40}, learning_rate=5e-3, dropout=0.0)
    pairs = tiny().pairs(Batch.collate(examples()))
    before = module.generator_losses(pairs, module.paint(pairs))["content"].item()
    fit(module, tmp_path)
    assert module.generator_losses(pairs, module.paint(pairs))["content"].item() < 0.5 * before


@pytest.mark.parametrize("steps", [1, 3])
def test_the_discriminator_is_updated_several_times_a_step(tmp_path, monkeypatch, steps):
    module = tiny(discriminator_steps=steps, steps={"adversarial": 1})
    calls = []
    for name in ("discriminator_losses", "generator_losses"):
        original = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, name=name, original=original: calls.append(name) or original(*given))
    fit(module, tmp_path)
    assert calls == ["discriminator_losses"] * steps + ["generator_losses"]


def test_updates_may_see_different_parts_of_a_batch(tmp_path, monkeypatch):
    module = tiny(batches="separate", steps={"adversarial": 1})
    seen = {}
    for name in ("discriminator_losses", "generator_losses"):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *given, name=name, original=original: seen.update({name: given[:-1]}) or original(*given)
        )
    fit(module, tmp_path)
    images = [pairs.source for name in ("discriminator_losses", "generator_losses") for pairs in seen[name]]
    assert [len(image) for image in images] == [1, 1, 1]  # a batch of four in three parts
    assert torch.equal(torch.cat(images), Batch.collate(examples()).person.image[:3])
    with pytest.raises(ValueError, match="cuts a batch in 3 parts; this one has 2 examples"):
        module.train_adversarial(Batch.collate(examples(2)))


def test_dropout_is_off_outside_training_unless_asked_for():
    module = tiny().eval()
    batch = Batch.collate(examples())
    still = [module.transfer(batch.person, batch.target.keypoints) for _ in range(2)]
    moving = [module.transfer(batch.person, batch.target.keypoints, dropout=True) for _ in range(2)]
    assert torch.equal(*still) and not torch.equal(*moving)
    assert not any(layer.training for layer in module.modules())


def test_losses_are_summed_with_their_weights():
    module = tiny(epsilon=1e-7, adversarial_weight=2.0, content_weight=3.0, smoothness_weight=1e-3, neighbourhood=3).eval()
    pairs = module.pairs(Batch.collate(examples()))
    generated = module(*pairs[:2], pairs.target_keypoints)
    torch.testing.assert_close(module.paint(pairs), generated, rtol=0, atol=0)
    losses = module.generator_losses(pairs, generated)
    logits = module.judge(pairs, generated)
    expected = {
        "adversarial": real_loss(logits, 1e-7),
        "content": nearest_neighbour_loss(generated, pairs.target, 3),
        "smoothness": smoothness(generated),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    torch.testing.assert_close(
        losses["total"], 2 * expected["adversarial"] + 3 * expected["content"] + 1e-3 * expected["smoothness"]
    )
    judged = module.discriminator_losses(pairs, pairs, generated)
    expected_sum = real_loss(module.judge(pairs, pairs.target), 1e-7) + fake_loss(logits, 1e-7)
    torch.testing.assert_close(judged["discriminator"], expected_sum)


def test_vgg_features_are_those_that_the_options_name(tmp_path):
    module = tiny(**AS_PUBLISHED)
    assert module.content.features is None
    fit(module, tmp_path)
    features = module.content.features
    assert features.taps == ("conv1_2",) and features.pool is torch.nn.functional.max_pool2d
    means = (features.mean.flatten() + 1) * 127.5
    torch.testing.assert_close(means, torch.tensor([103.939, 116.779, 123.68]))
    assert not any("content" in key for key in module.state_dict())
    assert all(isinstance(optimizer, TFAdam) for optimizer in module.configure_optimizers())


def test_a_missing_vgg_file_is_named(tmp_path):
    module = tiny(**{**AS_PUBLISHED, "vgg": str(tmp_path / "vgg19.h5")})
    with pytest.raises(FileNotFoundError, match=r"there is no file .*vgg19\.h5"):
        fit(module, tmp_path)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, steps={"adversarial": 1}, channels_last=True)
    fit(module, tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_a_resumed_run_gives_the_same_weights(tmp_path):
    def run(steps, checkpoint=None):
        module, runner = tiny(steps={"adversarial": steps}), trainer(tmp_path)
        runner.fit(module, loader(), ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(3)
    _, runner = run(1)
    runner.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = run(3, tmp_path / "half.ckpt")
    assert resumed.steps_in_stage == {"adversarial": 3}
    assert not changed(resumed, whole)


# ------------------------------------------------------------------------------------------------------------ running
def test_repose():
    module = tiny()
    person, other = examples()[0].person, examples()[1].target
    picture = module.repose(person, other)
    assert isinstance(picture, Image.Image) and picture.size == (40, 48)
    batch = Batch.collate(examples())
    drawn = module.repose(batch.person, batch.target, batch_size=3)
    expected = module.eval()(batch.person.image, batch.person.keypoints, batch.target.keypoints)
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-5)
    assert drawn.abs().max() <= 1


@pytest.mark.parametrize("warp_skip", ["mask", "full", "stn", "none"])
def test_poses_may_lack_joints(warp_skip):
    module = tiny(warp_skip=warp_skip)
    person = examples()[0].person
    poses = person.keypoints.repeat(3, 1, 1)
    poses[1] = 0
    poses[2, [2, 8], 2] = 0
    assert module.repose(person, poses).isfinite().all()
    assert module.repose(dataclasses.replace(person, keypoints=poses[1]), poses).isfinite().all()


def test_the_source_needs_key_points():
    person = dataclasses.replace(examples()[0].person, keypoints=None)
    with pytest.raises(ValueError, match="deformable_gan needs keypoints of the person"):
        tiny().repose(person, examples()[1].person)
    with pytest.raises(ValueError, match="deformable_gan needs key points of the person"):
        tiny().transfer(Person.stack([person]), examples()[1].person.keypoints[None])


def test_backgrounds_are_painted_upon_but_not_trained_with(tmp_path):
    module = tiny(background=True)
    person, other = examples()[0].person, examples()[1].person
    dark, light = (module.repose(person, other.keypoints[None], background=torch.full((3, *SIZE), value)) for value in (-1.0, 1.0))
    assert not torch.equal(dark, light)
    with pytest.raises(ValueError, match="in front of a background"):
        module.repose(person, other)
    with pytest.raises(ValueError, match=r"the background is \(3, 48, 40\)"):
        module.repose(person, other, background=torch.zeros(3, 4, 4))
    with pytest.raises(ValueError, match="made without `background`"):
        tiny().repose(person, other, background=torch.zeros(3, *SIZE))
    with pytest.raises(ValueError, match="only runs"):
        fit(module, tmp_path)


def test_figures_against_the_target(tmp_path):
    runner = trainer(tmp_path)
    (figures,) = runner.test(tiny(), loader(), verbose=False)
    names = itertools.product(("deformable_gan", "copy_source"), ("person_l1", "l1", "ssim", "mask_ssim"))
    assert set(figures) == {f"test/{model}/{figure}" for model, figure in names} | {"test/deformable_gan/person_gap_closed"}
    (predicted,) = runner.predict(tiny(), loader())
    assert predicted["name"] == ["0", "1", "2", "3"] and predicted["image"].shape == (4, 3, *SIZE)
    (figures,) = runner.validate(tiny(), loader(), verbose=False)
    assert set(figures) == {f"validation/deformable_gan/{figure}" for figure in ("person_l1", "l1", "ssim", "mask_ssim")}


def test_batches_without_a_target_are_refused():
    batch = dataclasses.replace(Batch.collate(examples()), target=None)
    with pytest.raises(ValueError, match="same person in another pose"):
        tiny().predict_step(batch, 0)
    with pytest.raises(ValueError, match="same person in two poses"):
        tiny().pictures(batch)


def test_pictures_and_published_weights():
    module = tiny()
    assert {key.partition(".")[0] for key in module.inference_state()} == {"generator"}
    columns = module.pictures(Batch.collate(examples()))
    assert set(columns) == {"person", "pose", "target", "generated"}
    assert all(column.shape == (4, 3, *SIZE) and column.abs().max() <= 1 for column in columns.values())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"warp_skip": "both"}, "warp_skip is one of none, full, mask, stn"),
        ({"discriminator_kind": "patch"}, "kind is one of call, sim, warp"),
        ({"pose": "dots"}, "pose is one of gaussian, staircase, exponential, stickman"),
        ({"aggregation": "none"}, "aggregation is one of max, avg"),
        ({"batches": "three"}, "batches is one of shared, separate"),
        ({"warp_gradient": "tensorflow"}, "belongs to interpolation='nearest'"),
        ({"aggregation": "avg", "warp_skip": "full"}, "joins the parts of warp_skip='mask'"),
        ({"background": True, "warp_skip": "none"}, "sees no background"),
        ({"discriminator_steps": 0}, "discriminator_steps is at least 1"),
        ({"neighbourhood": 2}, "odd number of pixels, not 2"),
        ({"size": (42, 36)}, "multiples of 4 and at least 34, not 42x36"),
        ({"size": (64, 32)}, "multiples of 4 and at least 34, not 64x32"),
        ({"size": (40, 36), "patch": 2}, "patch=2 height and width are multiples of 8 and at least 34, not 40x36"),
        ({"patch": 0}, "patch is at least 1 pixel, not 0"),
        ({"parts": "circles"}, "parts is one of joints, rectangles"),
        ({"parts": "rectangles", "warp_skip": "none"}, "those of warp_skip='mask'; warp_skip='none' goes with 'joints'"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


# ------------------------------------------------------------------------------------------------------------ presets
@pytest.mark.parametrize("preset, levels, neighbourhood", [("official-market", 6, 3), ("official-deepfashion", 7, 5)])
def test_official_presets_have_the_quirks_of_the_authors_code(preset, levels, neighbourhood):
    module = hub.create("deformable_gan", preset, width=2, discriminator_width=2)
    options = {key: value for key, value in AS_PUBLISHED.items() if key != "vgg"}
    assert {key: module.hparams[key] for key in options} == {**options, "neighbourhood": neighbourhood}
    assert module.generator.levels == levels and module.hparams["learning_rate"] == 2e-4
    generator, discriminator = module.configure_optimizers()
    assert isinstance(generator, TFAdam) and discriminator.param_groups[0]["betas"] == (0.5, 0.999)
    assert (module.generator.interpolation, module.generator.warp_gradient) == ("nearest", "tensorflow")
    assert module.plan == {"adversarial": 89_000}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": 4, "warp_skip": "none"},
        {"warp_skip": "none", "source_pose": False},
        {"background": True},
        {"warp_skip": "stn", "source_pose": False},
        {"pose": "stickman"},
    ],
)
def test_an_authors_file_opens(tmp_path, options):
    first = hub.create("deformable_gan", "official-market", **{"width": 2, "discriminator_width": 2, **options})
    for name, variables in (
        ("generator", generator_variables(first.generator)),
        ("discriminator", discriminator_variables(first.discriminator)),
    ):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            for variable, array in variables.items():
                file[f"model_weights/{variable.split('/')[0]}/{variable}"] = array
            file["optimizer_weights/Adam/iterations:0"] = 7
    second = load_official(tmp_path / "generator.h5", tmp_path / "discriminator.h5", discriminator_width=2)
    assert not second.training
    assert not changed(second, first)
    saved = ("warp_skip", "width", "levels", "pose", "background", "source_pose", "size")
    assert {key: second.hparams[key] for key in saved} == {key: first.hparams[key] for key in saved}
    with pytest.raises(ValueError, match=r"discriminator\.h5: .*no generator of Deformable GAN"):
        load_official(tmp_path / "discriminator.h5")
    with pytest.raises(ValueError, match=r"generator\.h5: not a checkpoint of this Discriminator"):
        load_official(tmp_path / "generator.h5", tmp_path / "generator.h5", discriminator_width=2)
