"""Deformable GAN as a LightningModule: one generator with deformable skips against a conditional discriminator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.part_affines import part_affines, part_masks
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.layers.vgg import VGG19Taps
from fashiongen.losses import masked_l1
from fashiongen.losses.adversarial import fake_loss, real_loss
from fashiongen.models.base import FashionModule, Stage, check_choices
from fashiongen.models.deformable_gan.drawing import draw_skeleton
from fashiongen.models.deformable_gan.losses import ContentLoss, smoothness
from fashiongen.models.deformable_gan.networks import POSE_CHANNELS, Discriminator, Generator
from fashiongen.models.deformable_gan.representation import POSES, condition, pose_maps
from fashiongen.models.repose import ReposeFigures
from fashiongen.optim import adam
from fashiongen.types import Batch, Person

_STICKMAN_CHANNELS = 3


class Pairs(NamedTuple):
    """Two pictures of each of B people, with their poses.

    Attributes:
        source: (B, 3, H, W) in [-1, 1].
        source_keypoints: (B, 18, 3) in pixels.
        target: (B, 3, H, W) in [-1, 1].
        target_keypoints: (B, 18, 3) in pixels.
        source_pose: (B, C, H, W) maps of the source pose.
        target_pose: (B, C, H, W) maps of the target pose.
    """

    source: Tensor
    source_keypoints: Tensor
    target: Tensor
    target_keypoints: Tensor
    source_pose: Tensor
    target_pose: Tensor


class DeformableGan(ReposeFigures, FashionModule):
    """Deformable GAN (Siarohin et al., CVPR 2018): the person of a picture in another pose, given by key points.

    The skips of a U-net carry features of the source picture, moved part by part to where the target pose has these parts. One
    stage, "adversarial", in which the discriminator and then the generator are updated on each step.

    The defaults are the published sizes for Market-1501 with clean behaviour and the paper's "DSC" loss, which needs no VGG-19. The
    presets "official-market" and "official-deepfashion" are the paper's full model with the quirks of the authors' code.

    Args:
        size: height and width that the networks work at; multiples of `patch` * 2**(levels - 1), at least 34.
        width: channels of the generator's first level.
        levels: levels of the generator (6 for 128x64, 7 for 256x256).
        warp_skip: how the skips follow the pose: by ten parts ("mask", the paper's), by one transform ("full"), by a spatial
            transformer ("stn"), or not at all ("none", the paper's baseline).
        aggregation: how the parts are joined, "max" or "avg".
        interpolation: of the moved features: "bilinear", or "nearest" as the authors' code.
        warp_gradient: "exact", or with "nearest" TensorFlow's approximation ("tensorflow").
        parts: of `warp_skip` "mask": "joints", the authors' rules, or "rectangles" (ours): parts that are as wide from the side as
            a body is, do not overlap, and leave what lies around the body in its place; `aggregation` "avg" then keeps the sign of
            features; see `fashiongen.layers.rectangle_skip`.
        patch: side of the squares of pixels that the generator takes in and gives out side by side as channels (ours); 1 in the
            paper. 2 saves most of its work; then one level fewer has as many halvings.
        pose: maps of a pose: "gaussian"; "staircase", what the authors' code computes; "exponential", what the paper prints; or
            "stickman".
        source_pose: whether the generator sees the pose of the source.
        background: whether the generator sees a background picture, as the authors' PRW checkpoint does. Such a model only
            runs: no data set gives backgrounds to train with.
        dropout: of the three deepest levels of the generator's decoder, in training.
        discriminator_kind: "call" (the paper's), "sim" or "warp"; see `fashiongen.models.deformable_gan.networks.Discriminator`.
        discriminator_width: channels of the discriminator's first level.
        discriminator_steps: updates of the discriminator for each one of the generator.
        batches: "shared" uses the whole batch for all updates of a step. "separate" cuts it in 2 * `discriminator_steps` + 1
            parts, as the authors' code draws them: the real pictures and the generated pictures that the discriminator sees,
            and the pictures of the generator's update are all different. Batches are then three times as large.
        content_taps: VGG-19 layers, such as "conv1_2", whose features the content loss compares; none compares pixels.
        neighbourhood: side of the window of the content loss (full model: 3 for Market-1501, 5 for DeepFashion); 1 is L1.
        content_weight: of the content loss: 100 for pixels; 0.01 for conv1_2 with a neighbourhood and the original VGG-19.
        pose_mask_weight: of the content loss on pixels inside the pose mask of the target, once more (ours, after PG2).
        adversarial_weight: of the adversarial loss of the generator.
        smoothness_weight: of the total variation; 0 in all published models.
        vgg: weights of the VGG-19: a timm name fetched through the Hub, a path of Keras' .h5 file (the authors') or of
            MatConvNet's .mat file, or "random" (tests). They are read when a training begins.
        vgg_normalization: "torchvision", "caffe", or "caffe-swapped" as the authors' code, which exchanges the means of red and
            blue. None: what the weights expect.
        epsilon: added inside the logarithms of the adversarial losses (authors' code 1e-7).
        optimizer: "tf_adam" (TensorFlow's and Keras' form of Adam) or "adam".
        learning_rate: of both networks, constant.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every.

    Raises:
        ValueError: for an unknown choice, fewer than one discriminator step, or a size that does not fit the levels.
    """

    name = "deformable_gan"
    stages = (Stage("adversarial", 90_000, ("generator", "discriminator")),)
    needs_to_train = registry.MODELS["deformable_gan"].needs_to_train
    needs_to_run = registry.MODELS["deformable_gan"].needs_to_run

    def __init__(
        self,
        size: Sequence[int] = (128, 64),
        width: int = 64,
        levels: int = 6,
        warp_skip: Literal["mask", "full", "stn", "none"] = "mask",
        aggregation: Literal["max", "avg"] = "max",
        interpolation: Literal["bilinear", "nearest"] = "bilinear",
        warp_gradient: Literal["exact", "tensorflow"] = "exact",
        parts: Literal["joints", "rectangles"] = "joints",
        patch: int = 1,
        pose: Literal["gaussian", "staircase", "exponential", "stickman"] = "gaussian",
        source_pose: bool = True,
        background: bool = False,
        dropout: float = 0.5,
        discriminator_kind: Literal["call", "sim", "warp"] = "call",
        discriminator_width: int = 64,
        discriminator_steps: int = 1,
        batches: Literal["shared", "separate"] = "shared",
        content_taps: Sequence[str] = (),
        neighbourhood: int = 1,
        content_weight: float = 100.0,
        pose_mask_weight: float = 0.0,
        adversarial_weight: float = 1.0,
        smoothness_weight: float = 0.0,
        vgg: str = "vgg19.tv_in1k",
        vgg_normalization: Literal["torchvision", "caffe", "caffe-swapped"] | None = None,
        epsilon: float = 0.0,
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-4,
        **base: Any,
    ) -> None:
        check_choices(
            ("aggregation", aggregation, ("max", "avg")),
            ("interpolation", interpolation, ("bilinear", "nearest")),
            ("warp_gradient", warp_gradient, ("exact", "tensorflow")),
            ("parts", parts, ("joints", "rectangles")),
            ("pose", pose, POSES),
            ("batches", batches, ("shared", "separate")),
            ("optimizer", optimizer, ("tf_adam", "adam")),
        )
        if (interpolation, warp_gradient) == ("bilinear", "tensorflow"):
            raise ValueError("warp_gradient='tensorflow' belongs to interpolation='nearest'")
        if aggregation == "avg" and warp_skip == "full":
            raise ValueError("aggregation='avg' joins the parts of warp_skip='mask'; warp_skip='full' moves the body as one")
        if parts == "rectangles" and warp_skip != "mask":
            raise ValueError(f"parts='rectangles' are those of warp_skip='mask'; warp_skip={warp_skip!r} goes with 'joints'")
        if patch < 1:
            raise ValueError(f"patch is at least 1 pixel, not {patch}")
        if background and warp_skip == "none":
            raise ValueError("warp_skip='none' has one encoder, which sees no background")
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps is at least 1, not {discriminator_steps}")
        if neighbourhood < 1 or neighbourhood % 2 == 0:
            raise ValueError(f"neighbourhood is an odd number of pixels, not {neighbourhood}")
        height, width_of_picture = size
        step = patch * 2 ** (levels - 1)
        if height % step or width_of_picture % step or min(size) < 34:
            raise ValueError(
                f"with levels={levels} and patch={patch} height and width are multiples of {step} and at least 34, "
                f"not {height}x{width_of_picture}"
            )
        super().__init__(**base)
        self.save_hyperparameters()
        channels = _STICKMAN_CHANNELS if pose == "stickman" else POSE_CHANNELS
        warp = {"interpolation": interpolation, "warp_gradient": warp_gradient}
        self.generator = Generator(
            warp_skip, width, levels, 3 + source_pose * channels, channels + 3 * background, dropout,
            aggregation, **warp, patch=patch,
        )  # fmt: skip
        self.discriminator = Discriminator(
            discriminator_kind, discriminator_width, channels, background, (height, width_of_picture), **warp
        )
        self.content = ContentLoss(None, neighbourhood)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        return "generator", "discriminator"

    # ------------------------------------------------------------------------------------------------ forward
    def forward(
        self, image: Tensor, source_keypoints: Tensor, target_keypoints: Tensor, background: Tensor | None = None
    ) -> Tensor:
        """Paint people in other poses.

        Args:
            image: (B, 3, H, W) the people, in [-1, 1].
            source_keypoints: (B, 18, 3) their poses, in pixels of `size`.
            target_keypoints: (B, 18, 3) the poses that they take.
            background: (B, 3, H, W), for a model that was made with `background`.

        Returns:
            (B, 3, H, W) in [-1, 1].
        """
        options = self.hparams
        given = condition(
            image, source_keypoints, target_keypoints, options["warp_skip"], options["pose"], options["source_pose"], background,
            parts=options["parts"],
        )  # fmt: skip
        return self.generator(*given)

    def transfer(self, person: Person, keypoints: Tensor, background: Tensor | None = None, dropout: bool = False) -> Tensor:
        """The person in another pose; `repose` calls it.

        Args:
            person: batch at the model's size, with key points.
            keypoints: (B, 18, 3) poses, in pixels of `size`.
            background: (3, H, W) in [-1, 1], behind all people, for a model that was made with `background`.
            dropout: keep dropout on, as the authors' option `use_dropout_test`: every call gives another picture.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the key points of the person are missing, when the background is missing or of another size, or
                when the model has no use for it.
        """
        if person.keypoints is None:
            raise ValueError("deformable_gan needs key points of the person; pass them: fashiongen.person(picture, keypoints=...)")
        if background is not None:
            if not self.hparams["background"]:
                raise ValueError("this deformable_gan was made without `background`")
            if background.shape != (3, *self.size):
                raise ValueError(f"the background is {(3, *self.size)}, not {tuple(background.shape)}")
            background = background.to(person.image).expand_as(person.image)
        elif self.hparams["background"]:
            raise ValueError("this deformable_gan paints people in front of a background; pass background=(3, H, W)")
        with self._dropout(dropout):
            return self(person.image, person.keypoints, keypoints, background)

    @contextmanager
    def _dropout(self, on: bool) -> Iterator[None]:
        layers = [layer for layer in self.generator.modules() if isinstance(layer, nn.Dropout)]
        before = [layer.training for layer in layers]
        for layer in layers:
            layer.train(on)
        try:
            yield
        finally:
            for layer, mode in zip(layers, before, strict=True):
                layer.train(mode)

    # ------------------------------------------------------------------------------------------------ losses
    def setup(self, stage: str) -> None:
        super().setup(stage)
        if stage != "fit":
            return
        if self.hparams["background"]:
            raise ValueError("deformable_gan with `background` only runs; batches hold no backgrounds to train with")
        if self.hparams["content_taps"] and self.content.features is None:
            self.content = ContentLoss(self._vgg(), self.hparams["neighbourhood"]).to(self.device)

    def _vgg(self) -> VGG19Taps:
        weights: Any = self.hparams["vgg"]
        normalization = self.hparams["vgg_normalization"]
        suffix = Path(weights).suffix
        if suffix in (".h5", ".hdf5"):
            from fashiongen.convert.keras import read_vgg_h5

            weights = read_vgg_h5(weights)
        elif suffix == ".mat":
            from fashiongen.convert.matlab import read_vgg_mat

            weights = read_vgg_mat(weights)
        expected = "torchvision" if isinstance(weights, str) else "caffe"
        return VGG19Taps(self.hparams["content_taps"], weights, pooling="max", normalization=normalization or expected)

    def pairs(self, batch: Batch) -> Pairs:
        """What a batch holds for a training step, the maps of its poses drawn once.

        Raises:
            ValueError: when the batch has no targets, or lacks key points.
        """
        person, target = batch.person, batch.target
        if target is None or target.keypoints is None or person.keypoints is None:
            raise ValueError(
                "deformable_gan learns from the same person in two poses, both with key points; "
                "this batch lacks the `target` or them"
            )
        poses = (
            pose_maps(each, *self.size, self.hparams["pose"]).to(person.image) for each in (person.keypoints, target.keypoints)
        )
        return Pairs(person.image, person.keypoints, target.image, target.keypoints, *poses)

    def paint(self, pairs: Pairs) -> Tensor:
        """The people of some pairs in their target poses, (B, 3, H, W) in [-1, 1]."""
        options = self.hparams
        given = condition(
            pairs.source, pairs.source_keypoints, pairs.target_keypoints, options["warp_skip"], options["pose"],
            options["source_pose"], maps=(pairs.source_pose, pairs.target_pose), parts=options["parts"],
        )  # fmt: skip
        return self.generator(*given)

    def judge(self, pairs: Pairs, image: Tensor) -> Tensor:
        """Logits (B, patches) of pictures (B, 3, H, W) that should show the people of `pairs` in their target poses."""
        transforms = masks = None
        if self.discriminator.kind == "warp":
            transforms = part_affines(pairs.source_keypoints, pairs.target_keypoints).float()
            masks = part_masks(pairs.target_keypoints, *self.size)
        return self.discriminator(pairs.source, pairs.source_pose, image, pairs.target_pose, transforms=transforms, masks=masks)

    def discriminator_losses(self, real: Pairs, painted: Pairs, generated: Tensor) -> dict[str, Tensor]:
        """Cross entropy of the targets of some pairs ("real"), of what was `generated` for others ("fake"), and their sum."""
        epsilon = self.hparams["epsilon"]
        losses = {
            "real": real_loss(self.judge(real, real.target), epsilon),
            "fake": fake_loss(self.judge(painted, generated.detach()), epsilon),
        }
        return {**losses, "discriminator": losses["real"] + losses["fake"]}

    def generator_losses(self, pairs: Pairs, generated: Tensor) -> dict[str, Tensor]:
        """Unweighted "adversarial" and "content" losses, "pose_mask" and "smoothness" where they count, and "total", their weighted
        sum."""
        options = self.hparams
        losses = {
            "adversarial": real_loss(self.judge(pairs, generated), options["epsilon"]),
            "content": self.content(generated, pairs.target),
        }
        if options["pose_mask_weight"]:
            losses["pose_mask"] = masked_l1(generated, pairs.target, pose_mask(pairs.target_keypoints, *self.size))
        if options["smoothness_weight"]:
            losses["smoothness"] = smoothness(generated)
        weighted = [options[f"{name}_weight"] * loss for name, loss in losses.items()]
        return {**losses, "total": torch.stack(weighted).sum()}

    # ------------------------------------------------------------------------------------------------ training
    def train_adversarial(self, batch: Batch) -> dict[str, Tensor]:
        *judged, painted = self._parts(batch)
        generated = self.paint(painted)
        losses: dict[str, Tensor] = {}
        for real, fake in zip(judged[::2], judged[1::2], strict=True):
            with self.updating("discriminator") as update:
                losses |= self.discriminator_losses(real, fake, generated if fake is painted else self._paint_to_judge(fake))
                update(losses["discriminator"])
        with self.updating("generator") as update:
            losses |= self.generator_losses(painted, generated)
            update(losses["total"])
        return losses

    @torch.no_grad()
    def _paint_to_judge(self, pairs: Pairs) -> Tensor:
        return self.paint(pairs)

    def _parts(self, batch: Batch) -> list[Pairs]:
        """Real and painted pairs of each update of the discriminator in turn, then those of the generator's."""
        pairs, count = self.pairs(batch), 2 * self.hparams["discriminator_steps"] + 1
        if self.hparams["batches"] == "shared":
            return [pairs] * count
        length = len(batch) // count
        if length == 0:
            raise ValueError(f"batches='separate' cuts a batch in {count} parts; this one has {len(batch)} examples, give it more")
        return [Pairs(*(tensor[part * length : (part + 1) * length] for tensor in pairs)) for part in range(count)]

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams
        return [
            adam(options["optimizer"], network.parameters(), options["learning_rate"])
            for network in (self.generator, self.discriminator)
        ]

    # ------------------------------------------------------------------------------------------------ the rest
    def inference_state(self) -> dict[str, Tensor]:
        """The weights of the generator; the discriminator only trains."""
        return {key: value for key, value in self.state_dict().items() if key.startswith("generator.")}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        pairs = self.pairs(batch)
        poses = torch.stack([draw_skeleton(each, *self.size)[0] for each in pairs.target_keypoints.cpu()])
        return {
            "person": pairs.source,
            "pose": poses.permute(0, 3, 1, 2).to(pairs.source) / 127.5 - 1,
            "target": pairs.target,
            "generated": self.paint(pairs),
        }
