import re

import numpy as np
import pytest
import torch

from fashiongen.models.disentangled_pig import official
from fashiongen.models.disentangled_pig.module import DisentangledPig

TINY = {"width": 2, "bottleneck": 3, "region_code": 2, "pose_code": 3, "hidden": 4, "critic_width": 1}
MARKET = {**TINY, "background_code": 4, "background_hidden": 5}
DEEPFASHION = {**TINY, "background_code": 0, "size": (256, 256), "encoder_levels": 7, "region_size": 64, "critic_size": (128, 64)}
STAGES = ("reconstruction", "poses", "appearance_codes", "pose_codes")


def checkpoints(model):
    """The model's weights as the authors' four files, with what else these hold."""
    networks = official.networks_of(model)
    files = {}
    for stage in STAGES:
        copies = {"poses": (), "appearance_codes": ("reconstruction",), "pose_codes": ("poses",)}.get(stage, ())
        variables = {"step": np.int32(7), "g_lr": np.float32(0), "d_lr": np.float32(0), "beta1_power_2": np.float32(0.5)}
        for each in (stage, *copies):
            for kind, network in networks[each].items():
                state = network.state_dict()
                for theirs, ours in official.names_of(network, kind).items():
                    array = state[ours].permute({4: (2, 3, 1, 0), 2: (1, 0)}.get(state[ours].ndim, (0,))).numpy()
                    # What a training only loaded is another copy: it must not be taken.
                    variables[theirs] = array if each == stage else array + 1
                    variables[f"{theirs}/Adam"] = variables[f"{theirs}/RMSProp_1"] = array
        files[stage] = variables
    files["reconstruction"]["Discriminator.BN2.moving_mean"] = np.zeros(2, np.float32)
    return files


@pytest.fixture(params=["market", "deepfashion"])
def model(request):
    torch.manual_seed(0)
    return DisentangledPig(**(MARKET if request.param == "market" else DEEPFASHION))


@pytest.fixture
def opened(monkeypatch):
    """Opens variables as if they were read from files."""

    def create(name, preset, **options):
        assert name == "disentangled_pig"
        sizes = {} if preset == "official-market" else {key: DEEPFASHION[key] for key in ("size", "region_size", "critic_size")}
        return DisentangledPig(**sizes, **options)

    monkeypatch.setattr(official, "create", create)

    def load(files):
        monkeypatch.setattr(official, "read_checkpoint", lambda path: files[path])
        return official.load_official(*STAGES)

    return load


def test_every_weight_comes_back(model, opened):
    loaded = opened(checkpoints(model))
    assert not loaded.training
    for option, value in TINY.items():
        assert loaded.hparams[option] == value
    assert loaded.hparams["background_code"] == model.hparams["background_code"] and loaded.size == model.size
    for key, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_files_without_critics_still_load(model, opened):
    critics = ("Discriminator.", "Fg_FCDis_", "Bg_FCDis_", "FCDis_", "Pose_emb_")
    files = {
        stage: {name: array for name, array in variables.items() if not name.startswith(critics)}
        for stage, variables in checkpoints(model).items()
    }
    loaded = opened(files)
    for key, tensor in model.inference_state().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


@pytest.mark.parametrize(
    "stage, change, message",
    [
        ("reconstruction", {"Encoder/G_encoder/Conv_4/weights": None}, "convolutions in Encoder/G_encoder"),
        (
            "reconstruction",
            {"Encoder/G_encoder/Conv_4/biases": None},
            "reconstruction: .*missing variable Encoder/G_encoder/Conv_4",
        ),
        ("reconstruction", {"ID_AE/G/fully_connected/weights": None}, "there is no variable ID_AE/G/fully_connected/weights"),
        ("poses", {"PoseAE/G_Pose_Decoder/fully_connected_10/biases": None}, "poses: .*missing variable PoseAE/G_Pose_Decoder"),
        ("poses", {"PoseAE/G_Pose_Decoder/noise": np.zeros(1)}, "unknown variable PoseAE/G_Pose_Decoder/noise"),
        ("appearance_codes", {"Something/else": np.zeros(1)}, "appearance_codes: .*unknown variable Something/else"),
        ("pose_codes", {"PoseGaussian/G_FC/fully_connected/biases": np.zeros(9)}, r"pose_codes: .*biases has shape \(9,\)"),
    ],
)
def test_what_does_not_fit_is_named(model, opened, stage, change, message):
    files = checkpoints(model)
    files[stage] = {name: array for name, array in (files[stage] | change).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        opened(files)


def test_names_are_numbered_without_gaps():
    cases = (
        (official.encoder_names(5, True), "Conv", 31),
        (official.encoder_names(5, True), "fully_connected", 2),
        (official.encoder_names(7, False), "Conv", 23),
        (official.generator_names(5), "Conv", 30),
        (official.vector_encoder_names("PoseGaussian/G_FC"), "fully_connected", 10),
        (official.pose_decoder_names(), "fully_connected", 11),
    )
    for names, kind, count in cases:
        numbers = [int(found[1] or 0) for name in names if (found := re.search(rf"/{kind}(?:_(\d+))?/weights", name))]
        assert numbers == list(range(count))


def test_a_stranger_is_refused():
    with pytest.raises(TypeError, match="no checkpoint of the authors holds a Linear"):
        official.names_of(torch.nn.Linear(1, 1), "encoder")
