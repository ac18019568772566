import copy
import dataclasses

import pytest
import pytorch_lightning as pl
import torch
from fitting import changed, trainer
from PIL import Image
from torch.utils.data import DataLoader

import fashiongen
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.models.fashion_gan import representation
from fashiongen.models.fashion_gan.drawing import Condition
from fashiongen.models.fashion_gan.module import FashionGan
from fashiongen.models.fashion_gan.text import VOCABULARY
from fashiongen.types import Batch, Person

SIZE = 32
STEPS = {"text": 3, "shape": 2, "picture": 2}
NETWORKS = {"text": {"encoder"}, "shape": {"shape", "shape_discriminator"}, "picture": {"picture", "picture_discriminator"}}
SENTENCES = (
    "the lady was wearing a blue sleeveless dress.",
    "the man wears a red long-sleeved sweater.",
    "the girl wore an orange tee with letters.",
    "the woman is wearing a black coat.",
)


def figure(place):
    """A figure of blocks."""
    generator = torch.Generator().manual_seed(place)
    labels = torch.zeros(SIZE, SIZE, dtype=torch.uint8)
    left = 6 + place
    labels[4:7, left + 4 : left + 8], labels[7:10, left + 4 : left + 8] = 1, 2
    labels[10:19, left : left + 12], labels[19:28, left + 2 : left + 10] = 3, 4
    labels[10:17, left : left + 2] = labels[10:17, left + 10 : left + 12] = 6
    labels[28:31, left + 2 : left + 10] = 5
    parts = torch.where(labels == 6, 3, (labels > 0).to(torch.uint8) * 2).to(torch.uint8)
    colours = torch.rand(7, 3, generator=generator) * 2 - 1
    image = colours[labels.long()].permute(2, 0, 1).contiguous()
    return Person(image, parsing=labels, scheme="fashiongan7", parts=parts, text=SENTENCES[place % 4])


def examples(count=4):
    return [
        Batch(figure(place), other_text=figure(place + 1).text, truth=figure(place + 1), name=f"{place}") for place in range(count)
    ]


def loader(batch_size=2):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(
        size=(SIZE, SIZE), code=6, noise=4, shape_width=1, shape_discriminator_width=1, picture_width=2,
        picture_discriminator_width=1, learning_rate=2e-3, steps=STEPS, pictures_every=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return FashionGan(**{**defaults, **options})


def fit(module, folder, **options):
    trainer(folder, **options).fit(module, loader())
    return module


def test_one_fit_walks_through_all_stages(tmp_path):
    module = tiny()
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == STEPS
    assert changed(module, before) == set().union(*NETWORKS.values())
    names = ("image", "adversarial", *(f"discriminator_{name}" for name in ("real", "fake", "wrong", "total")))
    assert set(module.losses) == {f"picture/{name}" for name in names}


@pytest.mark.parametrize("stage", NETWORKS)
def test_a_stage_alone_leaves_the_other_networks_untouched(tmp_path, stage):
    module = tiny(only=stage)
    before = copy.deepcopy(module)
    assert changed(fit(module, tmp_path), before) == NETWORKS[stage]


@pytest.mark.parametrize(
    "options",
    [
        {"picture": "p2p", "optimizer": "tf_adam", "shape_std": 0.00125},
        {"picture": "plain", "size": (64, 64), "picture_std": 0.00125},
        {"compositional": True, "code_shifts": True, "measures": ["skin", "body", "hair", "background"], "colour_weight": 9.0},
        {"generator_turn": "stale", "zero_biases": True, "text_updates": "sentence", "text_decay_at": 1},
        {
            "text_optimizer": "adam",
            "fake_weight": 0.9,
            "wrong_weight": 0.1,
            "shape_adversarial_weight": 0.5,
            "picture_adversarial_weight": 0.3,
            "dropout": 0.0,
        },
    ],
)
def test_other_options_train(tmp_path, options):
    module = tiny(**options)
    before = copy.deepcopy(module)
    if options.get("size"):
        enlarged = [dataclasses.replace(item, person=_larger(item.person), truth=None) for item in examples()]
        trainer(tmp_path).fit(module, DataLoader(enlarged, batch_size=2, collate_fn=Batch.collate))
    else:
        fit(module, tmp_path)
    assert changed(module, before) == set().union(*NETWORKS.values())
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def _larger(person):
    double = {
        name: getattr(person, name).repeat_interleave(2, -1).repeat_interleave(2, -2) for name in ("image", "parsing", "parts")
    }
    return dataclasses.replace(person, **double)


def test_both_turns_of_the_generator_see_the_same_pictures(tmp_path):
    """They differ in the weights of the discriminator that the slope is taken with, and in nothing else."""
    losses = {}
    for turn in ("before", "stale"):
        module = fit(tiny(generator_turn=turn, only="picture", steps={"picture": 1}), tmp_path)
        losses[turn] = module.losses
    assert losses["before"].keys() == losses["stale"].keys()
    for name, value in losses["before"].items():
        assert torch.equal(value, losses["stale"][name]), name


def test_biases_of_the_picture_stage_are_set_to_zero(tmp_path):
    module = tiny(only="picture", zero_biases=True)
    torch.nn.init.ones_(module.picture.output[1].bias)
    torch.nn.init.ones_(module.picture_discriminator.output.bias)
    fit(module, tmp_path)
    assert not module.picture_discriminator.output.bias.any()
    rate = module.hparams["learning_rate"]
    assert 0 < module.picture.output[1].bias.abs().max() <= 1.01 * rate  # the last update remains


def test_the_text_stage_learns_what_sentences_say(tmp_path):
    module = tiny(only="text", steps={"text": 200}, text_optimizer="adam", text_learning_rate=0.02)
    trainer(tmp_path).fit(module, loader(batch_size=4))
    classes = module.encoder.classify(module.encode(SENTENCES))
    assert classes["colour"].argmax(1).tolist() == [1, 0, 4, 5]
    assert classes["sleeve"].argmax(1).tolist() == [2, 0, 3, 3]
    assert classes["gender"].argmax(1).tolist() == [0, 1, 0, 0]


def test_the_learning_rate_of_the_text_stage_falls_to_a_tenth(tmp_path):
    rates = []

    class Watched(FashionGan):
        def on_before_optimizer_step(self, optimizer):
            rates.append(optimizer.param_groups[0]["lr"])

    module = Watched(**{**tiny().hparams, "text_decay_at": 2, "only": "text"})
    fit(module, tmp_path)
    assert rates == pytest.approx([0.01, 0.01, 0.001])


def test_training_lowers_the_losses_of_maps_and_pictures(tmp_path):
    module = tiny(
        steps={"text": 0, "shape": 30, "picture": 40},
        learning_rate=1e-2,
        shape_adversarial_weight=0.1,
        picture_adversarial_weight=0.1,
        compositional=True,
        dropout=0.0,
        code_shifts=True,
    )
    first = {}

    class Watch(pl.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            for name in ("shape/maps", "picture/image"):
                if name in module.losses:
                    first.setdefault(name, []).append(module.losses[name].item())

    fit(module, tmp_path, callbacks=[Watch()])
    for values in first.values():
        assert sum(values[-4:]) < 0.7 * sum(values[:4])


def test_mismatched_pairs_are_never_of_the_same_person():
    labels = torch.arange(5)
    condition = Condition(torch.arange(5) * 10, torch.arange(5) * 100)
    shifts, module = set(), tiny()
    for _ in range(30):
        wrong, told = module._mismatched(labels, condition)
        assert (wrong != labels).all() and torch.equal(told.map, wrong * 10) and told.code is condition.code
        shifts.add(int(wrong[0]))
    assert shifts == {1, 2, 3, 4}
    with pytest.raises(ValueError, match="at least 2 people"):
        module._mismatched(labels[:1], condition)


def test_pictures_are_relative_to_the_mean(tmp_path):
    module = tiny(mean="data", steps={"text": 1, "shape": 0, "picture": 0})
    data = MannequinDataModule("redress", SIZE, SIZE, scheme="fashiongan7", train_length=4, batch_size=2)
    trainer(tmp_path, limit_val_batches=0).fit(module, datamodule=data)
    expected = torch.stack([(data.train_set[place].person.image + 1) / 2 for place in range(4)]).mean(0)
    torch.testing.assert_close(module.mean, expected)
    with pytest.raises(ValueError, match="fit with a data module that has a train_set"):
        fit(tiny(mean="data"), tmp_path)


def noise(count=2):
    return torch.randn(2, count, 4, generator=torch.Generator().manual_seed(0))


def test_the_whole_way_is_its_parts():
    module = tiny(measures=["skin"], compositional=True).eval()
    batch = Batch.collate(examples(2))
    code, (first, second) = module.encode(batch.person.text), noise()
    with torch.no_grad():
        whole = module.redraw(batch.person, code, code, first, second)
        condition = module.condition(batch.person, code)
        logits = module.shape(representation.layout(batch.person.parsing), condition, first)
        labels = representation.labels_of(representation.smooth(logits))
        assert torch.equal(whole.labels, labels)
        painted = module(labels, condition, second) + 0.5
        torch.testing.assert_close(whole.painted, painted.clamp(0, 1) * 2 - 1)
        own = module.redraw(batch.person, code, code, first, second, labels=batch.person.parsing)
    assert torch.equal(own.labels, batch.person.parsing)
    head = (batch.person.parsing[:, None] == 1).expand(-1, 3, -1, -1) & (labels[:, None] != 5) & (labels[:, None] != 6)
    torch.testing.assert_close(whole.image[head], batch.person.image[head])
    assert module.condition(batch.person, code).shape == (2, 10)


def test_statistics_of_each_sample_do_not_depend_on_the_others():
    module = tiny(statistics="sample").eval()
    batch = Batch.collate(examples(2))
    code, (first, second) = module.encode(batch.person.text), noise()
    with torch.no_grad():
        together = module.redraw(batch.person, code, code, first, second)
        alone = [
            module.redraw(Person.stack([person]), code[place, None], code[place, None], first[place, None], second[place, None])
            for place, person in enumerate(batch.person.unbind())
        ]
        running = module.redraw(batch.person, code, code, first, second, statistics="running")
    torch.testing.assert_close(together.painted, torch.cat([each.painted for each in alone]), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together.painted, running.painted, atol=1e-3)


def test_dropout_at_test_makes_every_picture_another():
    module = tiny().eval()
    batch = Batch.collate(examples(2))
    code, (first, second) = module.encode(batch.person.text), noise()
    with torch.no_grad():
        same = [module.redraw(batch.person, code, code, first, second).painted for _ in range(2)]
        other = [module.redraw(batch.person, code, code, first, second, dropout=True).painted for _ in range(2)]
    assert torch.equal(*same) and not torch.equal(*other)


def test_saving_keeps_the_words_and_what_the_verbs_need(tmp_path):
    module = tiny(vocabulary=[*VOCABULARY, "kimono"], measures=["skin", "background"], compositional=True, code_shifts=True)
    torch.nn.init.normal_(module.mean, 0.5, 0.1)
    module.save_pretrained(tmp_path / "saved", data="mannequin")
    loaded = fashiongen.load(tmp_path / "saved")
    assert loaded.vocabulary.known[-1] == "kimono" and loaded.hparams["vocabulary"] == module.hparams["vocabulary"]
    assert {key.partition(".")[0] for key in module.inference_state()} == {"encoder", "shape", "picture", "mean"}
    drawn = {"shape_noise": noise()[0, :1], "picture_noise": noise()[1, :1]}
    pictures = [each.redress(figure(0), SENTENCES[1], **drawn) for each in (module, loaded)]
    assert isinstance(pictures[0], Image.Image) and pictures[0].tobytes() == pictures[1].tobytes()


def test_words_come_from_a_file(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("the\nlady\nwore\na\ntee\n")
    module = tiny(vocabulary=str(file))
    assert module.hparams["vocabulary"] == ["the", "lady", "wore", "a", "tee"]
    file.unlink()
    module.save_pretrained(tmp_path / "saved", data="mannequin")
    assert fashiongen.load(tmp_path / "saved").vocabulary.known == module.vocabulary.known


@pytest.mark.parametrize("stop", [{"text": 1}, {"text": 3, "shape": 1}, {"text": 3, "shape": 2, "picture": 1}])
def test_a_resumed_run_gives_the_same_weights(tmp_path, stop):
    data = DataLoader(examples(), batch_size=4, collate_fn=Batch.collate)

    def run(steps, checkpoint=None):
        module, runner = tiny(steps=steps, text_decay_at=2, text_updates="sentence"), trainer(tmp_path)
        runner.fit(module, data, ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(STEPS)
    _, runner = run({**dict.fromkeys(STEPS, 0), **stop})
    runner.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = run(STEPS, tmp_path / "half.ckpt")
    assert resumed.steps_in_stage == STEPS
    assert not changed(resumed, whole)


@pytest.mark.slow
def test_the_mannequin_world_trains_and_tests(tmp_path):
    module = tiny(compositional=True, measures=["skin", "background"], keep_background=True)
    data = MannequinDataModule(
        "redress", SIZE, SIZE, scheme="fashiongan7", train_length=8, validation_length=4, test_length=4, batch_size=4
    )
    runner = trainer(tmp_path, check_val_every_n_epoch=None, val_check_interval=2)
    runner.fit(module, datamodule=data)
    assert module.steps_in_stage == STEPS
    (figures,) = runner.test(module, datamodule=data, verbose=False)
    assert {"test/fashion_gan/colour", "test/do_nothing/sleeve", "test/chance/kind", "test/true_map/l1"} <= figures.keys()


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = fit(tiny(gradient_clip=1.0, channels_last=True, compositional=True), tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_the_sample_grid():
    batch = Batch.collate(examples(2))
    columns = tiny().eval().pictures(batch)
    assert all(column.shape == batch.person.image.shape for column in columns.values())
    assert {"person", "map", "drawn map"} <= columns.keys()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"picture": "cycle"}, "picture is one of skip, plain, p2p, not 'cycle'"),
        ({"generator_turn": "after"}, "generator_turn is one of before, stale"),
        ({"measures": ["skin", "age"]}, "measures are skin, body, hair, background, not age"),
        ({"picture": "p2p", "code_shifts": True}, "code_shifts belong to picture='skip', not to 'p2p'"),
        ({"size": (48, 48)}, "a power of 2 from 32 on as their side, not 48x48"),
        ({"size": (64, 32)}, "draws squares"),
        ({"size": (32, 32), "picture": "plain"}, "a power of 2 from 64 on"),
        ({"only": "third"}, "fashion_gan has no stage third; its stages are text, shape, picture"),
        ({"vocabulary": ["the", "the"]}, "has each word once; the"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_data_without_what_is_read_is_refused(tmp_path):
    lip = [dataclasses.replace(item, person=dataclasses.replace(item.person, scheme="lip20")) for item in examples()]
    with pytest.raises(ValueError, match="'fashiongan7', not lip20"):
        trainer(tmp_path).fit(tiny(only="shape"), DataLoader(lip, batch_size=2, collate_fn=Batch.collate))
    strange = dataclasses.replace(examples()[0].person, text="the lady wears a sari")
    with pytest.raises(ValueError, match="unknown word 'sari'"):
        trainer(tmp_path).fit(tiny(), DataLoader([Batch(strange)] * 2, batch_size=2, collate_fn=Batch.collate))
