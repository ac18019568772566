import h5py
import numpy as np
import pytest
import torch

from fashiongen.models.cagan import official
from fashiongen.models.cagan.module import Cagan

TINY = {"width": 8, "discriminator_width": 8}


def to_tensorflow(tensor):
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(tensor.ndim, (0,))
    return tensor.permute(*axes).numpy()


def variables_of(network, names):
    state = network.state_dict()
    return {theirs: to_tensorflow(state[ours]) for theirs, ours in names.items()}


def renumbered(variables, more):
    """As saved from a process that built other networks before: numbers go on."""
    renamed = {}
    for name, array in variables.items():
        layer, _, variable = name.partition("/")
        kind, _, number = layer.rpartition("_")
        counted = kind in ("instance_normalization", "batch_normalization", "conv2d", "dense")
        layer = f"{kind}_{int(number) + more}" if counted else f"{layer}_{more}"
        renamed[f"{layer}/{variable}"] = array
    return renamed


def write(path, variables):
    """As Keras' `save_weights`."""
    with h5py.File(path, "w") as file:
        for name, array in variables.items():
            file[f"{name.partition('/')[0]}/{name}:0"] = array
    return path


def generator_names(model):
    return official.stacked_names() if model.hparams["profile"] == "stacked" else official.keras_names()


def files(folder, model):
    generator = write(folder / "generator.h5", variables_of(model.generator, generator_names(model)))
    discriminators = []
    for scale, network in enumerate(model.discriminators):
        variables = variables_of(network, official.keras_discriminator_names())
        for level, norm in enumerate(network.norms["all"], 1):
            variables[f"batch_normalization_{level}/moving_mean"] = np.zeros(norm.num_features, np.float32)
            variables[f"batch_normalization_{level}/moving_variance"] = np.ones(norm.num_features, np.float32)
        variables = renumbered(variables, 3 * scale) if scale else variables
        discriminators.append(write(folder / f"discriminator_{scale}.h5", variables))
    return generator, discriminators


def same(first, second):
    state, other = first.state_dict(), second.state_dict()
    assert state.keys() == other.keys()
    return [key for key in state if not torch.equal(state[key], other[key])] == []


@pytest.fixture(params=["keras", "stacked"])
def model(request):
    torch.manual_seed(0)
    options = {"refiner_widths": (16, 8), "condition": "target"} if request.param == "stacked" else {}
    return Cagan(request.param, size=(128, 96), **TINY, **options)


def test_every_weight_of_keras_files_comes_back(tmp_path, model):
    loaded = official.load_official(*files(tmp_path, model))
    assert not loaded.training
    for name in ("profile", "condition", "width", "discriminator_width"):
        assert loaded.hparams[name] == model.hparams[name]
    assert same(loaded.generator, model.generator) and same(loaded.discriminators, model.discriminators)


def test_a_generator_alone_opens_too(tmp_path, model):
    generator, _ = files(tmp_path, model)
    assert same(official.load_official(generator).generator, model.generator)


def test_numbers_of_a_process_that_built_more_networks(model):
    network = type(model.generator)(8, (16, 8)) if model.hparams["profile"] == "stacked" else type(model.generator)(8)
    official.load_keras_generator(network, renumbered(variables_of(model.generator, generator_names(model)), 20))
    assert same(network, model.generator)


@pytest.mark.parametrize("shared", [False, True])
def test_every_weight_of_the_baseline_comes_back(monkeypatch, shared):
    torch.manual_seed(0)
    model = Cagan("viton_baseline", size=(64, 32), shared_norm=False, width=4, discriminator_width=8)
    variables = variables_of(model.generator, official.baseline_names(False))
    variables |= variables_of(model.discriminators[0], official.baseline_discriminator_names(False))
    variables |= {"global_step": np.int64(7), "generator/encoder_1/conv/filter/Adam": np.zeros(1), "beta1_power": np.float32(0.5)}
    variables["real_discriminator/discriminator/layer_2/batchnorm/Variable_2"] = np.zeros(16, np.float32)
    if shared:
        network = Cagan("viton_baseline", size=(64, 32), width=4, discriminator_width=8)
        official.load_baseline_generator(network.generator, variables)
        official.load_baseline_discriminator(network.discriminators[0], variables)
        state, other = model.generator.state_dict(), network.generator.state_dict()
        assert all(torch.equal(state[key], tensor) for key, tensor in other.items())
        return
    monkeypatch.setattr(official, "read_checkpoint", lambda path: variables)
    loaded = official.load_official("model-100000")
    assert loaded.hparams["width"] == 4 and loaded.hparams["discriminator_width"] == 8 and not loaded.training
    assert same(loaded.generator, model.generator) and same(loaded.discriminators, model.discriminators)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"layer4/kernel": None}, r"generator\.h5: .*missing variable layer4/kernel"),
        ({"layer1/kernel": None}, r"generator\.h5 is no generator of CAGAN"),
        ({"noise/kernel": np.zeros(1)}, "unknown variable noise/kernel"),
        ({"out128/kernel": np.zeros((4, 4, 3, 4))}, r"out128/kernel has shape \(4, 4, 3, 4\)"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    model = Cagan("keras", size=(128, 96), **TINY)
    variables = variables_of(model.generator, official.keras_names()) | change
    path = write(tmp_path / "generator.h5", {name: array for name, array in variables.items() if array is not None})
    with pytest.raises(ValueError, match=message):
        official.load_official(path)


def test_wrong_files_are_named(tmp_path, monkeypatch):
    model = Cagan("keras", size=(128, 96), **TINY)
    generator, (discriminator,) = files(tmp_path, model)
    with pytest.raises(ValueError, match=r"generator\.h5 is no discriminator of CAGAN"):
        official.load_official(generator, [generator])
    other = write(tmp_path / "other.h5", variables_of(model.discriminators[0], official.keras_discriminator_names()))
    with pytest.raises(ValueError, match="has 1 discriminators, but 2 files are given"):
        official.load_official(generator, [discriminator, other])
    monkeypatch.setattr(official, "read_checkpoint", lambda path: {"step": np.int64(1)})
    with pytest.raises(ValueError, match=r"model-1 is no checkpoint of baseline_cagan\.py"):
        official.load_official("model-1")
