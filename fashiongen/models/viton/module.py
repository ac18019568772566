"""VITON as a LightningModule: coarse generation, warping by shape contexts, refinement."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.compositor import composite
from fashiongen.layers.contours import garment_silhouette, soft_region
from fashiongen.layers.shape_context import NotEnoughBoundary, match, match_masks
from fashiongen.layers.thin_plate_spline import ThinPlateSpline, regular_grid
from fashiongen.layers.vgg import VGG19Taps
from fashiongen.losses import PerceptualLoss, masked_l1, total_variation
from fashiongen.metrics import MaskedL1, MaskedSSIM
from fashiongen.models.base import FashionModule, Stage
from fashiongen.models.figures import log_figures
from fashiongen.models.verbs import TryOn
from fashiongen.models.viton.networks import Coarse, CoarseGenerator, RefinementNetwork
from fashiongen.models.viton.representation import (
    GARMENT_LABELS,
    IDENTITY_LABELS,
    bytescale,
    garment_region,
    kept_picture,
    person_representation,
)
from fashiongen.optim import adam
from fashiongen.types import Batch, Garment, Person

#: Factors of the five feature distances (authors' `utils.py`, `compute_error`).
TAP_FACTORS = {
    "conv1_2": 2.5 / 5.3,
    "conv2_2": 1 / 2.7 / 1.2,
    "conv3_2": 1 / 1.35 / 2.3,
    "conv4_2": 1 / 0.67 / 8.2,
    "conv5_2": 1 / 0.16,
}
REFINEMENT_TAPS = ("conv3_2", "conv4_2", "conv5_2")
_WORKING_SIZE = (64, 48)


class Viton(TryOn, FashionModule):
    """VITON (Han et al., CVPR 2018): try a garment on a person, without paired pictures of both.

    Stage "coarse" learns to draw the person in the garment from a representation that hides the old one, with a mask of where the
    garment is. The garment is then warped into that mask by matching silhouettes (no learning), and stage "refinement" learns how
    much of the warped garment to lay over the coarse picture.

    The defaults are the published sizes and weights with clean behaviour; the preset "official" adds the quirks of the
    authors' code.

    Args:
        size: height and width that the networks work at; multiples of 2**levels.
        width: channels of the coarse generator's first level.
        levels: halvings of the coarse generator.
        refinement_width: channels of the refinement network.
        norm_decay: decay of the running statistics (authors: 0.999).
        biased_variance: average the biased batch variance (authors' `batch_norm`), not the unbiased one as PyTorch does.
        body_grid: rows and columns that the body shape is averaged to.
        joint_radius: a joint is a square of 2 * radius + 1 pixels.
        missing_joint: "skip", or "corner": the authors' code draws missing joints in the top left corner.
        garment_labels: LIP-20 labels that are the garment.
        kept_labels: LIP-20 labels whose picture the generator sees (authors: hat, hair, sunglasses, face). More of them, such as
            background and legs, keep more of the person; they are then kept in the result too.
        kept_margin: pixels by which kept regions beyond the authors' four shrink, so that they do not tell the old outline.
        coarse_train_mode: run the frozen coarse generator with batch statistics and dropout during stage 2, as one global flag of
            the authors' code does.
        exchange: how stage 2 receives what stage 1 made at test time: "none" (mask clipped to [0, 1]), or "bytescale": through the
            authors' 8-bit files, which stretch the contrast of every picture.
        silhouette: how the garment is matched: by its "mask", or as the authors do by the test "white" on its picture, with their
            rounding to whole working pixels.
        optimizer: "tf_adam" (TensorFlow's form of Adam) or "adam".
        learning_rate: of both stages.
        image_weight, mask_weight, perceptual_weight: losses of stage 1; 0 for the last needs no VGG.
        refinement_image_weight, refinement_perceptual_weight: losses of stage 2.
        warp_reward: how much stage 2 is paid for using the warped garment.
        smoothness: weight of the total variation of alpha (a sum over pixels).
        vgg: weights of the VGG-19 of the perceptual losses: a timm name fetched through the Hub, the path of the authors'
            `imagenet-vgg-verydeep-19.mat`, or "random" (tests).
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every.
    """

    name = "viton"
    stages = (Stage("coarse", 15_000, ("coarse",)), Stage("refinement", 6_000, ("refinement",)))
    needs_to_train = registry.MODELS["viton"].needs_to_train
    needs_to_run = registry.MODELS["viton"].needs_to_run

    def __init__(
        self,
        size: Sequence[int] = (256, 192),
        width: int = 64,
        levels: int = 6,
        refinement_width: int = 64,
        norm_decay: float = 0.999,
        biased_variance: bool = False,
        body_grid: Sequence[int] = (16, 12),
        joint_radius: int = 5,
        missing_joint: Literal["skip", "corner"] = "skip",
        garment_labels: Sequence[int] = GARMENT_LABELS,
        kept_labels: Sequence[int] = IDENTITY_LABELS,
        kept_margin: int = 0,
        coarse_train_mode: bool = False,
        exchange: Literal["none", "bytescale"] = "none",
        silhouette: Literal["mask", "white"] = "mask",
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-4,
        image_weight: float = 1.0,
        mask_weight: float = 1.0,
        perceptual_weight: float = 3.0,
        refinement_image_weight: float = 0.2,
        refinement_perceptual_weight: float = 0.8,
        warp_reward: float = 0.1,
        smoothness: float = 5e-6,
        vgg: str = "vgg19.tv_in1k",
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters()
        self.coarse = CoarseGenerator(width, levels, norm_decay=norm_decay, biased_variance=biased_variance)
        self.refinement = RefinementNetwork(refinement_width)
        self.warp = ThinPlateSpline(size=self.size)
        self.perceptual: dict[str, PerceptualLoss] = {}

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    # ------------------------------------------------------------------------------------------------ forward
    def represent(self, person: Person) -> Tensor:
        """(B, 22, H, W): what stage 1 may know about people."""
        options = self.hparams
        assert person.keypoints is not None
        return person_representation(
            person.image,
            _lip20(person),
            person.keypoints,
            body_grid=tuple(options["body_grid"]),
            joint_radius=options["joint_radius"],
            missing_joint=options["missing_joint"],
            kept_labels=options["kept_labels"],
            kept_margin=options["kept_margin"],
        )

    def forward(self, person: Person, garment: Garment) -> Coarse:
        """Stage 1: the coarse picture and the clothing mask of people in garments."""
        return self.coarse(garment.image, self.represent(person))

    def match(self, garment: Garment, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Control points that lay garments into clothing masks.

        Args:
            garment: B garments.
            mask: (B, 1, H, W), where each is to be.

        Returns:
            (B, 100, 2) control points and (B,) bool: False where the silhouettes could not be matched (too few boundary points); a
            warning says which and why, and the points are those of the identity.
        """
        grid = self.warp.rows, self.warp.columns
        points, found, reasons = [], [], []
        for index in range(len(mask)):
            try:
                points.append(torch.as_tensor(self._match(garment, mask, index, grid), dtype=torch.float32))
                found.append(True)
            except NotEnoughBoundary as error:
                reasons.append(f"picture {index} is drawn without its warped garment: {error}")
                points.append(regular_grid(*grid).float())
                found.append(False)
        if reasons:
            more = f" (and {len(reasons) - 1} more of {len(mask)})" if len(reasons) > 1 else ""
            warnings.warn(reasons[0] + more, stacklevel=2)
        return torch.stack(points).to(mask.device), torch.tensor(found, device=mask.device)

    def _match(self, garment: Garment, mask: Tensor, index: int, grid: tuple[int, int]) -> Any:
        target = mask[index, 0].float().cpu().numpy()
        if self.hparams["silhouette"] == "mask":
            return match_masks(garment.mask[index, 0].float().cpu().numpy(), target, grid)
        levels = ((garment.image[index].float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        product = garment_silhouette(levels.permute(1, 2, 0).cpu().numpy(), _WORKING_SIZE)
        return match(product, soft_region(target, _WORKING_SIZE), grid, one_based=True, subpixel=False).control_points

    def dress(
        self,
        person: Person,
        garment: Garment,
        warp: Literal["tps", "none"] = "tps",
        blend: Literal["learned", "paste"] = "learned",
        control_points: Tensor | None = None,
        mask: Tensor | None = None,
        threshold: float | None = None,
    ) -> Tensor:
        """The whole pipeline; `try_on` calls it.

        Args:
            person, garment: batches at the model's size.
            warp: "none" stops at the coarse picture.
            blend: "learned", or "paste": the warped garment as it is, wherever the mask is.
            control_points: (B, 100, 2) in place of the matched ones; drag points to change the warp.
            mask: (B, 1, H, W) in [0, 1] in place of the predicted clothing mask.
            threshold: binarise the mask there.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: for another `warp` or `blend`.
        """
        if warp not in ("tps", "none") or blend not in ("learned", "paste"):
            raise ValueError(f"warp is 'tps' or 'none', blend is 'learned' or 'paste'; not {warp!r}, {blend!r}")
        coarse = self(person, garment)
        raw = coarse.mask if mask is None else mask.to(coarse.mask)
        coarse_image, region = self._exchanged(coarse.image, raw)
        if threshold is not None:
            region = (region > threshold).to(region)
        result = coarse_image
        if warp == "tps":
            found = torch.ones(len(region), dtype=torch.bool, device=region.device)
            if control_points is None:
                control_points, found = self.match(garment, raw)
            warped = self.warp(garment.image, control_points.to(region.device))
            region = region * found[:, None, None, None]
            alpha = region * self.refinement(warped, coarse_image) if blend == "learned" else region
            result = composite(warped, coarse_image, alpha)
        if self._keeps_more:
            known = kept_picture(person.image, _lip20(person), self.hparams["kept_labels"], self.hparams["kept_margin"])[1]
            result = composite(person.image, result, known * (1 - region.clamp(0, 1)))
        return result

    @property
    def _keeps_more(self) -> bool:
        return tuple(self.hparams["kept_labels"]) != IDENTITY_LABELS

    def _exchanged(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        if self.hparams["exchange"] == "none":
            return image, mask.clamp(0, 1)
        return bytescale(image).to(image) / 127.5 - 1, bytescale(mask).to(mask) / 255

    # ------------------------------------------------------------------------------------------------ training
    def setup(self, stage: str) -> None:
        super().setup(stage)
        options = self.hparams
        if (
            stage == "fit"
            and (options["perceptual_weight"] > 0 or options["refinement_perceptual_weight"] > 0)
            and not self.perceptual
        ):
            features = self._vgg(options["vgg"]).to(self.device)
            self.perceptual = {
                "coarse": PerceptualLoss(features, TAP_FACTORS),
                "refinement": PerceptualLoss(features, {tap: TAP_FACTORS[tap] for tap in REFINEMENT_TAPS}),
            }

    @staticmethod
    def _vgg(weights: str) -> VGG19Taps:
        if Path(weights).suffix != ".mat":
            return VGG19Taps(tuple(TAP_FACTORS), weights)
        from fashiongen.convert.matlab import read_vgg_mat

        return VGG19Taps(tuple(TAP_FACTORS), read_vgg_mat(weights), normalization="caffe")

    def _perceptual(self, stage: str, weight: float, image: Tensor, target: Tensor) -> Tensor:
        if weight <= 0:
            return image.new_zeros(())
        loss = self.perceptual[stage]
        return loss(image, target) / len(loss.factors) / 128

    def stays_in_train_mode(self, network: str, stage: Stage) -> bool:
        return network == "coarse" and stage.name == "refinement" and self.hparams["coarse_train_mode"]

    def coarse_losses(self, coarse: Coarse, image: Tensor, region: Tensor) -> dict[str, Tensor]:
        """Losses of stage 1, each before its weight, and their weighted sum "total" (authors' `create_model`).

        Args:
            coarse: what the generator drew.
            image: (B, 3, H, W) the person wearing the garment.
            region: (B, 1, H, W) where the person wears it.
        """
        options = self.hparams
        losses = {
            "image": masked_l1(coarse.image, image),
            "mask": masked_l1(coarse.mask, region),
            "perceptual": self._perceptual("coarse", options["perceptual_weight"], coarse.image, image),
        }
        weights = {name: options[f"{name}_weight"] for name in losses}
        return {**losses, "total": sum((weights[name] * loss for name, loss in losses.items()), losses["image"].new_zeros(()))}

    def refinement_losses(self, result: Tensor, alpha: Tensor, image: Tensor) -> dict[str, Tensor]:
        """Losses of stage 2, each before its weight, and their weighted sum "total", which may be negative.

        Args:
            result: (B, 3, H, W) the refined picture.
            alpha: (B, 1, H, W) how much of the warped garment it shows.
            image: (B, 3, H, W) the person wearing the garment.
        """
        options = self.hparams
        losses = {
            "image": masked_l1(result, image),
            "perceptual": self._perceptual("refinement", options["refinement_perceptual_weight"], result, image),
            "warp": alpha.mean(),
            "smoothness": total_variation(alpha).mean(),
        }
        total = (
            options["refinement_image_weight"] * losses["image"]
            + options["refinement_perceptual_weight"] * losses["perceptual"]
            - options["warp_reward"] * losses["warp"]
            + options["smoothness"] * losses["smoothness"]
        )
        return {**losses, "total": total}

    def refine(self, warped: Tensor, coarse: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:
        """Stage 2 with a given clothing region: the picture and its alpha."""
        alpha = region * self.refinement(warped, coarse)
        return composite(warped, coarse, alpha), alpha

    def train_coarse(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.garment is not None
        with self.updating("coarse") as update:
            losses = self.coarse_losses(self(batch.person, batch.garment), batch.person.image, self._region(batch.person))
            update(losses["total"])
        return losses

    def train_refinement(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.garment is not None and batch.control_points is not None
        with torch.no_grad():
            coarse = self(batch.person, batch.garment)
            warped = self.warp(batch.garment.image, batch.control_points)
        with self.updating("refinement") as update:
            losses = self.refinement_losses(*self.refine(warped, coarse.image, self._region(batch.person)), batch.person.image)
            update(losses["total"])
        return losses

    def _region(self, person: Person) -> Tensor:
        return garment_region(_lip20(person), *self.size, labels=self.hparams["garment_labels"])

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams
        return [
            adam(options["optimizer"], network.parameters(), options["learning_rate"]) for network in (self.coarse, self.refinement)
        ]

    # ------------------------------------------------------------------------------------------------ evaluation
    def on_validation_epoch_start(self) -> None:
        self.figures = {name: self._metrics() for name in ("viton",)}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """L1 and SSIM of try-on against the truth where the data has it, else of putting the worn garment on again."""
        target = batch.truth if batch.truth is not None else batch.person
        garment = batch.other_garment if batch.truth is not None else batch.garment
        assert garment is not None
        self._measure("viton", self.dress(batch.person, garment), target)

    def on_validation_epoch_end(self) -> None:
        log_figures(self, self.figures, "validation", "viton/garment_l1")

    def on_test_epoch_start(self) -> None:
        self.figures = {name: self._metrics() for name in ("viton", "stage_1", "pasted_warp", "do_nothing")}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card: the pipeline, its parts, and the picture unchanged, against the true answer.

        Data that does not know the true answer has none of these figures.
        """
        if batch.truth is None or batch.other_garment is None:
            return
        self._measure("do_nothing", batch.person.image, batch.truth)
        self._measure("stage_1", self.dress(batch.person, batch.other_garment, warp="none"), batch.truth)
        self._measure("pasted_warp", self.dress(batch.person, batch.other_garment, blend="paste"), batch.truth)
        self._measure("viton", self.dress(batch.person, batch.other_garment), batch.truth)

    def on_test_epoch_end(self) -> None:
        log_figures(self, self.figures, "test", "viton/garment_l1")

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and try-on pictures (B, 3, H, W) of the people of a batch in their other garments."""
        assert batch.other_garment is not None
        return {"name": batch.name, "image": self.dress(batch.person, batch.other_garment)}

    def _metrics(self) -> dict[str, MaskedL1 | MaskedSSIM]:
        metrics: dict[str, MaskedL1 | MaskedSSIM] = {
            "garment_l1": MaskedL1(),
            "garment_ssim": MaskedSSIM(),
            "l1": MaskedL1(),
            "ssim": MaskedSSIM(),
        }
        for metric in metrics.values():
            metric.to(self.device)
        return metrics

    def _measure(self, figure: str, picture: Tensor, truth: Person) -> None:
        region = self._region(truth)
        for name, metric in self.figures[figure].items():
            metric.update(picture, truth.image, region if name.startswith("garment") else None)

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        garment = batch.garment if batch.garment is not None else batch.other_garment
        assert garment is not None
        coarse = self(batch.person, garment)
        columns = {
            "person": batch.person.image,
            "garment": garment.image,
            "coarse": coarse.image,
            "mask": (2 * coarse.mask - 1).expand(-1, 3, -1, -1),
        }
        if batch.control_points is not None:
            warped = self.warp(garment.image, batch.control_points)
            columns |= {"warped": warped, "refined": self.refine(warped, coarse.image, self._region(batch.person))[0]}
        return columns


def _lip20(person: Person) -> Tensor:
    """(B, H, W) LIP-20 labels of people.

    Raises:
        ValueError: when their parsing is missing or in another scheme.
    """
    if person.parsing is None or person.scheme != "lip20":
        found = "none" if person.parsing is None else person.scheme
        raise ValueError(f"viton reads LIP-20 parsing, not {found}; convert it with fashiongen.data.parsing.convert")
    return person.parsing
