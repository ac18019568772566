"""The metric classes against scores recorded from the authors' scripts, whichever paper they were recorded for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashiongen.metrics.inception_score import InceptionScore, inception_score
from fashiongen.metrics.pair_scores import PairScores, pair_scores
from fashiongen.metrics.pose_region import pose_region

NAMES = ("ssim", "psnr", "l1", "l2")
# Key of the recorded table -> settings, whether masked.
DPIG = {
    "gray_ssim_psnr_l1_l2": ({"grey": True, "data_range": "reference", "units": 1.0}, False),
    "masked_colour_ssim_psnr_l1_l2": ({}, True),
}


def planes(array: np.ndarray) -> Tensor:
    """(N, H, W, C) or (N, H, W) -> (N, C, H, W)."""
    tensor = torch.from_numpy(array)
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor[:, None]


def middle(image: Tensor) -> Tensor:
    """Bytes as floats in the middle of their step, so that truncation gives them back."""
    return (image.double() + 0.5) / 127.5 - 1


def scored(metric: PairScores, image: Tensor, target: Tensor, region: Tensor | None = None) -> dict[str, float]:
    """Mean and deviation after updates with single pictures."""
    for index in range(len(image)):
        one = slice(index, index + 1)
        metric.update(middle(image[one]), middle(target[one]), None if region is None else region[one])
    return {name: value.item() for name, value in metric.compute().items()}


class Recorded(nn.Module):
    """Gives the recorded probabilities of one picture after the other, as logits."""

    def __init__(self, probabilities: np.ndarray) -> None:
        super().__init__()
        self.rows = torch.from_numpy(probabilities)
        self.place = 0

    def forward(self, image: Tensor) -> Tensor:
        self.place += len(image)
        return self.rows[self.place - len(image) : self.place].double().log().float()


def inception(probabilities: np.ndarray, splits: int) -> list[float]:
    metric = InceptionScore(Recorded(probabilities), splits)
    for part in torch.zeros(len(probabilities), 3, 1, 1).split(7):
        metric.update(part)
    return [value.item() for value in metric.compute()]


def test_disentangled_pig(golden: Any) -> None:
    recorded = golden("disentangled_pig").load("scores")
    image, target, mask = (planes(recorded[name]) for name in ("G", "x_target", "mask"))
    tables = {key: value for key, value in recorded.arrays.items() if key not in ("G", "x_target", "mask", "is_preds")}
    assert tables
    for key, table in tables.items():
        settings, masked = DPIG[key]
        levels = 255 * (mask != 0).to(torch.uint8) if masked else None
        scores = pair_scores(image, target, levels, **settings)
        mean = scored(PairScores(**settings), image, target, mask if masked else None)
        for name, column in zip(NAMES, table.T.astype(np.float64), strict=True):
            np.testing.assert_allclose(scores[name].numpy(), column, rtol=0, atol=1e-6 * max(1.0, np.abs(column).max()))
            assert (mean[name], mean[f"{name}_std"]) == pytest.approx((column.mean(), column.std()), abs=2e-6 * column.max())
    wanted = recorded.meta["is_mean"], recorded.meta["is_std"]
    score = inception_score(torch.from_numpy(recorded["is_preds"]), recorded.meta["splits"])
    assert (score.mean, score.std) == pytest.approx(wanted, rel=1e-6)
    assert inception(recorded["is_preds"], recorded.meta["splits"]) == pytest.approx(wanted, rel=1e-5)


def test_pg2(golden: Any) -> None:
    recorded = golden("pg2").load("metrics")
    assert recorded.meta["pairs"] and recorded.meta["inception"]
    for index, wanted in enumerate(recorded.meta["pairs"]):
        image, target, mask = (planes(recorded[f"{index}/{name}"][None]) for name in ("G", "target", "mask"))
        for prefix, region in (("", None), ("mask_", mask)):
            found = scored(PairScores(), image, target, region)
            assert {name: found[name] for name in NAMES} == pytest.approx({name: wanted[prefix + name] for name in NAMES}, abs=1e-6)
    for index, wanted in enumerate(recorded.meta["inception"]):
        found = inception(recorded[f"is{index}/probs"], wanted["splits"])
        assert found == pytest.approx([wanted["mean"], wanted["std"]], rel=1e-4)


def test_deformable_gan(golden: Any) -> None:
    folder = golden("deformable_gan").folder
    from safetensors.numpy import load_file

    arrays = load_file(folder / "metrics.safetensors")
    image, target = planes(arrays["generated_u8"]), planes(arrays["reference_u8"])
    rows = torch.from_numpy(arrays["kp_to"]).long()
    seen = (rows >= 0).all(dim=-1, keepdim=True)
    region = pose_region(torch.cat([rows.flip(-1) + 0.5, 2.0 * seen], dim=-1), *image.shape[-2:])
    settings = {"window": "gaussian", "data_range": None, "units": 2.0}
    plain, masked = (scored(PairScores(**settings), image, target, each) for each in (None, region))
    assert plain["ssim"] == pytest.approx(arrays["ssim"].item(), abs=1e-8)
    assert plain["l1"] == pytest.approx(arrays["l1"].item(), abs=1e-8)
    assert masked["ssim"] == pytest.approx(arrays["mask_ssim"].item(), abs=1e-8)
    assert plain["ssim_std"] == pytest.approx(arrays["ssim_each"].std(), abs=1e-7)
    assert inception(arrays["is.softmax"], 10) == pytest.approx(arrays["is.mean_std"].tolist(), rel=1e-5)
