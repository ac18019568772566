"""FashionGAN against the arrays recorded from its authors' code; tolerances of section 11 of the specification and the README."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fashiongen.data.fashion_synthesis_files import FashionSynthesisFiles
from fashiongen.data.mat_files import open_h5
from fashiongen.layers.dense_crf import dense_crf
from fashiongen.layers.normalization import BatchNorm2d
from fashiongen.layers.resize import area_resize, pillow_nearest_resize
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.reconstruction import masked_l1
from fashiongen.models.fashion_gan import official, representation
from fashiongen.models.fashion_gan.blocks import Norm, running_as
from fashiongen.models.fashion_gan.compositing import composite_person, compositional_mapping, skin_medians
from fashiongen.models.fashion_gan.drawing import Condition
from fashiongen.models.fashion_gan.module import EPSILON, FashionGan
from fashiongen.models.fashion_gan.prepare import crop_person, parser_labels, person_box
from fashiongen.models.fashion_gan.text import Attributes, LanguageEncoder, Vocabulary, read_vocabulary, words
from fashiongen.models.fashion_gan.word_map import read_word_map
from fashiongen.optim import TFAdam
from fashiongen.types import Batch, Person

SETS = ("sr1", "ih1", "ih1_skip", "ih1_p2p")
LEARNING_RATE = 2e-4
NOISE_GRADIENT = 1e-3


class Recorded:
    """The files of a folder, and which keys of them a test has looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta = json.loads((folder / "meta.json").read_text())
        self._files: dict[str, dict[str, Tensor]] = {}

    def __getitem__(self, name: str) -> dict[str, Tensor]:
        if name not in self._files:
            self._files[name] = load_file(self.folder / f"{name}.safetensors")
        return self._files[name]

    def holds(self, name: str) -> bool:
        return (self.folder / f"{name}.safetensors").is_file()


@pytest.fixture(params=["bundled", "recorded"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """The part that travels with the repository, and the whole folder."""
    folder = request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("fashion_gan").folder
    if not (folder / "meta.json").is_file():
        pytest.skip(f"no arrays in {folder}")
    return Recorded(folder)


def load(recorded: Recorded, name: str) -> dict[str, Tensor]:
    if not recorded.holds(name):
        pytest.skip(f"{name} is not part of {recorded.folder}")
    return recorded[name]


def check(wanted: Tensor, got: Tensor, relative: float, what: str, absolute: float = 0.0) -> None:
    got = got.detach()
    assert got.shape == wanted.shape, f"{what} has shape {tuple(got.shape)}, expected {tuple(wanted.shape)}"
    difference, largest = (got.double() - wanted.double()).abs().max().item(), wanted.double().abs().max().item()
    assert difference <= absolute + relative * largest, f"{what} is off by {difference:.3g} of {largest:.3g}"


def third(tensor: Tensor) -> Tensor:
    return tensor[..., ::3, ::3]


def flat(tensor: Tensor) -> Tensor:
    """(N, C, 1, 1) -> (N, C)."""
    return tensor[:, :, 0, 0]


def leftovers(arrays: dict[str, Tensor], seen: set[str], inputs: str) -> list[str]:
    """Keys that are neither inputs nor were compared."""
    return [key for key in arrays if key not in seen and not re.match(inputs, key)]


# ------------------------------------------------------------------------------------------------------------ networks
class Data:
    """The synthetic samples."""

    def __init__(self, recorded: Recorded) -> None:
        arrays = recorded["data"]
        self.labels = arrays["labels"][:, 0]
        self.mean = arrays["mean_u8"].float() / 255
        self.ih = arrays["images_u8"].float() / 255 - self.mean
        self.images = arrays["images_u8"].float() / 127.5 - 1
        self.layout = arrays["layout8"]
        self.text = arrays["text"]

    def condition(self, name: str, numbers: Any, text: Any = None) -> Condition:
        maps = self.layout[numbers] if name == "sr1" else representation.coloured_map(self.labels[numbers])
        return Condition(maps, self.text[numbers if text is None else text])

    def truth(self, name: str, numbers: Any) -> Tensor:
        return representation.one_hot(self.labels[numbers]) if name == "sr1" else self.ih[numbers]


def variables(arrays: dict[str, Tensor], network: str) -> dict[str, np.ndarray]:
    own = re.compile(rf"{network}\.(\d+\.(?:weight|bias|running_mean|running_var))")
    return {found[1]: array.numpy() for key, array in arrays.items() if (found := own.fullmatch(key))}


def build(recorded: Recorded, name: str, **options: Any) -> Any:
    """The model with the recorded weights of one stage."""
    arrays = recorded[name]
    stage, read = ("shape", official.shape_options) if name == "sr1" else ("picture", official.picture_options)
    networks = variables(arrays, "G"), variables(arrays, "D")
    known = read(*networks)
    assert {known[f"{stage}_width"], known[f"{stage}_discriminator_width"]} == {
        recorded.meta["widths"]["ngf"], recorded.meta["widths"]["ndf"]
    }  # fmt: skip
    narrow = {
        "shape_width": 1, "shape_discriminator_width": 1, "picture_width": 1, "picture_discriminator_width": 1,
        "generator_turn": "stale", "zero_biases": True, "optimizer": "tf_adam", "learning_rate": LEARNING_RATE,
        "statistics": "sample", "dropout_at_test": True, "pictures_every": 0,
    }  # fmt: skip
    module = (PlayBack if "steps" in options else FashionGan)(**{**narrow, **known, **options})
    official.load_network(getattr(module, stage), networks[0])
    official.load_network(getattr(module, f"{stage}_discriminator"), networks[1])
    return module


class Masks(nn.Module):
    """Recorded dropout."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.mask = mask

    def forward(self, input: Tensor) -> Tensor:
        return input * self.mask


def drop(generator: nn.Module, arrays: dict[str, Tensor], prefix: str) -> set[str]:
    """Put recorded dropout in place; gives the keys."""
    keys = sorted((key for key in arrays if key.startswith(prefix)), key=lambda key: int(key.rpartition(".")[2]))
    blocks = [block for block in getattr(generator, "decoder", []) if isinstance(block[-1], nn.Dropout | Masks)]
    if keys:
        for key, block in zip(keys, blocks, strict=True):
            block[-1] = Masks(arrays[key])
    return set(keys)


def stages_of(module: FashionGan, name: str) -> tuple[nn.Module, nn.Module]:
    stage = "shape" if name == "sr1" else "picture"
    return getattr(module, stage), getattr(module, f"{stage}_discriminator")


def numbered(network: nn.Module, arrays: dict[str, Tensor], letter: str) -> dict[int, str]:
    """Place in the authors' graph -> name of our module."""
    found = official.places(variables(arrays, letter))
    return dict(zip(found, official.layer_names(network), strict=True))


def tap(network: nn.Module, names: dict[int, str], nodes: dict[str, Any]) -> tuple[dict[int, Tensor], list[Any]]:
    """What the authors' buffers hold: the values of batch normalisation, overwritten by the activation that follows in place."""
    seen: dict[int, Tensor] = {}
    follow = {"nn.LeakyReLU": lambda value: F.leaky_relu(value, 0.2), "nn.ReLU": F.relu}

    def hook(place: int) -> Any:
        after = follow.get(nodes.get(str(place + 1), {}).get("type"), lambda value: value)
        return lambda module, inputs, output: seen.update({place: after(output.detach().clone())})

    modules = dict(network.named_modules())
    hooks = [modules[name].register_forward_hook(hook(place)) for place, name in names.items() if isinstance(modules[name], Norm)]
    return seen, hooks


@pytest.mark.parametrize("name", SETS)
def test_networks(recorded: Recorded, name: str) -> None:
    arrays, data = load(recorded, name), Data(recorded)
    module, nodes = build(recorded, name).double().float(), recorded.meta["nodes"]
    generator, discriminator = stages_of(module, name)
    pair = slice(0, 2)
    condition, truth, noise = data.condition(name, pair), data.truth(name, pair), flat(arrays["in.z"])
    seen: set[str] = set()

    def compare(key: str, got: Tensor, relative: float) -> None:
        if key in arrays:
            check(arrays[key], got, relative, f"{name} {key}")
            seen.add(key)

    with torch.no_grad():
        module.eval()
        fake = generator(*condition, noise)
        compare("G.eval.out_s3", third(fake), 1e-5)
        compare("G.eval.out_full0", fake[:1], 1e-5)
        compare("D.eval.real", discriminator(truth, *condition).sigmoid(), 1e-5)
        compare("D.eval.fake", discriminator(fake, *condition).sigmoid(), 1e-5)

        seen |= drop(generator, arrays, "G.train1.dropout_noise.")
        one = Condition(*(each[:1] for each in condition))
        with running_as(generator, per_sample=True, dropout=True):
            compare("G.train1.out_s3", third(generator(*one, noise[:1])), 5e-5)
        state = {key: value.clone() for key, value in module.state_dict().items()}
        generator.train()
        compare("G.train1.out_s3", third(generator(*one, noise[:1])), 5e-5)
        module.load_state_dict(state)

        seen |= drop(generator, arrays, "G.train2.dropout_noise.")
        names = numbered(generator, arrays, "G")
        taps, hooks = tap(generator, names, nodes[f"{name}.G"])
        fake = generator(*condition, noise)
        compare("G.train2.out_s3", third(fake), 5e-5)
        for place, value in taps.items():
            compare(f"G.train2.node{place}", value, 3e-5)
            norm = dict(generator.named_modules())[names[place]]
            for field in ("running_mean", "running_var"):
                compare(f"G.train2.after.{place}.{field}", getattr(norm, field), 1e-5)
        discriminator.train()
        taps_of_d, hooks_of_d = tap(discriminator, numbered(discriminator, arrays, "D"), nodes[f"{name}.D"])
        compare("D.train2.real", discriminator(truth, *condition).sigmoid(), 5e-5)
        for place, value in taps_of_d.items():
            compare(f"D.train2.node{place}", value, 3e-5)
        compare("D.train2.fake", discriminator(fake, *condition).sigmoid(), 5e-5)
        for each in (*hooks, *hooks_of_d):
            each.remove()
    left = leftovers(arrays, seen, r"[GD]\.\d+\.|in\.|train\.")
    assert seen and not left, f"{name}: {left} not reproduced"


def test_layers_come_in_the_order_of_the_graphs(recorded: Recorded) -> None:
    """A convolution, a transposed one or a normalisation, the same at the same place."""
    kinds = {nn.Conv2d: "conv", nn.ConvTranspose2d: "deconv", Norm: "bn"}
    compared = 0
    for name in SETS:
        if not recorded.holds(name):
            continue
        for letter, network in zip("GD", stages_of(build(recorded, name), name), strict=True):
            modules = dict(network.named_modules())
            for place, layer in numbered(network, recorded[name], letter).items():
                told = recorded.meta["nodes"][f"{name}.{letter}"][str(place)]["spec_name"]
                assert told.endswith(f".{kinds[type(modules[layer])]}")
                compared += 1
    assert compared


# ------------------------------------------------------------------------------------------------------------ training
class PlayBack(FashionGan):
    """Training steps on recorded samples, noise and dropout, which keep what the recording holds."""

    def play(self, name: str, arrays: dict[str, Tensor], data: Data) -> None:
        self.set, self.arrays, self.data = name, arrays, data
        self.kept: dict[str, Tensor] = {}
        self.used: set[str] = set()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.prefix = f"train.it{self.steps_done + 1}."
        super().training_step(batch, batch_idx)

    def _samples(self, key: str) -> Tensor | None:
        self.used.add(self.prefix + key)
        numbers = self.arrays.get(self.prefix + key)
        return None if numbers is None else numbers.long() - 1

    def _play(self, stage: str) -> dict[str, Tensor]:
        generator, _ = stages_of(self, self.set)
        self.used |= drop(generator, self.arrays, f"{self.prefix}G.dropout_noise.")
        own, wrong = self._samples("ind"), self._samples("ind_wrong")
        assert own is not None
        noise = self.arrays.get(self.prefix + "noise")
        self.used.add(self.prefix + "noise")
        noise = torch.zeros(len(own), self.hparams["noise"]) if noise is None else flat(noise)
        condition = self.data.condition(self.set, own)
        others = [] if wrong is None else [self.data.condition(self.set, wrong, own)]
        hook = generator.register_forward_hook(
            lambda module, inputs, output: self.kept.update({f"{self.prefix}fake_s3": third(output)})
        )
        if stage == "shape":
            losses = self.update_shape(
                self.data.labels[own], condition, noise, *([] if wrong is None else [self.data.labels[wrong]]), *others
            )
            pixel = "maps"
        else:
            self.kept[f"{self.prefix}condition_s3"] = third(condition.map)
            wrongs = [] if wrong is None else [self.data.ih[wrong]]
            losses = self.update_picture(self.data.ih[own], self.data.labels[own], condition, noise, *wrongs, *others)
            pixel = "image"
        hook.remove()
        printed = {"errD_real": losses["discriminator_real"]}
        if wrong is not None:
            printed["errD_wrong_logged"] = 0.1 * losses["discriminator_wrong"]
        printed["errD_fake_logged"] = (1.0 if wrong is None else 0.9) * losses["discriminator_fake"]
        total = torch.stack(list(printed.values())).sum()
        printed["errD_logged"] = total if stage == "shape" else total / 2
        self.kept |= {f"{self.prefix}D.{key}": value.reshape(1) for key, value in printed.items()}
        self.kept |= {
            f"{self.prefix}G.errG": losses["adversarial"].reshape(1),
            f"{self.prefix}G.err_pixel": losses[pixel].reshape(1),
        }
        return losses

    def train_shape(self, batch: Batch) -> dict[str, Tensor]:
        return self._play("shape")

    def train_picture(self, batch: Batch) -> dict[str, Tensor]:
        return self._play("picture")

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        mine = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        for letter, network in zip("GD", stages_of(self, self.set), strict=True):
            parameters = dict(network.named_parameters())
            if id(next(iter(parameters.values()))) not in mine:
                continue
            for place, layer in numbered(network, self.arrays, letter).items():
                for field in ("weight", "bias"):
                    if (parameter := parameters.get(f"{layer}.{field}")) is not None:
                        self.kept[f"{self.prefix}{letter}.grad.{place}.{field}"] = parameter.grad.clone()


def noise_only(arrays: dict[str, Tensor], iterations: int) -> set[str]:
    """Parameters, as "D.5.bias", whose gradient is rounding noise at some step."""
    pattern = re.compile(r"train\.it\d+\.([GD])\.grad\.(\d+\.(?:weight|bias))\.sum_l2")
    return {
        f"{found[1]}.{found[2]}" for key, value in arrays.items() if (found := pattern.fullmatch(key)) and value[1] < NOISE_GRADIENT
    }


@pytest.mark.parametrize("name", SETS)
def test_training_steps(recorded: Recorded, name: str, tmp_path: Path) -> None:
    """Losses, gradients and weights of every recorded step, in the authors' order of forward, backward and update."""
    arrays, data = load(recorded, name), Data(recorded)
    if not any(key.startswith("train.") for key in arrays):
        pytest.skip(f"the steps of {name} are not part of {recorded.folder}")
    steps = recorded.meta["train_iterations"]
    stage = "shape" if name == "sr1" else "picture"
    module = build(recorded, name, only=stage, steps={stage: steps})
    module.play(name, arrays, data)
    batch = DataLoader([Batch(Person(data.images[0]))] * steps, batch_size=1, collate_fn=Batch.collate)
    trainer = pl.Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, batch)
    assert module.steps_in_stage[stage] == steps

    kept, silent = module.kept, noise_only(arrays, steps)
    for letter, network in zip("GD", stages_of(module, name), strict=True):
        state = network.state_dict()
        for place, layer in numbered(network, arrays, letter).items():
            for field in ("weight", "bias", "running_mean", "running_var"):
                if f"{layer}.{field}" in state:
                    kept[f"train.after.{letter}.{place}.{field}"] = state[f"{layer}.{field}"]
    kinked = name == "ih1_skip"
    compared, problems = 0, []
    for key, wanted in arrays.items():
        if not key.startswith("train.") or key in module.used:
            continue
        base = key.removesuffix(".sum_l2")
        if base not in kept:
            problems.append(f"{key} is not reproduced")
            continue
        parameter = re.search(r"([GD])\.(?:grad\.)?(\d+\.(?:weight|bias))", key)
        if parameter and f"{parameter[1]}.{parameter[2]}" in silent:
            continue
        got = kept[base]
        if key != base:
            got = torch.stack([got.double().sum(), got.double().norm()])
        compared += 1
        problems += compare_step(key, wanted, got, kinked)
    assert compared and not problems, f"{name}:\n" + "\n".join(problems)


def compare_step(key: str, wanted: Tensor, got: Tensor, kinked: bool) -> list[str]:
    after, summed = key.startswith("train.after."), key.endswith(".sum_l2")
    if ".grad." in key:
        relative = {"D": 2e-2, "G": 5e-3}[key.partition(".grad.")[0][-1]] if kinked else 1e-3
        scale = wanted[1].abs() if summed else wanted.abs().max()
        allowed = torch.full_like(got.double(), relative * scale.item())
    elif after and summed:
        allowed = torch.tensor([1e-3, 1e-4], dtype=torch.float64) * wanted[1].abs().double()
    elif after and "running_" in key:
        allowed = torch.full_like(got.double(), 5e-5 * wanted.abs().max().item())
    elif after:
        allowed = torch.full_like(got.double(), 2e-5)
    elif "err" in key:
        allowed = torch.full_like(got.double(), 1e-4 * wanted.abs().max().item())
    else:
        allowed = torch.full_like(got.double(), 5e-5 * wanted.abs().max().item())
    difference = (got.detach().double() - wanted.double()).abs()
    return [] if (difference <= allowed).all() else [f"{key} is off by {difference.max():.3g}, allowed {allowed.max():.3g}"]


# ------------------------------------------------------------------------------------------------------------ the whole way
def test_demonstration(recorded: Recorded) -> None:
    """Shape, smoothing, picture and compositing, in training mode on batches of one, from the recorded noise."""
    arrays, data = load(recorded, "demo"), Data(recorded)
    shape, seen = build(recorded, "sr1"), set[str]()
    for prefix, stage2 in (("", "ih1_skip"), ("p2p.", "ih1_p2p")):
        if f"{prefix}labels_new" not in arrays:
            continue
        module = build(recorded, stage2, shape_width=shape.hparams["shape_width"])
        module.shape.load_state_dict(shape.shape.state_dict())
        module.mean.copy_(data.mean)
        module.eval()
        runs = [key for key in arrays if re.fullmatch(rf"{re.escape(prefix)}noise1\.\d+", key)]
        collected: dict[str, list[Tensor]] = {}
        for run in range(1, len(runs) + 1):
            person, other = (int(arrays[f"{prefix}{key}"][run - 1]) - 1 for key in ("test_ind", "test_set_pair_ind"))
            seen |= {f"{prefix}test_ind", f"{prefix}test_set_pair_ind"}
            drawn: list[Tensor] = []
            hook = module.shape.register_forward_hook(lambda network, inputs, output, kept=drawn: kept.append(output))
            noise1, noise2 = (
                flat(arrays.get(f"{prefix}noise{stage}.{run}", torch.zeros(1, module.hparams["noise"], 1, 1))) for stage in (1, 2)
            )
            seen |= {f"{prefix}noise{stage}.{run}" for stage in (1, 2)}
            seen |= drop(module.picture, arrays, f"{prefix}stage2.dropout_noise.{run}.")
            dressed = Person(data.images[person][None], parsing=data.labels[person][None], scheme="fashiongan7")
            code = data.text[other][None]
            with torch.no_grad():
                redressed = module.redraw(dressed, code, code, noise1, noise2)
            hook.remove()
            results = {
                "logits": drawn[0], "smoothed": representation.smooth(drawn[0]), "labels_new": redressed.labels[:, None],
                "condition": representation.coloured_map(redressed.labels), "painted": redressed.painted, "final": redressed.image,
            }  # fmt: skip
            for key, value in results.items():
                collected.setdefault(key, []).append(value)
        seen |= _compare_demo(arrays, prefix, {key: torch.cat(values) for key, values in collected.items()})
    kernel = representation.smooth(F.pad(torch.ones(1, 1, 1, 1), (2, 2, 2, 2)))
    check(arrays["smooth_kernel"], kernel[0, 0], 1e-6, "smooth_kernel")
    left = leftovers(arrays, seen | {"smooth_kernel"}, r"(p2p\.)?smoothed_margin_min")
    assert not left, f"{left} not reproduced"


def _compare_demo(arrays: dict[str, Tensor], prefix: str, got: dict[str, Tensor]) -> set[str]:
    """Gives the keys. Pictures are compared as they are written: clipped to [0, 1]."""
    differing = (got["labels_new"].float() != arrays[f"{prefix}labels_new"].float()).float().mean()
    assert differing <= 1e-3
    seen = {f"{prefix}labels_new"}
    for key in [key for key in arrays if key.startswith(prefix)]:
        name = key.removeprefix(prefix)
        if found := re.fullmatch(r"(logits|smoothed|condition)_s3", name):
            check(arrays[key], third(got[found[1]]), 1e-4, key)
        elif found := re.fullmatch(r"(stage2_plus_mean|final)_(full|s3)(?:\.(\d+))?", name):
            value = (got["painted" if found[1] == "stage2_plus_mean" else "final"] + 1) / 2
            value = value if found[3] is None else value[int(found[3]) - 1][None]
            check(arrays[key].clamp(0, 1), third(value) if found[2] == "s3" else value, 1e-4, key)
        else:
            continue
        seen.add(key)
    return seen


# ------------------------------------------------------------------------------------------------------------ operators
def test_operators(recorded: Recorded) -> None:
    arrays = load(recorded, "ops")
    seen: set[str] = set()

    def compare(key: str, got: Tensor, relative: float = 1e-5) -> None:
        check(arrays[key], got, relative, key)
        seen.add(key)

    def exactly(key: str, got: Tensor) -> None:
        assert torch.equal(got, arrays[key].to(got.dtype)), f"{key} differs"
        seen.add(key)

    labels = arrays["colour.labels"][:, 0]
    compare("colour.out", representation.coloured_map(labels), 1e-6)
    exactly("onehot.out", representation.one_hot(labels))
    compare("onehot.softmax", representation.one_hot(labels).softmax(dim=1), 1e-6)
    exactly("target.class_1based", representation.class_index(labels) + 1)
    compare("smooth.kernel", representation.smooth(F.pad(torch.ones(1, 1, 1, 1), (2, 2, 2, 2)))[0, 0], 1e-6)
    smoothed = representation.smooth(arrays["smooth.logits"])
    compare("smooth.out", smoothed, 1e-6)
    exactly("smooth.labels", representation.labels_of(smoothed)[:, None])

    image, own, new = arrays["comp.orig_image"], arrays["comp.orig_labels"][:, 0], arrays["comp.new_labels"][:, 0]
    colours, used = skin_medians(image, own, new)
    exactly("comp.medians", colours * used[:, None])
    compare("comp.final", composite_person(image, own, arrays["comp.generated"], new), 1e-6)
    labels = arrays["compmap.labels"][:, 0]
    exactly("compmap.out", compositional_mapping(arrays["compmap.candidates"], labels))
    shares = F.one_hot(labels.long(), representation.CLASSES).movedim(-1, 1).float()
    compare("compmap.out", compositional_mapping(arrays["compmap.candidates"], shares), 1e-6)

    for target, loss in ((0, fake_loss), (1, real_loss)):
        logits = torch.logit(arrays["bce.p"]).requires_grad_()
        value = loss(logits, EPSILON)
        compare(f"bce.loss{target}", value.reshape(1))
        (slope,) = torch.autograd.grad(value, logits)
        p = arrays["bce.p"].double()
        wanted = arrays[f"bce.grad{target}"].double() * p * (1 - p)  # behind a sigmoid
        assert torch.allclose(slope.double(), wanted, rtol=1e-4, atol=1e-9)
        seen.add(f"bce.grad{target}")
    logits = arrays["smooth.logits"].clone().requires_grad_()
    loss = F.cross_entropy(logits, arrays["target.class_1based"].long() - 1)
    compare("ce.loss", loss.reshape(1))
    compare("ce.grad", torch.autograd.grad(loss, logits)[0])
    first = arrays["l1.a"].clone().requires_grad_()
    loss = masked_l1(first, arrays["l1.b"])
    compare("l1.loss", loss.reshape(1))
    compare("l1.grad", torch.autograd.grad(loss, first)[0])

    weight = nn.Parameter(arrays["adam.w0"].clone())
    optimizer = TFAdam([weight], lr=LEARNING_RATE, betas=(0.5, 0.999), eps=1e-8)
    for step, gradient in enumerate(arrays["adam.grads"], 1):
        weight.grad = gradient.clone()
        optimizer.step()
        compare(f"adam.w{step}", weight, 1e-7)

    norm = BatchNorm2d(len(arrays["bn.weight"]))
    state = {"weight": "weight", "bias": "bias", "running_mean": "rm0", "running_var": "rv0"}
    norm.load_state_dict({key: arrays[f"bn.{name}"] for key, name in state.items()} | {"num_batches_tracked": torch.tensor(0)})
    with torch.no_grad():
        compare("bn.eval", norm.eval()(arrays["bn.x"]))
        compare("bn.train3", norm.train()(arrays["bn.x"]))
        compare("bn.rm1", norm.running_mean)
        compare("bn.rv1", norm.running_var)
        compare("bn.train1", norm(arrays["bn.x"][:1]))

    for key in [key for key in arrays if key.startswith("scale.out_")]:
        side, source = arrays[key].shape[-1], arrays["scale.in"]
        shrinks = side < source.shape[-1]
        got = area_resize(source, side, side) if shrinks else enlarge(source[None], side)[0]
        compare(key, got)
    compare("upsample8.out", enlarge(arrays["upsample8.in"], arrays["upsample8.out"].shape[-1]))
    given = r"(colour|compmap)\.labels|compmap\.candidates|smooth\.logits|comp\.(orig|new|gen)|bce\.p|l1\.[ab]|adam\.(w0|grads)"
    left = leftovers(arrays, seen, rf"{given}|bn\.(weight|bias|x|rm0|rv0)|.*\.in$")
    assert not left, f"{left} not reproduced"


def enlarge(image: Tensor, side: int) -> Tensor:
    return F.interpolate(image, (side, side), mode="bilinear", align_corners=True)


def test_preparation_of_a_photograph(recorded: Recorded) -> None:
    arrays = load(recorded, "prepare")
    box = person_box(arrays["crop.keypoints"])
    check(arrays["crop.box"], torch.tensor(box, dtype=torch.float64), 1e-12, "crop.box")
    crop = crop_person(arrays["crop.image"].permute(2, 0, 1).float() / 255, box)
    check(arrays["crop.out_s3"], third(crop).permute(1, 2, 0), 2e-5, "crop.out_s3")
    assert arrays["crop.scale"].item() == pytest.approx(168 / (box[3] - box[2]), rel=1e-12)

    labels = parser_labels(arrays["seg.labels224"])
    layout, small = representation.layout(labels), pillow_nearest_resize(labels, 128, 128)
    compared = 0
    for key, wanted in arrays.items():
        if key.startswith("seg.layout8"):
            check(wanted, layout, 1e-5, key)
        elif key.startswith("seg.b128"):
            assert torch.equal(small, wanted)
        else:
            continue
        compared += 1
    assert compared
    rows = torch.arange(labels.shape[-1])[None].expand(labels.shape[-1], -1)
    assert torch.equal(pillow_nearest_resize(rows, 1, 128)[0] + 1, arrays["seg.nearest_index_1based"].long())
    known = r"crop\.(image|keypoints|box|out_s3|scale)|seg\.(labels224|nearest_index_1based|layout8_\w+|b128_\w+)"
    assert not leftovers(arrays, set(), known)


def test_dense_crf(recorded: Recorded) -> None:
    arrays = load(recorded, "crf")
    image = arrays["crf.image"].permute(2, 0, 1)[None]
    marginals = dense_crf(arrays["crf.prob"].permute(2, 0, 1)[None], image)[0].permute(1, 2, 0)
    check(arrays["crf.q_exact"], marginals, 1e-5, "crf.q_exact")
    labels = marginals.argmax(dim=2)
    assert torch.equal(labels, arrays["crf.labels_exact"].long())
    assert (labels == arrays["crf.labels_lattice"]).float().mean() >= 0.99
    assert (marginals - arrays["crf.q_lattice"]).abs().mean() < 1e-3
    assert not leftovers(arrays, set(), r"crf\.(image|prob|q_exact|q_lattice|labels_exact|labels_lattice)$")


# ------------------------------------------------------------------------------------------------------------ text
def test_text_encoder(recorded: Recorded) -> None:
    arrays, told = load(recorded, "text"), recorded.meta["text"]
    encoders = {"": {key.removeprefix("w."): value for key, value in arrays.items() if key.startswith("w.")}}
    checkpoint = recorded.folder / "official" / "rnn_latest.pth"
    if checkpoint.is_file():
        encoders["official."] = official.read_encoder(checkpoint)
    seen: set[str] = set()
    heads = {"cate_new": "category", "color": "colour", "gender": "gender", "sleeve": "sleeve"}
    for prefix, state in encoders.items():
        code, size = state["rnn.weight_ih_l0"].shape
        encoder = LanguageEncoder(size, code)
        official.load_encoder(encoder, state)
        for number, ids in enumerate(told["ids_1based"]):
            name = f"{prefix}s{number}."
            hidden = encoder([[each - 1 for each in ids]])
            check(arrays[f"{name}hn2"], hidden, 1e-5, f"{name}hn2")
            logits = encoder.classify(hidden)
            for theirs, ours in heads.items():
                check(arrays[name + theirs], logits[ours], 1e-5, name + theirs)
            seen |= {f"{name}{key}" for key in ("hn2", *heads)}
            if f"{name}labels" in arrays:
                labels = Attributes(*arrays[f"{name}labels"].long()[:, None])
                losses = encoder.losses(hidden, labels)
                check(arrays[f"{name}losses"], torch.stack([losses[head] for head in heads.values()]), 1e-5, f"{name}losses")
                seen |= {f"{name}labels", f"{name}losses"}
                seen |= check_gradients(arrays, name, encoder, losses["total"])
        together = encoder([[each - 1 for each in ids] for ids in told["ids_1based"]])
        check(torch.cat([arrays[f"{prefix}s{number}.hn2"] for number in range(len(told["ids_1based"]))]), together, 1e-5, "padded")
    ignored = "w\\." if "official." in encoders else "w\\.|official\\."
    left = leftovers(arrays, seen, ignored)
    assert not left, f"{left} not reproduced"


def check_gradients(arrays: dict[str, Tensor], name: str, encoder: LanguageEncoder, total: Tensor) -> set[str]:
    keys = [key for key in arrays if key.startswith(f"{name}grad.")]
    encoder.zero_grad()
    if keys:
        total.backward()
    renamed = {f"net_{theirs}": f"heads.{ours}" for theirs, ours in (("cate_new", "category"), ("color", "colour"))}
    renamed |= {f"net_{name}": f"heads.{name}" for name in ("gender", "sleeve")}
    gradients = {key: parameter.grad for key, parameter in encoder.named_parameters()}
    for key in keys:
        parameter = key.removeprefix(f"{name}grad.")
        head = parameter.partition(".")[0]
        gradient = gradients[parameter.replace(head, renamed.get(head, head))]
        assert gradient is not None
        check(arrays[key], gradient, 1e-4, key)
    return set(keys)


def test_words(recorded: Recorded) -> None:
    file = recorded.folder / "vocabulary.json"
    if not file.is_file():
        pytest.skip(f"no words in {recorded.folder}")
    numbers = json.loads(file.read_text())
    known = read_vocabulary(file)
    assert [numbers[word] for word in known] == list(range(1, len(numbers) + 1))
    told, vocabulary = recorded.meta["text"], Vocabulary(known)
    pairs = list(zip(told["sentences"], told["ids_1based"], strict=True))
    pairs += [(each["line"], each["ids_1based"]) for each in told.get("raw_lines", [])]
    assert pairs
    for sentence, ids in pairs:
        assert [number + 1 for number in vocabulary.encode(sentence)] == ids
        assert words(sentence) == [known[each - 1] for each in ids]
    if (recorded.folder / "official" / "map.mat").is_file():
        assert read_word_map(recorded.folder / "official" / "map.mat") == known
        assert read_vocabulary(recorded.folder / "official" / "map.mat") == known


# ------------------------------------------------------------------------------------------------------------ files
def test_torch7_files(recorded: Recorded) -> None:
    arrays, files = load(recorded, "t7"), sorted((recorded.folder / "t7").glob("*.t7"))
    assert files
    seen: set[str] = set()
    for file in files:
        name = file.stem
        networks = official.read_stage(file)
        shape = name == "sr1"
        options = official.shape_options(*networks) if shape else official.picture_options(*networks)
        narrow = {"shape_width": 1, "shape_discriminator_width": 1, "picture_width": 1, "picture_discriminator_width": 1}
        module = FashionGan(**{**narrow, **options}).eval()
        generator, discriminator = stages_of(module, name)
        official.load_network(generator, networks[0])
        official.load_network(discriminator, networks[1])
        z, t = (flat(arrays[f"{name}.in.{key}"]) if f"{name}.in.{key}" in arrays else torch.zeros(1, size)
                for key, size in (("z", 80), ("t", 100)))  # fmt: skip
        condition = arrays[f"{name}.in.c"] if f"{name}.in.c" in arrays else waves()
        seen |= {f"{name}.in.{key}" for key in "ztc"}
        with torch.no_grad():
            drawn = generator(condition, t, z)
            check(arrays[f"{name}.G.eval.out_s3"], third(drawn), 1e-5, f"{name}.G.eval.out_s3")
            judged = discriminator(drawn, condition, t).sigmoid()
            check(arrays[f"{name}.D.eval.out"], judged, 1e-5, f"{name}.D.eval.out")
        seen |= {f"{name}.G.eval.out_s3", f"{name}.D.eval.out"}
    assert not leftovers(arrays, seen, "$^")


def waves() -> Tensor:
    rows, columns = torch.arange(1.0, 129.0)[:, None], torch.arange(1.0, 129.0)
    return torch.stack([0.25 * torch.sin(0.03 * channel * columns + 0.05 * rows) for channel in (1, 2, 3)])[None]


def test_data_files(recorded: Recorded) -> None:
    folder = recorded.folder / "files"
    if not folder.is_dir():
        pytest.skip(f"no files in {recorded.folder}")
    data, files = Data(recorded), FashionSynthesisFiles(folder)
    assert len(files)
    with open_h5(folder / "G1.h5") as stored:
        upright = torch.from_numpy(stored["b_"][:])
    for number in range(len(files)):
        assert torch.equal(files.labels(number), data.labels[number])
        assert torch.equal(upright[number, 0].to(torch.uint8), data.labels[number])
        check(data.images[number], files.picture(number), 1e-6, f"picture {number}")
        check(data.layout[number], files.layouts[number], 1e-6, f"layout {number}")
        check(data.text[number], files.text_codes[number], 1e-6, f"code {number}")
        check(data.layout[number : number + 1], representation.layout(data.labels[number : number + 1]), 1e-5, f"layout {number}")
    vocabulary = Vocabulary(read_vocabulary(recorded.folder / "vocabulary.json"))
    assert all(vocabulary.encode(sentence) for sentence in files.sentences)
    assert {name: len(values) for name, values in files.attributes.items()} == dict.fromkeys(files.attributes, len(files))
    assert all(len(numbers) for numbers in files.splits.values())
