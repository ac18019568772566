"""CAGAN against the arrays recorded from its re-implementations; tolerances of the arrays' README."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashiongen.data.cagan import crop_window, flipped, network_values, pillow_resize
from fashiongen.layers.resize import legacy_bilinear_resize
from fashiongen.losses.relation import label_loss
from fashiongen.models.cagan import official
from fashiongen.models.cagan.losses import colour_loss
from fashiongen.models.cagan.module import Cagan
from fashiongen.models.cagan.networks import RELATIONS, pooled
from fashiongen.optim import TFAdam

EPSILON = 1e-12
SCALES = ("quarter", "half", "full")
LOSS = {r"loss/|step/": (0.0, 1e-5)}


@pytest.fixture(params=["bundled", "recorded"])
def cagan(request: pytest.FixtureRequest) -> Any:
    """The part that travels with the repository, and the whole folder."""
    return request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("cagan")


def load(cagan: Any, name: str) -> Any:
    if not cagan.holds(name):
        pytest.skip(f"{name} is not part of {cagan.folder}")
    return cagan.load(name)


def nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def planes(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).permute(0, 3, 1, 2)


def value(tensor: Tensor) -> np.ndarray:
    return tensor.detach().reshape(1).numpy()


def to_tensorflow(tensor: Tensor) -> np.ndarray:
    order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(tensor.ndim, range(tensor.ndim))
    return tensor.detach().permute(*order).numpy()


def record(modules: dict[str, nn.Module], recorded: dict[str, Tensor]) -> list[Any]:
    def hook(key: str) -> Any:
        return lambda module, inputs, output: recorded.update({key: output.detach().clone()})

    return [module.register_forward_hook(hook(key)) for key, module in modules.items()]


def count(variables: dict[str, np.ndarray]) -> int:
    return sum(array.size for array in variables.values())


# ------------------------------------------------------------------------------------------------------------ CAGAN.ipynb
class Notebook:
    """The recorded networks and batch of `CAGAN.ipynb`, with our module in place of the notebook's code."""

    def __init__(self, generator: dict[str, np.ndarray], discriminator: dict[str, np.ndarray], real: np.ndarray) -> None:
        widths = {"width": generator["layer1/kernel"].shape[3], "discriminator_width": discriminator["First/kernel"].shape[3]}
        self.module = Cagan("keras", size=real.shape[1:3], epsilon=EPSILON, discriminator_weight=2.0, **widths)
        official.load_keras_generator(self.module.generator, generator)
        official.load_keras_discriminator(self.module.discriminators[0], discriminator)
        self.person, self.worn, self.target = planes(real).split(3, dim=1)
        self.change = self.module.change(self.person, self.worn, self.target)

    def outputs(self) -> dict[str, np.ndarray]:
        swap, judge = self.change.swaps[-1], self.module.discriminators[0]
        generated = self.change.generated[-1]
        pairs = {
            "real": (self.person, self.worn),
            "fake": (generated, self.target),
            "unmatched": (self.person, self.target),
        }
        judged = {
            f"out/D_{name}": nhwc(torch.sigmoid(judge(*pair, relation)))
            for (name, pair), relation in zip(pairs.items(), ("matched", "generated", "mismatched"), strict=True)
        }
        return judged | {
            "out/raw": nhwc(torch.cat(swap, dim=1)),
            "out/alpha": nhwc(swap.alpha),
            "out/fake": nhwc(generated),
            "out/rec": nhwc(self.change.restored[-1]),
        }

    def losses(self) -> dict[str, Tensor]:
        """Under the recorded names."""
        losses = self.module.generator_losses(self.change, self.worn, self.target)
        (judged,) = self.module.discriminator_losses(self.change.generated, self.person, self.worn, self.target)
        return {
            "D_sum": judged,
            "G_adv": losses["adversarial"],
            "cyc": losses["cycle"],
            "id": losses["matte"],
            "G_total": losses["total"],
            "D_optimised": self.module.hparams["discriminator_weight"] * judged,
        }

    def parts(self) -> dict[str, tuple[nn.Module, dict[str, str], str]]:
        """ "G", "D" -> the network, the names of its variables, and the loss that trains it."""
        return {
            "G": (self.module.generator, official.keras_names(), "G_total"),
            "D": (self.module.discriminators[0], official.keras_discriminator_names(), "D_optimised"),
        }


@pytest.fixture
def narrow(cagan: Any) -> tuple[Any, Notebook]:
    golden_set = load(cagan, "notebook_narrow")
    return golden_set, Notebook(golden_set.under("G/"), golden_set.under("D/"), golden_set["in/real"])


def test_notebook_intermediates_and_outputs(narrow: tuple[Any, Notebook]) -> None:
    golden_set, run = narrow
    generator = run.module.generator
    for network in ("G", "D"):
        assert count(golden_set.under(f"{network}/")) == golden_set.meta[f"params_{network}"]
    modules = {f"mid/layer{number}": generator.encoder[number - 1] for number in range(1, 5)}
    modules |= {f"mid/layer{number}": generator.decoder[number - 9] for number in range(9, 13)}
    norms = [*generator.encoder_norms, *generator.decoder_norms]
    modules |= {f"mid/instance_normalization_{number}": norm for number, norm in enumerate(norms, 1)} | {
        "mid/out128": generator.output
    }
    recorded: dict[str, Tensor] = {}
    hooks = record(modules, recorded)
    run.module(run.person, run.worn, run.target)
    for hook in hooks:
        hook.remove()
    reproduced = {key: nhwc(tensor) for key, tensor in recorded.items()}
    pictures = torch.cat([run.person, run.worn], dim=1)
    reproduced |= {f"mid/average_pooling2d_{level}": nhwc(pooled(pictures, 2**level)) for level in range(1, 5)}
    tolerances = {"mid/|out/D_|out/alpha": (0.0, 1e-5), "out/": (0.0, 2e-5)}
    golden_set.check(reproduced | run.outputs(), tolerances, inputs=("in/", "G/", "D/", "loss/", "step/", "grad/", "after/"))


def test_notebook_losses_and_gradients(narrow: tuple[Any, Notebook]) -> None:
    golden_set, run = narrow
    losses = run.losses()
    golden_set.check({f"loss/{name}": value(loss) for name, loss in losses.items()}, LOSS, only="loss/")
    checked = 0
    for prefix, (network, names, loss) in run.parts().items():
        parameters = dict(network.named_parameters())
        gradients = dict(
            zip(parameters, torch.autograd.grad(losses[loss], list(parameters.values()), retain_graph=True), strict=True)
        )
        for variable, wanted in golden_set.under(f"grad/{prefix}/").items():
            difference = np.linalg.norm(to_tensorflow(gradients[names[variable]]) - wanted)
            assert difference <= 1e-5 * np.linalg.norm(wanted), f"gradient of {prefix}/{variable}: {difference}"
            checked += 1
    assert checked or not any(key.startswith("grad/") for key in golden_set.arrays)


def test_notebook_steps(narrow: tuple[Any, Notebook]) -> None:
    golden_set, run = narrow
    if not golden_set.under("after/"):
        pytest.skip(f"{golden_set.name} holds no updates")
    rate = run.module.hparams["learning_rate"]
    fractions = {"D": 1e-3, "G": 1e-2}
    reproduced = {"step/returned_D": value(run.losses()["D_sum"] / 2)}
    for prefix in ("D", "G"):
        network, names, loss = run.parts()[prefix]
        optimizer = TFAdam(network.parameters(), lr=rate, betas=(0.5, 0.999))
        losses = run.losses()
        if prefix == "G":
            # The recorded step of G saw the recorded D, see the README of the arrays.
            official.load_keras_discriminator(run.module.discriminators[0], golden_set.under("after/D/"))
            losses = run.losses()
            reproduced["step/returned_G_cyc"] = torch.stack([losses["G_adv"], losses["cyc"]]).detach().numpy()
        gradients = torch.autograd.grad(losses[loss], list(network.parameters()), retain_graph=True)
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        state, off, total = network.state_dict(), 0, 0
        for variable, wanted in golden_set.under(f"after/{prefix}/").items():
            if variable not in names:
                assert np.array_equal(wanted, golden_set[f"{prefix}/{variable}"]), f"{variable} is never updated"
                continue
            difference = np.abs(to_tensorflow(state[names[variable]]) - wanted)
            assert difference.max() <= 2.05 * rate, f"after/{prefix}/{variable} is off by {difference.max():.3g}"
            off, total = off + int((difference > 1e-5).sum()), total + difference.size
        assert total and off <= fractions[prefix] * total, f"{off} of {total} elements of {prefix} moved elsewhere"
        run.change = run.module.change(run.person, run.worn, run.target)
    golden_set.check(reproduced, LOSS, only="step/")


def test_notebook_at_full_width(cagan: Any) -> None:
    golden_set = load(cagan, "notebook_full")
    random = np.random.RandomState(golden_set.meta["seed"])
    weights: dict[str, np.ndarray] = {}
    for name, shape, offset, scale in golden_set.meta["tensors"]:
        weights[name] = np.float32(offset + scale * random.standard_normal(int(np.prod(shape))).reshape(shape))
    shape = golden_set.meta["real_shape"]
    real = np.float32(np.tanh(0.8 * random.standard_normal(int(np.prod(shape))).reshape(shape)))
    networks = {prefix: {name[2:]: array for name, array in weights.items() if name.startswith(prefix)} for prefix in ("G/", "D/")}
    run = Notebook(networks["G/"], networks["D/"], real)
    for prefix, variables in networks.items():
        assert count(variables) == golden_set.meta[f"params_{prefix[0]}"]
    drawn = {f"check/{name.removeprefix('G/').replace('/', '_')}_first16": array for name, array in weights.items()}
    reproduced = {key: array.ravel()[:16] for key, array in (drawn | {"check/real_first16": real}).items()}
    losses = run.losses()
    reproduced["loss/all"] = torch.stack([losses[name] for name in ("D_sum", "G_adv", "cyc", "id", "G_total")]).detach().numpy()
    golden_set.check(reproduced | run.outputs(), {"check/": (0.0, 0.0), "loss/": (0.0, 1e-5), "out/": (0.0, 1e-4)})


# ------------------------------------------------------------------------------------------------------------ stacked
def test_stacked(cagan: Any) -> None:
    golden_set = load(cagan, "stacked_narrow")
    meta, generator = golden_set.meta, golden_set.under("G/")
    judges = [golden_set.under(f"D{scale}/") for scale in range(3)]
    assert count(generator) == meta["params_G"] and count(judges[0]) == meta["params_D"]
    real = planes(golden_set["in/real"])
    person, worn, target = real.split(3, dim=1)
    module = Cagan(
        "stacked",
        size=person.shape[-2:],
        width=generator["layer1/kernel"].shape[3],
        discriminator_width=next(array for name, array in judges[0].items() if name.startswith("First")).shape[-1],
        refiner_widths=meta["refiner_channels"],
        condition="target",
        epsilon=EPSILON,
        colour_weight=1.0,
        discriminator_weight=2.0,
    )
    official.load_keras_generator(module.generator, generator)
    for network, variables in zip(module.discriminators, judges, strict=True):
        official.load_keras_discriminator(network, variables)
    change = module.change(person, worn, target)
    reproduced: dict[str, np.ndarray] = {
        f"mid/real_{scale}": nhwc(legacy_bilinear_resize(real, *picture.shape[-2:]))
        for scale, picture in zip(SCALES, change.people, strict=True)
    }
    for scale, people, swap, generated, restored in zip(SCALES, *change, strict=True):
        assert np.array_equal(nhwc(people), reproduced[f"mid/real_{scale}"][..., :3])
        reproduced |= {f"out/raw_{scale}": nhwc(torch.cat(swap, dim=1)), f"out/fake_{scale}": nhwc(generated)}
        reproduced[f"out/rec_{scale}"] = nhwc(restored)
    reproduced["out/idt"] = nhwc(module.put_on_again(person, worn))
    losses = module.generator_losses(change, worn, target)
    quarter, half, full = change.generated
    assert torch.allclose(losses["colour"], colour_loss(change.generated))
    named = {
        "id": losses["matte"],
        "color_quarter_half": colour_loss([quarter, half]),
        "color_half_full": colour_loss([half, full]),
        "color": losses["colour"],
        "G_total": losses["total"],
    }
    for scale in range(3):
        other = legacy_bilinear_resize(target, *change.people[scale].shape[-2:])
        logits = module.discriminators[scale](change.generated[scale], other, "generated")
        named[f"G{scale}_adv"] = label_loss(logits, 1, epsilon=EPSILON)
        named[f"cyc{scale}"] = (change.people[scale] - change.restored[scale]).abs().mean()
    judged = module.discriminator_losses(change.generated, person, worn, target, meta["mixup_lambda"])
    named |= {f"D{scale}_optimised": module.hparams["discriminator_weight"] * loss for scale, loss in enumerate(judged)}
    for loss, parts in (("adversarial", "G{}_adv"), ("cycle", "cyc{}")):
        assert torch.allclose(losses[loss], torch.stack([named[parts.format(scale)] for scale in range(3)]).sum())
    reproduced |= {f"loss/{name}": value(loss) for name, loss in named.items()}
    tolerances = {"mid/": (0.0, 0.0), "out/": (0.0, 1e-4), **LOSS}
    golden_set.check(reproduced, tolerances, inputs=("in/", "G/", "D0/", "D1/", "D2/"))


# ------------------------------------------------------------------------------------------------------------ VITON's authors
def baseline(golden_set: Any, shared_norm: bool) -> tuple[dict[str, np.ndarray], Cagan]:
    meta, variables = golden_set.meta, golden_set.under("w/")
    person, worn, target = (planes(golden_set[f"in/{name}"]) for name in ("image", "product_1", "product_2"))
    module = Cagan(
        "viton_baseline",
        size=(meta["height"], meta["width"]),
        width=meta["ngf"],
        discriminator_width=meta["ndf"],
        shared_norm=shared_norm,
        epsilon=EPSILON,
        cycle_target="painted",
    )
    official.load_baseline_generator(module.generator, variables)
    official.load_baseline_discriminator(module.discriminators[0], variables)
    change = module.train().change(person, worn, target)
    losses = module.generator_losses(change, worn, target)
    (judged,) = module.discriminator_losses(change.generated, person, worn, target)
    named = {
        "gadv": losses["adversarial"],
        "gid": losses["matte"],
        "cyc": losses["cycle"],
        "g": losses["total"],
        "d": judged,
    }
    outputs = {
        "out/fake": nhwc(change.generated[-1]),
        "out/mask": nhwc(change.swaps[-1].alpha),
        "out/cycle_raw": nhwc(change.restored[-1]),
    }
    return outputs | {f"loss/{name}": value(loss) for name, loss in named.items()}, module


def test_viton_baseline(cagan: Any) -> None:
    golden_set = load(cagan, "viton_baseline_narrow")
    reproduced, module = baseline(golden_set, shared_norm=False)
    golden_set.check(reproduced, {"out/": (0.0, 1e-5), **LOSS}, inputs=("in/", "w/"))
    for network, names, trained in (
        (module.generator, official.baseline_names(False), "generator"),
        (module.discriminators[0], official.baseline_discriminator_names(False), "discriminator"),
    ):
        parameters = {theirs for theirs, ours in names.items() if ours in dict(network.named_parameters())}
        assert parameters == {name.removesuffix(":0") for name in golden_set.meta[f"trained_by_{trained}_optimiser"]}
    known = official.baseline_names(False).keys() | official.baseline_discriminator_names(False).keys()
    assert {name.removesuffix(":0") for name in golden_set.meta["trainable_but_never_updated"]} <= known


def test_shared_norms_are_something_else(cagan: Any) -> None:
    golden_set = load(cagan, "viton_baseline_narrow")
    (separate, _), (shared, module) = (baseline(golden_set, shared_norm) for shared_norm in (False, True))
    assert np.array_equal(separate["out/fake"], shared["out/fake"])
    assert np.abs(separate["out/cycle_raw"] - shared["out/cycle_raw"]).max() > 1e-3
    assert abs(separate["loss/d"] - shared["loss/d"]) > 1e-4
    assert not set(RELATIONS) & set(module.discriminators[0].norms)


# ------------------------------------------------------------------------------------------------------------ data
def test_data_transform(cagan: Any) -> None:
    golden_set = load(cagan, "data_transform")
    inputs = {key: torch.from_numpy(array).permute(2, 0, 1) for key, array in golden_set.under("in/").items()}
    reproduced: dict[str, np.ndarray] = {}
    for sample in golden_set.meta["samples"]:
        number = sample["sample"]
        height, width = golden_set[f"out_u8/{number}"].shape[:2]
        window = crop_window(height, width)
        person = pillow_resize(inputs[sample["person"]], *window.size)
        assert sample["crop_y0"] in range(window.rows) and sample["crop_x0"] in range(window.columns)
        person = person[:, sample["crop_y0"] :, sample["crop_x0"] :][:, :height, :width]
        worn, target = (pillow_resize(inputs[sample[name]], height, width) for name in ("worn", "target"))
        for key, picture, size in (
            (sample["person"], pillow_resize(inputs[sample["person"]], *window.size), window.size),
            (sample["worn"], worn, (height, width)),
            (sample["target"], target, (height, width)),
        ):
            reproduced["mid/resize_{}_{}x{}".format(key, *size)] = picture.permute(1, 2, 0).numpy()
        if sample["flip_person_and_worn"]:
            person, worn = flipped(person), flipped(worn)
        if sample["flip_target"]:
            target = flipped(target)
        levels = torch.cat([person, worn, target])
        reproduced[f"out_u8/{number}"] = levels.permute(1, 2, 0).numpy()
        reproduced[f"out_f32_first8rows/{number}"] = network_values(levels).permute(1, 2, 0).numpy()[:8]
    predictions = torch.from_numpy(golden_set["bce/pred"])
    for key in golden_set.arrays:
        if key.startswith("bce/target_"):
            label = float(key.removeprefix("bce/target_"))
            reproduced[key] = value(label_loss(logits(predictions), label, epsilon=EPSILON))
    tolerances = {"mid/|out_u8/|out_f32": (0.0, 0.0), "bce/": (0.0, 1e-5)}
    golden_set.check(reproduced, tolerances, inputs=("in/", "bce/pred"))


def logits(probabilities: Tensor) -> Tensor:
    """Float64 in between; probabilities of exactly 0 and 1 have infinite logits."""
    return torch.logit(probabilities.double()).float()
