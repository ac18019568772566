"""ClothNet against the arrays recorded from its authors' code; tolerances of section 11 of the specification."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.data.parsing import SCHEMES
from fashiongen.data.sketches import fill_holes, scale_sketch
from fashiongen.layers.body_regions import REGIONS, body_classes, body_regions
from fashiongen.layers.face_features import add_face_features, choose_face, face_box
from fashiongen.layers.resize import legacy_bilinear_resize, legacy_nearest_resize
from fashiongen.layers.segment_colours import geometric_median, paint, segment_colours
from fashiongen.layers.sketch_colours import PALETTE, clean_faces, colour_code, from_bytes, to_bytes
from fashiongen.models.clothnet import official
from fashiongen.models.clothnet.module import ClothNet
from fashiongen.models.clothnet.networks import PatchDiscriminator, Portrayer, SketchModule, one_hot
from fashiongen.models.clothnet.sketch import BODY, LABELS, condition
from fashiongen.optim import TFAdam

SKETCH_SETS, PORTRAY_SETS = ("lsm", "csm"), ("pm", "pm_class", "pm_segcolors")


@pytest.fixture(params=["bundled", "recorded"])
def clothnet(request: pytest.FixtureRequest) -> Any:
    """The part that travels with the repository, and the whole folder."""
    return request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("clothnet")


def load(clothnet: Any, name: str) -> Any:
    if not clothnet.holds(name):
        pytest.skip(f"{name} is not part of {clothnet.folder}")
    return clothnet.load(name)


def nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.detach().movedim(-3, -1).numpy()


def tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def channels(array: np.ndarray) -> Tensor:
    """(..., H, W, C) -> (..., C, H, W)."""
    return tensor(array).movedim(-1, -3)


def options(golden_set: Any, **changes: Any) -> dict[str, Any]:
    """The authors' configuration as options of ours."""
    config = {**golden_set.meta["config"], **changes}
    weights = config["class_weights"] or {}
    factors = set(weights.values()) or {1.0}
    assert len(factors) == 1 and set(map(int, weights)) <= {18, 19, 20, 21}
    return {
        "reconstruction": "softmax" if config["iac_softmax"] else "sigmoid",
        "kl_weight": config["latent_weight"],
        "feature_weight": factors.pop(),
        "weigh_predicted": not config["class_weights_only_recall"],
        "adversarial_weight": config["gan_weight"],
        "l1_weight": config["recon_weight"],
        "learning_rate": config["lr"],
    }


# ------------------------------------------------------------------------------------------------------ what all share
class Checked:
    """Compares what is stored with what was reproduced, and remembers which keys were looked at."""

    def __init__(self, golden_set: Any, inputs: tuple[str, ...]) -> None:
        self.set = golden_set
        self.open = {key for key in golden_set.arrays if not key.startswith(inputs)}
        assert self.open, f"{golden_set.name} holds no outputs"

    def under(self, *prefixes: str) -> Iterable[tuple[str, np.ndarray]]:
        keys = sorted(key for key in self.open if key.startswith(prefixes))
        self.open -= set(keys)
        return [(key, self.set[key]) for key in keys]

    def close(self, key: str, got: np.ndarray, absolute: float = 0.0, relative: float = 0.0) -> None:
        wanted = self.set[key].astype(np.float64)
        self.open.discard(key)
        assert got.shape == wanted.shape, f"{self.set.name}: {key} has shape {got.shape}, expected {wanted.shape}"
        difference, allowed = np.abs(got - wanted).max(), absolute + relative * np.abs(wanted).max()
        assert difference <= allowed, f"{self.set.name}: {key} is off by {difference:.3g}, allowed {allowed:.3g}"

    def done(self) -> None:
        assert not self.open, f"{self.set.name}: not reproduced: {', '.join(sorted(self.open))}"


def sampled(full: np.ndarray, key: str, wanted: np.ndarray, start: int = 96) -> np.ndarray:
    """What a key ending in _stride<n> or _crop stores of maps (B, H, W, ...)."""
    if key.endswith("_crop"):
        return full[:1, start : start + wanted.shape[1], start : start + wanted.shape[2]]
    step = int(key.rpartition("_stride")[2])
    return full[:, ::step, ::step]


def kept_activation(full: np.ndarray) -> np.ndarray:
    side = full.shape[1]
    if side in (31, 30):
        return full[:, :16, :16]
    step = max(1, side // 16)
    return full[:, ::step, ::step]


def record(networks: Mapping[str, nn.ModuleList], seen: dict[str, Tensor]) -> None:
    """Keep the outputs before dropout of levels, under the authors' names."""
    for prefix, levels in networks.items():
        numbers = range(len(levels), 0, -1) if prefix == "decoder" else range(1, len(levels) + 1)
        for number, level in zip(numbers, levels, strict=True):
            plain = isinstance(level.norm, nn.Identity)
            part = level.conv if plain else level.norm
            key = f"{prefix}_{number}/{('deconv' if prefix == 'decoder' else 'conv') if plain else 'bn'}"
            part.register_forward_hook(lambda module, inputs, output, key=key: seen.update({key: output.detach()}))


def check_activations(checked: Checked, seen: Mapping[str, Tensor], scope: str = "") -> None:
    for key, wanted in checked.under(f"act/{scope}"):
        got = kept_activation(nhwc(seen[key.removeprefix(f"act/{scope}")][:1]))
        assert got.shape == wanted.shape, key
        assert np.abs(got - wanted).max() <= 5e-4 * np.abs(wanted).max(), key


def to_tensorflow(value: Tensor) -> np.ndarray:
    """A parameter of ours in the authors' layout."""
    if value.ndim == 4:
        value = value.permute(2, 3, 1, 0)
    elif value.ndim == 2:
        value = value.unflatten(1, (-1, 2, 2)).permute(2, 3, 1, 0).flatten(0, 2)
    return value.detach().numpy()


def check_gradients(checked: Checked, prefix: str, runs: list[Mapping[str, Tensor]]) -> None:
    """Every stored gradient: each precision loosely, the better of both closely."""
    for key, wanted in checked.under(f"{prefix}/"):
        worst = [_distance(to_tensorflow(run[key.removeprefix(f"{prefix}/")]), wanted) for run in runs]
        assert max(worst) <= 1e-1 and min(worst) <= 1e-2, f"{checked.set.name}: {key} is off by {worst}"
    norms = "grad_norm" if prefix == "grad" else f"{prefix}_norm"
    for key, (norm, total) in checked.under(f"{norms}/"):
        for run in runs:
            gradient = run[key.removeprefix(f"{norms}/")].double()
            assert abs(gradient.norm() - norm) <= 5e-2 * norm, key
            assert abs(gradient.sum() - total) <= 5e-2 * norm * math.sqrt(gradient.numel()), key


def _distance(got: np.ndarray, wanted: np.ndarray) -> float:
    assert got.shape == wanted.shape
    return float(np.linalg.norm(got.astype(np.float64) - wanted) / max(np.linalg.norm(wanted), 1e-30))


def check_step(checked: Checked, scope: str, step: int, network: nn.Module, names: Mapping[str, str], rate: float) -> None:
    """Variables after an update, those under `scope`."""
    state = network.state_dict()
    for key, wanted in checked.under(f"step{step}/{scope}"):
        got = to_tensorflow(state[names[key.removeprefix(f"step{step}/")]])
        difference = np.abs(got - wanted)
        if "moving" in key:
            assert difference.max() <= 5e-4 * np.abs(wanted).max(), key
        else:
            assert difference.mean() <= 0.1 * rate and difference.max() <= 2 * step * rate, key


# --------------------------------------------------------------------------------------------------- sketch modules
class SketchRun:
    """The recorded module and batch in one precision."""

    def __init__(self, golden_set: Any, dtype: torch.dtype = torch.float32) -> None:
        variables = golden_set.under("var/")
        config = golden_set.meta["config"]
        self.kind, sizes = official.kind(variables), official.variant(variables)
        assert sizes["code"] == config["nz"] and sizes["sketch_width"] == config["ngf"]
        assert self.kind == {"vae": "sketch", "cvae": "body_sketch"}[config["model_version"]]
        self.body = self.kind == "body_sketch"
        self.module = ClothNet(modules=[self.kind], **sizes, sketch_statistics="batch", **options(golden_set))
        self.network: SketchModule = self.module.module(self.kind)
        official.load_sketch_module(self.network, variables)
        self.module.to(dtype)
        self.names = official.sketch_names(len(self.network.decoder), self.body)
        self.labels = tensor(golden_set["input/labels"])
        self.bodies = tensor(golden_set["input/bodysegments"]) if self.body else None
        self.noise = tensor(golden_set["input/eps"]).to(dtype)

    def losses(self) -> dict[str, Tensor]:
        return self.module.sketch_losses(self.network(self.labels, self.bodies, self.noise), self.labels)

    def gradients(self) -> dict[str, Tensor]:
        self.network.zero_grad()
        self.losses()["total"].backward()
        parameters = dict(self.network.named_parameters())
        return {theirs: parameters[ours].grad for theirs, ours in self.names.items() if ours in parameters}


def differing(got: np.ndarray, wanted: np.ndarray) -> float:
    assert got.shape == wanted.shape
    return float((got != wanted).mean())


@pytest.mark.parametrize("name", SKETCH_SETS)
def test_sketch_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    checked = Checked(golden_set, ("input/", "var/", "sample/z", "grad", "step"))
    run = SketchRun(golden_set)
    network = run.network.eval()
    seen: dict[str, Tensor] = {}
    levels = {"encoder": network.encoder, "decoder": network.decoder}
    record(levels | ({"y_encoder": network.body_encoder} if run.body else {}), seen)
    with torch.no_grad():
        drawn = network(run.labels, run.bodies, run.noise)
    check_activations(checked, seen)
    logits = nhwc(drawn.logits).astype(np.float64)
    found = {"z_mean": drawn.mean, "z_log_sigma_sq": drawn.log_variance, "z": drawn.code}
    for key, wanted in list(checked.under("out/")):
        part = key.removeprefix("out/")
        if part == "logits_mean":
            got = logits.mean(axis=(1, 2))
        elif part == "logits_abs_mean":
            got = np.abs(logits).mean(axis=(1, 2))
        elif part.startswith("argmax"):
            assert differing(sampled(logits.argmax(axis=-1), key, wanted), wanted) <= 1e-3, key
            continue
        elif part.startswith("outputs"):
            got = sampled(1 / (1 + np.exp(-logits)) - 0.5, key, wanted)
        elif part.startswith("logits"):
            got = sampled(logits, key, wanted)
        elif part == "y":
            got = nhwc(seen[f"y_encoder_{len(network.body_encoder)}/conv"])
        else:
            got = found[part].numpy().reshape(wanted.shape)
        checked.close(key, got, relative=5e-4)

    variants = golden_set.meta["loss_variants"]
    for key, wanted in checked.under("loss_"):
        variant = key.removeprefix("loss_")
        run.module.hparams.update(options(golden_set, **variants[variant]))
        losses = run.module.sketch_losses(drawn, run.labels)
        weighted = run.module.hparams["kl_weight"] * losses["kl"]
        got = np.array([float(each) for each in (losses["reconstruction"], weighted, torch.zeros(()), losses["total"])])
        tolerance = 2e-4 if "precision" in variant else 5e-5
        assert np.allclose(got, np.delete(wanted, 3), rtol=tolerance, atol=1e-12), key
        assert abs(float(losses["accuracy"]) - wanted[3]) * run.labels.numel() <= 5, key

    if "sample/z" in golden_set.arrays:
        check_samples(checked, run)
    checked.done()


def check_samples(checked: Checked, run: SketchRun) -> None:
    code = tensor(checked.set["sample/z"])
    body = None
    if run.body:
        assert run.bodies is not None
        # Two samples of each of the first two bodies, the body changing fastest.
        body = run.network.embed(run.bodies[:2].repeat(len(code) // 2, 1, 1))[-1]
    with torch.no_grad():
        logits = run.network.decode(code, body)
    for key, wanted in list(checked.under("sample/")):
        if "argmax" in key:
            assert differing(sampled(nhwc(logits).argmax(axis=-1), key, wanted), wanted) <= 1e-3, key
        else:
            checked.close(key, sampled(nhwc(logits.sigmoid() - 0.5), key, wanted), absolute=2e-4)


@pytest.mark.parametrize("name", SKETCH_SETS)
def test_gradients_of_sketch_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    if not golden_set.under("grad"):
        pytest.skip(f"{name} of {clothnet.folder} holds no gradients")
    checked = Checked(golden_set, ("input/", "var/", "out/", "act/", "loss", "sample/", "step"))
    check_gradients(checked, "grad", [SketchRun(golden_set, dtype).gradients() for dtype in (torch.float32, torch.float64)])
    checked.done()


@pytest.mark.parametrize("name", SKETCH_SETS)
def test_updates_of_sketch_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    steps = sorted({int(key.split("/")[0].removeprefix("step")) for key in golden_set.under("") if key.startswith("step")})
    if not steps:
        pytest.skip(f"{name} of {clothnet.folder} holds no updates")
    config = golden_set.meta["config"]
    checked = Checked(golden_set, ("input/", "var/", "out/", "act/", "loss", "sample/", "grad"))
    run = SketchRun(golden_set)
    optimizer = TFAdam(run.network.parameters(), lr=config["lr"], betas=(config["beta1"], 0.999))
    for step in range(1, max(steps) + 1):
        run.network.train()
        optimizer.zero_grad()
        run.losses()["total"].backward()
        optimizer.step()
        if step not in steps:
            continue
        check_step(checked, "generator/", step, run.network, run.names, config["lr"])
        run.network.eval()
        with torch.no_grad():
            losses = run.losses()
        for key, wanted in checked.under(f"step{step}/"):
            if key.endswith("losses_after"):
                got = [float(losses["reconstruction"]), config["latent_weight"] * float(losses["kl"])]
                assert np.allclose(got, wanted, rtol=1e-3), key
            else:
                assert key.endswith("global_step") and wanted.item() == step, key
    checked.done()


# --------------------------------------------------------------------------------------------------- portray modules
class Masked(nn.Module):
    """Dropout by a recorded mask."""

    def __init__(self, keep: np.ndarray, dtype: torch.dtype) -> None:
        super().__init__()
        self.keep = channels(keep).to(dtype)

    def forward(self, input: Tensor) -> Tensor:
        return input / 0.5 * self.keep


def set_masks(network: Portrayer, masks: Mapping[str, np.ndarray], prefix: str) -> None:
    """Give the deepest levels of the decoder the recorded masks."""
    levels = len(network.decoder)
    found = {int(key.removeprefix(prefix)): value for key, value in masks.items() if key.startswith(prefix)}
    dropping = {levels - place for place, level in enumerate(network.decoder) if level.dropout.when == "always"}
    assert dropping == set(found), "dropout sits in other levels than recorded"
    for number, keep in found.items():
        level = network.decoder[levels - number]
        level.dropout = Masked(keep, level.conv.weight.dtype)


class PortrayRun:
    """The recorded generator, discriminator and batch in one precision, with the recorded dropout or without any."""

    def __init__(self, golden_set: Any, dropout: bool = True, dtype: torch.dtype = torch.float32) -> None:
        variables = golden_set.under("var/")
        config = golden_set.meta["config"]
        assert official.kind(variables) == "portray"
        sizes = official.variant(variables)
        assert (sizes["portray_input"] == "labels") == config["input_as_class"]
        assert sizes["portray_colours"] == bool(config.get("portray_additional_conditioning"))
        assert (sizes["portray_width"], sizes["discriminator_width"]) == (config["ngf"], config["ndf"])
        statistics = "picture" if config["batch_size"] == 1 else "batch"
        how = "always" if dropout else "never"
        self.module = ClothNet(modules=["portray"], **sizes, portray_statistics=statistics, dropout=how, **options(golden_set))
        self.generator: Portrayer = self.module.portrayer
        self.discriminator: PatchDiscriminator = self.module.discriminator
        official.load_portrayer(self.generator, variables)
        official.load_discriminator(self.discriminator, variables)
        self.module.to(dtype).eval()
        if dropout:
            set_masks(self.generator, golden_set.under("input/"), "dropout_keep_decoder_")
        labels = tensor(golden_set["input/labels"])
        seen = condition(labels, None, sizes["portray_input"])
        if "input/segcolors" in golden_set.arrays:
            seen = torch.cat([seen, from_bytes(channels(golden_set["input/segcolors"]))], dim=1)
        self.seen = seen.to(dtype)
        self.target = from_bytes(channels(golden_set["input/image"])).to(dtype)

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """The picture, and the discriminator's logits for the real and for the drawn one."""
        picture = self.generator(self.seen)
        real = self.discriminator(self.seen, self.target)
        return picture, real, self.discriminator(self.seen, picture)

    def losses(self, picture: Tensor, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        losses = self.module.portrait_losses(picture, self.target, fake)
        weights = self.module.hparams
        return {
            "GAN": weights["adversarial_weight"] * losses["adversarial"],
            "recon": weights["l1_weight"] * losses["l1"],
            "discrim": self.module.discriminator_loss(real, fake),
            "total": losses["total"],
        }

    def gradients(self, loss: str) -> dict[str, Tensor]:
        network = self.discriminator if loss == "discrim" else self.generator
        names = official.discriminator_names(3) if loss == "discrim" else official.portrayer_names(len(self.generator.decoder))
        self.module.zero_grad()
        self.losses(*self.forward())[loss].backward()
        parameters = dict(network.named_parameters())
        return {theirs: parameters[ours].grad.clone() for theirs, ours in names.items() if ours in parameters}


@pytest.mark.parametrize("name", PORTRAY_SETS)
def test_portray_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    checked = Checked(golden_set, ("input/", "var/", "grad", "step"))
    for mode in ("drop", "nodrop"):
        run = PortrayRun(golden_set, dropout=mode == "drop")
        seen: dict[str, Tensor] = {}
        record({"encoder": run.generator.encoder, "decoder": run.generator.decoder}, seen)
        judged: dict[str, Tensor] = {}
        record({"layer": run.discriminator.layers}, judged)
        with torch.no_grad():
            picture = run.generator(run.seen)
            real = run.discriminator(run.seen, run.target)
            of_real = dict(judged)
            fake = run.discriminator(run.seen, picture)
        if mode == "drop":
            check_activations(checked, of_real, "d_real/")
            check_activations(checked, judged, "d_fake/")
            check_activations(checked, seen)
        output = nhwc(picture)
        for key, wanted in list(checked.under(f"{mode}/")):
            part = key.removeprefix(f"{mode}/")
            if part == "losses":
                losses = run.losses(picture, real, fake)
                orders = {"gen_loss_GAN": "GAN", "gen_loss_recon": "recon", "discrim_loss": "discrim", "gen_total": "total"}
                order = [orders[named.split("*")[0]] for named in golden_set.meta["loss_order"]]
                assert np.allclose([float(losses[each]) for each in order], wanted, rtol=5e-5), key
                continue
            if part.startswith("predict"):
                got = nhwc((real if part == "predict_real" else fake).sigmoid())
            elif part == "outputs_mean":
                got = output.mean(axis=(1, 2))
            else:
                got = sampled(output, key, wanted)
            checked.close(key, got, absolute=2e-4)
        if mode == "drop":
            (stored,) = checked.under("out_uint8")
            levels = nhwc(to_bytes(picture))
            check_levels(levels[:, :: levels.shape[1] // stored[1].shape[1], :: levels.shape[2] // stored[1].shape[2]], stored[1])
    checked.done()


def check_levels(got: np.ndarray, wanted: np.ndarray) -> None:
    assert got.shape == wanted.shape
    difference = np.abs(got.astype(int) - wanted)
    assert difference.max() <= 1 and (difference > 0).mean() <= 5e-3


@pytest.mark.parametrize("name", PORTRAY_SETS)
def test_gradients_of_portray_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    if not golden_set.under("grad"):
        pytest.skip(f"{name} of {clothnet.folder} holds no gradients")
    checked = Checked(golden_set, ("input/", "var/", "act/", "drop/", "nodrop/", "out_uint8", "step"))
    runs = [PortrayRun(golden_set, dtype=dtype) for dtype in (torch.float32, torch.float64)]
    for prefix, loss in (
        ("grad_gen", "total"),
        ("grad_gen_gan_only", "GAN"),
        ("grad_gen_l1_only", "recon"),
        ("grad_disc", "discrim"),
    ):
        check_gradients(checked, prefix, [run.gradients(loss) for run in runs])
    checked.done()


@pytest.mark.parametrize("name", PORTRAY_SETS)
def test_updates_of_portray_modules(clothnet: Any, name: str) -> None:
    golden_set = load(clothnet, name)
    steps = sorted({int(key.split("/")[0].removeprefix("step")) for key in golden_set.under("") if key.startswith("step")})
    if not steps:
        pytest.skip(f"{name} of {clothnet.folder} holds no updates")
    config = golden_set.meta["config"]
    checked = Checked(golden_set, ("input/", "var/", "act/", "drop/", "nodrop/", "out_uint8", "grad"))
    run = PortrayRun(golden_set)
    run.module.train()
    networks = {"discriminator/": run.discriminator, "generator/": run.generator}
    names = {"discriminator/": official.discriminator_names(3), "generator/": official.portrayer_names(len(run.generator.decoder))}
    optimizers = {
        scope: TFAdam(network.parameters(), lr=config["lr"], betas=(config["beta1"], 0.999)) for scope, network in networks.items()
    }
    for step in range(1, max(steps) + 1):
        losses = run.losses(*run.forward())
        for scope, loss in (("discriminator/", "discrim"), ("generator/", "total")):
            gradients = torch.autograd.grad(losses[loss], list(networks[scope].parameters()), retain_graph=True)
            for parameter, gradient in zip(networks[scope].parameters(), gradients, strict=True):
                parameter.grad = gradient
        for optimizer in optimizers.values():
            optimizer.step()
        if step in steps:
            for scope, network in networks.items():
                check_step(checked, scope, step, network, names[scope], config["lr"])
            for key, wanted in checked.under(f"step{step}/"):
                assert key.endswith("global_step") and wanted.item() == step, key
    checked.done()


# ------------------------------------------------------------------------------------------------ the whole, and files
def test_pipeline(clothnet: Any) -> None:
    golden_set = load(clothnet, "pipeline")
    checked = Checked(golden_set, ("z", "dropout_keep"))
    sketch = SketchRun(load(clothnet, "lsm"))
    sketch.module.eval()
    with torch.no_grad():
        drawn = sketch.module.draw(tensor(golden_set["z"]), clean=False)
    ((_, stored),) = checked.under("sketch_argmax_0")
    assert differing(drawn[0].numpy(), stored) <= 1e-3

    cleaned = clean_faces(tensor(stored))
    ((_, coloured),) = checked.under("sketch_rgb_0")
    assert np.array_equal(nhwc(colour_code(cleaned)), coloured)

    portray = PortrayRun(load(clothnet, "pm"), dropout=False)
    for place in range(3):
        portray.generator.decoder[place].dropout.when = "always"
    set_masks(portray.generator, golden_set.arrays, "dropout_keep_decoder_")
    with torch.no_grad():
        picture = portray.module.portrait(cleaned[None])
    for key, wanted in list(checked.under("portrait")):
        if "uint8" in key:
            step = int(key.rpartition("_stride")[2])
            check_levels(nhwc(to_bytes(picture))[0, ::step, ::step], wanted)
        else:
            checked.close(key, sampled(nhwc(picture), key, wanted), absolute=2e-4)
    checked.done()


def test_every_published_variable_has_a_place(clothnet: Any) -> None:
    if not (clothnet.folder / "variables_full.json").is_file():
        pytest.skip(f"no list of variables in {clothnet.folder}")
    recorded = json.loads((clothnet.folder / "variables_full.json").read_text())
    assert recorded
    for model, entry in recorded.items():
        variables = {name: np.broadcast_to(np.float32(0), shape) for name, shape in entry["variables"].items()}
        module = official.kind(variables)
        with torch.device("meta"):
            ours = ClothNet(modules=[module], **official.variant(variables))
        parts = {"portrayer": official.portrayer_names(), "discriminator": official.discriminator_names()}
        names = parts if module == "portray" else {module: official.sketch_names(8, module == "body_sketch")}
        mapped = {theirs: (part, key) for part, pairs in names.items() for theirs, key in pairs.items()}
        others = [theirs for theirs in variables if theirs not in mapped and not re.fullmatch(official.BOOKKEEPING, theirs)]
        assert not others and set(mapped) <= set(variables), f"{model}: {others}"
        for theirs, (part, key) in mapped.items():
            assert ours.get_submodule(part).state_dict()[key].numel() == variables[theirs].size, theirs
        counts = {part: sum(each.numel() for each in ours.get_submodule(part).parameters()) for part in names}
        generator = counts["portrayer"] if module == "portray" else counts[module]
        assert generator == entry["trainable_parameters_generator"], model
        assert counts.get("discriminator", 0) == entry["trainable_parameters_discriminator"], model


def test_a_checkpoint_file_opens(clothnet: Any, tmp_path: Any) -> None:
    tensorflow = pytest.importorskip("tensorflow")
    names = [name for name in (*SKETCH_SETS, "pm") if clothnet.holds(name)]
    assert names
    for name in names:
        variables = clothnet.load(name).under("var/")
        (tmp_path / "states" / name).mkdir(parents=True)
        graph = tensorflow.Graph()
        with graph.as_default():
            made = [tensorflow.compat.v1.Variable(value, name=key) for key, value in variables.items()]
            made += [tensorflow.compat.v1.Variable(np.zeros(1, np.int64), name="global_step/global_step")]
            with tensorflow.compat.v1.Session() as session:
                session.run(tensorflow.compat.v1.variables_initializer(made))
                tensorflow.compat.v1.train.Saver(made).save(session, str(tmp_path / "states" / name / "model-7"))
        assert set(read_checkpoint(tmp_path / "states" / name)) == {*variables, "global_step/global_step"}
        model = official.load_official(tmp_path / "states" / name)
        expected = PortrayRun(clothnet.load(name)).module if name == "pm" else SketchRun(clothnet.load(name)).module
        for key, value in expected.inference_state().items():
            assert torch.equal(model.state_dict()[key], value), f"{name}: {key}"


# ------------------------------------------------------------------------------------------------------------- the data
@pytest.fixture
def data(clothnet: Any) -> Any:
    return load(clothnet, "data")


def test_colours_of_labels_and_bodies(data: Any) -> None:
    assert [name.replace("_", "-") for name in SCHEMES["clothnet22"]] == list(LABELS)
    assert np.array_equal(data["cm/palette"], PALETTE)
    for key, classes in (("cm/label_vis_lut", len(LABELS)), ("cm/bodysegments_vis_lut", len(BODY))):
        assert np.array_equal(nhwc(colour_code(torch.arange(classes)[None], classes))[0], data[key])


def test_faces_are_cleaned(data: Any) -> None:
    labels = tensor(data["postproc/labels"])
    assert np.array_equal(nhwc(colour_code(labels)), data["postproc/rgb_raw"])
    assert np.array_equal(nhwc(colour_code(clean_faces(labels))), data["postproc/rgb"])


def test_pictures_become_bytes(data: Any) -> None:
    assert np.array_equal(to_bytes(tensor(data["deprocess/float"])).numpy(), data["deprocess/uint8"])


def test_geometric_medians(data: Any) -> None:
    found = data.under("geomed/points_")
    assert found
    for name, points in found.items():
        assert np.abs(geometric_median(tensor(points)).numpy() - data[f"geomed/median_{name}"]).max() <= 1e-8


def test_segment_colours(data: Any) -> None:
    labels = tensor(data["segcolors/labels"])[None]
    colours = segment_colours(channels(data["segcolors/image"])[None], labels)
    assert np.array_equal(nhwc(paint(labels, colours))[0], data["segcolors/out"])


def test_what_the_networks_receive(data: Any) -> None:
    labels, bodies = tensor(data["prep/labels"])[None], tensor(data["prep/bodysegments"])[None]
    image = channels(data["prep/image"])[None]
    top, left = data["prep/crop_offset_yx"].tolist()
    checked = {key: value for key, value in data.under("prep/").items() if "/" in key}
    hashes = {key.removeprefix("prep/"): value for key, value in data.meta["info"].items() if key.startswith("prep/")}
    assert checked and hashes
    for key, (shape, low, high, digest) in hashes.items():
        model, mode, what = key.split("/")
        side = shape[0]

        def fit(maps: Tensor, mode: str = mode, side: int = side) -> Tensor:
            if mode == "train":
                return maps[..., top : top + side, left : left + side]
            return (legacy_bilinear_resize if maps.is_floating_point() else legacy_nearest_resize)(maps, side, side)

        if what == "conditioning":
            got = one_hot(fit(bodies), len(BODY))
        elif what == "targets" and model.startswith("pm"):
            got = fit(from_bytes(image))
        elif model == "pm":
            got = fit(from_bytes(colour_code(labels)))
        else:
            got = one_hot(fit(labels), len(LABELS))
        array = np.ascontiguousarray(nhwc(got)[0])
        assert list(array.shape) == shape and array.dtype == np.float32
        assert (array.min(), array.max()) == pytest.approx((low, high), abs=1e-6)
        resized = mode != "train" and model.startswith("pm") and (what == "targets" or model == "pm")
        if not resized:
            assert hashlib.sha256(array.tobytes()).hexdigest() == digest, key
        for stored in [name for name in checked if name.startswith(f"{key}_")]:
            wanted = checked.pop(stored)
            if stored.endswith("_argmax"):
                step = side // wanted.shape[0]
                assert np.array_equal(array.argmax(axis=-1)[::step, ::step], wanted), stored
            else:
                step = int(stored.rpartition("_stride")[2])
                assert np.abs(array[::step, ::step] - wanted).max() <= 1e-5, stored
    assert not checked, f"not reproduced: {', '.join(checked)}"


def test_boxes_around_faces(data: Any) -> None:
    boxes = data["face/boxes_y0y1x0x1"]
    assert len(boxes)
    for index, (labels, box) in enumerate(zip(data["face/labels"], boxes, strict=True)):
        found = face_box(tensor(labels), border=3 * (index % 2))
        assert (found or (-1, -1, -1, -1)) == tuple(box), index


def test_features_of_the_face_are_drawn(data: Any) -> None:
    annotation, wanted = tensor(data["chic/annotation"]), data["chic/labels_out"]
    _, labels = scale_sketch(torch.zeros(3, *annotation.shape, dtype=torch.uint8), annotation, max(wanted.shape))
    labels = fill_holes(labels)
    assert choose_face(labels, tensor(data["chic/face_rects_ltrb"])) is not None
    assert np.array_equal(add_face_features(labels, tensor(data["chic/landmarks_xy"])).numpy(), wanted)


def test_bodies_are_read_from_renderings(data: Any) -> None:
    rendering = channels(data["body/rendering"])
    assert np.array_equal(data["body/region_colors"], list(REGIONS.values()))
    assert np.array_equal(body_regions(rendering).numpy(), data["body/classes31"])
    classes = body_classes(rendering)
    assert np.array_equal(classes.numpy(), data["body/classes6"])
    assert np.array_equal(nhwc(colour_code(classes, len(BODY))), data["body/vis"])
    regions = channels(data["body/region_colors"][None])
    assert np.array_equal(body_classes(regions)[0].numpy(), data["body/region_to_class6"])
