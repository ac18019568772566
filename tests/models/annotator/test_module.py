import copy
import dataclasses

import pytest
import torch
from fitting import same, trainer
from torch.utils.data import DataLoader

from fashiongen import hub
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.models.annotator.module import Annotator
from fashiongen.models.annotator.networks import Reading
from fashiongen.types import Batch, Person

SIZE = (64, 32)
STEPS = {"annotation": 3}


def figure(index, generator):
    """A face with eyes and ears above a top above trousers; the other joints run down its middle."""
    height, width = SIZE
    image = torch.rand(3, height, width, generator=generator) * 0.2 - 0.8
    labels, left = torch.zeros(height, width, dtype=torch.uint8), 8 + index
    for top, bottom, label in ((6, 16, 13), (16, 36, 5), (36, 58, 9)):
        labels[top:bottom, left : left + 12] = label
        image[:, top:bottom, left : left + 12] = torch.tensor([label / 13, 1 - label / 13, 0.3])[:, None, None]
    keypoints = torch.full((18, 3), 2.0)
    keypoints[:, 0], keypoints[:, 1] = left + 6.0, torch.linspace(7, 57, 18)
    keypoints[14:, 0], keypoints[14:, 1] = left + torch.tensor([4.0, 8.0, 2.0, 10.0]), 9
    keypoints[3], keypoints[6, 2] = 0, 1
    return Person(image, keypoints, labels)


def examples(count=4):
    generator = torch.Generator().manual_seed(0)
    return [Batch(figure(index, generator), name=f"{index}") for index in range(count)]


def loader(batch_size=2):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(size=SIZE, channels=(8, 8, 8, 8), width=8, steps=STEPS, pictures_every=0)
    torch.manual_seed(0)
    return Annotator(**{**defaults, **options})


# ------------------------------------------------------------------------------------------------------------- training
@pytest.mark.parametrize("augment", [True, False])
def test_a_fit_trains_the_network(tmp_path, augment):
    module = tiny(augment=augment, channels_last=True, gradient_clip=5.0, cooldown=0.5)
    before = copy.deepcopy(module)
    trainer(tmp_path).fit(module, loader())
    assert module.steps_in_stage == STEPS
    moved = {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before.get_parameter(name))}
    assert moved == {name for name, _ in module.named_parameters()}
    assert set(module.losses) == {f"annotation/{name}" for name in ("joints", "visibility", "parsing", "total")}


@pytest.mark.slow
def test_training_finds_joints_and_labels(tmp_path):
    module = tiny(steps={"annotation": 100}, augment=False, learning_rate=5e-3)
    trainer(tmp_path).fit(module, loader(4))
    people = [example.person for example in examples()]
    found = module.annotate(people)
    for person, answer in zip(people, found, strict=True):
        known = person.keypoints[:, 2] > 0
        assert torch.equal(answer.keypoints[:, 2], person.keypoints[:, 2])
        assert ((answer.keypoints - person.keypoints)[known, :2].norm(dim=1) < 3).all()
        assert (answer.parsing == person.parsing).float().mean() > 0.9


def test_a_resumed_run_gives_the_same_weights(tmp_path):
    def run(steps, checkpoint=None):
        module, runner = tiny(steps={"annotation": steps}), trainer(tmp_path)
        runner.fit(module, loader(4), ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(4)
    _, runner = run(2)
    runner.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = run(4, tmp_path / "half.ckpt")
    assert resumed.steps_in_stage == {"annotation": 4}
    assert same(resumed, whole)


def test_it_learns_from_the_mannequin_world(tmp_path):
    data = MannequinDataModule("people", 64, 48, framing="full", train_length=4, validation_length=2, test_length=2, batch_size=2)
    module = tiny(steps={"annotation": 1})
    runner = trainer(tmp_path, val_check_interval=1, check_val_every_n_epoch=None)
    runner.fit(module, data)
    assert module.steps_in_stage == {"annotation": 1}
    (figures,) = runner.test(module, data, verbose=False)
    assert {"test/whole/pckh", "test/upper/pckh", "test/whole/iou", "test/whole/iou_face"} <= set(figures)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(steps={"annotation": 1})
    trainer(tmp_path, precision=precision).fit(module, loader())
    assert all(parameter.isfinite().all() for parameter in module.parameters())


# ------------------------------------------------------------------------------------------------------------- losses
def perfect(module, person):
    """Logits that say what is true."""
    joints = module._gaussians(person.keypoints).clamp(min=1e-30).log().view(-1, 18, SIZE[0] // 2, SIZE[1] // 2)
    visibility = 50 * torch.nn.functional.one_hot(person.keypoints[..., 2].long(), 3).float()
    labels = torch.nn.functional.one_hot(person.parsing[:, ::2, ::2].long(), 20).permute(0, 3, 1, 2)
    return Reading(joints, visibility, 50 * labels.float())


def test_the_true_answer_costs_little_and_is_read_back():
    module = tiny(sigma=1.0, visibility_weight=2.0, parsing_weight=3.0)
    person = Batch.collate(examples()).person
    reading = perfect(module, person)
    losses = module.losses_of(reading, person)
    assert losses["visibility"] < 1e-3 and losses["parsing"] < 1.0
    nothing = Reading(*(torch.zeros_like(part) for part in reading))
    none = module.losses_of(nothing, person)
    assert none["joints"] > losses["joints"] and none["parsing"] > 3 * losses["parsing"]
    assert torch.allclose(losses["total"], losses["joints"] + 2 * losses["visibility"] + 3 * losses["parsing"])
    keypoints, scores = module.points(reading)
    assert torch.equal(keypoints[..., 2], person.keypoints[..., 2])
    assert torch.allclose(keypoints, person.keypoints, atol=0.6)
    assert (scores[person.keypoints[..., 2] > 0] > 0.9).all() and (scores[:, 3] < 0.1).all()
    assert (module.labels(reading, *SIZE) == person.parsing).float().mean() > 0.95


def test_unknown_joints_cost_nothing_where_they_are():
    module = tiny()
    person = Batch.collate(examples(2)).person
    reading = perfect(module, person)
    other = reading._replace(joints=reading.joints.clone())
    other.joints[:, 3] = torch.randn(2, 32, 16)
    assert torch.equal(module.losses_of(reading, person)["joints"], module.losses_of(other, person)["joints"])


# ------------------------------------------------------------------------------------------------------------- the verb
@pytest.fixture
def knowing(monkeypatch):
    """A module whose network marks the darkest place of a picture as nose, and calls dark pixels hair."""
    module = tiny()

    def network(image):
        dark = -torch.nn.functional.avg_pool2d(image.mean(dim=1, keepdim=True), 2)
        visibility = torch.zeros(len(image), 18, 3)
        visibility[:, 0, 2], visibility[:, 1:, 0] = 20, 20
        parsing = torch.zeros(len(image), 20, *dark.shape[-2:])
        parsing[:, 2:3] = 50 * dark
        return Reading((200 * dark).expand(-1, 18, -1, -1), visibility, parsing)

    monkeypatch.setattr(module, "forward", network)
    return module


@pytest.mark.parametrize("size", [(64, 32), (128, 64), (200, 60), (40, 120), (33, 47), (300, 151)])
def test_pictures_of_any_size_are_brought_to_the_network_and_back(knowing, size):
    height, width = size
    x, y = int(0.3 * width), int(0.6 * height)
    image = torch.ones(3, height, width)
    radius = max(2, round(max(height / 64, width / 32) * 2))
    image[:, y - radius : y + radius, x - radius : x + radius] = -1
    answer = knowing.annotate(Person(image, text="a red top"))
    assert answer.keypoints.shape == (18, 3) and answer.parsing.shape == size and answer.text == "a red top"
    assert answer.keypoints[0, 2] == 2 and (answer.keypoints[1:] == 0).all()
    assert (answer.keypoints[0, :2] - torch.tensor([float(x), float(y)])).abs().max() <= radius
    marked = (answer.parsing == 2).nonzero().float() + 0.5
    assert (marked.mean(dim=0) - torch.tensor([float(y), float(x)])).abs().max() < 0.6 * radius
    assert len(marked) == pytest.approx(4 * radius**2, rel=0.6)


def test_one_a_list_and_a_batch(knowing):
    people = [example.person for example in examples(3)]
    one, some, batch = knowing.annotate(people[0]), knowing.annotate(people), knowing.annotate(Person.stack(people))
    assert isinstance(some, list) and batch.image.ndim == 4
    assert torch.equal(one.parsing, some[0].parsing) and torch.equal(batch.parsing[2], some[2].parsing)
    assert torch.equal(batch.keypoints[1], some[1].keypoints) and one.scheme == "lip20"
    assert len(knowing.find([people[0].image, torch.zeros(3, 50, 90)])) == 2
    with pytest.raises(TypeError, match="a Person, a list of them or a batch, not str"):
        knowing.annotate("alice.jpg")


def test_the_mode_of_training_is_kept():
    module = tiny().train()
    module.annotate(examples()[0].person)
    assert module.training and module.network.training


# ------------------------------------------------------------------------------------------------------------- the rest
def test_figures(tmp_path):
    runner = trainer(tmp_path)
    (figures,) = runner.test(tiny(), loader(), verbose=False)
    shared = {f"{view}/{figure}" for view in ("whole", "upper") for figure in ("pckh", "visibility", "iou")}
    labels = {f"whole/iou_{label}" for label in ("background", "face", "upper-clothes", "pants")}
    assert {f"test/{name}" for name in shared | labels} <= set(figures)
    assert not any("iou_dress" in name for name in figures)
    (figures,) = runner.validate(tiny(), loader(), verbose=False)
    assert set(figures) == {f"validation/{name}" for name in shared}
    (predicted, _) = runner.predict(tiny(), loader())
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, *SIZE)
    assert all(column.shape == (4, 3, *SIZE) for column in tiny().pictures(Batch.collate(examples())).values())


def test_the_true_answer_has_perfect_figures(tmp_path, monkeypatch):
    module = tiny()
    monkeypatch.setattr(module, "views", lambda batch: {"whole": batch.person})
    true = iter([Batch.collate(examples()[:2]).person, Batch.collate(examples()[2:]).person])
    monkeypatch.setattr(module, "forward", lambda image: perfect(module, next(true)))
    (figures,) = trainer(tmp_path).test(module, loader(), verbose=False)
    assert figures["test/whole/pckh"] == 1 and figures["test/whole/visibility"] == 1
    assert figures["test/whole/iou"] > 0.9


def test_saved_and_loaded_it_says_the_same(tmp_path):
    module = tiny()
    trainer(tmp_path).fit(module, loader())
    loaded = hub.load(hub.save(module, tmp_path / "saved"))
    assert loaded.size == SIZE and not loaded.training and same(loaded, module)
    person = examples()[0].person
    assert torch.equal(loaded.annotate(person).keypoints, module.annotate(person).keypoints)


@pytest.mark.parametrize(
    "options, message", [({"size": (64, 40)}, "multiples of 32, not 64x40"), ({"only": "second"}, "annotator has no stage second")]
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.parametrize(
    "change, message", [({"parsing": None}, "lacks one of them"), ({"scheme": "atr18"}, "labels of lip20, not of atr18")]
)
def test_batches_it_cannot_learn_from_are_refused(change, message):
    batch = Batch.collate(examples())
    with pytest.raises(ValueError, match=message):
        tiny().views(dataclasses.replace(batch, person=dataclasses.replace(batch.person, **change)))


def test_the_shipped_recipe_is_small():
    module = hub.create("annotator", preset="mannequin")
    assert sum(parameter.numel() for parameter in module.parameters()) < 3e6
    assert module.size == (128, 96)
