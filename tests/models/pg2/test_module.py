import copy
import dataclasses
import itertools

import pytest
import torch
from fitting import changed, trainer
from PIL import Image
from torch.utils.data import DataLoader

from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.models.pg2.module import Pg2
from fashiongen.types import Batch, Person

SIZE = (32, 16)


def figure(colour, left):
    """A coloured bar as a person, its joints along the middle."""
    image = torch.full((3, *SIZE), -0.5)
    image[:, 4:28, left : left + 6] = colour
    keypoints = torch.full((18, 3), 2.0)
    keypoints[:, 0] = left + 3.0
    keypoints[:, 1] = torch.linspace(5, 27, 18)
    return Person(image, keypoints)


def examples(count=4):
    generator = torch.Generator().manual_seed(0)
    items = []
    for index in range(count):
        colour = torch.rand(3, 1, 1, generator=generator) * 2 - 1
        items.append(Batch(figure(colour, index), figure(colour, 9 - index), name=f"{index}"))
    return items


def loader(batch_size=2):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(
        size=SIZE, width=4, code=4, blocks=3, refinement_blocks=2, critic_width=4, critic_levels=2, joint_radius=2, mask_radius=2,
        learning_rate=2e-3, steps={"coarse": 3, "refinement": 2}, pictures_every=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return Pg2(**{**defaults, **options})


def fit(module, folder, **options):
    trainer(folder, **options).fit(module, loader())


def test_one_fit_walks_through_both_stages(tmp_path):
    module = tiny()
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == {"coarse": 3, "refinement": 2}
    assert changed(module, before) == {"coarse", "refinement", "critic"}
    names = ("adversarial", "l1", "pose_mask", "total", "critic")
    assert set(module.losses) == {f"refinement/{name}" for name in names}


@pytest.mark.parametrize("stage, trained", [("coarse", {"coarse"}), ("refinement", {"refinement", "critic"})])
def test_a_stage_alone_leaves_the_other_networks_untouched(tmp_path, stage, trained):
    module = tiny(only=stage)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == trained


def test_updates_may_take_turns(tmp_path):
    module = tiny(only="refinement", updates="alternate", steps={"refinement": 1})
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == {"refinement"}
    module = tiny(only="refinement", updates="alternate", steps={"refinement": 2})
    fit(module, tmp_path)
    assert changed(module, before) == {"refinement", "critic"}
    assert set(module.losses) == {"refinement/critic"}


@pytest.mark.parametrize(
    "options",
    [
        {"critic_mode": "pair"},
        {"coarse_in_batch": True, "optimizer": "tf_adam", "finest_skip": False},
        {"generator_logits": "negatives", "l1_weight": 50.0, "optimizer": "tf_adam"},
    ],
)
def test_other_modes_train(tmp_path, options):
    module = tiny(**options)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == {"coarse", "refinement", "critic"}


def test_training_lowers_the_loss(tmp_path):
    module = tiny(steps={"coarse": 50, "refinement": 0}, learning_rate=5e-3)
    batch = Batch.collate(examples())

    def loss():
        with torch.no_grad():
            drawn, _ = module(batch.person.image, batch.target.keypoints)
            return module.reconstruction_losses(drawn, batch.target.image, module.pose_mask(batch.target))["total"]

    before = loss()
    fit(module, tmp_path)
    assert loss() < 0.5 * before


def logits_of(module, batch):
    coarse, difference = module(batch.person.image, batch.target.keypoints)
    return module.judge(batch.person.image, batch.target.image, coarse + difference, coarse)


def test_losses_are_summed_with_their_weights():
    batch = Batch.collate(examples())
    module = tiny(mask_weight=3.0)
    mask = module.pose_mask(batch.target)
    drawn = torch.zeros_like(batch.target.image)
    losses = module.reconstruction_losses(drawn, batch.target.image, mask)
    difference = batch.target.image.abs()
    assert torch.allclose(losses["total"], (difference * (1 + 3 * mask)).mean())

    logits = logits_of(module, batch)
    assert logits.coarse is None
    assert torch.allclose(module.adversarial_loss(logits), real_loss(logits.generated))
    fake = (fake_loss(logits.generated) + fake_loss(logits.condition)) / 2
    assert torch.allclose(module.critic_loss(logits), 0.5 * (real_loss(logits.real) + fake))

    module = tiny(generator_logits="negatives")
    logits = logits_of(module, batch)
    assert torch.allclose(module.adversarial_loss(logits), (real_loss(logits.generated) + real_loss(logits.condition)) / 2)

    module = tiny(critic_mode="pair", critic_weight=1.0)
    logits = logits_of(module, batch)
    assert logits.condition is None and logits.real.shape == (4, 1)
    assert torch.allclose(module.critic_loss(logits), real_loss(logits.real) + fake_loss(logits.generated))


def test_coarse_pictures_take_part_in_the_statistics():
    batch = Batch.collate(examples())
    module = tiny()
    without = logits_of(module, batch)
    module.hparams["coarse_in_batch"] = True
    with_coarse = logits_of(module, batch)
    assert with_coarse.coarse.shape == (4, 1)
    assert not torch.allclose(without.real, with_coarse.real)


def test_repose_and_its_by_products():
    module = tiny()
    person, other = examples()[0].person, examples()[1].person
    picture = module.repose(person, other)
    assert isinstance(picture, Image.Image) and picture.size == (16, 32)
    batch = Batch.collate(examples())
    coarse, difference = module(batch.person.image, batch.target.keypoints)
    for output, expected in (("picture", coarse + difference), ("coarse", coarse), ("difference", difference)):
        drawn = module.repose(batch.person, batch.target, output=output)
        assert torch.allclose(drawn, expected.clamp(-1, 1), atol=1e-6)
    with pytest.raises(ValueError, match="output is 'picture', 'coarse' or 'difference'"):
        module.repose(person, other, output="fine")


def test_the_source_needs_no_key_points_and_poses_may_lack_joints():
    module = tiny()
    person = dataclasses.replace(examples()[0].person, keypoints=None)
    poses = examples()[1].person.keypoints.repeat(3, 1, 1)
    poses[1] = 0
    poses[2, 4] = float("nan")
    assert module.repose(person, poses).isfinite().all()


def test_figures_against_the_target(tmp_path):
    runner = trainer(tmp_path)
    (figures,) = runner.test(tiny(), loader(), verbose=False)
    names = itertools.product(("pg2", "stage_1", "copy_source"), ("person_l1", "l1", "ssim", "mask_ssim"))
    assert set(figures) == {f"test/{model}/{figure}" for model, figure in names} | {"test/pg2/person_gap_closed"}
    expected = torch.stack([(item.person.image - item.target.image).abs().mean() / 2 for item in examples()]).mean()
    assert figures["test/copy_source/l1"] == pytest.approx(expected.item(), rel=1e-5)
    (predicted, _) = runner.predict(tiny(), loader())
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, *SIZE)
    (figures,) = runner.validate(tiny(), loader(), verbose=False)
    assert set(figures) == {f"validation/pg2/{figure}" for figure in ("person_l1", "l1", "ssim", "mask_ssim")}


def test_batches_without_a_target_are_refused():
    batch = dataclasses.replace(Batch.collate(examples()), target=None)
    with pytest.raises(ValueError, match="same person in another pose"):
        tiny().predict_step(batch, 0)
    with pytest.raises(ValueError, match="same person in two poses"):
        tiny().pictures(batch)


def test_the_published_weights_are_those_of_the_generators():
    module = tiny()
    assert {key.partition(".")[0] for key in module.inference_state()} == {"coarse", "refinement"}
    assert set(module.pictures(Batch.collate(examples()))) == {"person", "pose", "target", "coarse", "difference", "refined"}


@pytest.mark.parametrize(
    "options, message",
    [
        ({"critic_mode": "double"}, "critic_mode is one of triplet, pair"),
        ({"updates": "never"}, "updates is one of both, alternate"),
        ({"critic_mode": "pair", "coarse_in_batch": True}, "belong to critic_mode='triplet'"),
        ({"only": "second"}, "pg2 has no stage second; its stages are coarse, refinement"),
        ({"size": (30, 16)}, "multiples of 4, not 30x16"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, steps={"coarse": 1, "refinement": 1})
    fit(module, tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_a_resumed_run_gives_the_same_weights(tmp_path):
    data = DataLoader(examples(2), batch_size=2, collate_fn=Batch.collate)

    def run(steps, checkpoint=None):
        module, runner = tiny(steps=steps), trainer(tmp_path)
        runner.fit(module, data, ckpt_path=checkpoint)
        return module, runner

    whole, _ = run({"coarse": 2, "refinement": 3})
    for stop in ({"coarse": 1, "refinement": 0}, {"coarse": 2, "refinement": 1}):
        _, runner = run(stop)
        runner.save_checkpoint(tmp_path / "half.ckpt")
        resumed, _ = run({"coarse": 2, "refinement": 3}, tmp_path / "half.ckpt")
        assert resumed.steps_in_stage == {"coarse": 2, "refinement": 3}
        assert not changed(resumed, whole)
