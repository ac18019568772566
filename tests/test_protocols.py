from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from fashiongen import published, registry
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.metrics.inception_score import InceptionScore
from fashiongen.metrics.pair_scores import PairScores
from fashiongen.metrics.pose_region import pose_region
from fashiongen.models.deformable_gan.module import DeformableGan
from fashiongen.models.pg2.module import Pg2
from fashiongen.protocols import Measurement, ProtocolFigures
from fashiongen.published import PROTOCOLS, REAL
from fashiongen.types import Batch, Person

SIZE = (48, 36)


class Colours(nn.Module):
    """Logits of as many classes as there are colours."""

    def forward(self, image: Tensor) -> Tensor:
        return image.float().mean(dim=(2, 3)) / 20


def brightness(image: Tensor) -> Tensor:
    return image.float().mean(dim=(1, 2, 3)) / 255


def pg2() -> Pg2:
    torch.manual_seed(0)
    return Pg2(size=SIZE, width=4, code=4, blocks=3, refinement_blocks=2, critic_width=4, critic_levels=2)


def deformable_gan() -> DeformableGan:
    torch.manual_seed(0)
    return DeformableGan(size=SIZE, width=4, levels=3, content_taps=[])


@pytest.fixture(scope="module")
def data() -> MannequinDataModule:
    """Drawn once."""
    module = MannequinDataModule(
        task="pose", height=SIZE[0], width=SIZE[1], framing="full", look="market", test_length=12, train_length=5, batch_size=5
    )
    for split in ("test_set", "train_set"):
        drawn = getattr(module, split)
        setattr(module, split, drawn.__getitems__(list(range(len(drawn)))))
    return module


def measured(folder: Path, module: Any, data: Any, loop: str, **options: Any) -> tuple[Measurement, Any]:
    figures = ProtocolFigures(**options)
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, callbacks=[figures],
    )  # fmt: skip
    result = trainer.test(module, data, verbose=False) if loop == "test" else trainer.predict(module, data)
    assert figures.measurement is not None
    return figures.measurement, result


def by_hand(module: Any, data: MannequinDataModule) -> tuple[Batch, Tensor]:
    """The whole test split and what the model draws of it."""
    batch = Batch.collate([data.test_set[index] for index in range(12)])
    with torch.no_grad():
        return batch, module.eval().transfer(batch.person, batch.target.keypoints)


def test_pg2_on_mannequins(tmp_path: Path, data: MannequinDataModule, capsys: pytest.CaptureFixture[str]) -> None:
    module = pg2()
    found, logged = measured(tmp_path, module, data, "test", protocol="pg2-market", inception=Colours())
    batch, picture = by_hand(module, data)
    mask = pose_mask(batch.person.keypoints, *SIZE, radius=4)
    for prefix, region in (("", None), ("mask-", mask)):
        scores, inception = PairScores(), InceptionScore(Colours())
        scores.update(picture, batch.target.image, region)
        inception.update(picture, region)
        expected = scores.compute()
        for label in ("SSIM", "PSNR", "L1", "L2") if region is None else ("SSIM",):
            name = label.lower()
            assert found.readings["pg2"][prefix + label] == pytest.approx(
                [expected[key].item() for key in (name, f"{name}_std")], rel=1e-6
            )
        assert found.readings["pg2"][f"{prefix}IS"] == pytest.approx([each.item() for each in inception.compute()], rel=1e-6)
    assert found.readings[REAL]["SSIM"] == (1.0, 0.0)
    assert found.readings[REAL]["L1"].value == 0
    assert logged[0]["pg2-market/pg2/SSIM"] == pytest.approx(found.readings["pg2"]["SSIM"].value)
    assert "test/pg2/person_l1" in logged[0]  # the figures of the model card as well
    assert str(found) in capsys.readouterr().out


def test_both_loops_agree(tmp_path: Path, data: MannequinDataModule) -> None:
    options = {"protocol": "deformable-gan-market", "inception": Colours(), "detector": brightness}
    tested, _ = measured(tmp_path, deformable_gan(), data, "test", **options)
    predicted, _ = measured(tmp_path, deformable_gan(), data, "predict", **options)
    assert tested.readings == predicted.readings
    assert tested.left_out == {}
    batch, picture = by_hand(deformable_gan(), data)
    region = pose_region(batch.target.keypoints, *SIZE).float()
    masked = PairScores("gaussian", None)
    masked.update(picture, batch.target.image, region)
    values = tested.readings["deformable_gan"]
    assert values["mask-SSIM"].value == pytest.approx(masked.compute()["ssim"].item(), rel=1e-6)
    levels = [(255 * (image + 1) / 2).clamp(0, 255).floor() / 127.5 for image in (picture, batch.target.image)]
    assert values["L1"].value == pytest.approx((levels[0] - levels[1]).abs().mean().item(), rel=1e-5)
    assert values["DS"].value == pytest.approx((levels[0] / 2).mean().item(), rel=1e-4)
    assert values["DS"].std is None


def test_the_report_tells_every_setting(tmp_path: Path, data: MannequinDataModule) -> None:
    found, _ = measured(tmp_path, deformable_gan(), data, "predict", protocol="deformable-gan-market", inception=Colours())
    report = str(found)
    for text in (
        "Protocol deformable-gan-market: Deformable GANs for Pose-based Human Image Generation (CVPR 2018) on Market1501",
        "12,000 test pairs: market-pairs-test.csv",
        "128 x 64 (height x width)",
        "8 bits by truncation",
        "13-tap Gaussian window, population covariance; range of each generated picture; RGB",
        "black outside the bars of the target pose, radius 4, closed 5x5",
        "1,008 logits without bias; 10 consecutive splits",
        "Published table (recalled, unverified)",
        "12 pairs instead of 12,000",
        "pictures of 48 x 36 instead of 128 x 64",
        "MannequinDataModule instead of Market1501DataModule",
        "inception: Colours, given by the caller",
    ):
        assert text in re.sub(r"\s+", " ", report), text
    row = next(line for line in report.splitlines() if line.split()[:1] == ["SSIM"])
    assert str(found.readings["deformable_gan"]["SSIM"]) in row and row.endswith("1.00") and "0.290" in row
    assert "DS" in found.left_out and "DS" not in found.readings["deformable_gan"]
    assert "it needs a detector of people" in report
    assert all(len(line) < 132 for line in report.splitlines())


def test_without_the_inception_network_the_rest_is_measured(
    tmp_path: Path, data: MannequinDataModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    found, _ = measured(tmp_path, pg2(), data, "predict", protocol="pg2-market")
    assert set(found.left_out) == {"IS", "mask-IS"}
    assert "fashiongen[metrics]" in found.left_out["IS"]
    assert set(found.readings["pg2"]) == {"SSIM", "PSNR", "L1", "L2", "mask-SSIM"}


class Same(pl.LightningModule):
    """A try-on model that changes nothing."""

    name = "viton"

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        return {"name": None, "image": batch.person.image}


class Pictures(Dataset[Batch]):
    def __len__(self) -> int:
        return 11

    def __getitem__(self, index: int) -> Batch:
        generator = torch.Generator().manual_seed(index)
        return Batch(Person(torch.rand(3, 256, 192, generator=generator) * 2 - 1))


def test_viton_needs_no_pairs(tmp_path: Path) -> None:
    loader = DataLoader(Pictures(), batch_size=4, collate_fn=Batch.collate)
    found, _ = measured(tmp_path, Same(), loader, "predict", protocol="viton", inception=Colours())
    assert found.readings["viton"] == found.readings[REAL]
    assert found.differences == [
        "data of no data module instead of VitonDataModule",
        "11 pairs instead of 2,032",
        "inception: Colours, given by the caller",
    ]
    with pytest.raises(ValueError, match="masked figures need the key points"):
        measured(tmp_path, Same(), loader, "predict", protocol="pg2-market", inception=Colours())


def test_a_protocol_of_ones_own(tmp_path: Path, data: MannequinDataModule) -> None:
    theirs = published.protocol("pg2-market")
    figures = tuple(
        dataclasses.replace(figure, mask=figure.mask and dataclasses.replace(figure.mask, pose="target"))
        for figure in theirs.figures
        if figure.label in ("SSIM", "mask-SSIM")
    )
    ours = dataclasses.replace(theirs, name="ours", figures=figures, count=12, size=SIZE, data="mannequin")
    found, _ = measured(tmp_path, pg2(), data, "predict", protocol=ours)
    released, _ = measured(tmp_path, pg2(), data, "predict", protocol="pg2-market", inception=Colours())
    assert found.differences == []
    assert found.readings["pg2"]["SSIM"] == released.readings["pg2"]["SSIM"]
    assert found.readings["pg2"]["mask-SSIM"] != released.readings["pg2"]["mask-SSIM"]


def test_several_processes_are_refused() -> None:
    trainer = type("Trainer", (), {"world_size": 2})()
    with pytest.raises(ValueError, match="those of one process"):
        ProtocolFigures("viton").on_predict_epoch_start(trainer, Same())


def test_names() -> None:
    with pytest.raises(registry.UnknownName, match="did you mean pg2-market"):
        ProtocolFigures("pg2-markt")
    assert {"pg2-market", "pg2-deepfashion", "deformable-gan-market", "deformable-gan-deepfashion", "viton"} <= PROTOCOLS.keys()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_is_whole(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.model in registry.MODELS and protocol.data in registry.DATA
    assert len({figure.label for figure in protocol.figures}) == len(protocol.figures)
    assert set(protocol.published.columns) <= {figure.label for figure in protocol.figures}
    assert protocol.published.ours in protocol.published.rows
    assert all(len(numbers) == len(protocol.published.columns) for numbers in protocol.published.rows.values())
    numbers = [number for row in protocol.published.rows.values() for number in row if number]
    assert all(re.fullmatch(r"\d\.\d+( ± \d\.\d+)?", number) for number in numbers)
    assert protocol.published.mark == "recalled, unverified"
    with pytest.raises(dataclasses.FrozenInstanceError):
        protocol.count = 1
    assert all(str(figure) for figure in protocol.figures)


def test_the_documentation_tells_the_same_numbers() -> None:
    page = (Path(__file__).parents[1] / "docs" / "protocols.md").read_text(encoding="utf-8")
    for protocol in PROTOCOLS.values():
        labels = ", ".join(figure.label for figure in protocol.figures)
        height, width = protocol.size
        assert f"| `{protocol.name}` | {protocol.count:,} | {height}×{width} | {labels}" in page
        for numbers in protocol.published.rows.values():
            assert all(f" {number} |" in page for number in numbers if number)
