"""Disentangled PIG as a LightningModule: people to codes and back, poses to codes and back, noise to codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.dcgan import DCGANCritic
from fashiongen.layers.part_boxes import MARGINS
from fashiongen.layers.pose_disks import pose_disks
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.losses import masked_l1
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.models.base import Stage, check_choices
from fashiongen.models.disentangled_pig.code_training import CodeTraining
from fashiongen.models.disentangled_pig.codes import Codes
from fashiongen.models.disentangled_pig.factors import FactorVerbs
from fashiongen.models.disentangled_pig.figures import SwapFigures
from fashiongen.models.disentangled_pig.layered import LayeredGenerator, draw_exchanged
from fashiongen.models.disentangled_pig.losses import CODE_LOSSES, CodeLoss, exchange_loss
from fashiongen.models.disentangled_pig.networks import (
    JOINTS,
    REGIONS,
    AppearanceEncoder,
    CodeCritic,
    Generator,
    PoseDecoder,
    VectorEncoder,
)
from fashiongen.models.disentangled_pig.representation import Regions, keypoints_of, normalized_pose, regions_of
from fashiongen.models.repose import person_region
from fashiongen.optim import TFRMSprop, adam
from fashiongen.types import Batch, Person

_LEGACY_REGION = 48
_BODY_RADIUS = 4
_BONE_RADIUS = 2


class DisentangledPig(FactorVerbs, SwapFigures, CodeTraining):
    """Disentangled PIG (Ma et al., CVPR 2018): foreground, background and pose of a person, each changed or sampled alone.

    Four trainings, all of them from single pictures with key points. "reconstruction" learns to draw a picture again from the codes
    of its foreground (seven regions of the body) and background, and from its pose, against a critic. "poses" learns to draw
    poses again from codes. "appearance_codes" and "pose_codes" freeze all that and learn, against Wasserstein critics, to
    make such codes from noise.

    The defaults are the published sizes and weights of the Market-1501 networks with clean behaviour; the presets
    "official-market" and "official-deepfashion" add the quirks of the authors' code.

    Args:
        size: height and width that the networks work at; multiples of 2**(levels - 1).
        width: channels of the first level of encoder and generator.
        levels: of the generator.
        modulated: codes also scale and shift the features of its decoder: not in paper or code, but narrow networks need it, see
            `fashiongen.models.disentangled_pig.networks.Generator`.
        layered: person and background have a network each (not in paper or code): `fashiongen.models.disentangled_pig.layered`.
        bottleneck: length of its bottleneck vector (authors' `z_num`; no code of a person).
        encoder_levels: of the encoder (5 for 128x64, 7 for 256x256).
        region_size: side of the regions of interest (48 for 128x64, 64 for 256x256).
        box_rule: margins around the joints of a region: "market" or "deepfashion", see `fashiongen.layers.part_boxes`.
        region_code: numbers of a region.
        background_code: numbers of the background; 0 for a model without background code and mask (DeepFashion).
        pose_code: numbers of a pose.
        hidden: width of the fully connected networks.
        background_hidden: width of the mapper of the background.
        critic_width: channels of the first level of the critic of pictures.
        critic_levels: its halvings.
        critic_size: size that its last layer is made for; None is `size`. The authors' DeepFashion critic is made for 128x64 and
            gives 8 logits a picture.
        critic_batches: whether it sees real and generated pictures in "separate" calls (authors' Market-1501 code) or in a "joint"
            one (DeepFashion): they share batch statistics.
        joint_radius: a joint is a disc of this radius in the pose maps.
        mask_radius: radius of the discs of the mask between foreground and background. The authors' converter writes 7 into a
            field named after 6; their DeepFashion models use 4, for logging alone.
        l1_weight: factor of the L1 loss of the pictures.
        adversarial_weight: factor of the adversarial loss of the pictures.
        exchange_weight: factor of `fashiongen.models.disentangled_pig.losses.exchange_loss`; not in paper or code.
        exchange_body: what tells this loss where the bodies are: "keypoints", or "parsing", which training then needs.
        pose_weight: factor of the squared error of the poses.
        code_loss: how mappers and their critics learn: "wgan" (weight clipping; the published models), or what the authors' code
            offers beside it: "wgan-gp" (gradient penalty), "dcgan" or "lsgan".
        code_critic_steps: updates of a critic of codes for each one of its mapper; one with "dcgan" and "lsgan".
        clip: largest weight of the critics of "wgan".
        penalty_weight: factor of the gradient penalty of "wgan-gp".
        noise: standard deviation of the noise that becomes codes.
        legacy_df_roi48: learn the appearance mapper from regions of 48 pixels and without looking at their visibility, as the
            authors' DeepFashion script does, whose encoder was trained with 64.
        updates: "all" makes all updates of a step on one batch. "alternate" takes a new batch for every update, as the authors'
            input queue does: a step is then one update, and a stage needs as many times the steps.
        optimizer: of pictures and poses, "tf_adam" (TensorFlow's form of Adam) or "adam". The mappers have the authors': RMSProp in
            TensorFlow's form with "wgan" and "lsgan", Adam with "wgan-gp" (betas 0.5 and 0.9) and "dcgan".
        learning_rate: of encoder, generator and critic of pictures.
        pose_learning_rate: of the pose auto-encoder.
        code_learning_rate: of mappers and their critics.
        halve_every: iterations after which learning rates are halved, again and again (authors 50,000); 0 keeps them.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every, cooldown.

    Raises:
        ValueError: for an unknown choice, a size that does not fit the levels, fewer than one update of a critic, `halve_every`
            together with `cooldown`, or `layered` or an `exchange_weight` without background code.
    """

    name = "disentangled_pig"
    stages = (
        Stage("reconstruction", 120_000, ("encoder", "generator", "critic")),
        Stage("poses", 60_000, ("pose_encoder", "pose_decoder")),
        Stage("appearance_codes", 120_000, ("appearance_mappers", "appearance_critics")),
        Stage("pose_codes", 60_000, ("pose_mapper", "pose_critic")),
    )
    needs_to_train = registry.MODELS["disentangled_pig"].needs_to_train
    needs_to_run = registry.MODELS["disentangled_pig"].needs_to_run
    source_needs = frozenset({"keypoints"})

    def __init__(
        self,
        size: Sequence[int] = (128, 64),
        width: int = 128,
        levels: int = 5,
        modulated: bool = False,
        layered: bool = False,
        bottleneck: int = 64,
        encoder_levels: int = 5,
        region_size: int = 48,
        box_rule: Literal["market", "deepfashion"] = "market",
        region_code: int = 32,
        background_code: int = 128,
        pose_code: int = 32,
        hidden: int = 512,
        background_hidden: int = 256,
        critic_width: int = 64,
        critic_levels: int = 4,
        critic_size: Sequence[int] | None = None,
        critic_batches: Literal["separate", "joint"] = "separate",
        joint_radius: int = 4,
        mask_radius: int = 7,
        l1_weight: float = 20.0,
        adversarial_weight: float = 1.0,
        exchange_weight: float = 0.0,
        exchange_body: Literal["keypoints", "parsing"] = "keypoints",
        pose_weight: float = 20.0,
        code_loss: CodeLoss = "wgan",
        code_critic_steps: int = 5,
        clip: float = 0.01,
        penalty_weight: float = 10.0,
        noise: float = 0.2,
        legacy_df_roi48: bool = False,
        updates: Literal["all", "alternate"] = "all",
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-5,
        pose_learning_rate: float = 2e-5,
        code_learning_rate: float = 2e-5,
        halve_every: int = 0,
        **base: Any,
    ) -> None:
        check_choices(
            ("box_rule", box_rule, tuple(MARGINS)),
            ("critic_batches", critic_batches, ("separate", "joint")),
            ("code_loss", code_loss, CODE_LOSSES),
            ("exchange_body", exchange_body, ("keypoints", "parsing")),
            ("updates", updates, ("all", "alternate")),
            ("optimizer", optimizer, ("tf_adam", "adam")),
        )
        if code_critic_steps < 1:
            raise ValueError(f"code_critic_steps is at least 1, not {code_critic_steps}")
        if (exchange_weight or layered) and not background_code:
            raise ValueError(f"{'exchange_weight' if exchange_weight else 'layered'} needs a model with a background_code")
        if halve_every and base.get("cooldown"):
            raise ValueError("halve_every and cooldown both change the learning rates; choose one of them")
        cells = [-(-side // 2 ** (encoder_levels - 1)) for side in (region_size, _LEGACY_REGION)]
        if legacy_df_roi48 and cells[0] != cells[1]:
            raise ValueError(
                f"legacy_df_roi48 needs regions whose halvings end where those of {_LEGACY_REGION} pixels do: "
                f"{region_size} pixels end at {cells[0]}, {_LEGACY_REGION} at {cells[1]}"
            )
        super().__init__(**base)
        self.save_hyperparameters()
        height, breadth = size
        foreground = len(REGIONS) * region_code
        self.encoder = AppearanceEncoder((height, breadth), width, encoder_levels, region_size, region_code, background_code)
        shape = width, bottleneck, levels, modulated
        self.generator: Generator | LayeredGenerator = (
            LayeredGenerator(size, foreground, background_code, *shape)
            if layered
            else Generator(size, foreground + background_code, *shape)
        )
        self.critic = DCGANCritic(critic_size or size, critic_width, critic_levels)
        self.pose_encoder = VectorEncoder(3 * JOINTS, hidden, pose_code)
        self.pose_decoder = PoseDecoder(pose_code, hidden)
        appearance = {"foreground": (foreground, hidden), "background": (background_code, background_hidden)}
        if not background_code:
            del appearance["background"]
        self.appearance_mappers = nn.ModuleDict(
            {factor: VectorEncoder(code, features, code) for factor, (code, features) in appearance.items()}
        )
        self.appearance_critics = nn.ModuleDict({factor: CodeCritic(code, hidden) for factor, (code, _) in appearance.items()})
        self.pose_mapper = VectorEncoder(pose_code, hidden, pose_code)
        self.pose_critic = CodeCritic(pose_code, hidden)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors that this model has codes of: without "background" in a model that has none."""
        return (*self.appearance_mappers, "pose")

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        codes = [f"{factor}_{network}" for factor in self.factors for network in ("mapper", "critic")]
        return "pictures", "critic", "poses", *codes

    # ------------------------------------------------------------------------------------------------ forward
    def forward(self, image: Tensor, source_keypoints: Tensor, target_keypoints: Tensor) -> Tensor:
        """Draw people in poses.

        Args:
            image: (B, 3, H, W) the people, in [-1, 1].
            source_keypoints: (B, 18, 3) their poses, in pixels of `size`.
            target_keypoints: (B, 18, 3) the poses that they take; the same to draw them again as they are.

        Returns:
            (B, 3, H, W), linear.
        """
        return self.draw(*self.appearance(image, source_keypoints), target_keypoints)

    def regions(self, keypoints: Tensor) -> Regions:
        """Regions of interest, their visibility and the mask of bodies (B, 18, 3) in pixels of `size`."""
        return regions_of(keypoints, *self.size, rule=self.hparams["box_rule"], mask_radius=self.hparams["mask_radius"])

    def appearance(self, image: Tensor, keypoints: Tensor, legacy: bool = False) -> tuple[Tensor, Tensor | None]:
        """Codes of foreground (B, 7 * `region_code`) and background (B, `background_code`) or None.

        Args:
            image: (B, 3, H, W) in [-1, 1].
            keypoints: (B, 18, 3) in pixels of `size`.
            legacy: look at regions of 48 pixels, and do not set those to 0 that are not seen (`legacy_df_roi48`).
        """
        return self._encode(image, self.regions(keypoints), legacy)

    def _encode(
        self, image: Tensor, regions: Regions, legacy: bool = False, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        visible, size = (None, _LEGACY_REGION) if legacy else (regions.visible, None)
        return self.encoder(image, regions.boxes, visible, regions.mask.to(image), size, hidden)

    def draw(self, foreground: Tensor, background: Tensor | None, keypoints: Tensor) -> Tensor:
        """(B, 3, H, W), linear: codes (B, ...) of the appearance in poses (B, 18, 3), in pixels of `size`."""
        codes = foreground if background is None else torch.cat([foreground, background], dim=1)
        return self.generator(codes, self.pose_maps(keypoints).to(codes))

    def pose_maps(self, keypoints: Tensor) -> Tensor:
        """Key points (B, 18, 3) in pixels of `size` -> (B, 18, H, W) discs of the joints, in {-1, 1}."""
        return pose_disks(keypoints, *self.size, radius=self.hparams["joint_radius"])

    def encode_pose(self, keypoints: Tensor) -> Tensor:
        """Key points (B, 18, 3) in pixels of `size` -> codes (B, `pose_code`)."""
        return self.pose_encoder(normalized_pose(keypoints, *self.size).flatten(1))

    def decode_pose(self, code: Tensor) -> Tensor:
        """Codes (B, `pose_code`) -> key points (B, 18, 3) in centres of whole pixels of `size`, visibility 2 or 0."""
        return keypoints_of(self.pose_decoder(code), *self.size)

    def map(self, noise: Codes) -> Codes:
        """What noise becomes: each code depends on its own noise alone."""
        foreground = self.appearance_mappers["foreground"](noise.foreground)
        background = None if noise.background is None else self.appearance_mappers["background"](noise.background)
        return Codes(foreground, background, self.pose_mapper(noise.pose))

    def transfer(self, person: Person, keypoints: Tensor) -> Tensor:
        """The codes of people drawn in other poses; `repose` calls it.

        Args:
            person: batch at the model's size, with key points.
            keypoints: (B, 18, 3) poses, in pixels of `size`.

        Returns:
            (B, 3, H, W), clipped to [-1, 1].
        """
        return self(person.image, _keypoints(person), keypoints).clamp(-1, 1)

    # ------------------------------------------------------------------------------------------------ losses
    def judge(self, real: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's logits (B, n) of real and drawn pictures (B, 3, H, W), with the batch statistics of `critic_batches`."""
        if self.hparams["critic_batches"] == "joint":
            judged, guessed = self.critic(torch.cat([real, drawn])).chunk(2)
            return judged, guessed
        return self.critic(real), self.critic(drawn)

    def reconstruction_losses(self, drawn: Tensor, image: Tensor, mask: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Losses of encoder and generator.

        Args:
            drawn: (B, 3, H, W), not clipped.
            image: (B, 3, H, W) what should have been drawn.
            mask: (B, 1, H, W) of the body.
            logits: the critic's, of `drawn`.

        Returns:
            "adversarial", "l1", "total" their weighted sum, and "pose_mask", the L1 inside the mask as a mean over *all* places,
            which is logged and not optimised.
        """
        losses = {"adversarial": real_loss(logits), "l1": masked_l1(drawn, image), "pose_mask": masked_l1(drawn, image, mask)}
        total = self.hparams["adversarial_weight"] * losses["adversarial"] + self.hparams["l1_weight"] * losses["l1"]
        return {**losses, "total": total}

    def picture_critic_loss(self, real: Tensor, drawn: Tensor) -> Tensor:
        """Half the cross entropy of the critic, from its logits of real and of drawn pictures."""
        return 0.5 * (fake_loss(drawn) + real_loss(real))

    # ------------------------------------------------------------------------------------------------ training
    # The authors skip the very first update of a generator: its critic comes first.
    def train_reconstruction(self, batch: Batch) -> dict[str, Tensor]:
        image, keypoints = batch.person.image, _keypoints(batch.person)
        turn = self.turn("reconstruction", 2)
        losses, exchanged = {}, None
        regions = self.regions(keypoints)
        mask, hidden = regions.mask.to(image), None
        if self.hparams["layered"]:  # What is behind people is learned where another one could stand.
            hidden = torch.maximum(mask, mask.roll(1, 0))
        with torch.set_grad_enabled(turn != 0):
            foreground, background = self._encode(image, regions, hidden=hidden)
            if background is not None and self.hparams["exchange_weight"] and turn != 1:
                pose = self.pose_maps(keypoints).to(image)
                middle, body = self._bodies(batch.person, mask)
                drawn, exchanged, *layers = draw_exchanged(self.generator, foreground, background, pose, body)
            else:
                drawn = self.draw(foreground, background, keypoints)
        if turn != 1:
            with self.updating("critic") as update:
                losses["critic"] = self.picture_critic_loss(*self.judge(image, drawn.detach()))
                update(losses["critic"])
        if turn != 0:
            with self.updating("pictures") as update:
                joint = self.hparams["critic_batches"] == "joint"
                logits = self.judge(image, drawn)[1] if joint else self.critic(drawn)
                losses |= self.reconstruction_losses(drawn, image, mask, logits)
                if exchanged is not None:
                    losses["exchange"] = exchange_loss(exchanged, image, middle, body, *layers)
                    losses["total"] = losses["total"] + self.hparams["exchange_weight"] * losses["exchange"]
                update(losses["total"])
        return losses

    def _bodies(self, person: Person, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, H, W) each, in {0, 1}: what certainly shows the body of people, and all that may show it."""
        if self.hparams["exchange_body"] == "keypoints":
            return pose_mask(_keypoints(person), *self.size, radius=_BODY_RADIUS).to(mask), mask
        if person.parsing is None:
            raise ValueError("exchange_body='parsing' needs parsing of everybody, which this data lacks; choose 'keypoints'")
        # Parsing knows no neck where its labels have none: LIP calls it background.
        body = torch.maximum(person_region(person), pose_mask(_keypoints(person), *self.size, radius=_BONE_RADIUS).to(mask))
        return body, body

    def train_poses(self, batch: Batch) -> dict[str, Tensor]:
        pose = normalized_pose(_keypoints(batch.person), *self.size)
        self.turn("poses", 1)
        with self.updating("poses") as update:
            loss = self.hparams["pose_weight"] * (self.pose_decoder(self.pose_encoder(pose.flatten(1))) - pose).square().mean()
            update(loss)
        return {"pose": loss}

    def train_appearance_codes(self, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            codes = self.appearance(batch.person.image, _keypoints(batch.person), self.hparams["legacy_df_roi48"])
        named = {factor: code for factor, code in zip(("foreground", "background"), codes, strict=True) if code is not None}
        return self.update_codes("appearance_codes", named)

    def train_pose_codes(self, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            code = self.encode_pose(_keypoints(batch.person))
        return self.update_codes("pose_codes", {"pose": code})

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams

        def optimizer(parameters: Iterable[Tensor], rate: str, second: float = 0.999) -> Optimizer:
            return adam(options["optimizer"], parameters, options[rate], (0.5, second))

        pictures = [*self.encoder.parameters(), *self.generator.parameters()]
        poses = [*self.pose_encoder.parameters(), *self.pose_decoder.parameters()]
        optimizers: list[Optimizer] = [
            optimizer(pictures, "learning_rate"),
            optimizer(self.critic.parameters(), "learning_rate"),
            optimizer(poses, "pose_learning_rate"),
        ]
        for factor in self.factors:
            for network in self.mapper_and_critic(factor):
                if options["code_loss"] in ("wgan", "lsgan"):
                    optimizers.append(TFRMSprop(network.parameters(), lr=options["code_learning_rate"]))
                else:
                    second = 0.9 if options["code_loss"] == "wgan-gp" else 0.999
                    optimizers.append(optimizer(network.parameters(), "code_learning_rate", second))
        return optimizers

    # ------------------------------------------------------------------------------------------------ the rest
    def inference_state(self) -> dict[str, Tensor]:
        """All weights but those of the critics, which only train."""
        critics = ("critic.", "appearance_critics.", "pose_critic.")
        return {key: value for key, value in self.state_dict().items() if not key.startswith(critics)}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        person, keypoints = batch.person, _keypoints(batch.person)
        codes = Codes(*self.appearance(person.image, keypoints), self.encode_pose(keypoints))
        sampled = self.map(self.noise(len(batch), seed=0))
        pose, drawn_pose = (
            self.pose_maps(each).amax(dim=1, keepdim=True).expand(-1, 3, -1, -1)
            for each in (keypoints, self.decode_pose(codes.pose))
        )
        return {
            "person": person.image,
            "pose": pose,
            "drawn again": self.draw(codes.foreground, codes.background, keypoints),
            "pose again": drawn_pose,
            "other foreground": self.draw(sampled.foreground, codes.background, keypoints),
            "sampled": self.draw(sampled.foreground, sampled.background, self.decode_pose(sampled.pose)),
        }


def _keypoints(person: Person) -> Tensor:
    if person.keypoints is None:
        raise ValueError("disentangled_pig needs key points of the person; pass them: fashiongen.person(picture, keypoints=...)")
    return person.keypoints
