"""PG2 as a LightningModule: coarse generation, then refinement by a difference map against a critic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.dcgan import DCGANCritic
from fashiongen.layers.pose_disks import pose_disks
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.losses import masked_l1
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.models.base import FashionModule, Stage, check_choices
from fashiongen.models.pg2.networks import CoarseGenerator, DifferenceGenerator
from fashiongen.models.repose import ReposeFigures
from fashiongen.optim import adam
from fashiongen.types import Batch, Person


class Logits(NamedTuple):
    """What the critic says of one batch, each (B, 1).

    Attributes:
        real: of the target pictures.
        generated: of the refined pictures.
        condition: of the source pictures, which count as negatives: right person, wrong pose. None when the critic sees pairs.
        coarse: of the coarse pictures, in no loss; None unless they are judged in the same call.
    """

    real: Tensor
    generated: Tensor
    condition: Tensor | None = None
    coarse: Tensor | None = None


class Pg2(ReposeFigures, FashionModule):
    """PG2 (Ma et al., NIPS 2017): the person of a picture in another pose, given by key points.

    Stage "coarse" learns to draw the person in the target pose, blurred but complete, by an L1 loss that counts the pose mask of
    the target twice. Stage "refinement" freezes it and learns, against a critic, a difference map that is added to its picture.

    The defaults are the published sizes and weights of the Market-1501 network with clean behaviour; the presets
    "official-market" and "official-deepfashion" add the quirks of the authors' code.

    Args:
        size: height and width that the networks work at; multiples of 2**(blocks - 1).
        width: channels of both generators' first level.
        code: length of the bottleneck vector of the coarse generator.
        blocks: levels of the coarse generator (5 for 128x64, 6 for 256x256).
        refinement_blocks: levels of the difference generator (3 and 4).
        finest_skip: whether the difference generator has a skip at full resolution; the authors' Market-1501 network lacks it.
        critic_width: channels of the critic's first level.
        critic_levels: halvings of the critic (4 and 5).
        joint_radius: a joint is a disc of this radius in the pose maps.
        mask_radius: radius of the discs that make the pose mask.
        critic_mode: "triplet" as in the authors' code: the critic sees single pictures, the source being one more negative; or
            "pair" as in the paper: it sees the source together with the target or the generated picture.
        coarse_in_batch: judge the coarse pictures in the same call, as the authors' Market-1501 code does: their logits are in no
            loss, but they take part in the batch statistics. With "triplet" only.
        generator_logits: whose logits the generator wants to be called real: those of the "generated" pictures, or of all
            "negatives", the source pictures included, as the authors' DeepFashion code does, which halves the adversarial
            gradient. With "triplet" only.
        critic_weight: factor of the critic's loss (authors' code 0.5, paper 1).
        l1_weight: factor of the refinement's L1 loss (authors: 10 for Market-1501, 50 for DeepFashion).
        mask_weight: how much more the pose mask counts in the L1 losses.
        updates: "both" updates the difference generator, then the critic, on each batch. "alternate" takes a new batch for every
            update, as the authors' input queue does: a step is then one update, the generator's and the critic's in turn, and the
            stage needs twice the steps.
        optimizer: "tf_adam" (TensorFlow's form of Adam) or "adam".
        learning_rate: of all networks, constant.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every.

    Raises:
        ValueError: for an unknown mode, or quirks of the triplet critic together with "pair".
    """

    name = "pg2"
    stages = (Stage("coarse", 22_000, ("coarse",)), Stage("refinement", 14_000, ("refinement", "critic")))
    needs_to_train = registry.MODELS["pg2"].needs_to_train
    needs_to_run = registry.MODELS["pg2"].needs_to_run
    source_needs = frozenset()

    def __init__(
        self,
        size: Sequence[int] = (128, 64),
        width: int = 128,
        code: int = 64,
        blocks: int = 5,
        refinement_blocks: int = 3,
        finest_skip: bool = True,
        critic_width: int = 64,
        critic_levels: int = 4,
        joint_radius: int = 4,
        mask_radius: int = 4,
        critic_mode: Literal["triplet", "pair"] = "triplet",
        coarse_in_batch: bool = False,
        generator_logits: Literal["generated", "negatives"] = "generated",
        critic_weight: float = 0.5,
        l1_weight: float = 10.0,
        mask_weight: float = 1.0,
        updates: Literal["both", "alternate"] = "both",
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-5,
        **base: Any,
    ) -> None:
        check_choices(
            ("critic_mode", critic_mode, ("triplet", "pair")),
            ("generator_logits", generator_logits, ("generated", "negatives")),
            ("updates", updates, ("both", "alternate")),
            ("optimizer", optimizer, ("tf_adam", "adam")),
        )
        if critic_mode == "pair" and (coarse_in_batch or generator_logits == "negatives"):
            raise ValueError("coarse_in_batch and generator_logits='negatives' belong to critic_mode='triplet'")
        super().__init__(**base)
        self.save_hyperparameters()
        self.coarse = CoarseGenerator(size, width, code, blocks)
        self.refinement = DifferenceGenerator(width, refinement_blocks, finest_skip)
        self.critic = DCGANCritic(size, critic_width, critic_levels, channels=6 if critic_mode == "pair" else 3)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        return "coarse", "refinement", "critic"

    # ------------------------------------------------------------------------------------------------ forward
    def forward(self, image: Tensor, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """Both stages.

        Args:
            image: (B, 3, H, W) the person, in [-1, 1].
            keypoints: (B, 18, 3) the target pose in pixels of `size`.

        Returns:
            the coarse picture and the difference map, (B, 3, H, W) each, linear; the refined picture is their sum.
        """
        coarse = self._coarse(image, keypoints)
        return coarse, self.refinement(coarse, image)

    def _coarse(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return self.coarse(image, pose_disks(keypoints, *self.size, radius=self.hparams["joint_radius"]).to(image.dtype))

    def transfer(self, person: Person, keypoints: Tensor, output: Literal["picture", "coarse", "difference"] = "picture") -> Tensor:
        """The whole pipeline; `repose` calls it.

        Args:
            person: batch at the model's size; only the picture is looked at.
            keypoints: (B, 18, 3) poses, in pixels of `size`.
            output: the refined "picture", the "coarse" picture of stage I, or the "difference" between them.

        Returns:
            (B, 3, H, W), clipped to [-1, 1].

        Raises:
            ValueError: for another `output`.
        """
        if output not in ("picture", "coarse", "difference"):
            raise ValueError(f"output is 'picture', 'coarse' or 'difference', not {output!r}")
        if output == "coarse":
            return self._coarse(person.image, keypoints).clamp(-1, 1)
        coarse, difference = self(person.image, keypoints)
        return (difference if output == "difference" else coarse + difference).clamp(-1, 1)

    # ------------------------------------------------------------------------------------------------ losses
    def pose_mask(self, person: Person) -> Tensor:
        """(B, 1, H, W) in {0, 1}: where the losses count more, from a person's key points."""
        assert person.keypoints is not None
        return pose_mask(person.keypoints, *self.size, radius=self.hparams["mask_radius"])

    def reconstruction_losses(self, image: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """L1 losses of either stage (authors' `L1Loss`, `PoseMaskLoss`).

        Args:
            image: (B, 3, H, W) what was drawn, not clipped.
            target: (B, 3, H, W) what should have been drawn.
            mask: (B, 1, H, W) pose mask of the target.

        Returns:
            "l1" everywhere, "pose_mask" inside the mask (a mean over *all* places), and "total", their weighted sum.
        """
        losses = {"l1": masked_l1(image, target), "pose_mask": masked_l1(image, target, mask)}
        return {**losses, "total": losses["l1"] + self.hparams["mask_weight"] * losses["pose_mask"]}

    def judge(self, source: Tensor, target: Tensor, refined: Tensor, coarse: Tensor) -> Logits:
        """The critic's logits, in one call, because its batch statistics couple all pictures that it sees.

        Args:
            source: (B, 3, H, W) the person.
            target: (B, 3, H, W) the person in the target pose.
            refined: (B, 3, H, W) what was drawn.
            coarse: (B, 3, H, W) what stage I drew.
        """
        if self.hparams["critic_mode"] == "pair":
            pairs = [torch.cat([source, picture], dim=1) for picture in (target, refined)]
            return Logits(*self.critic(torch.cat(pairs)).chunk(2))
        pictures = [target, refined, source, *([coarse] if self.hparams["coarse_in_batch"] else [])]
        return Logits(*self.critic(torch.cat(pictures)).chunk(len(pictures)))

    def adversarial_loss(self, logits: Logits) -> Tensor:
        """How far the critic is from calling the generated pictures real."""
        if self.hparams["generator_logits"] == "negatives" and logits.condition is not None:
            return real_loss(torch.cat([logits.generated, logits.condition]))
        return real_loss(logits.generated)

    def critic_loss(self, logits: Logits) -> Tensor:
        """Cross entropy of the critic; all negatives together weigh as much as the real pictures."""
        negatives = [each for each in (logits.generated, logits.condition) if each is not None]
        return self.hparams["critic_weight"] * (real_loss(logits.real) + fake_loss(torch.cat(negatives)))

    # ------------------------------------------------------------------------------------------------ training
    def train_coarse(self, batch: Batch) -> dict[str, Tensor]:
        source, target = batch.person.image, _target(batch)
        assert target.keypoints is not None
        with self.updating("coarse") as update:
            drawn = self._coarse(source, target.keypoints)
            losses = self.reconstruction_losses(drawn, target.image, self.pose_mask(target))
            update(losses["total"])
        return losses

    def train_refinement(self, batch: Batch) -> dict[str, Tensor]:
        source, target = batch.person.image, _target(batch)
        assert target.keypoints is not None
        with torch.no_grad():
            coarse = self._coarse(source, target.keypoints)
        turn = self.steps_in_stage["refinement"] % 2 if self.hparams["updates"] == "alternate" else None
        losses = {}
        if turn != 1:
            with self.updating("refinement") as update:
                refined = coarse + self.refinement(coarse, source)
                losses = self.reconstruction_losses(refined, target.image, self.pose_mask(target))
                losses["adversarial"] = self.adversarial_loss(self.judge(source, target.image, refined, coarse))
                losses["total"] = losses["adversarial"] + self.hparams["l1_weight"] * losses["total"]
                update(losses["total"])
        if turn != 0:
            with self.updating("critic") as update:
                with torch.no_grad():
                    refined = coarse + self.refinement(coarse, source)
                losses["critic"] = self.critic_loss(self.judge(source, target.image, refined, coarse))
                update(losses["critic"])
        return losses

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams
        return [
            adam(options["optimizer"], network.parameters(), options["learning_rate"])
            for network in (self.coarse, self.refinement, self.critic)
        ]

    # ------------------------------------------------------------------------------------------------ the rest
    def stand_ins(self, batch: Batch) -> dict[str, Tensor]:
        """The source unchanged, and stage I alone."""
        keypoints = _target(batch).keypoints
        assert keypoints is not None
        return {**super().stand_ins(batch), "stage_1": self.transfer(batch.person, keypoints, output="coarse")}

    def inference_state(self) -> dict[str, Tensor]:
        """The weights of both generators; the critic only trains."""
        return {key: value for key, value in self.state_dict().items() if not key.startswith("critic.")}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        target = _target(batch)
        assert target.keypoints is not None
        coarse, difference = self(batch.person.image, target.keypoints)
        pose = pose_disks(target.keypoints, *self.size, radius=self.hparams["joint_radius"]).amax(dim=1, keepdim=True)
        return {
            "person": batch.person.image,
            "pose": pose.expand(-1, 3, -1, -1),
            "target": target.image,
            "coarse": coarse,
            "difference": difference,
            "refined": coarse + difference,
        }


def _target(batch: Batch) -> Person:
    if batch.target is None or batch.target.keypoints is None:
        raise ValueError("pg2 learns from the same person in two poses; this batch has no `target` with key points")
    return batch.target
