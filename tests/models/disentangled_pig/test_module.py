import copy
import dataclasses

import pytest
import torch
from fitting import changed, trainer
from torch.utils.data import DataLoader

from fashiongen import hub
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.models.disentangled_pig.losses import exchange_loss
from fashiongen.models.disentangled_pig.module import DisentangledPig
from fashiongen.optim import TFAdam, TFRMSprop
from fashiongen.types import Batch, Person

SIZE = (32, 16)
STEPS = {"reconstruction": 2, "poses": 2, "appearance_codes": 2, "pose_codes": 2}
NETWORKS = {
    "reconstruction": {"encoder", "generator", "critic"},
    "poses": {"pose_encoder", "pose_decoder"},
    "appearance_codes": {"appearance_mappers", "appearance_critics"},
    "pose_codes": {"pose_mapper", "pose_critic"},
}


def figure(colour, left, behind=-0.5):
    """A coloured bar as a person, its joints along the middle."""
    image = torch.full((3, *SIZE), behind)
    image[:, 4:28, left : left + 6] = colour
    parsing = torch.zeros(SIZE, dtype=torch.uint8)
    parsing[4:28, left : left + 6] = 5
    keypoints = torch.full((18, 3), 2.0)
    keypoints[:, 0] = left + 3.0
    keypoints[:, 1] = torch.linspace(5, 27, 18)
    keypoints[4:8, 2] = 0
    return Person(image, keypoints, parsing)


def examples(count=4):
    generator = torch.Generator().manual_seed(0)
    colours = torch.rand(count + 1, 3, 1, 1, generator=generator) * 2 - 1
    return [Batch(figure(colours[index], index % 9), name=f"{index}") for index in range(count)]


def swaps(count=6):
    """Exchanges of which the truth is known."""
    items = []
    for index in range(count):
        factor = ("foreground", "background", "pose")[index % 3]
        own, other = (0.8, 2, -0.5), (-0.2, 8, 0.4)
        mixed = [theirs if taken else mine for mine, theirs, taken in zip(own, other, _taken(factor), strict=True)]
        items.append(Batch(figure(*own), donor=figure(*other), factor=factor, truth=figure(*mixed), name=f"{index}"))
    return items


def _taken(factor):
    return [name == factor for name in ("foreground", "pose", "background")]


def loader(items=None, batch_size=2):
    return DataLoader(examples() if items is None else items, batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(
        size=SIZE, width=3, levels=3, bottleneck=6, encoder_levels=3, region_size=8, region_code=3, background_code=5, pose_code=4,
        hidden=8, background_hidden=6, critic_width=2, critic_levels=2, joint_radius=2, mask_radius=3, learning_rate=2e-3,
        pose_learning_rate=2e-3, code_learning_rate=2e-3, steps=STEPS, pictures_every=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return DisentangledPig(**{**defaults, **options})


def fit(module, folder, items=None, **options):
    trainer(folder, **options).fit(module, loader(items))
    return module


def only(stage, steps=1):
    return dict.fromkeys(STEPS, 0) | {stage: steps}


# ------------------------------------------------------------------------------------------------------------ training
def test_one_fit_walks_through_all_stages(tmp_path):
    module = tiny()
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == STEPS and module.stage is None
    assert changed(module, before) == set().union(*NETWORKS.values())
    assert set(module.losses) == {"pose_codes/pose_critic", "pose_codes/pose_mapper"}


@pytest.mark.parametrize("stage", STEPS)
def test_a_stage_alone_leaves_the_other_networks_untouched(tmp_path, stage):
    module = tiny(only=stage)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == NETWORKS[stage]


@pytest.mark.parametrize(
    "options",
    [
        {"background_code": 0, "box_rule": "deepfashion", "critic_batches": "joint", "critic_size": (16, 16)},
        {"code_loss": "wgan-gp", "optimizer": "tf_adam"},
        {"code_loss": "dcgan"},
        {"code_loss": "lsgan"},
        {"channels_last": True, "cooldown": 0.5, "modulated": True, "exchange_weight": 20.0},
        {"channels_last": True, "modulated": True, "layered": True, "exchange_weight": 20.0},
        {"layered": True},
    ],
)
def test_other_modes_train(tmp_path, options):
    module = tiny(**options)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert changed(module, before) == set().union(*NETWORKS.values())
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_training_lowers_the_losses(tmp_path):
    module = tiny(steps={"reconstruction": 60, "poses": 60, "appearance_codes": 0, "pose_codes": 0}, learning_rate=5e-3)
    batch = Batch.collate(examples())

    def errors():
        with torch.no_grad():
            drawn = module(batch.person.image, batch.person.keypoints, batch.person.keypoints)
            again = module.decode_pose(module.encode_pose(batch.person.keypoints))
        return (drawn - batch.person.image).abs().mean(), (again - batch.person.keypoints)[..., :2].abs().mean()

    before = errors()
    fit(module, tmp_path)
    assert all(now < 0.6 * then for now, then in zip(errors(), before, strict=True))


def test_layers_learn_what_is_behind_people_where_others_stand(tmp_path):
    module = tiny(layered=True, only="reconstruction", steps=only("reconstruction"))
    seen = []
    module.encoder.register_forward_pre_hook(lambda network, inputs: seen.append(inputs))
    fit(module, tmp_path)
    mask, hidden = seen[0][3], seen[0][5]
    assert torch.equal(hidden, torch.maximum(mask, mask.roll(1, 0))) and hidden.sum() > mask.sum()


def test_parsing_may_tell_where_bodies_are(tmp_path):
    module = tiny(layered=True, exchange_weight=1.0, exchange_body="parsing", steps=only("reconstruction"))
    person = Batch.collate(examples()).person
    parsing = (person.parsing != 0).float().unsqueeze(1)
    bones = pose_mask(person.keypoints, *SIZE, radius=2)
    body, all_of_it = module._bodies(person, torch.zeros_like(parsing))
    assert torch.equal(body > 0, (parsing > 0) | (bones > 0)) and torch.equal(all_of_it, body)
    fit(module, tmp_path)
    assert module.losses["reconstruction/exchange"] > 0
    with pytest.raises(ValueError, match="exchange_body='parsing' needs parsing of everybody"):
        module._bodies(dataclasses.replace(person, parsing=None), body)


def test_exchanges_are_learned_beside_the_reconstruction(tmp_path):
    def exchanged(module):
        person = Batch.collate(examples()).person
        people, backgrounds = module.appearance(person.image, person.keypoints)
        with torch.no_grad():
            drawn = module.draw(people, backgrounds.roll(1, 0), person.keypoints)
        middle, mask = (pose_mask(person.keypoints, *SIZE, radius=radius) for radius in (4, 3))
        return exchange_loss(drawn, person.image, middle.float(), mask.float())

    steps = only("reconstruction", 60)
    plain, judged = (fit(tiny(steps=steps, learning_rate=5e-3, exchange_weight=w), tmp_path / f"{w}") for w in (0.0, 20.0))
    assert "reconstruction/exchange" in judged.losses and "reconstruction/exchange" not in plain.losses
    assert exchanged(judged) < 0.9 * exchanged(plain)


def test_the_critics_of_codes_stay_clipped_and_get_more_updates(tmp_path):
    module = tiny(steps=only("appearance_codes"), code_critic_steps=4, clip=0.02)
    seen = []
    module.on_before_optimizer_step = lambda optimizer: seen.append(
        module.optimizer_names[
            [each.optimizer if hasattr(each, "optimizer") else each for each in module.optimizers()].index(optimizer)
        ]
    )
    fit(module, tmp_path)
    assert seen == [
        *["foreground_critic"] * 4, "foreground_mapper", *["background_critic"] * 4, "background_mapper",
    ]  # fmt: skip
    largest = [max(p.abs().max().item() for p in each.parameters()) for each in (module.appearance_critics, module.pose_critic)]
    assert largest[0] == pytest.approx(0.02) and largest[1] > 0.02


def test_updates_may_take_turns(tmp_path):
    turns = []
    for steps in (1, 2):
        module = tiny(only="reconstruction", updates="alternate", steps={"reconstruction": steps})
        before = copy.deepcopy(module)
        turns.append(changed(fit(module, tmp_path), before))
    assert turns == [{"critic"}, {"critic", "encoder", "generator"}]
    assert set(module.losses) == {f"reconstruction/{name}" for name in ("adversarial", "l1", "pose_mask", "total")}

    names = []
    for steps in range(1, 7):
        module = tiny(only="appearance_codes", updates="alternate", code_critic_steps=2, steps={"appearance_codes": steps})
        names += [name.partition("/")[2] for name in fit(module, tmp_path).losses]
    critics = ["critic", "critic", "mapper"]
    assert names == [f"{factor}_{network}" for factor in ("foreground", "background") for network in critics]


def test_learning_rates_are_halved_after_iterations(tmp_path):
    for updates, steps, rates in (("all", 5, [8, 8, 4, 4, 2]), ("alternate", 6, [8, 8, 8, 8, 4, 4])):
        module = tiny(halve_every=2, updates=updates, learning_rate=8.0, steps=only("reconstruction", steps))
        seen = []
        module.on_before_optimizer_step = lambda optimizer, seen=seen: seen.append(optimizer.param_groups[0]["lr"])
        fit(module, tmp_path)
        assert seen[:: 2 if updates == "all" else 1] == rates


def test_optimisers_are_the_authors():
    kinds = {
        "wgan": (TFRMSprop, None), "lsgan": (TFRMSprop, None),
        "dcgan": (torch.optim.Adam, (0.5, 0.999)), "wgan-gp": (torch.optim.Adam, (0.5, 0.9)),
    }  # fmt: skip
    for code_loss, (kind, betas) in kinds.items():
        optimizers = tiny(code_loss=code_loss).configure_optimizers()
        assert len(optimizers) == len(tiny().optimizer_names) == 9
        assert all(type(each) is torch.optim.Adam and each.defaults["betas"] == (0.5, 0.999) for each in optimizers[:3])
        assert all(type(each) is kind and each.defaults.get("betas") == betas for each in optimizers[3:])
    assert all(type(each) is TFAdam for each in tiny(optimizer="tf_adam").configure_optimizers()[:3])


def test_losses_are_summed_with_their_weights():
    module = tiny(l1_weight=3.0, adversarial_weight=0.5)
    image, drawn = torch.zeros(2, 3, *SIZE), torch.full((2, 3, *SIZE), 0.25)
    mask = torch.zeros(2, 1, *SIZE)
    mask[..., :8] = 1
    logits = torch.tensor([[1.0], [-1.0]])
    losses = module.reconstruction_losses(drawn, image, mask, logits)
    assert losses["l1"].item() == 0.25 and losses["pose_mask"].item() == 0.125
    assert torch.allclose(losses["total"], 0.5 * real_loss(logits) + 3 * losses["l1"])
    assert torch.allclose(module.picture_critic_loss(logits, -logits), 0.5 * (real_loss(logits) + fake_loss(-logits)))


def test_joint_batches_share_their_statistics():
    torch.manual_seed(1)
    real, drawn = torch.randn(2, 3, *SIZE), torch.randn(2, 3, *SIZE) + 2
    separate, joint = tiny(), tiny(critic_batches="joint")
    assert torch.equal(separate.judge(real, drawn)[0], separate.judge(real, real)[0])
    assert not torch.allclose(joint.judge(real, drawn)[0], joint.judge(real, real)[0])


def test_legacy_codes_look_at_larger_regions_and_at_invisible_ones(tmp_path):
    module = tiny(size=(64, 64), region_size=64, encoder_levels=7, background_code=0, critic_size=(16, 16), legacy_df_roi48=True)
    person = Person(torch.randn(1, 3, 64, 64), torch.zeros(1, 18, 3))
    assert module.appearance(person.image, person.keypoints)[0].eq(0).all()
    assert module.appearance(person.image, person.keypoints, legacy=True)[0].ne(0).any()
    seen = []
    original = module.appearance
    module.appearance = lambda image, keypoints, legacy=False: seen.append(legacy) or original(image, keypoints, legacy)
    module.plan |= only("appearance_codes")
    items = [Batch(Person(torch.randn(3, 64, 64), figure(0.5, 2).keypoints)) for _ in range(2)]
    fit(module, tmp_path, items)
    assert seen == [True]


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, steps=dict.fromkeys(STEPS, 1), code_loss="wgan-gp")
    fit(module, tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"updates": "alternate", "halve_every": 1, "code_loss": "wgan-gp"}])
def test_a_resumed_run_gives_the_same_weights(tmp_path, options):
    def run(steps, checkpoint=None):
        module, runner = tiny(steps=steps, **options), trainer(tmp_path)
        runner.fit(module, loader(examples(2)), ckpt_path=checkpoint)
        return module, runner

    complete = dict.fromkeys(STEPS, 3)
    whole, _ = run(complete)
    for place, stage in enumerate(STEPS):
        half, runner = run({name: 3 if earlier < place else int(name == stage) for earlier, name in enumerate(STEPS)})
        assert half.steps_done == 3 * place + 1
        runner.save_checkpoint(tmp_path / "half.ckpt")
        resumed, _ = run(complete, tmp_path / "half.ckpt")
        assert resumed.steps_in_stage == complete
        assert not changed(resumed, whole), stage


# ------------------------------------------------------------------------------------------------------------ figures
def test_figures_of_swaps(tmp_path):
    (figures,) = trainer(tmp_path).test(tiny(), loader(swaps(), batch_size=3), verbose=False)
    names = {"test/reconstruction/l1", "test/reconstruction/person_l1"}
    for factor in ("foreground", "background", "pose"):
        names |= {f"test/{kind}_{factor}/{region}_l1" for kind in ("swap", "do_nothing") for region in ("changed", "kept")}
        names |= {f"test/swap_{factor}/{figure}" for figure in ("gap_closed", "kept_change", "kept_share", "kept_error")}
        names |= {f"test/leak/{factor}_on_{region}" for region in ("person", "background")}
    assert set(figures) == names
    for factor in ("foreground", "background", "pose"):
        gap = figures[f"test/do_nothing_{factor}/changed_l1"]
        assert gap > 0.1 and figures[f"test/do_nothing_{factor}/kept_l1"] == 0
        assert figures[f"test/swap_{factor}/gap_closed"] == pytest.approx(1 - figures[f"test/swap_{factor}/changed_l1"] / gap)
        assert figures[f"test/swap_{factor}/kept_share"] == pytest.approx(figures[f"test/swap_{factor}/kept_change"] / gap)
        assert figures[f"test/swap_{factor}/kept_error"] == pytest.approx(figures[f"test/swap_{factor}/kept_change"], abs=1e-5)


def test_a_perfect_model_closes_the_gap_and_leaks_nothing(tmp_path):
    module = tiny()
    items = swaps()
    truths = {item.factor: item.truth.image for item in items}
    module.exchange = lambda person, donor, factor: truths[factor].expand_as(person.image)
    module.transfer = lambda person, keypoints: person.image
    (figures,) = trainer(tmp_path).test(module, loader(items, batch_size=3), verbose=False)
    for factor in ("foreground", "background", "pose"):
        assert figures[f"test/swap_{factor}/gap_closed"] == pytest.approx(1)
        assert figures[f"test/swap_{factor}/changed_l1"] == pytest.approx(0, abs=1e-6)
    assert figures["test/reconstruction/l1"] == 0
    assert figures["test/leak/foreground_on_background"] == pytest.approx(0, abs=1e-6)
    assert figures["test/leak/background_on_background"] > 0.3


def test_figures_of_a_model_without_background(tmp_path):
    module = tiny(background_code=0, critic_size=(16, 16))
    (figures,) = trainer(tmp_path).test(module, loader(swaps(), batch_size=3), verbose=False)
    assert "test/swap_pose/gap_closed" in figures and not any("background/" in name for name in figures)


def test_figures_of_reposing(tmp_path):
    items = [dataclasses.replace(item, target=figure(0.3, 9 - index)) for index, item in enumerate(examples())]
    runner = trainer(tmp_path)
    (figures,) = runner.test(tiny(), loader(items), verbose=False)
    for model in ("disentangled_pig", "copy_source"):
        assert {f"test/{model}/{figure}" for figure in ("person_l1", "l1", "ssim", "mask_ssim")} <= set(figures)
    assert not any("swap" in name for name in figures)
    predicted, _ = runner.predict(tiny(), loader(items))
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, *SIZE)


def test_validation_and_prediction_take_any_people(tmp_path):
    runner = trainer(tmp_path)
    names = {f"validation/disentangled_pig/{figure}" for figure in ("person_l1", "l1", "ssim", "mask_ssim")}
    for items in (examples(), swaps()):
        (figures,) = runner.validate(tiny(), loader(items), verbose=False)
        assert set(figures) == names
        predicted = runner.predict(tiny(), loader(items))
        assert predicted[0]["image"].shape == (2, 3, *SIZE)
    with pytest.raises(ValueError, match="same person in another pose"):
        runner.test(tiny(), loader(), verbose=False)


# ------------------------------------------------------------------------------------------------------------ the rest
def test_saved_weights_load_and_lack_the_critics(tmp_path):
    module = tiny()
    prefixes = {key.partition(".")[0] for key in module.inference_state()}
    assert prefixes == {name for name, _ in module.named_children() if "critic" not in name}
    folder = hub.save(module, tmp_path / "saved", data="mannequin")
    loaded = hub.load(folder)
    assert [picture.tobytes() for picture in loaded.sample(2, seed=3)] == [
        picture.tobytes() for picture in module.sample(2, seed=3)
    ]


@pytest.mark.parametrize(
    "preset, size, factors",
    [
        ("official-market", (128, 64), ("foreground", "background", "pose")),
        ("official-deepfashion", (256, 256), ("foreground", "pose")),
        ("mannequin", (128, 64), ("foreground", "background", "pose")),
    ],
)
def test_presets(preset, size, factors):
    with torch.device("meta"):
        module = hub.create("disentangled_pig", preset)
        image = torch.empty(2, 3, *size)
        judged, guessed = module.judge(image, image)
    assert module.size == size and module.factors == factors
    assert judged.shape == guessed.shape == (2, 8 if preset == "official-deepfashion" else 1)
    assert all(steps > 0 for steps in module.plan.values())
    if preset == "mannequin":
        assert sum(2 * tensor.numel() for tensor in module.inference_state().values()) < 10e6


def test_columns_of_the_sample_grid():
    columns = tiny().pictures(Batch.collate(examples()))
    assert list(columns) == ["person", "pose", "drawn again", "pose again", "other foreground", "sampled"]
    assert all(column.shape == (4, 3, *SIZE) for column in columns.values())
    assert len(tiny(background_code=0, critic_size=(16, 16)).pictures(Batch.collate(examples()))) == 6


def test_people_without_key_points_are_refused():
    batch = Batch(Person(torch.zeros(2, 3, *SIZE)))
    with pytest.raises(ValueError, match="needs key points of the person"):
        tiny().pictures(batch)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"code_loss": "gan"}, "code_loss is one of wgan, wgan-gp, dcgan, lsgan"),
        ({"updates": "both"}, "updates is one of all, alternate"),
        ({"box_rule": "chictopia"}, "box_rule is one of market, deepfashion"),
        ({"critic_batches": "one"}, "critic_batches is one of separate, joint"),
        ({"optimizer": "sgd"}, "optimizer is one of tf_adam, adam"),
        ({"code_critic_steps": 0}, "code_critic_steps is at least 1"),
        ({"halve_every": 5, "cooldown": 0.5}, "halve_every and cooldown both"),
        ({"exchange_weight": 1.0, "background_code": 0}, "exchange_weight needs a model with a background_code"),
        ({"layered": True, "background_code": 0}, "layered needs a model with a background_code"),
        ({"legacy_df_roi48": True}, "8 pixels end at 2, 48 at 12"),
        ({"only": "second"}, "disentangled_pig has no stage second"),
        ({"size": (30, 16)}, "multiples of 4, not 30x16"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.slow
def test_the_mannequin_world_trains_it(tmp_path):
    from fashiongen.mannequin.data import MannequinDataModule

    for task in ("swap", "people"):
        data = MannequinDataModule(
            task=task,
            height=32,
            width=16,
            framing="full",
            look="market",
            train_length=8,
            validation_length=2,
            test_length=3,
            batch_size=4,
        )
        module = tiny(steps=dict.fromkeys(STEPS, 1))
        runner = trainer(tmp_path)
        runner.fit(module, datamodule=data)
        assert module.stage is None
        if task == "swap":
            (figures,) = runner.test(module, datamodule=data, verbose=False)
            assert "test/swap_pose/gap_closed" in figures
