import copy
import dataclasses

import pytest
import torch
from fitting import same, trainer
from PIL import Image
from torch.utils.data import DataLoader

import fashiongen
from fashiongen.losses.relation import relation_loss
from fashiongen.models.cagan.exchange import in_clothes_of_another
from fashiongen.models.cagan.module import Cagan
from fashiongen.types import Batch, Garment, Person

SIZE = (64, 32)
LARGE = (96, 96)
"""The smallest at which the discriminator of the smallest of three scales sees anything."""
PROFILES = ("keras", "viton_baseline", "stacked", "paper")


def examples(count=4, size=SIZE):
    """Flat people: a coloured rectangle for a garment, on grey."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.rand(count, 3, 1, 1, generator=generator) * 2 - 1

    def person(index):
        image, parsing = torch.zeros(3, *size), torch.zeros(*size, dtype=torch.uint8)
        image[:, 18:44, 8:24] = colours[index]
        parsing[18:44, 8:24] = 5
        return Person(image, parsing=parsing, parts=2 * (parsing > 0).to(torch.uint8))

    def garment(index):
        shop, mask = torch.ones(3, *size), torch.zeros(1, *size)
        shop[:, 10:54, 4:28] = colours[index]
        mask[:, 10:54, 4:28] = 1
        return Garment(shop, mask)

    items = []
    for index in range(count):
        other = (index + 1) % count
        items.append(
            Batch(person(index), garment=garment(index), other_garment=garment(other), truth=person(other), name=f"{index}")
        )
    return items


def loader(items=None, batch_size=2):
    return DataLoader(items or examples(), batch_size=batch_size, collate_fn=Batch.collate)


def without_others():
    return [dataclasses.replace(item, other_garment=None, truth=None) for item in examples()]


def size_of(profile):
    return LARGE if profile == "stacked" else SIZE


def batch_for(profile):
    return Batch.collate(examples(size=size_of(profile)))


def tiny(profile="keras", **options):
    defaults = dict(
        size=size_of(profile),
        width=8,
        discriminator_width=8,
        refiner_widths=(8, 8),
        steps={"swap": 3},
        pictures_every=0,
        learning_rate=2e-3,
    )
    torch.manual_seed(0)
    return Cagan(profile, **{**defaults, **options})


def fit(module, folder, data=None, **options):
    runner = trainer(folder, **options)
    runner.fit(module, data or loader())
    return runner


def pictures_of(batch):
    return batch.person.image, batch.garment.image, batch.other_garment.image


@pytest.mark.parametrize(
    "profile, options",
    [
        ("keras", {}),
        ("keras", {"condition": "target", "norm": "batch", "adversarial": "least_squares", "cycle_gradient": "back"}),
        ("keras", {"condition": "none", "optimizer": "tf_adam", "epsilon": 1e-12, "matte_warmup": 2, "identity_weight": 1.0}),
        ("viton_baseline", {}),
        ("viton_baseline", {"shared_norm": False, "cycle_target": "painted"}),
        ("stacked", {"condition": "target", "noise": 0.05, "mixup": True, "colour_weight": 1.0}),
        ("stacked", {"matte_target": "parsing"}),
        ("stacked", {"cycle_start": "covered"}),
        ("keras", {"cycle_start": "covered", "cycle_gradient": "back"}),
        ("paper", {}),
        ("paper", {"condition_in_d": True, "condition": "target"}),
    ],
)
def test_every_profile_trains_all_of_its_networks(tmp_path, profile, options):
    module = tiny(profile, **options)
    before = copy.deepcopy(module)
    fit(module, tmp_path, loader(examples(size=size_of(profile))))
    assert module.steps_in_stage == {"swap": 3} and module.stage is None
    old = dict(before.named_parameters())
    assert all(parameter.isfinite().all() for parameter in module.parameters())
    assert [name for name, parameter in module.named_parameters() if torch.equal(parameter, old[name])] == []
    names = {"adversarial", "cycle", "matte", "total", "discriminator"}
    names |= {name for name in ("identity", "colour") if options.get(f"{name}_weight")}
    assert set(module.losses) == {f"swap/{name}" for name in names}


def test_the_matte_may_have_a_place_of_its_own():
    module, batch = tiny("stacked"), batch_for("stacked")
    person, worn, target = pictures_of(batch)
    change = module.change(person, worn, target)
    places = module._scales((batch.person.parsing == 5).float()[:, None])
    expected = sum((swap.alpha - place).abs().mean() for swap, place in zip(change.swaps, places, strict=True))
    assert torch.allclose(module.generator_losses(change, worn, target, region=places[-1])["matte"], expected)


@pytest.mark.parametrize("profile", PROFILES)
def test_losses_are_summed_with_their_weights(profile):
    module = tiny(profile, identity_weight=0.5, colour_weight=2.0, cycle_weight=3.0, adversarial_weight=4.0)
    person, worn, target = pictures_of(batch_for(profile))
    change = module.change(person, worn, target)
    losses = module.generator_losses(change, worn, target)
    parts = {"identity": 0.5, "colour": 2.0, "cycle": 3.0, "adversarial": 4.0, "matte": 0.1}
    assert torch.allclose(losses["total"], sum(weight * losses[name] for name, weight in parts.items()))
    assert torch.allclose(losses["matte"], sum(swap.alpha.mean() for swap in change.swaps))
    cycle = sum((before - after).abs().mean() for before, after in zip(change.people, change.restored, strict=True))
    assert torch.allclose(losses["cycle"], cycle)
    assert torch.allclose(losses["identity"], (module(person, worn, worn).over(person) - person).abs().mean())
    judged = module.discriminator_losses(change.generated, person, worn, target)
    assert len(judged) == len(change.generated) == (3 if profile == "stacked" else 1)
    judge, made = module.discriminators[-1], change.generated[-1]
    expected = relation_loss(judge(person, worn, "matched"), judge(made, target, "generated"), judge(person, target, "mismatched"))
    assert torch.allclose(judged[-1], expected)


def test_the_way_back_is_laid_over_the_generated_picture():
    person, worn, target = pictures_of(Batch.collate(examples()))
    module = tiny()
    change = module.change(person, worn, target)
    (generated,) = change.generated
    back = module(generated, target, worn)
    assert torch.allclose(change.restored[0], back.over(generated), atol=1e-6)
    module.hparams["cycle_target"] = "painted"
    assert torch.allclose(module.change(person, worn, target).restored[0], back.image, atol=1e-6)


def test_with_an_empty_matte_there_and_back_is_the_person():
    module = tiny()
    person, worn, target = pictures_of(Batch.collate(examples()))
    with torch.no_grad():
        module.generator.output.weight.zero_()
    module.generator.register_forward_hook(lambda *call: tuple(swap._replace(alpha=0 * swap.alpha) for swap in call[-1]))
    change = module.change(person, worn, target)
    assert torch.equal(change.generated[0], person) and torch.equal(change.restored[0], person)


def test_the_way_back_alone_may_learn_from_the_cycle():
    person, worn, target = pictures_of(Batch.collate(examples()))
    module = tiny(cycle_gradient="back")
    change = module.change(person, worn, target)
    change.generated[0].retain_grad()
    module.generator_losses(change, worn, target)["cycle"].backward()
    assert change.generated[0].grad is None
    change = (other := tiny()).change(person, worn, target)
    change.generated[0].retain_grad()
    other.generator_losses(change, worn, target)["cycle"].backward()
    assert change.generated[0].grad.abs().sum() > 0


def test_the_way_back_may_start_where_nothing_of_the_garment_is_left():
    batch = batch_for("keras")
    person, worn, target = pictures_of(batch)
    module = tiny(cycle_start="covered", cycle_gradient="back")
    seen = []
    module.generator.register_forward_pre_hook(lambda network, inputs: seen.append(inputs))
    garment = module.garment_region(batch.person)
    assert 0 < garment.mean() < 1
    change = module.change(person, worn, target, garment)
    (start, *_), painted = seen[1], change.swaps[0].image
    assert torch.equal(start, torch.where(garment > 0, painted, change.generated[0]))
    assert torch.equal(module.change(person, worn, target).generated[0], change.generated[0])


def test_what_is_covered_takes_in_skin_and_grows():
    batch = batch_for("keras")
    garment = tiny().covered_region(batch.person)
    assert torch.equal(garment, tiny().garment_region(batch.person))
    batch.person.parsing[:, 0, 0] = 14
    with_arms = tiny(covered_labels=[14]).covered_region(batch.person)
    assert torch.equal(with_arms - garment, (batch.person.parsing == 14).float().unsqueeze(1))
    grown = tiny(covered_labels=[14], covered_margin=2).covered_region(batch.person)
    assert grown[:, :, :3, :3].all() and not grown[0, 0, 3, 0] and set(grown.unique().tolist()) == {0.0, 1.0}


def test_the_way_there_may_start_from_people_who_wear_something_else(tmp_path, monkeypatch):
    batch = batch_for("keras")
    module = tiny(cycle_start="exchanged", cycle_gradient="back", covered_margin=1)
    starts = []
    module.generator.register_forward_pre_hook(lambda network, inputs: starts.append(inputs[0]))
    fit(module, tmp_path, loader(batch_size=4))
    person, cover = batch.person.image, module.covered_region(batch.person)
    assert torch.equal(starts[0], in_clothes_of_another(batch.person, cover)) and not torch.equal(starts[0], person)
    change = module.change(*pictures_of(batch), cover, starts[0])
    expected = torch.where(cover > 0, change.swaps[0].image, change.generated[0])
    assert torch.equal(starts[-1], expected) and torch.equal(change.people[0], person)
    assert torch.allclose(change.generated[0], change.swaps[0].over(starts[0]))


def test_training_takes_what_is_covered_for_the_matte_and_the_way_back(tmp_path, monkeypatch):
    module = tiny(cycle_start="covered", matte_target="parsing", covered_margin=1)
    seen = []
    whole = torch.ones(2, 1, *module.size)
    monkeypatch.setattr(module, "covered_region", lambda person: whole[: len(person.image)])
    monkeypatch.setattr(module, "change", lambda *inputs, change=module.change: seen.append(inputs[3]) or change(*inputs))
    fit(module, tmp_path)
    assert len(seen) > 0 and all(region.all() for region in seen)
    assert 0 < module.losses["swap/matte"] < 1


def test_mixtures_take_the_place_of_real_and_generated_pairs():
    module = tiny("stacked", mixup=True)
    person, worn, target = pictures_of(batch_for("stacked"))
    made = module._scales(target)
    judge = module.discriminators[-1]
    (_, _, real) = module.discriminator_losses(made, person, worn, target, [0.3, 0.2, 1.0])
    expected = (
        torch.nn.functional.softplus(-judge(person, worn)).mean() + torch.nn.functional.softplus(judge(person, target)).mean()
    )
    assert torch.allclose(real, expected)


def test_the_weight_of_the_matte_can_grow():
    module = tiny(matte_warmup=4, matte_weight=0.2)
    weights = []
    for step in range(6):
        module.steps_in_stage["swap"] = step
        weights.append(module._matte_weight())
    assert weights == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.2])


def test_without_other_garments_those_of_the_batch_are_exchanged(tmp_path):
    batch = Batch.collate(without_others())
    worn = batch.garment.image
    assert torch.equal(tiny().garments_of(batch)[1], worn.roll(1, 0))
    assert torch.equal(tiny(reversed_garments=True).garments_of(batch)[1], worn.flip(0))
    fit(tiny(), tmp_path, loader(without_others()))
    with pytest.raises(ValueError, match="a batch_size of at least 2"):
        fit(tiny(), tmp_path, loader(without_others(), batch_size=1))
    with pytest.raises(ValueError, match="no `garment`"):
        tiny().predict_step(dataclasses.replace(batch, garment=None), 0)


@pytest.mark.slow
def test_without_an_adversary_the_cycle_is_learned(tmp_path):
    torch.manual_seed(0)
    items = examples(8)
    module = tiny(adversarial_weight=0.0, steps={"swap": 60}, learning_rate=1e-3)
    person, worn, target = pictures_of(Batch.collate(items))
    before = module.generator_losses(module.change(person, worn, target), worn, target)["cycle"]
    fit(module, tmp_path, loader(items, batch_size=8))
    assert module.losses["swap/cycle"] < 0.5 * before


@pytest.mark.slow
def test_the_discriminator_learns_what_belongs_together(tmp_path):
    items = examples(8)
    module = tiny(steps={"swap": 1})
    fit(module, tmp_path, loader(items, batch_size=8))
    before = module.losses["swap/discriminator"]
    module = tiny(steps={"swap": 30}, learning_rate=5e-4)
    fit(module, tmp_path, loader(items, batch_size=8))
    assert module.losses["swap/discriminator"] < before
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_try_on_and_its_parts():
    module = tiny()
    items = examples()
    person, garment, worn = items[0].person, items[1].garment, items[0].garment
    picture = module.try_on(person, garment, worn=worn)
    assert isinstance(picture, Image.Image) and picture.size == (32, 64)
    batch = Batch.collate(items)
    swap = module(*pictures_of(batch))
    pictures = module.try_on(batch.person, batch.other_garment, worn=batch.garment)
    assert torch.allclose(pictures, swap.over(batch.person.image), atol=1e-5)
    alpha = module.try_on(batch.person, batch.other_garment, worn=batch.garment, output="alpha")
    assert torch.allclose(alpha, (2 * swap.alpha - 1).expand(-1, 3, -1, -1), atol=1e-5)
    painted = module.try_on(batch.person, batch.other_garment, worn=batch.garment, output="painted")
    assert torch.allclose(painted, swap.image, atol=1e-5)
    nothing = module.try_on(batch.person, batch.other_garment, worn=batch.garment, alpha=torch.zeros(4, 1, *SIZE))
    assert torch.equal(nothing, batch.person.image)
    hard = module.try_on(batch.person, batch.other_garment, worn=batch.garment, threshold=0.5)
    inside = (swap.alpha > 0.5).expand_as(hard)
    assert torch.equal(hard[~inside], batch.person.image[~inside])
    assert not module.training or module.generator.training


def test_try_on_with_lists_and_one_garment_for_all():
    module = tiny()
    items = examples()
    people, worn = [item.person for item in items], [item.garment for item in items]
    many = module.try_on(people, items[0].garment, worn=worn)
    assert len(many) == 4 and all(picture.size == (32, 64) for picture in many)
    assert len(module.try_on(people[0], worn, worn=worn[0])) == 4
    assert len(module.try_on(people, worn[1], worn=worn[0])) == 4
    larger = dataclasses.replace(worn[0], image=torch.ones(3, 90, 50), mask=torch.ones(1, 90, 50))
    assert isinstance(module.try_on(people[0], worn[1], worn=larger), Image.Image)


def test_the_worn_garment_is_asked_for():
    module, items = tiny(), examples()
    with pytest.raises(ValueError, match=r"cagan needs the garment that the person wears.*worn=fashiongen\.garment\(picture\)"):
        module.try_on(items[0].person, items[1].garment)
    with pytest.raises(ValueError, match="worn holds 2 garments for 4 people"):
        module.try_on([item.person for item in items], items[0].garment, worn=[item.garment for item in items[:2]])
    with pytest.raises(TypeError, match=r"garment: pass a Garment.*not str"):
        module.try_on(items[0].person, items[1].garment, worn="shirt.jpg")
    with pytest.raises(ValueError, match="output is 'picture', 'alpha' or 'painted', not 'mask'"):
        module.try_on(items[0].person, items[1].garment, worn=items[0].garment, output="mask")


def test_a_photograph_keeps_its_size_and_what_the_matte_leaves():
    module, items = tiny(), examples()
    photograph = Person(torch.rand(3, 150, 70) * 2 - 1)
    picture = module.try_on_photograph(photograph, items[1].garment, items[0].garment)
    assert picture.size == (70, 150)
    module.generator.register_forward_hook(lambda *call: tuple(swap._replace(alpha=0 * swap.alpha) for swap in call[-1]))
    untouched = module.try_on_photograph(photograph, items[1].garment, items[0].garment)
    assert untouched.tobytes() == photograph.to_pil().tobytes()
    with pytest.raises(ValueError, match="one person and one garment"):
        module.try_on_photograph(Person.stack([photograph]), items[1].garment, items[0].garment)


def test_figures_against_the_truth(tmp_path):
    runner = trainer(tmp_path)
    (figures,) = runner.test(tiny(), loader(), verbose=False)
    regions = {f"{where}_{figure}" for where in ("swap", "garment", "outside") for figure in ("l1", "ssim")}
    compared = regions | {"l1", "ssim", "outside_change"}
    free = {"matte", "identity_l1", "cycle_l1"}
    assert set(figures) == {f"test/cagan/{name}" for name in compared | free} | {f"test/do_nothing/{name}" for name in compared}
    items = examples()
    region = items[0].person.parsing == 5
    expected = [(item.person.image - item.truth.image).abs().mean(0)[region].mean() / 2 for item in items]
    assert figures["test/do_nothing/swap_l1"] == pytest.approx(float(torch.stack(expected).mean()), rel=1e-5)
    assert figures["test/do_nothing/outside_change"] == figures["test/do_nothing/outside_l1"] == 0
    assert figures["test/cagan/outside_change"] > 0
    (figures,) = runner.validate(tiny(), loader(), verbose=False)
    assert set(figures) == {f"validation/cagan/{name}" for name in compared | free}
    (predicted, _) = runner.predict(tiny(), loader())
    assert predicted["name"] == ["0", "1"] and predicted["image"].shape == (2, 3, *SIZE)


def test_figures_that_need_no_answer(tmp_path):
    blind = [dataclasses.replace(item, truth=None) for item in examples()]
    (figures,) = trainer(tmp_path).test(tiny(), loader(blind), verbose=False)
    assert set(figures) == {f"test/cagan/{name}" for name in ("matte", "identity_l1", "cycle_l1")}
    batch = Batch.collate(examples())
    swap = tiny()(*pictures_of(batch))
    assert figures["test/cagan/matte"] == pytest.approx(swap.alpha.mean().item(), rel=1e-3)
    unparsed = [dataclasses.replace(item, truth=dataclasses.replace(item.truth, parsing=None)) for item in examples()]
    with pytest.raises(ValueError, match="need parsing of everybody"):
        trainer(tmp_path).test(tiny(), loader(unparsed), verbose=False)


def test_the_published_weights_are_those_of_the_way_there(tmp_path):
    module = tiny("viton_baseline", shared_norm=False)
    assert {key.partition(".")[0] for key in module.inference_state()} == {"generator"}
    assert not any("back_norms" in key for key in module.inference_state())
    module = tiny()
    folder = module.save_pretrained(tmp_path / "weights", data="squares", licence="cc0-1.0")
    loaded = fashiongen.load(str(folder))
    batch = Batch.collate(examples())
    drawn = [each.eval().try_on(batch.person, batch.other_garment, worn=batch.garment) for each in (module, loaded)]
    assert torch.allclose(*drawn, atol=2e-3)
    columns = module.pictures(batch)
    assert set(columns) == {"person", "worn", "target", "matte", "painted", "swapped", "swapped back"}
    assert all(column.shape == (4, 3, *SIZE) for column in columns.values())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"profile": "pix2pix"}, "profile is one of keras, viton_baseline, stacked, paper, not 'pix2pix'"),
        ({"condition": "both"}, "condition is one of worn, target, none"),
        ({"adversarial": "hinge"}, "adversarial is one of cross_entropy, least_squares"),
        ({"cycle_target": "raw"}, "cycle_target is one of composite, painted"),
        ({"shared_norm": False}, "belongs to profile='viton_baseline'"),
        ({"condition_in_d": True}, "belongs to profile='paper'"),
        ({"size": (72, 32)}, "keras networks need height and width in multiples of 16, at least 32, not 72x32"),
        ({"only": "refinement"}, "cagan has no stage refinement; its stages are swap"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, steps={"swap": 1}, channels_last=True)
    fit(module, tmp_path, precision=precision)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


@pytest.mark.parametrize("profile, options", [("keras", {}), ("stacked", {"noise": 0.05, "mixup": True})])
def test_a_resumed_run_gives_the_same_weights(tmp_path, profile, options):
    data = loader(examples(2, size_of(profile)))

    def run(steps, checkpoint=None):
        module, runner = tiny(profile, steps={"swap": steps}, cooldown=0.0, **options), trainer(tmp_path)
        runner.fit(module, data, ckpt_path=checkpoint)
        return module, runner

    whole, _ = run(4)
    _, runner = run(2)
    runner.save_checkpoint(tmp_path / "half.ckpt")
    resumed, _ = run(4, tmp_path / "half.ckpt")
    assert resumed.steps_in_stage == {"swap": 4}
    assert same(resumed, whole)
