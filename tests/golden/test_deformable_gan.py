"""Deformable GAN against the arrays recorded from its authors' code; tolerances of section 11 of the specification."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fashiongen.annotate.part_affinity import decode
from fashiongen.layers.deformable_skip import deformable_skip
from fashiongen.layers.gaussian_maps import gaussian_maps, locate_joints
from fashiongen.layers.part_affines import fit_affine, part_affines, part_masks, torso_length, whole_affine
from fashiongen.layers.polygons import fill_polygons, segment_quads
from fashiongen.layers.vgg import VGG19Taps
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.losses.nearest_neighbour import nearest_neighbour_distance
from fashiongen.metrics.inception_score import inception_score
from fashiongen.metrics.pose_region import pose_region
from fashiongen.metrics.ssim import StructuralSimilarity, structural_similarity, truncate_to_bytes
from fashiongen.models.deformable_gan import official
from fashiongen.models.deformable_gan.drawing import antialiased_line, draw_skeleton
from fashiongen.models.deformable_gan.losses import ContentLoss, StructureLoss, smoothness
from fashiongen.models.deformable_gan.networks import DISCRIMINATORS, Discriminator, Generator
from fashiongen.models.deformable_gan.representation import Conditioning, condition, stickman
from fashiongen.optim import TFAdam

Arrays = dict[str, Tensor]
Tolerances = Mapping[str, tuple[float, float]]
AS_PUBLISHED = {"interpolation": "nearest", "warp_gradient": "tensorflow"}
EPSILON = 1e-7


# ------------------------------------------------------------------------------------------------------------ arrays
@pytest.fixture(params=["bundled", "recorded"])
def folder(request: pytest.FixtureRequest) -> Path:
    """The part that travels with the repository, and the whole folder."""
    return request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("deformable_gan").folder


@pytest.fixture
def recorded(golden: Any) -> Path:
    return golden("deformable_gan").folder


def load(folder: Path, name: str) -> Arrays:
    file = folder / f"{name}.safetensors"
    if not file.is_file():
        pytest.skip(f"{name} is not part of {folder}")
    return load_file(file)


def under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def check(arrays: Arrays, reproduced: Mapping[str, Tensor], tolerances: Tolerances, inputs: str = r"(?!)") -> None:
    """Every stored array that is no input must be reproduced within (absolute, relative to its largest value)."""
    failures = []
    outputs = {key: value for key, value in arrays.items() if not re.match(inputs, key)}
    assert outputs
    for key, wanted in outputs.items():
        if key not in reproduced:
            failures.append(f"{key} is not reproduced")
            continue
        got, wanted = reproduced[key].detach().double(), wanted.double()
        absolute, relative = next(value for pattern, value in tolerances.items() if re.match(pattern, key))
        allowed = absolute + relative * wanted.abs().max().item()
        if got.shape != wanted.shape:
            failures.append(f"{key} has shape {tuple(got.shape)}, expected {tuple(wanted.shape)}")
        elif not (difference := (got - wanted).abs().max().item()) <= allowed:
            failures.append(f"{key} is off by {difference:.3g}, allowed {allowed:.3g}")
    assert not failures, "\n".join(failures)


def numpy(arrays: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in arrays.items()}


def nchw(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2).contiguous()


def nhwc(tensor: Tensor) -> Tensor:
    return tensor.detach().permute(0, 2, 3, 1)


def picture(array: Tensor) -> Tensor:
    """uint8 NHWC -> [-1, 1] NCHW."""
    return nchw((array.double() / 255 - 0.5) * 2).float()


def unpack(packed: Tensor, width: int) -> Tensor:
    return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1)[..., :width]).bool()


def pack(mask: Tensor) -> Tensor:
    return torch.from_numpy(np.packbits(mask.numpy(), axis=-1))


def keypoints(rows: Tensor) -> Tensor:
    """Authors' (..., J, 2) int (y, x), -1 missing -> (..., J, 3)."""
    seen = (rows >= 0).all(dim=-1, keepdim=True)
    return torch.cat([rows.flip(-1) + 0.5, 2.0 * seen], dim=-1).double()


def strided(key: str, tensor: Tensor) -> Tensor:
    step = int(found[1]) if (found := re.search(r"stride(\d+)$", key)) else 1
    return tensor[:, ::step, ::step]


# ------------------------------------------------------------------------------------------------------------ networks
class Inputs:
    """What generator, discriminator and objective share."""

    def __init__(self, folder: Path) -> None:
        self.arrays = arrays = load(folder, "inputs_128x64")
        self.source, self.target, self.background = (picture(arrays[f"{name}_img_u8"]) for name in ("input", "target", "bg"))
        self.source_pose, self.target_pose = (nchw(arrays[f"{name}_pose_u8"].float() / 255) for name in ("input", "target"))
        self.keypoints = keypoints(arrays["kp_from"]), keypoints(arrays["kp_to"])
        self.masks = unpack(arrays["warp_mask.masks_packed"], self.source.shape[-1])

    def condition(self, warp_skip: str, source_pose: bool = True, background: bool = False) -> Conditioning:
        made = condition(self.source, *self.keypoints, warp_skip, "staircase", source_pose, self.background if background else None)
        # The networks were fed pose maps that had been rounded to bytes.
        source = torch.cat([self.source, self.source_pose], dim=1) if source_pose else self.source
        target = torch.cat([self.target_pose, self.background], dim=1) if background else self.target_pose
        return made._replace(source=source, target=target)


def generator(weights: Arrays, warp_skip: str, **options: Any) -> Generator:
    names = official.canonical(numpy(weights))
    width = names["conv2d_1/kernel:0"].shape[-1]
    levels = 1 + sum(name.startswith("conv2d_transpose") for name in names)
    target = names[f"conv2d_{levels + 1}/kernel:0"].shape[2] if warp_skip != "none" else 18
    source = names["conv2d_1/kernel:0"].shape[2] - (18 if warp_skip == "none" else 0)
    network = Generator(
        warp_skip, width, levels, source_channels=source, target_channels=target, **{**AS_PUBLISHED, **options}
    ).eval()
    official.load_generator(network, names)
    return network


def discriminator(weights: Arrays, kind: str) -> Discriminator:
    network = Discriminator(kind, weights["conv2d_1/kernel:0"].shape[-1], **AS_PUBLISHED)
    official.load_discriminator(network, numpy(weights))
    return network


def weights_of(arrays: Arrays, variant: str) -> tuple[Arrays, str, dict[str, Any]]:
    """Weights, mode and options of one variant of the recorded generators, such as "mask_bg"."""
    mode, *options = variant.split("_")
    weights = under(arrays, "none/" if mode == "none" else "mask/")
    if mode == "stn":
        weights |= under(arrays, "stn/")
    if "bg" in options and mode != "none":
        weights |= under(arrays, "mask_bg/")
    if "noinputpose" in options:
        first = weights["conv2d_1/kernel:0"]
        weights["conv2d_1/kernel:0"] = torch.cat([first[:, :, :3], first[:, :, 21:]], dim=2)
    return weights, mode, {"aggregation": "avg"} if "avg" in options else {}


def module_names(network: Generator) -> dict[str, str]:
    """Keras layer -> our module."""
    return {name.split("/")[0]: key.rpartition(".")[0] for name, key in official.generator_names(network).items()}


def keep(seen: Arrays, layer: str, _: nn.Module, __: Any, output: Tensor) -> None:
    """Forward hook."""
    seen[layer] = output


def test_generators(recorded: Path) -> None:
    inputs, outputs = Inputs(recorded), load(recorded, "generator_128x64_outputs")
    weights = load(recorded, "generator_128x64_weights")
    reproduced: Arrays = {}
    for variant in sorted({key.split(".")[0] for key in outputs}):
        network = generator(*(found := weights_of(weights, variant))[:2], **found[2])
        options = variant.split("_")
        given = inputs.condition(network.warp_skip, "noinputpose" not in options, "bg" in options and options[0] != "none")
        seen: Arrays = {}
        for layer, name in module_names(network).items():
            network.get_submodule(name).register_forward_hook(partial(keep, seen, layer))
        output = network(*given)
        if network.warp_skip != "none":
            warped = network.warp(network.source_encoder(given.source)[:4], *given[2:])
            kind = "spatial_transformer" if network.warp_skip == "stn" else "affine_transform_layer"
            seen |= {f"{kind}_{level}": features for level, features in enumerate(warped, 1)}
        for key in (key for key in outputs if key.startswith(f"{variant}.")):
            if ".act." in key:
                features = nhwc(seen[key.rpartition(".")[2]])[:1]
                reproduced[key] = features[:, ::4, ::4] if features.shape[1] >= 64 else features
            else:
                reproduced[key] = strided(key, nhwc(output))
    check(outputs, reproduced, {"": (0, 1e-5)})


def test_conditioning(recorded: Path) -> None:
    inputs = Inputs(recorded)
    mask, full, stn = (inputs.condition(mode) for mode in ("mask", "full", "stn"))
    poses = condition(inputs.source, *inputs.keypoints, "none", "staircase")
    assert mask.masks is not None
    reproduced = {
        "warp_mask.transforms": mask.transforms,
        "warp_mask.masks_packed": pack(mask.masks),
        "warp_full.transforms": full.transforms,
        "warp_stn.keypoints": stn.joints,
        "input_pose_u8": nhwc(poses.source[:, 3:] * 255).round(),
        "target_pose_u8": nhwc(poses.target * 255).round(),
    }
    check(inputs.arrays, reproduced, {".*transforms": (1e-12, 1e-9), "": (0, 0)}, r".*_img_u8|kp_")


def test_generator_of_256x256(folder: Path) -> None:
    arrays = load(folder, "generator_256x256")
    network = generator(under(arrays, "mask/"), "mask")
    given = condition(
        picture(arrays["input_img_u8"]), keypoints(arrays["kp_from"])[None], keypoints(arrays["kp_to"])[None], "mask", "staircase"
    )
    assert given.masks is not None
    output = nhwc(network(*given)).double()
    wanted = arrays["out_stride2"].double()
    difference = (output[:, ::2, ::2] - wanted).abs()
    # The authors' TensorFlow sums 65,536 values of a norm inexactly.
    assert difference.max() <= 1e-3 * wanted.abs().max()
    assert difference.mean() <= 3e-4 * wanted.abs().mean()
    reproduced = {
        "out_stride2": output[:, ::2, ::2],
        "out_mean_std": torch.stack([output.mean(), output.std(correction=0)]),
        "warp_mask.transforms": given.transforms,
        "warp_mask.masks_packed": pack(given.masks),
    }
    check(
        arrays,
        reproduced,
        {"out_stride2": (0, 1e-3), "out_mean_std": (0, 3e-4), ".*transforms": (1e-12, 1e-9), "": (0, 0)},
        r"mask/|input_img_u8|kp_",
    )


def test_discriminators(recorded: Path) -> None:
    inputs, arrays = Inputs(recorded), load(recorded, "discriminator_128x64")
    given = inputs.condition("mask")
    pairs = inputs.source, inputs.source_pose, inputs.target, inputs.target_pose
    reproduced: Arrays = {}
    for kind in DISCRIMINATORS:
        if not under(arrays, f"{kind}/"):
            continue
        network = discriminator(under(arrays, f"{kind}/"), kind)
        logits = network(*pairs, transforms=given.transforms, masks=given.masks)
        reproduced[f"{kind}.out"] = logits.sigmoid()
        reproduced[f"{kind}.logits"] = logits[..., None, None]
        if kind == "warp":
            reproduced["warp.affine_layer_out"] = nhwc(network.warp(torch.cat(pairs[:2], dim=1), given.transforms, given.masks))
    check(arrays, reproduced, {"": (0, 1e-5)}, r"\w+/")


@pytest.mark.parametrize("warp_skip", ["none", "mask", "stn"])
def test_official_names_round_trip(recorded: Path, warp_skip: str) -> None:
    weights, mode, _ = weights_of(load(recorded, "generator_128x64_weights"), warp_skip)
    variables = official.generator_variables(generator(weights, mode))
    assert variables.keys() == weights.keys()
    for name, array in weights.items():
        assert np.array_equal(variables[name], array.numpy())
    order = json.loads((recorded / "meta.json").read_text()).get(f"generator_layer_order_{warp_skip}")
    if order:
        assert set(order) == {name.split("/")[0] for name in variables}


# ------------------------------------------------------------------------------------------------------------ layers
def test_affine_layer(folder: Path) -> None:
    arrays = load(folder, "affine_layer")
    packed = arrays["masks_packed"]
    masks = unpack(packed, 8 * packed.shape[-1])
    size = (masks.shape[-2], masks.shape[-1])
    seed = nchw(arrays["grad_seed"])
    cases = {
        "mask_max": (arrays["transforms"], masks, "max"),
        "mask_avg": (arrays["transforms"], masks, "avg"),
        "mask_none": (arrays["transforms"], masks, "none"),
        "nomask_max": (arrays["transforms"], None, "max"),
        "full": (arrays["transform_full"], None, "max"),
    }
    reproduced: Arrays = {}
    for name, (transforms, regions, aggregation) in cases.items():
        features = nchw(arrays["feat"]).requires_grad_()
        output = deformable_skip(features, transforms, regions, size, aggregation, "nearest", "tensorflow")
        reproduced[f"{name}.out"] = nhwc(output)
        if output.shape == seed.shape:
            (output * seed).sum().backward()
            reproduced[f"{name}.grad_feat"] = nhwc(features.grad)
    transforms = arrays["round.transforms"]
    moved = deformable_skip(
        nchw(arrays["round.img"]).expand(len(transforms), -1, -1, -1), transforms[:, None], interpolation="nearest"
    )
    reproduced["round.nearest"] = nhwc(moved)
    inputs = r"feat$|grad_seed|masks_packed|transforms$|transform_full|round\.(img|transforms)"
    check(arrays, reproduced, {r".*\.grad_feat": (0, 1e-6), "": (0, 0)}, inputs)


def test_pose_math(recorded: Path) -> None:
    arrays = load(recorded, "pose_math")
    source, target = keypoints(arrays["kp_from"]), keypoints(arrays["kp_to"])
    # Heat maps and joints are those of one pose of the list.
    pose = source[1:2]
    maps = nhwc(gaussian_maps(pose, *(2 * length for length in arrays["heatmap.0_stride2"].shape[:2]), profile="staircase"))
    small = keypoints(torch.tensor([[5, 3], [-1, -1], [0, 15], [31, 0], [40, 20]]))[None]
    start, end = torch.tensor([[20.0, 60.0], [17.0, 83.0]], dtype=torch.float64)
    start = start + 0.1 * (start - end)
    matrices, _ = fit_affine(arrays["estimate.src"], arrays["estimate.dst"])
    located = locate_joints(nchw(maps))[0]
    reproduced = {
        "affine_transforms": part_affines(source, target),
        "uniform_transform": whole_affine(source, target),
        "st_distance_to": torso_length(target),
        "heatmap.0_stride2": maps[0, ::2, ::2],
        "map_to_cord.heatmap.0": torch.where(located[:, 2:] > 0, located[:, :2].flip(-1) - 0.5, -1),
        "heatmap_small": nhwc(gaussian_maps(small, *arrays["heatmap_small"].shape[:2], profile="staircase"))[0],
        "heatmap_small_sigma3": nhwc(gaussian_maps(small, *arrays["heatmap_small"].shape[:2], 3, "staircase"))[0],
        "polygon.Rhip_Rkne.inc0.1": segment_quads(start, end + 0.1 * (end - start), 0.2 * 30.5)[None],
        "polygon.inc0.5": segment_quads(start, end + 0.5 * (end - start), 0.2 * 30.5)[None],
        "estimate.params": matrices,
        "line_aa": antialiased_line((1, 2), (9, 7), *arrays["line_aa"].shape).nan_to_num(),
    }
    for key in arrays:
        if found := re.fullmatch(r"circle_r(\d+)", key):
            row, column = (torch.arange(length) for length in arrays[key].shape)
            reproduced[key] = ((row[:, None] - 5) ** 2 + (column - 6) ** 2 < int(found[1]) ** 2).byte()
        elif key.endswith(".verts"):
            shape = arrays[key.replace(".verts", ".grid_points")].shape
            corners = arrays[key].flip(-1)
            reproduced[key.replace(".verts", ".grid_points")] = fill_polygons(corners, *shape).byte()
            reproduced[key.replace(".verts", ".draw_polygon")] = fill_polygons(corners, *shape, rays="horizontal").byte()
        elif found := re.fullmatch(r"(pose_masks_packed|ma_mask_packed|stickman|draw_colors)\.(\d+)", key):
            index = int(found[2])
            height, width = arrays["image_size"][index].tolist()
            one = target[index : index + 1]
            if found[1] == "pose_masks_packed":
                reproduced[key] = pack(part_masks(one, height, width)[0])
            elif found[1] == "ma_mask_packed":
                reproduced[key] = pack(pose_region(one, height, width)[0, 0])
            elif found[1] == "stickman":
                reproduced[key] = nhwc(stickman(one, height, width))[0] * 2
            else:
                colours, drawn = draw_skeleton(one[0], height, width)
                reproduced[key], reproduced[f"draw_mask_packed.{index}"] = colours, pack(drawn)
    tolerances = {
        "affine_transforms|uniform_transform|estimate": (1e-9, 1e-12),
        "st_distance|polygon": (1e-10, 0),
        "heatmap": (1e-6, 0),
        "line_aa": (1e-7, 0),
        "": (0, 0),
    }
    check(arrays, reproduced, tolerances, r"kp_|image_size|estimate\.(src|dst)|.*\.verts")
    # What the networks are given, in float32, is equal but for coefficients that are rounding errors around zero.
    for key in ("affine_transforms", "uniform_transform"):
        torch.testing.assert_close(reproduced[key].float(), arrays[key].float(), rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ losses
def vgg_taps(recorded: Path, taps: list[str]) -> VGG19Taps:
    """The recorded VGG-19: its filters read BGR, ours RGB."""
    state: Arrays = {}
    for name, array in under(load(recorded, "losses_standalone"), "vgg/").items():
        layer, variable = name.replace("block", "").split("/")
        block, index = layer.split("_conv")
        value = array.permute(3, 2, 0, 1) if array.ndim == 4 else array
        key = f"conv{block}_{index}." + ("weight" if variable == "kernel" else "bias")
        state[key] = value.flip(1) if key == "conv1_1.weight" else value
    return VGG19Taps(taps, state, pooling="max", normalization="caffe-swapped")


def tap_of(layer: str) -> str:
    """Keras' "block1_conv2" -> "conv1_2"."""
    return re.sub(r"block(\d)_conv(\d)", r"conv\1_\2", layer)


def test_losses(recorded: Path) -> None:
    arrays = load(recorded, "losses_standalone")
    target_picture = Inputs(recorded).target
    reproduced: Arrays = {"tv.loss": smoothness(nchw(arrays["tv.x"]))[None]}
    for key in arrays:
        if found := re.fullmatch(r"nn(\d+)\.map", key):
            generated = nchw(arrays["nn.target"]).requires_grad_()
            reproduced[key] = nearest_neighbour_distance(generated, nchw(arrays["nn.reference"]), int(found[1]))
            reproduced[key].mean().backward()
            reproduced[f"nn{found[1]}.grad_target_of_mean"] = nhwc(generated.grad)
        elif found := re.match(r"vgg\.(block\d_conv\d)\.target", key):
            tap = tap_of(found[1])
            reproduced[key] = strided(key, nhwc(vgg_taps(recorded, [tap])(target_picture)[tap]))
        elif key.startswith("vgg.preprocessed"):
            taps = vgg_taps(recorded, ["conv1_1"])
            reproduced[key] = strided(key, nhwc(((target_picture - taps.mean) * 127.5).flip(1)))
    check(arrays, reproduced, {"": (0, 1e-5)}, r"vgg/|nn\.(reference|target)|tv\.x")


class Objective:
    """One configuration of the training objective with its networks."""

    def __init__(self, recorded: Path, warp_skip: str, options: Mapping[str, Any]) -> None:
        self.inputs = Inputs(recorded)
        self.options = options
        weights = load(recorded, "generator_128x64_weights")
        self.generator = generator(under(weights, "none/" if warp_skip == "none" else "mask/"), warp_skip)
        self.discriminator = discriminator(under(load(recorded, "discriminator_128x64"), "call/"), "call")
        self.given = self.inputs.condition(warp_skip)
        layers = options["content_loss_layer"]
        features = None if layers == "none" else vgg_taps(recorded, [tap_of(layer) for layer in layers.split(",")])
        self.content = ContentLoss(features, options["nn_loss_area_size"])
        self.structure: nn.Module | None = None
        if options["lstruct_penalty_weight"]:
            arrays = under(load(recorded, "objective_128x64"), "lstruct.est_heat/")
            kernel = arrays["kernel"].permute(3, 2, 0, 1)
            estimator = nn.Conv2d(kernel.shape[1], len(kernel), kernel.shape[-1], stride=kernel.shape[-1])
            estimator.load_state_dict({"weight": kernel, "bias": arrays["bias"]})
            self.structure = StructureLoss(estimator)

    def judge(self, picture: Tensor, reverse: bool = False) -> Tensor:
        batch = (self.inputs.source, self.inputs.source_pose, picture, self.inputs.target_pose)
        return self.discriminator(*(tensor.flip(0) if reverse else tensor for tensor in batch))

    def generator_losses(self) -> Tensor:
        """total, adversarial, content, smoothness, structure."""
        generated, target, options = self.generator(*self.given), self.inputs.target, self.options
        terms = [
            options["gan_penalty_weight"] * real_loss(self.judge(generated), EPSILON),
            options["l1_penalty_weight"] * self.content(generated, target),
            options["tv_penalty_weight"] * smoothness(generated),
            options["lstruct_penalty_weight"] * (self.structure(generated, target) if self.structure else generated.new_zeros(())),
        ]
        return torch.stack([torch.stack(terms).sum(), *terms])

    def discriminator_losses(self) -> Tensor:
        """total, real, fake."""
        with torch.no_grad():
            generated = self.generator(*self.given)
        real = real_loss(self.judge(self.inputs.target, reverse=True), EPSILON)
        fake = fake_loss(self.judge(generated), EPSILON)
        return torch.stack([real + fake, real, fake])


def in_keras_order(tensor: Tensor) -> Tensor:
    return tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def gradients(network: nn.Module, names: Mapping[str, str]) -> Arrays:
    parameters = dict(network.named_parameters())
    return {name: in_keras_order(parameters[key].grad.clone()) for name, key in names.items() if parameters[key].grad is not None}


def test_objective(recorded: Path) -> None:
    arrays = load(recorded, "objective_128x64")
    configurations = json.loads((recorded / "meta.json").read_text())["objective"]
    structured = {**configurations["dsc"]["options"], "lstruct_penalty_weight": 7.0}
    configurations["lstruct"] = {"warp_skip": configurations["dsc"]["warp_skip"], "options": structured}
    reproduced: Arrays = {}
    for name, configuration in configurations.items():
        objective = Objective(recorded, configuration["warp_skip"], configuration["options"])
        judged = objective.discriminator_losses()
        judged[0].backward()
        for key, gradient in gradients(objective.discriminator, official.discriminator_names(objective.discriminator)).items():
            reproduced[f"{name}.disc_grad.{key}"] = gradient
        losses = objective.generator_losses()
        losses[0].backward()
        for key, gradient in gradients(objective.generator, official.generator_names(objective.generator)).items():
            reproduced[f"{name}.grad.{key}"] = gradient
        reproduced[f"{name}.generator_losses"], reproduced[f"{name}.discriminator_losses"] = losses, judged
    check(
        arrays,
        reproduced,
        {r".*_losses": (1e-12, 1e-5), r".*grad\.": (0, 1e-3)},
        r".*\.(three_steps_losses|after_three_steps\.)|lstruct\.est_heat",
    )
    for name, configuration in configurations.items():
        for part in ("generator", "discriminator"):
            if part in configuration:
                assert reproduced[f"{name}.{part}_losses"][0].item() == pytest.approx(configuration[part]["loss"], rel=1e-5)


def test_three_steps(recorded: Path) -> None:
    arrays = load(recorded, "objective_128x64")
    configurations = json.loads((recorded / "meta.json").read_text())["objective"]
    names = sorted({key.split(".")[0] for key in arrays if ".three_steps_losses" in key})
    assert names
    reproduced: Arrays = {}
    for name in names:
        objective = Objective(recorded, configurations[name]["warp_skip"], configurations[name]["options"])
        networks = {"generator": objective.generator, "discriminator": objective.discriminator}
        optimizers = {key: TFAdam(network.parameters(), 2e-4, (0.5, 0.999)) for key, network in networks.items()}
        rows = []
        for _ in arrays[f"{name}.three_steps_losses"]:
            row = []
            for key, losses in (("discriminator", objective.discriminator_losses), ("generator", objective.generator_losses)):
                optimizers[key].zero_grad()
                values = losses()
                values[0].backward()
                optimizers[key].step()
                row.append(values.detach())
            rows.append(torch.cat(row))
        reproduced[f"{name}.three_steps_losses"] = torch.stack(rows)
        for key, variables in (
            ("generator", official.generator_variables(objective.generator)),
            ("discriminator", official.discriminator_variables(objective.discriminator)),
        ):
            for variable, array in variables.items():
                reproduced[f"{name}.after_three_steps.{key}.{variable}"] = torch.from_numpy(array)
    # Adam turns the sign of a tiny gradient into a whole step, so the weights agree loosely only.
    check(arrays, reproduced, {r".*_losses": (0, 1e-4), "": (0, 5e-3)}, r"(?!.*three_steps)")


# ------------------------------------------------------------------------------------------------------------ metrics
def test_metrics(recorded: Path) -> None:
    arrays = load(recorded, "metrics")
    reference, generated = nchw(arrays["reference_u8"]), nchw(arrays["generated_u8"])
    region = pose_region(keypoints(arrays["kp_to"]), *generated.shape[-2:])
    metric, masked = StructuralSimilarity(), StructuralSimilarity()
    # Bytes survive the way to [-1, 1] and back by truncation when they are put in the middle of their step.
    middle = [(image.double() + 0.5) / 127.5 - 1 for image in (generated, reference)]
    metric.update(*middle)
    masked.update(*middle, region)
    score = inception_score(arrays["is.softmax"], 10)
    levels = arrays["preprocess.u8"].double()
    reproduced = {
        "ssim_each": structural_similarity(generated, reference),
        "ssim": metric.compute()[None],
        "mask_ssim_each": structural_similarity(generated * region, reference * region),
        "mask_ssim": masked.compute()[None],
        "masked_generated_u8": nhwc(generated * region),
        "l1": ((generated.double() - reference.double()).abs() / 127.5).mean()[None],
        "is.mean_std": torch.tensor([score.mean, score.std]),
        "preprocess.float": (levels / 255 - 0.5) * 2,
        "deprocess.u8": truncate_to_bytes(arrays["deprocess.float"]),
    }
    tolerances = {".*ssim": (1e-8, 0), "l1": (1e-8, 0), "is": (0, 1e-6), "preprocess": (1e-12, 0), "": (0, 0)}
    check(arrays, reproduced, tolerances, r"kp_to|(reference|generated|preprocess\.)_?u8|is\.softmax|deprocess\.float")


# ------------------------------------------------------------------------------------------------------------ detector
def test_keypoint_decoding(recorded: Path) -> None:
    arrays = load(recorded, "keypoint_decode")
    maps, fields = arrays["heatmap"].double().numpy(), arrays["paf"].double().numpy()

    def rows(found: np.ndarray) -> Tensor:
        return torch.from_numpy(np.where(found[:, 2:] > 0, found[:, 1::-1] - 0.5, -1))

    reproduced = {
        "keypoints": rows(decode(maps, fields)),
        "keypoints_of_zero_maps": rows(decode(np.zeros_like(maps), np.zeros_like(fields))),
    }
    check(arrays, reproduced, {"": (0, 0)}, "heatmap|paf")
