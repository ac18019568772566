import numpy as np
import pytest
import torch

from fashiongen.models.clothnet import official
from fashiongen.models.clothnet.module import ClothNet

TINY = {"size": 16, "sketch_width": 2, "code": 3, "portray_width": 2, "discriminator_width": 2, "portray_colours": True}
FOLDERS = {"LSM": "sketch", "CSM": "body_sketch", "PM": "portray"}


def stored(tensor):
    """As the authors' files have it."""
    if tensor.ndim == 4:
        tensor = tensor.permute(2, 3, 1, 0)
    elif tensor.ndim == 2:
        tensor = tensor.unflatten(1, (-1, 2, 2)).permute(2, 3, 1, 0).flatten(0, 2)
    return tensor.numpy()


def checkpoint(model, module):
    """The weights of one module as the authors' variables, with what else their files hold."""
    parts = {module: official.sketch_names(4, module == "body_sketch")}
    if module == "portray":
        parts = {"portrayer": official.portrayer_names(4), "discriminator": official.discriminator_names(3)}
    variables = {"global_step/global_step": np.zeros(1, np.int64), "discriminator_train/Variable": np.int32(0)}
    for part, names in parts.items():
        state = model.get_submodule(part).state_dict()
        for theirs, ours in names.items():
            variables[theirs] = stored(state[ours])
            variables[f"{theirs}/Adam"] = variables[theirs]
    return variables


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = ClothNet(**TINY, body_levels="all")
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
    return model


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Opens variables as if they were read from the folders of a `states`."""

    def create(name, preset, **options):
        assert name == "clothnet" and preset == ("official-full" if "sketch" in options["modules"] else "official-body")
        return ClothNet(**options)

    monkeypatch.setattr(official, "create", create)

    def load(files, paths=None):
        for folder in files:
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "model-7.index").touch()
        monkeypatch.setattr(official, "read_checkpoint", lambda path: files[path.name])
        return official.load_official(tmp_path if paths is None else [tmp_path / path for path in paths])

    return load


@pytest.mark.parametrize("folders", [["LSM"], ["CSM"], ["PM"], ["LSM", "PM"], ["CSM", "PM"], ["LSM", "CSM", "PM"]])
def test_every_weight_comes_back(model, opened, folders):
    loaded = opened({folder: checkpoint(model, FOLDERS[folder]) for folder in folders})
    assert loaded.has == {FOLDERS[folder] for folder in folders} and loaded.size == (16, 16) and not loaded.training
    state = model.state_dict()
    for key, tensor in loaded.state_dict().items():
        if key != "wardrobe" and not key.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[key]), key


@pytest.mark.parametrize(
    "options, variant",
    [
        ({"portray_colours": False}, (3, 6)),
        ({}, (6, 9)),
        ({"portray_input": "labels", "portray_colours": False}, (22, 25)),
        ({"portray_input": "labels"}, (25, 28)),
    ],
)
def test_kinds_of_portrayers_are_told_apart(opened, options, variant):
    model = ClothNet(**{**TINY, **options})
    variables = checkpoint(model, "portray")
    loaded = opened({"PM": variables})
    assert loaded.hparams["portray_input"] == model.hparams["portray_input"]
    assert loaded.hparams["portray_colours"] == model.hparams["portray_colours"]
    channels = variables["generator/encoder_1/conv/filter"].shape[2], variables["discriminator/layer_1/conv/filter"].shape[2]
    assert channels == variant


def test_a_file_without_discriminator_still_loads(model, opened):
    variables = {name: array for name, array in checkpoint(model, "portray").items() if not name.startswith("discriminator/")}
    loaded = opened({"PM": variables})
    assert torch.equal(
        loaded.portrayer.state_dict()["encoder.0.conv.weight"], model.portrayer.state_dict()["encoder.0.conv.weight"]
    )


@pytest.mark.parametrize(
    "folder, change, message",
    [
        ("LSM", {"generator/encoder_1/conv/filter": None}, "LSM: this is no checkpoint of ClothNet"),
        ("LSM", {"generator/encoder_2/conv/filter": None}, "LSM: .*missing variable generator/encoder_2/conv/filter"),
        ("LSM", {"generator/decoder_2/deconv/filter": None}, "3 levels in its decoder|missing variable"),
        ("CSM", {"generator/noise": np.zeros(1)}, "CSM: .*unknown variable generator/noise"),
        ("CSM", {"generator/vae_encoder/z_mean/biases": np.zeros(7)}, r"z_mean/biases has shape \(7,\)"),
        ("PM", {"discriminator/layer_5/conv/filter": None}, "PM: .*missing variable discriminator/layer_5/conv/filter"),
        ("PM", {"generator/encoder_1/conv/filter": np.zeros((4, 4, 5, 2), np.float32)}, "sees 3, 6, 22, 25 channels .*, not 5"),
        ("PM", {"Something/else": np.zeros(1)}, "unknown variable Something/else"),
    ],
)
def test_what_does_not_fit_is_named(model, opened, folder, change, message):
    variables = {name: array for name, array in (checkpoint(model, FOLDERS[folder]) | change).items() if array is not None}
    with pytest.raises(ValueError, match=message):
        opened({folder: variables})


def test_modules_that_do_not_belong_together(model, opened):
    variables = checkpoint(model, "portray")
    with pytest.raises(ValueError, match=r"PM and .*PM_class are both a portray module; name one"):
        opened({"PM": variables, "PM_class": variables})
    assert opened({"PM": variables, "PM_class": variables, "LSM": checkpoint(model, "sketch")}, ["LSM", "PM_class"]).has == {
        "sketch",
        "portray",
    }
    other = ClothNet(**{**TINY, "code": 5, "modules": ["body_sketch"]})
    with pytest.raises(ValueError, match="LSM does not fit the other modules: code differs"):
        opened({"CSM": checkpoint(other, "body_sketch"), "LSM": checkpoint(model, "sketch")}, ["CSM", "LSM"])
