from __future__ import annotations

import numpy as np
import pytest
import torch

from fashiongen.models.viton import official
from fashiongen.models.viton.networks import CoarseGenerator, RefinementNetwork


def checkpoint(network: torch.nn.Module, names: dict[str, str]) -> dict[str, np.ndarray]:
    """What the authors' trainer would save: random values, optimiser slots and counters."""
    random, state = np.random.default_rng(0), network.state_dict()
    variables = {}
    for theirs, ours in names.items():
        shape = tuple(state[ours].shape)
        shape = (shape[2], shape[3], shape[1], shape[0]) if len(shape) == 4 else shape
        variables[theirs] = random.normal(size=shape).astype(np.float32)
        variables |= {f"{theirs}/Adam": np.zeros(shape), f"{theirs}/Adam_1": np.zeros(shape)}
    counters = ("generator_train/beta1_power", "generator_train/beta2_power", "global_step")
    return variables | {name: np.array(1.0) for name in counters}


@pytest.fixture
def coarse() -> CoarseGenerator:
    return CoarseGenerator(width=2, levels=3)


@pytest.fixture
def stage_1(coarse: CoarseGenerator) -> dict[str, np.ndarray]:
    return checkpoint(coarse, official.coarse_names(3))


def test_every_weight_of_stage_1_has_a_name_and_is_loaded(coarse: CoarseGenerator, stage_1) -> None:
    names = official.coarse_names(3)
    assert set(names.values()) == {key for key in coarse.state_dict() if "num_batches" not in key}
    official.load_coarse_generator(coarse, stage_1)
    filters = torch.from_numpy(stage_1["generator/decoder_2/deconv/filter"])
    assert torch.equal(coarse.decoder[1][0].weight, filters.permute(3, 2, 0, 1))
    assert torch.equal(coarse.encoder[1][1].running_var, torch.from_numpy(stage_1["generator/encoder_2/batchnorm/Variable_3"]))


def test_every_weight_of_stage_2_has_a_name_and_its_copy_of_stage_1_is_left_aside(stage_1) -> None:
    network = RefinementNetwork(width=3)
    assert set(official.refinement_names().values()) == set(network.state_dict())
    variables = checkpoint(network, official.refinement_names())
    official.load_refinement_network(network, variables | stage_1)
    gamma = variables["refine_generator/g_256_conv3/LayerNorm/gamma"]
    assert torch.equal(network.layers[7].weight, torch.from_numpy(gamma))


def test_the_published_network_has_the_authors_variables() -> None:
    names = official.coarse_names()
    assert len(names) == 12 + 4 * 10
    assert names["generator/encoder_1/conv/filter"] == "encoder.0.weight"
    assert names["generator/decoder_6/batchnorm/Variable_2"] == "decoder.0.1.running_mean"


def test_a_wrong_shape_is_refused_with_the_variables_name(coarse: CoarseGenerator, stage_1) -> None:
    stage_1["generator/encoder_2/batchnorm/Variable_1"] = np.zeros(9, np.float32)
    with pytest.raises(ValueError, match="generator/encoder_2/batchnorm/Variable_1"):
        official.load_coarse_generator(coarse, stage_1)


def test_missing_and_unknown_variables_are_refused_by_name(coarse: CoarseGenerator, stage_1) -> None:
    stage_1["generator/encoder_9/conv/filter"] = stage_1.pop("generator/encoder_1/conv/filter")
    with pytest.raises(ValueError, match=r"missing variable generator/encoder_1.*unknown variable generator/encoder_9"):
        official.load_coarse_generator(coarse, stage_1)


def test_a_stage_2_checkpoint_is_no_source_for_stage_1(coarse: CoarseGenerator, stage_1) -> None:
    stage_1["refine_generator/g_1024_final/biases"] = np.zeros(1)
    with pytest.raises(ValueError, match="stage-2 checkpoint"):
        official.load_coarse_generator(coarse, stage_1)


def test_two_checkpoints_become_one_model(monkeypatch):
    files = {
        "one": checkpoint(CoarseGenerator(width=4), official.coarse_names()),
        "two": checkpoint(RefinementNetwork(width=5), official.refinement_names()),
    }
    monkeypatch.setattr(official, "read_checkpoint", files.__getitem__)
    model = official.load_official("one", "two")
    assert (model.hparams["width"], model.hparams["levels"], model.hparams["refinement_width"]) == (4, 6, 5)
    assert model.hparams["exchange"] == "bytescale"
    assert not model.training
    filters = torch.from_numpy(files["one"]["generator/encoder_2/conv/filter"]).permute(3, 2, 0, 1)
    assert torch.equal(model.coarse.encoder[1][0].weight, filters)
    with pytest.raises(ValueError, match="two is no such checkpoint of VITON: it has no variable generator/encoder_1/conv/filter"):
        official.load_official("two", "one")
