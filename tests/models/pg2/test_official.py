import re

import numpy as np
import pytest
import torch

from fashiongen.models.pg2 import official
from fashiongen.models.pg2.module import Pg2

TINY = {"width": 2, "code": 3, "critic_width": 2}
SIZES = {"finest_skip": False}


def checkpoint(model):
    """The model's weights as the authors' variables, with what else their files hold."""
    variables = {"step": np.int32(7), "g_lr": np.float32(0), "beta1_power_2": np.float32(0.5)}
    for network, names in (
        (model.coarse, official.coarse_names(5)),
        (model.refinement, official.refinement_names(3)),
        (model.critic, official.critic_names(4)),
    ):
        state = network.state_dict()
        for theirs, ours in names.items():
            tensor = state[ours]
            axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(tensor.ndim, (0,))
            variables[theirs] = tensor.permute(*axes).numpy()
            variables[f"{theirs}/Adam"] = variables[f"{theirs}/Adam_1"] = variables[theirs]
    variables["Discriminator.BN2.moving_mean"] = np.zeros(4, np.float32)
    return variables


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Pg2(**TINY, **SIZES)


@pytest.fixture
def opened(monkeypatch):
    """Opens variables as if they were read from a file."""

    def create(name, preset, **options):
        assert (name, preset) == ("pg2", "official-market")
        return Pg2(**options)

    monkeypatch.setattr(official, "create", create)

    def load(variables):
        monkeypatch.setattr(official, "read_checkpoint", lambda path: variables)
        return official.load_official("model.ckpt-0")

    return load


def test_every_weight_comes_back(model, opened):
    loaded = opened(checkpoint(model))
    assert loaded.hparams["width"] == 2 and loaded.hparams["code"] == 3 and loaded.size == (128, 64)
    assert not loaded.training
    for key, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_a_file_without_critic_still_loads(model, opened):
    variables = {name: array for name, array in checkpoint(model).items() if not name.startswith("Discriminator.")}
    loaded = opened(variables)
    for key, tensor in model.inference_state().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Pose_AE/G/Conv_4/weights": None}, r"model\.ckpt-0: .*29 convolutions"),
        ({"Pose_AE/G/Conv_4/biases": None}, r"model\.ckpt-0: .*missing variable Pose_AE/G/Conv_4/biases"),
        ({"Pose_AE/G/Conv/weights": None}, "no checkpoint of PG2"),
        ({"UAEnoFC/G/noise": np.zeros(1)}, "unknown variable UAEnoFC/G/noise"),
        ({"Something/else": np.zeros(1)}, "unknown variable Something/else"),
        ({"Discriminator.Output/Discriminator.Output.W": np.zeros((4, 1))}, r"Discriminator.Output.W has shape \(4, 1\)"),
    ],
)
def test_what_does_not_fit_is_named(model, opened, change, message):
    variables = {name: array for name, array in (checkpoint(model) | change).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        opened(variables)


def test_names_are_numbered_without_gaps():
    coarse, refinement = official.coarse_names, official.refinement_names
    networks = ((coarse(5), 30), (coarse(6), 36), (refinement(3), 16), (refinement(4), 21))
    for names, count in networks:
        numbers = [int(found[1] or 0) for name in names if (found := re.search(r"/Conv(?:_(\d+))?/weights", name))]
        assert numbers == list(range(count))
