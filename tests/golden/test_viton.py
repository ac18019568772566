"""VITON against the arrays recorded from its authors' code; tolerances of section 11 of the specification."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import loadmat
from torch import Tensor, nn

from fashiongen.data.lip_segment import unpad_segment
from fashiongen.layers import VGG19Taps, legacy_bilinear_resize, quantize_keypoints
from fashiongen.layers.thin_plate_spline import (
    regular_grid,
    spline_inverse,
    thin_plate_spline_grid,
    unpack_control_points,
    warp,
)
from fashiongen.losses import PerceptualLoss
from fashiongen.metrics.inception_score import inception_score
from fashiongen.models.official import from_tensorflow
from fashiongen.models.viton import official
from fashiongen.models.viton.module import TAP_FACTORS, Viton
from fashiongen.models.viton.networks import Coarse, CoarseGenerator
from fashiongen.models.viton.representation import (
    body_shape,
    bytescale,
    garment_region,
    kept_picture,
    person_representation,
)
from fashiongen.optim import TFAdam

HEIGHT, WIDTH = 256, 192


@pytest.fixture(params=["bundled", "recorded"])
def viton(request: pytest.FixtureRequest) -> Any:
    """The part that travels with the repository, and the whole folder."""
    return request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("viton")


def load(viton: Any, name: str) -> Any:
    if not viton.holds(name):
        pytest.skip(f"{name} is not part of {viton.folder}")
    return viton.load(name)


def nchw(array: np.ndarray) -> Tensor:
    """(B, H, W, C) -> (B, C, H, W) float32."""
    return torch.from_numpy(np.ascontiguousarray(array)).float().permute(0, 3, 1, 2).contiguous()


def nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def pixels(array: np.ndarray) -> Tensor:
    """(B, H, W, C) uint8 -> (B, C, H, W) in [-1, 1]."""
    return (nchw(array) / 255 - 0.5) * 2


def scalar(tensor: Tensor) -> np.ndarray:
    return tensor.detach().reshape(1).numpy()


# ------------------------------------------------------------------------------------------------------------ stage 1
def sizes(golden_set: Any) -> dict[str, int]:
    meta = golden_set.meta
    return {"width": meta["ngf"], "levels": sum(name.endswith("/conv/filter") for name in meta["var_order"])}


def coarse_generator(golden_set: Any, network: CoarseGenerator | None = None) -> CoarseGenerator:
    meta = golden_set.meta
    network = network or CoarseGenerator(**sizes(golden_set))
    official.load_coarse_generator(network, {name: weights(golden_set, name) for name in meta["var_order"]})
    return network.train(meta["mode"] == "train")


def weights(golden_set: Any, name: str) -> np.ndarray:
    return golden_set.arrays.get(f"vars/{name}") if f"vars/{name}" in golden_set.arrays else golden_set[name]


def run_coarse(network: CoarseGenerator, golden_set: Any) -> Coarse:
    person = [nchw(golden_set[f"in/{name}"]) for name in ("body_segment", "skin_segment", "pose_map")]
    return network(nchw(golden_set["in/product_image"]), torch.cat(person, dim=1))


def record(network: nn.Module, taps: dict[str, str], recorded: dict[str, np.ndarray]) -> None:
    """Keep a copy of the outputs of submodules: name of the submodule -> key."""
    for name, module in network.named_modules():
        if name in taps:
            module.register_forward_hook(
                lambda module, inputs, output, key=taps[name]: recorded.update({key: nhwc(output.clone())})
            )


def coarse_taps(network: CoarseGenerator) -> dict[str, str]:
    ends = {"conv/filter": "conv_out", "deconv/filter": "deconv_out", "batchnorm/Variable": "bn_out"}
    taps = {}
    for theirs, ours in official.coarse_names(network.levels).items():
        for end, output in ends.items():
            if theirs.endswith(f"/{end}"):
                taps[ours.removesuffix(".weight")] = f"mid/{theirs.removesuffix(end)}{output}"
    return taps


def test_coarse_generator_of_test_mode(viton: Any) -> None:
    golden_set = load(viton, "stage1_test")
    network = coarse_generator(golden_set)
    reproduced: dict[str, np.ndarray] = {}
    record(network, coarse_taps(network), reproduced)
    with torch.no_grad():
        output = run_coarse(network, golden_set)
    reproduced["out/generator"] = nhwc(torch.cat([output.mask, output.image], dim=1))
    golden_set.check(reproduced, {"out/": (1e-5, 0), "mid/": (0, 1e-5)})
    assert sum(parameter.numel() for parameter in network.parameters()) == golden_set.meta["trainable_parameters"]


def test_coarse_generator_at_full_width(golden: Any) -> None:
    golden_set = golden("viton").load("stage1_full")
    network = coarse_generator(golden_set)
    with torch.no_grad():
        output = run_coarse(network, golden_set)
    picture = nhwc(torch.cat([output.mask, output.image], dim=1))
    reproduced = {"out/generator": picture, "out/generator_channel_sums": picture.sum(axis=(1, 2), dtype=np.float64)}
    golden_set.check(reproduced, {"out/generator_channel_sums": (0, 1e-5), "out/": (5e-5, 0)})
    assert sum(parameter.numel() for parameter in network.parameters()) == golden_set.meta["trainable_parameters"]


class FixedDropout(nn.Module):
    """Dropout with the mask that the authors' run drew."""

    def __init__(self, kept: Tensor, probability: float) -> None:
        super().__init__()
        self.factor = kept / (1 - probability)

    def forward(self, features: Tensor) -> Tensor:
        return features * self.factor


@pytest.fixture(scope="module")
def vgg(golden: Any) -> VGG19Taps:
    rules = golden("viton").load("vgg19_rules")
    state = {}
    for key in rules.rules:
        _, layer, kind = key.split("/")
        state[f"{layer}.{'weight' if kind == 'weights' else 'bias'}"] = from_tensorflow(rules[key])
    return VGG19Taps(tuple(TAP_FACTORS), state, pooling="average", normalization="caffe")


def gradients(network: nn.Module, names: dict[str, str], stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Our gradients in the authors' axis order."""
    parameters = dict(network.named_parameters())
    return {f"grad/{name}": to_tensorflow(parameters[names[name]].grad) for name in stored}


def to_tensorflow(tensor: Tensor) -> np.ndarray:
    return (tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor).detach().numpy()


def step_with_stored_gradients(network: nn.Module, names: dict[str, str], stored: dict[str, np.ndarray]) -> TFAdam:
    """One update as the authors' optimiser makes it, with the gradients that it saw."""
    parameters = dict(network.named_parameters())
    optimizer = TFAdam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-8)
    optimizer.zero_grad()
    for name, gradient in stored.items():
        parameters[names[name]].grad = from_tensorflow(gradient)
    optimizer.step()
    return optimizer


def test_training_step_of_stage_1(golden: Any, vgg: VGG19Taps) -> None:
    golden_set = golden("viton").load("stage1_train")
    meta = golden_set.meta
    module = Viton(size=(meta["height"], meta["width"]), **sizes(golden_set), biased_variance=True)
    network = coarse_generator(golden_set, module.coarse)
    names = official.coarse_names(network.levels)
    dropout = network.decoder[0][-1]
    network.decoder[0][-1] = FixedDropout(nchw(golden_set["in/dropout_keep_decoder_6"]), dropout.p)

    output = run_coarse(network, golden_set)
    target, region = nchw(golden_set["in/image"]), nchw(golden_set["in/prod_segment"])
    perceptual = module.perceptual["coarse"] = PerceptualLoss(vgg, TAP_FACTORS)
    losses = module.coarse_losses(output, target, region)
    losses["total"].backward()

    reproduced = {
        "out/mask_outputs": nhwc(output.mask),
        "out/image_outputs": nhwc(output.image),
        "out/loss/total": scalar(losses["total"]),
        "out/loss/mask_l1": scalar(losses["mask"]),
        "out/loss/content_l1": scalar(losses["image"]),
        "out/loss/perceptual": scalar(losses["perceptual"]),
    }
    with torch.no_grad():
        distances = perceptual.distances(output.image, target)
        features = vgg(target)
    reproduced |= {f"out/vgg_l1_raw/{tap}": scalar(value) for tap, value in distances.items()}
    reproduced |= {f"out/vgg_real/{tap}": nhwc(value) for tap, value in features.items()}
    stored = golden_set.under("grad/")
    reproduced |= gradients(network, names, stored)
    optimizer = step_with_stored_gradients(network, names, stored)
    state = network.state_dict()
    reproduced |= {f"post/{name}": to_tensorflow(state[names[name]]) for name in golden_set.under("post/")}
    reproduced["out/global_step"] = np.array([next(iter(optimizer.state.values()))["step"]])
    golden_set.check(
        reproduced,
        {
            "out/loss/": (0, 1e-5),
            "out/vgg_l1_raw/": (0, 1e-4),
            "out/vgg_real/": (0, 1e-5),
            "out/global_step": (0, 0),
            "out/": (1e-5, 0),
            "grad/": (0, 5e-3),
            "post/.*/Variable_[23]$": (1e-6, 0),
            "post/": (2e-6, 0),
        },
    )


# ------------------------------------------------------------------------------------------------------------ stage 2
def test_training_step_of_stage_2(golden: Any, vgg: VGG19Taps) -> None:
    golden_set = golden("viton").load("stage2_refine")
    variables = golden_set.under("vars/")
    leftovers = {name: np.zeros(1, np.float32) for name in golden_set.meta["all_variables_in_stage2_graph"]}
    size = golden_set["in/image_u8"].shape[1:3]
    module = Viton(size, width=4, refinement_width=variables["refine_generator/g_256_conv1/weights"].shape[-1])
    network = module.refinement
    official.load_refinement_network(network, leftovers | variables)
    assert sum(parameter.numel() for parameter in network.parameters()) == golden_set.meta["trainable_parameters"]
    assert {module.eps for module in network.modules() if isinstance(module, nn.GroupNorm)} == {golden_set.meta["layernorm_eps"]}
    names = official.refinement_names()
    taps = {f"layers.{3 * index}": f"mid/g_256_conv{index + 1}/conv_out" for index in range(3)}
    taps |= {f"layers.{3 * index + 1}": f"mid/g_256_conv{index + 1}/layernorm_out" for index in range(3)}
    reproduced: dict[str, np.ndarray] = {}
    record(network, taps | {"output": "mid/g_1024_final_logits"}, reproduced)

    warped, coarse, target = (pixels(golden_set[f"in/{name}_u8"]) for name in ("warped", "coarse", "image"))
    image, alpha = module.refine(warped, coarse, nchw(golden_set["in/prod_segment"]))
    factors = {tap: factor for tap, factor in TAP_FACTORS.items() if f"out/vgg_l1_raw/{tap}" in golden_set.arrays}
    perceptual = module.perceptual["refinement"] = PerceptualLoss(vgg, factors)
    losses = module.refinement_losses(image, alpha, target)
    losses["total"].backward()
    with torch.no_grad():
        selected = network(warped, coarse)

    reproduced |= {
        "out/select_mask_raw": nhwc(selected),
        "out/image_outputs": nhwc(image),
        "out/loss/total": scalar(losses["total"]),
        "out/loss/content_l1": scalar(losses["image"]),
        "out/loss/perceptual": scalar(losses["perceptual"]),
        "out/loss/mask": scalar(losses["warp"]),
        "out/loss/tv": scalar(losses["smoothness"]),
    }
    with torch.no_grad():
        reproduced |= {f"out/vgg_l1_raw/{tap}": scalar(value) for tap, value in perceptual.distances(image, target).items()}
    stored = golden_set.under("grad/")
    reproduced |= gradients(network, names, stored)
    step_with_stored_gradients(network, names, stored)
    state = network.state_dict()
    reproduced |= {f"post/{name}": to_tensorflow(state[names[name]]) for name in golden_set.under("post/")}
    golden_set.check(
        reproduced,
        {
            "out/loss/": (0, 1e-5),
            "out/vgg_l1_raw/": (0, 1e-4),
            "out/": (1e-5, 0),
            "mid/": (0, 1e-5),
            "grad/": (0, 1e-3),
            "post/": (2e-6, 0),
        },
    )


# ------------------------------------------------------------------------------------------------------------ warp
def test_thin_plate_spline(viton: Any) -> None:
    golden_set = load(viton, "tps_transformer")
    grid, size = (golden_set.meta["ny"], golden_set.meta["nx"]), tuple(golden_set.meta["out_hw"])
    points = torch.from_numpy(golden_set["in/control_points"])
    image = pixels(golden_set["in/image_u8"])
    inverse = spline_inverse(*grid)
    sampling = thin_plate_spline_grid(points, grid, size)
    exact = thin_plate_spline_grid(points.double(), grid, size)
    stored = torch.from_numpy(golden_set["out/sample_grid"]).permute(0, 2, 3, 1).contiguous()
    reproduced = {
        "mid/W_inverse": inverse.numpy(),
        "mid/solution": (inverse[:, : len(regular_grid(*grid))] @ points.double()).numpy(),
        "out/sample_grid": sampling.permute(0, 3, 1, 2).numpy(),
        "out/sample_grid_float64": exact.permute(0, 3, 1, 2)[:, :, ::4, ::4].numpy(),
        "out/tps_mask": (sampling.clamp(-1, 1).abs() <= 1).all(dim=-1).numpy(),
        "out/warped": nhwc(warp(image, sampling)),
    }
    golden_set.check(
        reproduced,
        {
            "mid/": (0, 1e-3),
            "out/sample_grid_float64": (1e-9, 0),
            "out/sample_grid": (3e-4, 0),
            "out/warped": (5e-3, 0),
            "out/tps_mask": (0, 0),
        },
    )
    golden_set.check({"out/warped": nhwc(warp(image, stored))}, {"out/warped": (1e-5, 0)}, only="out/warped")


# ------------------------------------------------------------------------------------------------------------ person
def joints(candidate: np.ndarray, subset: np.ndarray) -> Tensor:
    """First person of a `candidate`, `subset` pair -> (1, 18, 3) x, y in pixel indices, visibility."""
    rows = subset[0, :18].astype(int)
    return torch.tensor([[*candidate[row, :2], 2.0] if row >= 0 else [-1.0, -1.0, 0.0] for row in rows])[None]


def represent(golden_set: Any, name: str) -> dict[str, np.ndarray]:
    def given(key: str) -> np.ndarray:
        return golden_set[f"in/{name}/{key}"]

    sample = golden_set.meta["samples"][name]
    height, width, square = sample["h"], sample["w"], sample["segment_n"]
    segment = np.frombuffer(zlib.decompress(given("segment_mat_zlib").tobytes()), np.uint8).reshape(square, square)
    parsing = unpad_segment(torch.from_numpy(segment.copy()), height, width)[None]
    found = joints(given("candidate"), given("subset"))
    size = torch.tensor([[height, width]])
    image, product = (
        (legacy_bilinear_resize(nchw(given(key)[None]) / 255, HEIGHT, WIDTH) - 0.5) * 2 for key in ("image_u8", "product_u8")
    )
    keypoints = quantize_keypoints(found, size, HEIGHT, WIDTH)
    person = person_representation(image, parsing, keypoints, missing_joint="corner", original_size=size)
    everything = torch.cat([product, person], dim=1)

    def planes(tensor: Tensor) -> np.ndarray:
        return nhwc(tensor)[0]

    return {
        f"out/{name}/{key}": value
        for key, value in {
            "keypoints": found[0, :, :2].trunc().numpy(),
            "segment_hw_zlib": parsing[0].numpy(),
            "pose_map_packed": np.packbits(planes(person[:, 4:]).astype(bool)),
            "body_16x12": planes(body_shape(parsing, 16, 12)),
            "body_segment": planes(body_shape(parsing, HEIGHT, WIDTH)),
            "prod_segment_packed": np.packbits(planes(garment_region(parsing, HEIGHT, WIDTH)).astype(bool)),
            "skin_segment": planes(kept_picture(image, parsing)[0]),
            "image": planes(image),
            "product": planes(product),
            "tps_points": unpack_control_points(torch.from_numpy(given("tps_control_points"))).numpy(),
            "generator_input_channel_sums": everything.double().sum(dim=(0, 2, 3)).numpy(),
        }.items()
    }


def test_person_representation(golden: Any) -> None:
    golden_set = golden("viton").load("person_representation")
    for name, sample in golden_set.meta["samples"].items():
        reproduced = represent(golden_set, name)
        key = f"out/{name}/segment_hw_zlib"
        stored = np.frombuffer(zlib.decompress(golden_set[key].tobytes()), np.uint8).reshape(sample["h"], sample["w"])
        assert np.array_equal(reproduced[key], stored)
        reproduced[key] = golden_set[key]
        golden_set.check(
            reproduced,
            {".*(keypoints|_packed|_zlib)$": (0, 0), ".*_sums$": (0, 1e-6), "out/": (2e-6, 0)},
            only=f"out/{name}/",
        )


def test_files_of_the_authors_formats(golden: Any) -> None:
    viton = golden("viton")
    files = sorted((viton.folder / "mat").glob("*.mat"))
    assert files
    contents = {file.name: loadmat(file) for file in files}
    person, matching = viton.load("person_representation"), viton.load("shape_context")
    for name, content in contents.items():
        if name.startswith("pose_"):
            assert joints(content["candidate"], content["subset"]).shape == (1, 18, 3)
            if person.meta["seed"] == 101:
                assert np.array_equal(content["candidate"], person["in/a/candidate"])
                assert np.array_equal(content["subset"], person["in/a/subset"])
        elif name.startswith("segment_"):
            sample = person.meta["samples"]["a"]
            parsing = unpad_segment(torch.from_numpy(content["segment"]), sample["h"], sample["w"])
            assert parsing.shape == (sample["h"], sample["w"])
            if person.meta["seed"] == 101:
                assert np.array_equal(parsing.numpy(), represent(person, "a")["out/a/segment_hw_zlib"])
        else:
            assert unpack_control_points(torch.from_numpy(content["control_points"])).shape == (100, 2)
            if matching.meta["seed"] == 101:
                np.testing.assert_allclose(content["control_points"], matching["test/control_points"], atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ helpers
def test_bytescale(viton: Any) -> None:
    golden_set = load(viton, "misc_helpers")
    cases = [key.removesuffix("_in") for key in golden_set.under("bytescale/") if key.endswith("_in")]
    assert cases
    reproduced = {}
    for case in cases:
        array = golden_set[f"bytescale/{case}_in"]
        planes = array if array.ndim == 3 else array[..., None]
        reproduced[f"bytescale/{case}_u8"] = nhwc(bytescale(nchw(planes[None])))[0].reshape(array.shape)
    inputs = tuple(f"bytescale/{case}_in" for case in cases)
    golden_set.check(reproduced, {"": (0, 0)}, inputs=inputs, only="bytescale/")


def test_inception_score(viton: Any) -> None:
    golden_set = load(viton, "misc_helpers")
    score = inception_score(torch.from_numpy(golden_set["inception_score/probs"]), golden_set.meta["inception_score"]["splits"])
    reproduced = {
        "inception_score/mean_std": np.array([score.mean, score.std]),
        "inception_score/per_split": np.array(score.splits),
    }
    golden_set.check(reproduced, {"": (0, 1e-10)}, inputs=("inception_score/probs",), only="inception_score/")


@pytest.mark.parametrize("name", ["cp_gmm", "cp_tom", "cp_dataset"])
def test_characteristic_preserving_viton(golden: Any, name: str) -> None:
    if golden("viton").holds(name):
        pytest.skip("CP-VTON's geometric matching and try-on modules are an extension that this library does not have yet")
