import copy
import dataclasses
from functools import partial

import pytest
import torch
from fitting import changed, trainer
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from fashiongen import hub
from fashiongen.layers.sketch_colours import clean_faces
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.metrics.two_sample import TwoSampleAccuracy
from fashiongen.models.clothnet import figures
from fashiongen.models.clothnet.module import MODULES, ClothNet
from fashiongen.models.clothnet.sketch import LABELS
from fashiongen.types import Batch, Person

SIDE = 16
STEPS = {"sketch": 2, "body_sketch": 2, "portray": 2}


@pytest.fixture(autouse=True)
def quick_classifier(monkeypatch):
    """The two-sample test with a classifier that hardly learns."""
    monkeypatch.setattr(figures, "TwoSampleAccuracy", partial(TwoSampleAccuracy, side=8, folds=2, steps=2))


def figure(index, generator):
    """A face above a top above trousers, each in its own colour."""
    labels, parts = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    image = torch.rand(3, SIDE, SIDE, generator=generator) * 2 - 1
    for top, bottom, label, part in ((1, 4, 11, 1), (4, 9, 4, 2), (9, 15, 6, 7)):
        labels[top:bottom, 4 + index : 10 + index], parts[top:bottom, 4 + index : 10 + index] = label, part
        image[:, top:bottom, 4 + index : 10 + index] = torch.rand(3, 1, 1, generator=generator) * 2 - 1
    return Person(image, parsing=labels, scheme="clothnet22", parts=parts)


def examples(count=4):
    generator = torch.Generator().manual_seed(0)
    return [Batch(figure(index, generator), name=f"{index}") for index in range(count)]


def loader(batch_size=2):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


ALL_STAGES = {"sketch_adversarial_weight": 1.0}


def tiny(**options):
    defaults = dict(
        size=SIDE, sketch_width=4, sketch_growth=2, code=4, portray_width=4, portray_growth=2, discriminator_width=4,
        discriminator_halvings=1, learning_rate=2e-3, steps=STEPS, pictures_every=0, wardrobe=3,
    )  # fmt: skip
    torch.manual_seed(0)
    return ClothNet(**{**defaults, **options})


def fit(module, folder, **options):
    trainer(folder, **options).fit(module, loader())


# ------------------------------------------------------------------------------------------------------------- training
def test_one_fit_walks_through_all_stages(tmp_path):
    module = tiny()
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == STEPS
    assert changed(module, before) == {"sketch", "body_sketch", "portrayer", "discriminator"}
    assert set(module.losses) == {f"portray/{name}" for name in ("adversarial", "l1", "total", "discriminator")}


def test_sampled_sketches_are_judged_after_their_modules_have_learned(tmp_path):
    steps = {"sketch": 1, "sketch_adversarial": 2, "body_sketch": 1, "body_sketch_adversarial": 9, "portray": 1}
    module = tiny(sketch_adversarial_weight=1.0, steps=steps)
    before = copy.deepcopy(module)
    seen = []
    module.train_body_sketch_adversarial = lambda batch, step=module.train_body_sketch_adversarial: (
        seen.append(step(batch)) or seen[-1]
    )
    fit(module, tmp_path)
    assert module.steps_in_stage == steps and list(module.plan) == list(steps)
    judges = {"sketch_discriminator", "body_sketch_discriminator"}
    assert changed(module, before) == {"sketch", "body_sketch", "portrayer", "discriminator"} | judges
    for losses in seen:
        own = losses["reconstruction"] + module.hparams["kl_weight"] * losses["kl"]
        torch.testing.assert_close(losses["total"], own + losses["adversarial"] + losses["coverage"])
    assert {key.partition(".")[0] for key in module.inference_state()} == {"sketch", "body_sketch", "portrayer"}


def test_judged_sketches_resume(tmp_path):
    steps = {"sketch_adversarial": 4}

    def run(steps, checkpoint=None):
        options = {"modules": ["sketch"], "sketch_adversarial_weight": 1.0, "prior": "fitted"}
        module, runner = tiny(steps={"sketch": 1, **steps}, **options), trainer(tmp_path)
        runner.fit(module, DataLoader(examples(2), batch_size=2, collate_fn=Batch.collate), ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(steps)
    _, runner = run({"sketch_adversarial": 2})
    runner.save_checkpoint(tmp_path / "half.ckpt")
    assert not changed(run(steps, tmp_path / "half.ckpt")[0], whole)


def test_the_discriminator_alone_teaches_what_sketches_look_like(tmp_path):
    def distance(module):
        torch.manual_seed(0)
        drawn = module.draw(module.sample_codes(64))
        areas = torch.stack([(drawn == label).float().mean() for label in (11, 4, 6)])
        return (areas - torch.tensor([18.0, 30, 36]) / SIDE**2).abs().sum()

    options = {"modules": ["sketch"], "only": "sketch_adversarial", "sketch_adversarial_rate": 2e-3}
    module = tiny(sketch_adversarial_weight=1.0, steps={"sketch_adversarial": 100}, **options)
    module.sketch_losses = lambda drawn, labels: {"total": 0 * drawn.logits.sum()}
    before = distance(module)
    fit(module, tmp_path)
    assert distance(module) < 0.5 * before


@pytest.mark.parametrize(
    "stage, trained", [("sketch", {"sketch"}), ("body_sketch", {"body_sketch"}), ("portray", {"portrayer", "discriminator"})]
)
def test_a_stage_alone_leaves_the_other_networks_untouched(tmp_path, stage, trained):
    module = tiny(only=stage)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == trained


@pytest.mark.parametrize(
    "options",
    [
        {"reconstruction": "softmax", "weigh_predicted": True, "sketch_statistics": "batch", "body_levels": "all"},
        {"portray_input": "labels", "one_by_one": True, "optimizer": "tf_adam", "dropout": "always", "finest_skip": True},
        {"portray_colours": True, "colour_statistic": "mean", "portray_statistics": "batch", "portray_levels": 3, "cooldown": 0.5},
    ],
)
def test_other_modes_train(tmp_path, options):
    module = tiny(**options)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == {"sketch", "body_sketch", "portrayer", "discriminator"}
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_a_model_may_have_some_of_the_modules(tmp_path):
    module = tiny(modules=["sketch", "portray"])
    assert [stage.name for stage in module.stages] == ["sketch", "portray"]
    assert module.needs_to_train == {"person", "parsing"}
    fit(module, tmp_path)
    assert module.steps_in_stage == {"sketch": 2, "portray": 2}
    assert not hasattr(module, "body_sketch")


def test_one_by_one_is_a_batch_of_one_after_the_other(tmp_path):
    options = {"modules": ["portray"], "dropout": "never"}
    together, singly = (tiny(**options, steps={"portray": steps}, one_by_one=each) for steps, each in ((1, True), (2, False)))
    runs = ((together, 2), (singly, 1))
    for module, batch_size in runs:
        trainer(tmp_path).fit(module, DataLoader(examples(2), batch_size=batch_size, collate_fn=Batch.collate))
    for key, tensor in together.portrayer.state_dict().items():
        if "running" not in key and "tracked" not in key:
            assert torch.allclose(tensor, singly.portrayer.state_dict()[key], atol=2e-3), key


@pytest.mark.slow
def test_training_draws_sketches_and_pictures_better(tmp_path):
    module = tiny(
        steps={"sketch": 100, "body_sketch": 100, "portray": 40}, sketch_width=8, reconstruction="softmax", kl_weight=0.1,
        learning_rate=1e-2, dropout="never",
    )  # fmt: skip

    def measure():
        return trainer(tmp_path).validate(module, loader(4), verbose=False)[0]

    before = measure()
    trainer(tmp_path).fit(module, loader(4))
    after = measure()
    for name in ("sketch", "body_sketch"):
        assert after[f"validation/{name}/accuracy"] > max(0.9, before[f"validation/{name}/accuracy"])
    assert after["validation/portrait/l1"] < 0.5 * before["validation/portrait/l1"]


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, portray_colours=True)
    fit(module, tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_a_resumed_run_gives_the_same_weights(tmp_path):
    data = DataLoader(examples(2), batch_size=2, collate_fn=Batch.collate)

    def run(steps, checkpoint=None):
        module, runner = tiny(steps=steps, portray_colours=True, dropout="always"), trainer(tmp_path)
        runner.fit(module, data, ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(STEPS)
    for stop in (
        {"sketch": 1, "body_sketch": 0, "portray": 0},
        {"sketch": 2, "body_sketch": 1, "portray": 0},
        {"sketch": 2, "body_sketch": 2, "portray": 1},
    ):
        _, runner = run(stop)
        runner.save_checkpoint(tmp_path / "half.ckpt")
        resumed, _ = run(STEPS, tmp_path / "half.ckpt")
        assert resumed.steps_in_stage == STEPS
        assert not changed(resumed, whole) and torch.equal(resumed.wardrobe, whole.wardrobe)


def test_the_wardrobe_keeps_the_latest_colours(tmp_path):
    module = tiny(portray_colours=True, steps={"sketch": 0, "body_sketch": 0, "portray": 2})
    fit(module, tmp_path)
    people = [item.person for item in examples()]
    shown = module.colours_of(people)
    # Four people went through three places: the first one's is taken by the fourth.
    assert torch.equal(module.wardrobe, shown[[3, 1, 2]])


@pytest.mark.slow
def test_the_mannequin_world_trains_it(tmp_path):
    data = MannequinDataModule(
        task="people", scheme="clothnet22", height=32, width=32, framing="full", train_length=8, validation_length=4,
        test_length=8, batch_size=4,
    )  # fmt: skip
    module = tiny(size=32, portray_colours=True, colour_statistic="mean")
    runner = trainer(tmp_path)
    runner.fit(module, data)
    assert module.steps_in_stage == STEPS
    (measured,) = runner.test(module, data, verbose=False)
    assert measured["test/true_sketch/body_iou"] > 0.8


# --------------------------------------------------------------------------------------------------------------- losses
def test_losses_are_summed_with_their_weights():
    module = tiny(kl_weight=3.0)
    seen = module.example(Batch.collate(examples()).person)
    losses = module.sketch_losses(module.sketch(seen.labels), seen.labels)
    assert torch.allclose(losses["total"], losses["reconstruction"] + 3 * losses["kl"])
    assert 0 <= losses["accuracy"] <= 1

    picture = module.portrayer(seen.condition)
    logits = module.discriminator(seen.condition, picture)
    losses = module.portrait_losses(picture, seen.picture, logits)
    assert torch.allclose(losses["l1"], (picture - seen.picture).abs().mean())
    assert torch.allclose(losses["adversarial"], -logits.sigmoid().log().mean(), atol=1e-5)
    assert torch.allclose(losses["total"], losses["adversarial"] + 100 * losses["l1"])
    expected = -(logits.sigmoid().log().mean() + (1 - logits.sigmoid()).log().mean())
    assert torch.allclose(module.discriminator_loss(logits, logits), expected, atol=1e-5)


def test_features_of_the_face_count_more():
    module, plain = tiny(), tiny(feature_weight=1.0)
    labels = torch.full((1, SIDE, SIDE), 11, dtype=torch.uint8)
    labels[0, 2:4] = 18
    drawn = module.sketch(labels, noise=torch.zeros(1, 4))
    assert module.sketch_losses(drawn, labels)["reconstruction"] > plain.sketch_losses(drawn, labels)["reconstruction"]


def test_gradients_reach_the_code_through_soft_sketches():
    module = tiny(portray_input="labels").eval()
    code = torch.randn(2, 4, requires_grad=True)
    module(code, soft=True).sum().backward()
    assert code.grad is not None and code.grad.abs().sum() > 0
    assert module(code).shape == (2, 3, SIDE, SIDE)
    with pytest.raises(ValueError, match="soft sketches need portray_input='labels'"):
        tiny()(code, soft=True)


# -------------------------------------------------------------------------------------------------------------- figures
def test_figures_of_the_card(tmp_path):
    runner = trainer(tmp_path)
    module = tiny(portray_colours=True)
    (measured,) = runner.test(module, loader(), verbose=False)
    pictures = [
        f"{name}/{figure}"
        for name in ("portrait", "mean_colour", "own_colour")
        for figure in ("l1", "person_l1", "ssim", "person_ssim")
    ]
    sketches = [f"{name}/{figure}" for name in ("sketch", "body_sketch") for figure in ("label_histogram", "two_sample")]
    bodies = [f"{name}/body_iou" for name in ("body_sketch", "true_sketch", "other_body")]
    assert set(measured) == {f"test/{name}" for name in (*pictures, *sketches, *bodies)}
    # Clothes and faces of one colour each: painting every label in its own colour is right.
    assert measured["test/own_colour/l1"] < 0.01 < measured["test/mean_colour/person_l1"]
    (again,) = runner.test(module, loader(), verbose=False)
    assert again == measured
    (predicted, _) = runner.predict(module, loader())
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, SIDE, SIDE)


def test_true_sketches_agree_with_their_bodies(tmp_path):
    module = tiny(modules=["body_sketch"])
    module.draw = lambda code, body: clean_faces(Batch.collate(examples()).person.parsing)
    (measured,) = trainer(tmp_path).test(module, loader(4), verbose=False)
    assert measured["test/body_sketch/label_histogram"] == 0
    assert measured["test/body_sketch/two_sample"] == 0.5
    assert measured["test/body_sketch/body_iou"] == measured["test/true_sketch/body_iou"] > measured["test/other_body/body_iou"]


def test_data_without_bodies_is_refused_where_they_are_needed():
    data = type("Data", (), {"provides": frozenset({"person", "parsing"})})()
    tiny(modules=["sketch", "portray"]).check_data(data, training=True)
    with pytest.raises(MisconfigurationException, match="clothnet needs parts"):
        tiny().check_data(data, training=True)
    batch = Batch.collate(examples())
    batch = dataclasses.replace(batch, person=dataclasses.replace(batch.person, parts=None))
    with pytest.raises(ValueError, match="this batch has no body parts"):
        tiny().pictures(batch)


# -------------------------------------------------------------------------------------------------------------- weights
def test_saved_models_come_back(tmp_path):
    module = tiny(portray_colours=True, modules=["body_sketch", "portray"])
    fit(module, tmp_path)
    loaded = hub.load(hub.save(module, tmp_path / "saved"))
    person = examples()[0].person
    pictures = [each.sample(2, body=Person.stack([person]), seed=5) for each in (module, loaded)]
    assert torch.equal(*pictures) and loaded.has == {"body_sketch", "portray"}


def test_the_published_weights_lack_the_discriminator():
    module = tiny()
    assert {key.partition(".")[0] for key in module.inference_state()} == {"sketch", "body_sketch", "portrayer"}
    columns = {"person", "sketch", "drawn sketch", "drawn body_sketch", "portrait"}
    assert set(module.pictures(Batch.collate(examples()))) == columns


@pytest.mark.parametrize(
    "preset, modules",
    [("official-full", {"sketch", "portray"}), ("official-body", {"body_sketch", "portray"}), ("mannequin", set(MODULES))],
)
def test_presets(preset, modules):
    with torch.device("meta"):
        module = hub.create("clothnet", preset)
    judged = {"sketch_adversarial", "body_sketch_adversarial"} if preset == "mannequin" else set()
    assert module.has == modules == set(module.plan) - judged and judged <= set(module.plan)
    assert preset != "mannequin" or sum(tensor.numel() for tensor in module.inference_state().values()) * 2 < 6e6


@pytest.mark.parametrize(
    "options, message",
    [
        ({"modules": ["sketch", "paint"]}, "modules is one of sketch, body_sketch, portray, not 'paint'"),
        ({"modules": []}, "at least one of the modules"),
        ({"reconstruction": "mse"}, "reconstruction is one of sigmoid, softmax, not 'mse'"),
        ({"sketch_statistics": "layer"}, "sketch_statistics is one of batch, picture, running"),
        ({"dropout": True}, "dropout is one of always, training, never"),
        ({"portray_input": "edges"}, "portray_input is one of colours, labels"),
        ({"size": 20}, "a power of two, at least 8, not 20"),
        ({"only": "sketch_adversarial"}, "clothnet has no stage sketch_adversarial; its stages are sketch, body_sketch, portray"),
        ({"only": "second"}, "clothnet has no stage second; its stages are sketch, body_sketch, portray"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_names_of_labels_are_public():
    assert LABELS[5] == "skirt" and len(LABELS) == 22
