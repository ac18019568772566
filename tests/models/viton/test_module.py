import copy
import dataclasses

import pytest
import pytorch_lightning as pl
import torch
from fitting import trainer
from torch.utils.data import DataLoader

from fashiongen.models.viton.module import Viton
from fashiongen.types import Batch, Garment, Person

SIZE = (64, 48)


def examples(count=4):
    """Flat people: a coloured rectangle for a garment, on grey."""
    generator = torch.Generator().manual_seed(0)
    items = []
    for index in range(count):
        colour = torch.rand(3, 1, 1, generator=generator) * 2 - 1
        image, parsing = torch.zeros(3, *SIZE), torch.zeros(*SIZE, dtype=torch.uint8)
        image[:, 18:44, 12:36] = colour
        parsing[18:44, 12:36] = 5
        parsing[4:16, 18:30] = 13
        keypoints = torch.rand(18, 3, generator=generator) * torch.tensor([SIZE[1], SIZE[0], 0]) + torch.tensor([0, 0, 2.0])
        shop, mask = torch.ones(3, *SIZE), torch.zeros(1, *SIZE)
        shop[:, 10:54, 8:40] = colour
        mask[:, 10:54, 8:40] = 1
        rows = torch.linspace(-1, 1, 10)
        grid = torch.stack(torch.meshgrid(rows, rows, indexing="ij")[::-1], -1).flatten(0, 1)
        person, garment = Person(image, keypoints, parsing), Garment(shop, mask)
        items.append(Batch(person, garment=garment, other_garment=garment, control_points=grid, truth=person, name=f"{index}"))
    return items


def loader(batch_size=2):
    return DataLoader(examples(), batch_size=batch_size, collate_fn=Batch.collate)


def tiny(**options):
    defaults = dict(
        size=SIZE, width=4, levels=4, refinement_width=4, joint_radius=2, perceptual_weight=0, refinement_perceptual_weight=0,
        learning_rate=2e-3, norm_decay=0.8, steps={"coarse": 3, "refinement": 2}, pictures_every=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return Viton(**{**defaults, **options})


def fit(module, folder, **options):
    runner = trainer(folder, **options)
    runner.fit(module, loader())
    return runner


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_one_fit_walks_through_both_stages(tmp_path):
    module = tiny()
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == {"coarse": 3, "refinement": 2}
    assert module.stage is None
    assert not torch.equal(weights(module.coarse), weights(before.coarse))
    assert not torch.equal(weights(module.refinement), weights(before.refinement))


def test_a_stage_alone_leaves_the_other_network_untouched(tmp_path):
    module = tiny(only="refinement")
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert module.steps_in_stage == {"coarse": 0, "refinement": 2}
    for name, tensor in module.coarse.state_dict().items():
        assert torch.equal(tensor, before.coarse.state_dict()[name]), name


def test_the_authors_flag_runs_the_frozen_stage_with_batch_statistics(tmp_path):
    module = tiny(only="refinement", coarse_train_mode=True)
    before = copy.deepcopy(module)
    fit(module, tmp_path)
    assert torch.equal(weights(module.coarse), weights(before.coarse))
    assert not torch.equal(
        module.coarse.state_dict()["encoder.1.1.running_mean"], before.coarse.state_dict()["encoder.1.1.running_mean"]
    )


def test_training_lowers_the_loss(tmp_path):
    module = tiny(steps={"coarse": 60, "refinement": 0})
    batch = Batch.collate(examples())

    def loss():
        with torch.no_grad():
            return module.eval().coarse_losses(
                module(batch.person, batch.garment), batch.person.image, module._region(batch.person)
            )["total"]

    module.coarse.train()
    before = loss()
    fit(module, tmp_path)
    assert loss() < 0.7 * before


def test_the_perceptual_losses_take_part(tmp_path):
    module = tiny(perceptual_weight=3.0, refinement_perceptual_weight=0.8, vgg="random")
    fit(module, tmp_path)
    assert set(module.perceptual) == {"coarse", "refinement"}
    assert not any("perceptual" in name or "vgg" in name for name in module.state_dict())


def test_losses_are_summed_with_their_weights():
    module = tiny()
    batch = Batch.collate(examples())
    result, alpha = module.refine(batch.garment.image, batch.person.image, module._region(batch.person))
    losses = module.refinement_losses(result, alpha, batch.person.image)
    expected = 0.2 * losses["image"] - 0.1 * losses["warp"] + 5e-6 * losses["smoothness"]
    assert torch.allclose(losses["total"], expected)


def test_try_on_controls():
    module = tiny().eval()
    people, garments = (Batch.collate(examples()).person, Batch.collate(examples()).garment)
    mask = torch.zeros(4, 1, *SIZE)
    mask[:, :, 18:44, 12:36] = 1
    coarse = module.try_on(people, garments, warp="none")
    pasted = module.try_on(people, garments, blend="paste", mask=mask)
    assert torch.equal(pasted[:, :, :18], coarse[:, :, :18])
    middle = pasted[:, :, 30, 24]
    assert torch.allclose(middle, garments.image[:, :, 30, 24], atol=1e-5)
    with pytest.raises(ValueError, match="warp is 'tps' or 'none'"):
        module.try_on(people, garments, warp="affine")


def test_a_mask_that_cannot_be_matched_gives_the_coarse_picture_and_says_so():
    module = tiny().eval()
    batch = Batch.collate(examples(1))
    with pytest.warns(UserWarning, match="drawn without its warped garment"):
        picture = module.try_on(batch.person, batch.garment, mask=torch.zeros(1, 1, *SIZE))
    assert torch.equal(picture, module.try_on(batch.person, batch.garment, warp="none"))


def test_more_of_the_person_can_be_kept():
    module = tiny(kept_labels=(0, 13), kept_margin=1).eval()
    batch = Batch.collate(examples(1))
    mask = torch.zeros(1, 1, *SIZE)
    mask[:, :, 18:44, 12:36] = 1
    picture = module.try_on(batch.person, batch.garment, mask=mask)
    assert torch.equal(picture[:, :, 48:], batch.person.image[:, :, 48:])


def test_figures_against_the_truth(tmp_path):
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, default_root_dir=tmp_path
    )
    (figures,) = trainer.test(tiny(), loader(), verbose=False)
    assert figures["test/do_nothing/garment_l1"] == 0
    assert {name.split("/")[1] for name in figures} == {"viton", "stage_1", "pasted_warp", "do_nothing"}
    blind = [dataclasses.replace(example, truth=None) for example in examples()]
    assert trainer.test(tiny(), DataLoader(blind, batch_size=2, collate_fn=Batch.collate), verbose=False) == [{}]


def test_unknown_stages_and_foreign_parsing_are_refused():
    with pytest.raises(ValueError, match="viton has no stage refine; its stages are coarse, refinement"):
        tiny(only="refine")
    batch = Batch.collate(examples(1))
    with pytest.raises(ValueError, match="reads LIP-20 parsing, not atr18"):
        tiny().try_on(dataclasses.replace(batch.person, scheme="atr18"), batch.garment)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(tmp_path, precision):
    module = tiny(gradient_clip=1.0, steps={"coarse": 1, "refinement": 1})
    fit(module, tmp_path, precision=precision)
    assert torch.isfinite(weights(module.refinement)).all()


def test_clipping_bounds_the_step(tmp_path):
    module = tiny(gradient_clip=1e-3, steps={"coarse": 1, "refinement": 0})
    norms = []
    original = module.on_before_optimizer_step

    def spy(optimizer):
        original(optimizer)
        gradients = [p.grad.flatten() for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norms.append(torch.cat(gradients).norm().item())

    module.on_before_optimizer_step = spy
    fit(module, tmp_path)
    assert norms == [pytest.approx(1e-3, rel=1e-3)]
