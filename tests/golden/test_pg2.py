"""PG2 against the arrays recorded from its authors' code; tolerances of section 11 of the specification."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import Tensor, nn

from fashiongen.convert.tensorflow import read_checkpoint
from fashiongen.data.pose_pairs import (
    authors_order,
    deepfashion_identity,
    keypoints_of,
    market_identity,
    positive_pairs,
    python2_shuffle,
    select_person,
)
from fashiongen.layers.dcgan import DCGANCritic
from fashiongen.layers.gaussian_maps import gaussian_maps
from fashiongen.layers.part_boxes import part_boxes
from fashiongen.layers.pose_disks import pose_disks
from fashiongen.layers.pose_mask import LIMBS, pose_mask
from fashiongen.losses.adversarial import real_loss
from fashiongen.metrics.inception_score import inception_score
from fashiongen.metrics.pair_scores import blacken, grey_similarity, pair_scores
from fashiongen.metrics.ssim import truncate_to_bytes
from fashiongen.models.pg2 import official
from fashiongen.models.pg2.module import Logits, Pg2
from fashiongen.models.pg2.networks import DifferenceGenerator

VARIANTS = {
    "market": {"size": (128, 64), "coarse_in_batch": True, "l1_weight": 10.0},
    "df": {"size": (256, 256), "generator_logits": "negatives", "l1_weight": 50.0},
}
"""Quirks of the two official codes; sizes and widths come from the variables."""
LEARNING_RATE = 2e-5
ORDER = ("x_target", "G2", "x", "G1")
"""In which order our critic sees the pictures of a batch."""


@pytest.fixture(params=["bundled", "recorded"])
def pg2(request: pytest.FixtureRequest) -> Any:
    """The part that travels with the repository, and the whole folder."""
    return request.getfixturevalue("bundled" if request.param == "bundled" else "golden")("pg2")


def load(pg2: Any, name: str) -> Any:
    if not pg2.holds(name):
        pytest.skip(f"{name} is not part of {pg2.folder}")
    return pg2.load(name)


def nhwc(tensor: Tensor) -> np.ndarray:
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def planes(array: np.ndarray) -> Tensor:
    """(B, H, W, C) or (H, W, C) or (H, W) -> (B, C, H, W)."""
    array = array if array.ndim > 2 else array[..., None]
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return (tensor if tensor.ndim == 4 else tensor[None]).permute(0, 3, 1, 2)


def keypoints(rcv: np.ndarray, whole: bool = True) -> Tensor:
    """(..., 18, 3) row, column, visible -> (B, 18, 3) in our convention."""
    rows = torch.from_numpy(rcv)
    places = rows[..., [1, 0]]
    joints = torch.cat([(places.trunc() if whole else places) + 0.5, rows[..., 2:]], dim=-1)
    return joints if joints.ndim == 3 else joints[None]


def pictures(golden_set: Any) -> tuple[Tensor, Tensor]:
    """Source and target of the recorded batch, (B, 3, H, W) in [-1, 1]."""
    source, target = ((planes(golden_set[f"in/{name}_u8"]).float() - 127.5) / 127.5 for name in ("x", "x_target"))
    return source, target


def ones(maps: Tensor) -> np.ndarray:
    """Flat indices, pixel by pixel, of what is 1."""
    return np.flatnonzero(nhwc(maps) > 0)


# ------------------------------------------------------------------------------------------------------------ networks
class Run:
    """The recorded network, batch and variables, with our module in place of the authors' code."""

    def __init__(self, golden_set: Any) -> None:
        self.meta = golden_set.meta
        self.quirks = VARIANTS[self.meta["variant"]]
        self.variables = golden_set.under("w/")
        options = official.variant(self.variables) | self.quirks
        self.module = Pg2(**options, optimizer="tf_adam", learning_rate=LEARNING_RATE)
        assert self.module.size == tuple(self.meta["image"])
        official.load_coarse_generator(self.module.coarse, self.variables)
        official.load_difference_generator(self.module.refinement, self.variables)
        official.load_critic(self.module.critic, self.variables)
        self.source, self.target = pictures(golden_set)
        self.joints = keypoints(golden_set["in/keypoints_rcv"])
        self.pose = pose_disks(self.joints, *self.module.size)
        self.mask = pose_mask(self.joints, *self.module.size)

    def double(self) -> Run:
        self.module.double()
        for name in ("source", "target", "pose", "mask"):
            setattr(self, name, getattr(self, name).double())
        return self

    def rolled(self, pixels: int) -> dict[str, Tensor]:
        names = ("source", "target", "pose", "mask")
        return {name: getattr(self, name).roll(pixels, dims=-1) for name in names}

    def losses(self, source: Tensor, target: Tensor, pose: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Under the authors' names. Stage II does not reach stage I, as in training."""
        module = self.module
        first = module.coarse(source, pose)
        coarse = first.detach()
        refined = coarse + module.refinement(coarse, source)
        stage1, stage2 = (module.reconstruction_losses(image, target, mask) for image in (first, refined))
        logits = module.judge(source, target, refined, coarse)
        losses = {
            "g_loss1": stage1["total"],
            "PoseMaskLoss1": stage1["pose_mask"],
            "g_loss2": module.adversarial_loss(logits) + self.quirks["l1_weight"] * stage2["total"],
            "L1Loss2": stage2["total"],
            "PoseMaskLoss2": stage2["pose_mask"],
            "d_loss": module.critic_loss(logits),
        }
        if logits.coarse is not None:
            losses["g2_g1_loss"] = real_loss(logits.generated - logits.coarse)
        return losses

    def parts(self) -> dict[str, tuple[nn.Module, dict[str, str]]]:
        """Loss -> the network that it trains, and the names of its variables."""
        module = self.module
        return {
            "g_loss1": (module.coarse, official.coarse_names(len(module.coarse.encoder))),
            "g_loss2": (module.refinement, official.refinement_names(len(module.refinement.encoder))),
            "d_loss": (module.critic, official.critic_names(module.hparams["critic_levels"])),
        }


def before_norm(name: str) -> bool:
    """Biases whose true gradient is zero: what is recorded is rounding noise."""
    return any(name.endswith(f"Discriminator.{level}.Biases") for level in range(2, 9))


def to_tensorflow(tensor: Tensor) -> np.ndarray:
    order = {4: (2, 3, 1, 0), 2: (1, 0)}.get(tensor.ndim, range(tensor.ndim))
    return tensor.detach().permute(*order).numpy()


def record(modules: dict[str, nn.Module], recorded: dict[str, Tensor]) -> list[Any]:
    def hook(key: str) -> Any:
        return lambda module, inputs, output: recorded.update({key: output.detach().clone()})

    return [module.register_forward_hook(hook(key)) for key, module in modules.items()]


@pytest.mark.parametrize("name", ["networks_market", "networks_df"])
def test_networks(pg2: Any, name: str) -> None:
    golden_set = load(pg2, name)
    run = Run(golden_set)
    module, meta = run.module, run.meta
    assert np.array_equal(ones(run.pose), golden_set["in/pose_target_ones"])
    assert np.array_equal(nhwc(run.mask), golden_set["in/mask_target"])

    taps: dict[str, nn.Module] = {"z": module.coarse.to_code, "logits": module.critic}
    taps |= {f"enc{level}": block for level, block in enumerate(module.coarse.encoder)}
    taps |= {f"dec{level}": block for level, block in enumerate(module.coarse.decoder)}
    norms = [layer for layer in module.critic.layers if isinstance(layer, nn.BatchNorm2d)]
    taps |= {f"Dbn{level}": layer for level, layer in enumerate(norms, 2)}
    seen: dict[str, Tensor] = {}
    hooks = record(taps, seen)
    with torch.no_grad():
        coarse, difference = module(run.source, run.joints)
        module.judge(run.source, run.target, coarse + difference, coarse)
    for hook in hooks:
        hook.remove()

    order = [ORDER.index(part) for part in meta["D_logits_order"]]

    def authors_batch(tensor: Tensor) -> Tensor:
        chunks = tensor.chunk(len(order))
        return torch.cat([chunks[place] for place in order])

    picture = nhwc(truncate_to_bytes(coarse + difference))
    levels = np.abs(picture.astype(int) - golden_set["out/G2_png"])
    assert levels.max() <= 1 and (levels > 0).mean() <= 2e-4
    reproduced = {"out/z": seen["z"].numpy(), "out/D_logits": authors_batch(seen["logits"]).flatten().numpy()}
    reproduced |= {"out/G2_png": golden_set["out/G2_png"]}
    for key, image in (("G1", coarse), ("DiffMap", difference)):
        step = meta["out_stride"].get(key, 1)
        reproduced[f"out/{key}"] = nhwc(image)[:, ::step, ::step]
    for key in golden_set.under("mid/"):
        step = meta["mid_stride"].get(key, 1)
        if key.startswith("D"):
            reproduced[f"mid/{key}"] = authors_batch(seen[key])[:, :, ::step, ::step].numpy()
        else:
            reproduced[f"mid/{key}"] = nhwc(seen[key][:1])[:, ::step, ::step]
    golden_set.check(reproduced, {"": (0, 1e-5)}, inputs=("in/", "w/", "grad/", "traj_delta/"))


@pytest.mark.parametrize("name", ["networks_market", "networks_df", "stage2_market"])
def test_second_stage_alone(pg2: Any, name: str) -> None:
    """From the recorded coarse picture: what the bundled part of the arrays is enough for."""
    golden_set = load(pg2, name)
    meta = golden_set.meta
    if meta["out_stride"]["G1"] != 1:
        pytest.skip("the coarse picture was recorded at a part of its pixels")
    variables = golden_set.under("w/")
    blocks = {"market": 3, "df": 4}[meta["variant"]]
    network = DifferenceGenerator(meta["conv_hidden_num"], blocks, finest_skip=meta["variant"] == "df")
    critic = DCGANCritic(meta["image"], meta["d_dim"], blocks + 1)
    official.load_difference_generator(network, variables)
    official.load_critic(critic, variables)
    source, target = pictures(golden_set)
    coarse = planes(golden_set["out/G1"])
    with torch.no_grad():
        difference = network(coarse, source)
        seen = {"x": source, "x_target": target, "G1": coarse, "G2": coarse + difference}
        logits = critic(torch.cat([seen[part] for part in meta["D_logits_order"]]))
    step = meta["out_stride"].get("DiffMap", 1)
    reproduced = {"out/DiffMap": nhwc(difference)[:, ::step, ::step], "out/D_logits": logits.flatten().numpy()}
    for key, value in reproduced.items():
        golden_set.check({key: value}, {"": (0, 1e-5)}, only=key)


def gradients(run: Run, losses: dict[str, Tensor], loss: str) -> dict[str, np.ndarray]:
    """Authors' name -> gradient in their axis order; biases in front of a normalisation are left out."""
    network, names = run.parts()[loss]
    parameters = dict(network.named_parameters())
    wanted = [theirs for theirs in names if not before_norm(theirs)]
    found = torch.autograd.grad(losses[loss], [parameters[names[theirs]] for theirs in wanted], retain_graph=True)
    return {theirs: to_tensorflow(gradient) for theirs, gradient in zip(wanted, found, strict=True)}


def disagreements(found: dict[str, np.ndarray], norms: dict[str, float], stored: dict[str, np.ndarray]) -> list[str]:
    lines = []
    for theirs, norm in norms.items():
        off = abs(np.linalg.norm(found[theirs]) - norm) / norm
        if off > 1e-3:
            lines.append(f"the norm of {theirs} is off by {off:.2g}")
    for theirs, gradient in stored.items():
        off = np.abs(found[theirs] - gradient).max() / np.abs(gradient).max()
        if off > 5e-3:
            lines.append(f"{theirs} is off by {off:.2g}")
    return lines


@pytest.mark.parametrize("name", ["networks_market", "networks_df"])
def test_losses_and_gradients(golden: Any, name: str) -> None:
    """A ReLU input within rounding of zero may fall on either side and moves whole gradients by a percent of these narrow networks'
    largest: ours must agree in float32 or, where it fell on the other side, in float64."""
    golden_set = golden("pg2").load(name)
    run = Run(golden_set)
    losses = run.losses(**run.rolled(0))
    assert {key: value.item() for key, value in losses.items()} == pytest.approx(run.meta["losses"], rel=1e-5)
    stored = {key: value for key, value in golden_set.under("grad/").items() if not before_norm(key)}
    assert stored and {key.partition("/")[0] for key in stored} <= run.parts().keys()
    for loss, recorded in run.meta["grad_norms"].items():
        norms = {theirs: norm for theirs, norm in recorded.items() if not before_norm(theirs)}
        arrays = {key.removeprefix(f"{loss}/"): value for key, value in stored.items() if key.startswith(f"{loss}/")}
        problems = disagreements(gradients(run, losses, loss), norms, arrays)
        if problems:
            exact = Run(golden_set).double()
            again = disagreements(gradients(exact, exact.losses(**exact.rolled(0)), loss), norms, arrays)
            assert not again, (problems, again)


@pytest.mark.parametrize("name", ["networks_market", "networks_df"])
def test_trajectory(golden: Any, name: str) -> None:
    golden_set = golden("pg2").load(name)
    run = Run(golden_set)
    optimizers = dict(zip(("g1", "g2", "d"), run.module.configure_optimizers(), strict=True))
    minimised = {"g1": "g_loss1", "g2": "g_loss2", "d": "d_loss"}
    assert run.meta["trajectory"]
    for step in run.meta["trajectory"]:
        losses = run.losses(**run.rolled(step["batch_roll"]))
        assert {key: value.item() for key, value in losses.items()} == pytest.approx(step["losses_before"], rel=1e-4)
        network, _ = run.parts()[minimised[step["update"]]]
        parameters = list(network.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(losses[minimised[step["update"]]], parameters), strict=True):
            parameter.grad = gradient
        optimizers[step["update"]].step()
    ours = {theirs: network.state_dict()[key] for network, names in run.parts().values() for theirs, key in names.items()}
    deltas = golden_set.under("traj_delta/")
    assert deltas
    for theirs, delta in deltas.items():
        if not before_norm(theirs):
            moved = to_tensorflow(ours[theirs]) - run.variables[theirs]
            assert np.median(np.abs(moved - delta)) <= 0.01 * LEARNING_RATE, theirs


# ------------------------------------------------------------------------------------------------------------ pose
def test_disks_masks_and_boxes(pg2: Any) -> None:
    golden_set = load(pg2, "pose")
    assert [list(limb) for limb in LIMBS] == [[joint - 1 for joint in limb] for limb in golden_set.meta["limbs_1based"]]
    sizes = {case["name"]: (case["H"], case["W"]) for case in golden_set.meta["cases"]}
    compared = 0
    for key, wanted in golden_set.arrays.items():
        kind, _, case = key.partition("/")
        if not kind.startswith(("heat_ones_r", "mask_ones_r", "part_bbox37", "part_vis37")):
            continue
        rcv, size = golden_set[f"kp/{case}"], sizes.get(case, (128, 64))
        joints = keypoints(rcv)
        if kind.startswith("heat"):
            got = ones(pose_disks(joints, *size, radius=int(kind.removeprefix("heat_ones_r"))))
        elif kind.startswith("mask"):
            fractions = keypoints(rcv, whole=False)
            whole = bool((fractions == joints).all())
            radius = int(kind.removeprefix("mask_ones_r"))
            got = ones(pose_mask(fractions, *size, radius=radius, whole_pixels=whole))
        else:
            boxes, visible = part_boxes(joints, *size, rule="deepfashion" if size == (256, 256) else "market")
            got = (boxes if "bbox" in kind else visible)[0].numpy()
        assert np.array_equal(got, wanted), key
        compared += 1
    assert compared
    recorded = {key.partition("/")[0] for key in golden_set.arrays}
    assert all(kind.startswith(("kp", "heat_ones_r", "mask_ones_r", "part_", "gauss", "cand")) for kind in recorded)


def test_gaussian_option(pg2: Any) -> None:
    golden_set = load(pg2, "pose")
    recorded = golden_set["gauss/indices"]
    row, column = recorded[:, :2].mean(axis=0).round()
    joint = torch.tensor([[[column + 0.5, row + 0.5, 2.0]]])
    inside = pose_disks(joint, 64, 64, radius=int(recorded[:, 0].max() - row))[0, 0] > 0
    rows, columns = inside.nonzero(as_tuple=True)
    places = zip(rows.tolist(), columns.tolist(), [0] * len(rows), strict=True)
    found = dict(zip(places, gaussian_maps(joint, 64, 64, sigma=4)[0, 0][inside].tolist(), strict=True))
    wanted = dict(zip(map(tuple, recorded.tolist()), golden_set["gauss/values"].tolist(), strict=True))
    assert found == pytest.approx(wanted, abs=1e-6)


def test_choice_of_the_person(pg2: Any) -> None:
    golden_set = load(pg2, "pose")
    rules = {"market": "market", "df": "deepfashion", "utils": "strict"}
    for index, case in enumerate(golden_set.meta["candidates"]):
        for theirs, ours in rules.items():
            if case[theirs] is None:
                with pytest.raises(ValueError, match="nobody was found"):
                    select_person(case["all_peaks"], case["subsets"], ours)
                continue
            selected = select_person(case["all_peaks"], case["subsets"], ours)
            assert selected == case[theirs]
            key = f"cand{index}/heat_ones_r4_{theirs}"
            if key in golden_set.arrays:
                assert np.array_equal(ones(pose_disks(keypoints_of(selected)[None], 128, 64)), golden_set[key])


def test_pairs(golden: Any) -> None:
    meta = golden("pg2").load("pairs").meta
    for name, identity in (("market", market_identity), ("df", deepfashion_identity)):
        listing = meta[name]
        pairs = positive_pairs(listing["files"], identity)
        assert pairs == [tuple(pair) for pair in listing["p_pairs"]]
        assert authors_order(pairs, len(listing["n_pairs"])) == [tuple(pair) for pair in listing["written_order"]]
    wanted = meta["python2_shuffle_seed0_range12"]
    assert python2_shuffle(range(len(wanted)), random.Random(0)) == wanted


# ------------------------------------------------------------------------------------------------------------ metrics
def test_scores_of_pictures(pg2: Any) -> None:
    golden_set = load(pg2, "metrics")
    assert golden_set.meta["pairs"]
    for index, wanted in enumerate(golden_set.meta["pairs"]):
        image, target, mask = (planes(golden_set[f"{index}/{name}"]) for name in ("G", "target", "mask"))
        found = pair_scores(image, target)
        found |= {f"mask_{name}": value for name, value in pair_scores(image, target, mask).items()}
        found["gray_ssim_of_training_log"] = grey_similarity(image, target)
        figures = {name: value for name, value in wanted.items() if name != "gray_data_range"}
        assert {name: value.item() for name, value in found.items()} == pytest.approx(figures, abs=1e-6)
    for key in golden_set.arrays:
        if key.endswith("/mask_grey"):
            image, mask = (planes(golden_set[key.replace("mask_grey", name)]) for name in ("G", "mask_grey"))
            assert np.array_equal(nhwc(blacken(image, mask))[0], golden_set[key.replace("mask_grey", "masked")])


def test_inception_scores(pg2: Any) -> None:
    golden_set = load(pg2, "metrics")
    for index, wanted in enumerate(golden_set.meta["inception"]):
        score = inception_score(torch.from_numpy(golden_set[f"is{index}/probs"]), wanted["splits"])
        assert (score.mean, score.std) == pytest.approx((wanted["mean"], wanted["std"]), rel=1e-4)


def test_values_of_files(pg2: Any) -> None:
    golden_set = load(pg2, "metrics")
    values = torch.from_numpy(golden_set["denorm/in"])
    assert np.array_equal(truncate_to_bytes(values).numpy(), golden_set["denorm/png"])
    np.testing.assert_allclose(((values + 1) * 127.5).clamp(0, 255), golden_set["denorm/float"], atol=1e-4)
    levels = torch.from_numpy(golden_set["process/in_u8"]).float()
    assert np.array_equal(((levels - 127.5) / 127.5).numpy(), golden_set["process/out"])


def test_adversarial_losses(pg2: Any) -> None:
    golden_set = load(pg2, "metrics")
    tiny = {"size": (128, 64), "width": 1, "code": 1, "critic_width": 1}
    modules = {name: Pg2(**(quirks | tiny)) for name, quirks in VARIANTS.items()}
    for index, wanted in enumerate(golden_set.meta["adversarial"]):
        real, condition, coarse, generated = torch.from_numpy(golden_set[f"adv{index}/logits"])
        logits = Logits(real, generated, condition, coarse)
        for name, module in modules.items():
            found = {"gen": module.adversarial_loss(logits).item(), "disc": module.critic_loss(logits).item()}
            if "g2_vs_g1" in wanted[name]:
                found["g2_vs_g1"] = real_loss(generated - coarse).item()
            assert found == pytest.approx(wanted[name], rel=1e-5)


# ------------------------------------------------------------------------------------------------------------ checkpoints
@pytest.mark.parametrize("name", ["tiny_ckpt_market", "tiny_ckpt_df"])
def test_real_checkpoints(golden: Any, name: str) -> None:
    pytest.importorskip("tensorflow")
    golden_set = golden("pg2").load(name)
    expected = load_file(golden("pg2").folder / f"{name}_expected.safetensors")
    variables = read_checkpoint(golden("pg2").folder / name)
    described = golden_set.meta["variables_in_bundle"]
    assert {key: list(value.shape) for key, value in variables.items()} == {key: entry["shape"] for key, entry in described.items()}
    for key, value in expected.items():
        assert np.array_equal(variables[key], value), key

    options = official.variant(variables)
    assert options["size"] == VARIANTS[name.removeprefix("tiny_ckpt_")]["size"]
    assert (options["width"], options["code"], options["critic_width"]) == tuple(
        golden_set.meta[key] for key in ("conv_hidden_num", "z_num", "d_dim")
    )
    module = Pg2(**options)
    official.load_coarse_generator(module.coarse, variables)
    official.load_difference_generator(module.refinement, variables)
    official.load_critic(module.critic, variables)
    names = official.critic_names(options["critic_levels"])
    for theirs, ours in names.items():
        assert np.array_equal(to_tensorflow(module.critic.state_dict()[ours]), variables[theirs])


@pytest.mark.parametrize("name", ["market", "df"])
def test_published_networks(golden: Any, name: str) -> None:
    """Every variable of the full-width graphs has its place, and the networks are as large as the authors'."""
    meta = golden("pg2").load(f"checkpoint_variables_{name}").meta
    shapes = {entry["name"]: tuple(entry["shape"]) for entry in meta["variables"]}
    model = {entry["name"] for entry in meta["variables"] if entry["kind"] == "model"}
    options = official.variant({key: np.broadcast_to(np.float32(0), shape) for key, shape in shapes.items()})
    with torch.device("meta"):
        module = Pg2(**options)
    counts = {"G1": module.coarse, "G2": module.refinement, "D": module.critic}
    assert {key: sum(p.numel() for p in network.parameters()) for key, network in counts.items()} == meta["parameter_count"]
    named = {
        theirs: tuple(network.get_parameter(ours).shape)
        for network, names in (
            (module.coarse, official.coarse_names(options["blocks"])),
            (module.refinement, official.refinement_names(options["refinement_blocks"])),
            (module.critic, official.critic_names(options["critic_levels"])),
        )
        for theirs, ours in names.items()
    }
    assert model - named.keys() == {key for key in model if ".moving_" in key}
    assert named.keys() <= model
    for theirs, shape in named.items():
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(len(shape), (0,))
        assert tuple(shapes[theirs][axis] for axis in axes) == shape, theirs
