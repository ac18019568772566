import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from fashiongen.models.fashion_gan import official
from fashiongen.models.fashion_gan.module import FashionGan
from fashiongen.models.fashion_gan.text import LanguageEncoder

_spec = importlib.util.spec_from_file_location("torch7_writer", Path(__file__).parents[2] / "convert/torch7_writer.py")
assert _spec is not None and _spec.loader is not None
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)

WORDS = ["the", "lady", "wore", "a", "tee"]
HEADS = {"category": "net_cate_new", "colour": "net_color", "gender": "net_gender", "sleeve": "net_sleeve"}


def narrow(variant="skip"):
    torch.manual_seed(0)
    return FashionGan(
        vocabulary=WORDS, code=6, noise=4, shape_width=1, shape_discriminator_width=2, picture=variant, picture_width=3,
        picture_discriminator_width=1,
    )  # fmt: skip


def in_graph(network, gap=2):
    """Weights under places of a graph, as the authors' code numbers them: with other nodes between."""
    state = network.state_dict()
    return {
        f"{7 + gap * place}.{field}": state[f"{layer}.{field}"].numpy()
        for place, layer in enumerate(official.layer_names(network))
        for field in ("weight", "bias", "running_mean", "running_var")
        if f"{layer}.{field}" in state
    }


def write(folder, model):
    """The authors' files; the map of words, whose format nothing writes, is patched by the tests."""
    files = {
        "shape": folder / "sr1.t7",
        "picture": folder / "ih1.t7",
        "encoder": folder / "rnn.pth",
        "mean": folder / "ih_mean.mat",
    }
    for stage in ("shape", "picture"):
        networks = {"G": getattr(model, stage), "D": getattr(model, f"{stage}_discriminator")}
        graphs = {letter: writer.graph(in_graph(network), "cudnn") for letter, network in networks.items()}
        files[stage].write_bytes(writer.Writer().value(graphs))
    state = {key: value for key, value in model.encoder.state_dict().items() if key.startswith("rnn.")}
    for ours, theirs in HEADS.items():
        state |= {f"{theirs}.{field}": model.encoder.state_dict()[f"heads.{ours}.{field}"] for field in ("weight", "bias")}
    torch.save(state, files["encoder"])
    savemat(files["mean"], {"ih_mean": np.full((128, 128, 3), 0.75, np.float32)})
    return files


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setattr(official, "read_word_map", lambda path: WORDS)


@pytest.mark.parametrize("variant", ["skip", "plain", "p2p"])
def test_files_of_every_variant_become_a_model(tmp_path, words, variant):
    model = narrow(variant)
    opened = official.load_official(vocabulary=tmp_path / "map.mat", **write(tmp_path, model))
    assert not opened.training and opened.hparams["picture"] == variant and opened.vocabulary.known == tuple(WORDS)
    assert opened.hparams["statistics"] == "sample" and opened.hparams["dropout_at_test"]
    for key, value in model.state_dict().items():
        if key != "mean" and not key.endswith("num_batches_tracked"):
            assert torch.equal(opened.state_dict()[key], value), key
    assert (opened.mean == 0.75).all()


def test_matrices_of_the_oldest_files_are_unfolded():
    model = narrow()
    variables = in_graph(model.shape_discriminator)
    folded = {name: array.reshape(len(array), -1) if array.ndim == 4 else array for name, array in variables.items()}
    other = narrow()
    torch.nn.init.zeros_(other.shape_discriminator.output.weight)
    official.load_network(other.shape_discriminator, folded)
    assert torch.equal(other.shape_discriminator.output.weight, model.shape_discriminator.output.weight)


def test_what_does_not_fit_is_named(tmp_path, words):
    model = narrow()
    files = write(tmp_path, model)
    swapped = {**files, "shape": files["picture"]}
    with pytest.raises(ValueError, match=r"ih1\.t7: the generator has 26 modules with weights; that of the shape stage has 22"):
        official.load_official(vocabulary="map.mat", **swapped)
    with pytest.raises(ValueError, match=r"sr1\.t7: the generator has 22 modules.*that of skip has 26"):
        official.load_official(vocabulary="map.mat", **{**files, "picture": files["shape"]})
    variables = in_graph(model.shape)
    with pytest.raises(ValueError, match=r"missing variable 7\.weight"):
        official.load_network(model.shape, {**{k: v for k, v in variables.items() if k != "7.weight"}, "7.bias": np.zeros(20)})
    with pytest.raises(ValueError, match="21 modules have weights, ShapeGenerator has 22"):
        official.load_network(model.shape, {k: v for k, v in variables.items() if k != "7.weight"})
    with pytest.raises(ValueError, match=r"module '7\.weight' has no weight"):
        official.shape_options({**{k: v for k, v in variables.items() if k != "7.weight"}, "7.bias": np.zeros(20)}, variables)


@pytest.mark.parametrize("content", [{"G": 1.0, "D": 2.0}, {"G": 1.0}, "text", {"G": writer.Module("nn.gModule"), "D": None}])
def test_other_torch7_files_are_refused(tmp_path, content):
    (tmp_path / "other.t7").write_bytes(writer.Writer().value(content))
    with pytest.raises(ValueError, match=r"other\.t7(: it holds no graph of modules| holds no stage of FashionGAN)"):
        official.read_stage(tmp_path / "other.t7")


def test_damaged_files_of_other_kinds_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        official.read_encoder(tmp_path / "absent.pth")
    with pytest.raises(FileNotFoundError, match=r"absent\.mat"):
        official.read_mean(tmp_path / "absent.mat")
    for name in ("text.pth", "text.mat"):
        (tmp_path / name).write_text("no weights")
    with pytest.raises(ValueError, match=r"text\.pth is no readable PyTorch file"):
        official.read_encoder(tmp_path / "text.pth")
    with pytest.raises(ValueError, match=r"text\.mat is damaged or no file of its kind"):
        official.read_mean(tmp_path / "text.mat")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"list\.pth holds no weights by name"):
        official.read_encoder(tmp_path / "list.pth")
    savemat(tmp_path / "grey.mat", {"ih_mean": np.zeros((4, 4))})
    with pytest.raises(ValueError, match=r"grey\.mat: ih_mean is an RGB picture"):
        official.read_mean(tmp_path / "grey.mat")


def test_an_encoder_of_another_size_is_refused():
    state = {"rnn.weight_ih_l0": torch.zeros(6, 3)}
    with pytest.raises(ValueError, match=r"not a checkpoint of this LanguageEncoder.*missing variable net_color\.bias"):
        official.load_encoder(LanguageEncoder(5, 6), state)
