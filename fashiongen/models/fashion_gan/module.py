"""FashionGAN as a LightningModule: a sentence becomes a code, code and layout a label map, code and map a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from fashiongen import registry
from fashiongen.losses.adversarial import real_loss
from fashiongen.losses.matching import matching_loss
from fashiongen.losses.reconstruction import label_colour_loss, masked_l1
from fashiongen.models.base import Stage, check_choices
from fashiongen.models.fashion_gan import representation
from fashiongen.models.fashion_gan.blocks import initialize
from fashiongen.models.fashion_gan.drawing import Condition, Drawing
from fashiongen.models.fashion_gan.picture_networks import (
    VARIANTS,
    PatchDiscriminator,
    PlainDiscriminator,
    PlainGenerator,
    UNetGenerator,
)
from fashiongen.models.fashion_gan.representation import CLASSES, MEASURES, parsing_of, sentences_of
from fashiongen.models.fashion_gan.shape_networks import ShapeDiscriminator, ShapeGenerator
from fashiongen.models.fashion_gan.text import VOCABULARY, LanguageEncoder, Vocabulary, read_attributes, read_vocabulary
from fashiongen.models.fashion_gan.training import weights_as_they_are_then, zero_conv_biases
from fashiongen.optim import adam
from fashiongen.types import Batch

EPSILON = 1e-12
"""Added inside the logarithms of the adversarial losses (authors' code)."""

_MEAN_EXAMPLES = 256


class FashionGan(Drawing):
    """FashionGAN (Zhu et al., ICCV 2017): the same person, in the same pose, in the clothes that a sentence describes.

    Stage "text" teaches a recurrent network to tell category, colour, gender and sleeve from a sentence; its last state is the
    code. Stage "shape" draws a label map from the code and a layout of 8x8 places, which merges all clothes and limbs, so that it
    does not tell what was worn. Stage "picture" paints a picture from code and map. Both are trained against discriminators that
    see whether map or picture match the sentence. The stages learn apart from each other, from one picture and its own sentence
    each: no pairs are needed. At test time hair and face are kept, and bare skin moves towards the person's own.

    The defaults are the published sizes and weights with clean behaviour; the preset "official" adds the quirks of the authors'
    code.

    Args:
        size: height and width that the networks work at: equal, a power of 2, at least 32 (64 for picture="plain").
        vocabulary: the words that are known, in the order of their numbers, or the path of a file with them, see
            `fashiongen.models.fashion_gan.text.read_vocabulary`. The words are saved with the weights. None: those of the
            mannequin world.
        code: numbers of a sentence's code.
        noise: numbers of each stage's noise.
        measures: what is measured on the person and joined to the code: names of
            `fashiongen.models.fashion_gan.representation.MEASURES`. The paper's design code has "skin", "body" and "hair" (beside
            attributes that pictures do not show), the authors' code none.
        shape_width, shape_discriminator_width: channels of the shape stage's networks.
        picture: the released variants of the picture stage: "skip", the U-net of the demonstrations; "plain", the network of the
            paper's submission; "p2p", pix2pix, which sees neither sentence nor noise.
        picture_width, picture_discriminator_width: channels of the picture stage's networks.
        compositional: the paper's compositional mapping: the generator paints a picture for every label, and each pixel takes that
            of its own; the released networks lack it.
        code_shifts: with "skip", add a linear function of the code to each level of the decoder: not in paper or code, but colours
            are learned in minutes with it.
        dropout: of the three deepest levels of the decoder of "skip" and "p2p".
        mean: what is subtracted from pictures: "grey", or the mean picture of the training "data" as the authors do.
        statistics: of batch normalisation when people are redressed: the "running" ones, or of each "sample" by itself, as in the
            authors' demonstrations.
        dropout_at_test: keep dropout on when people are redressed, as in the authors' demonstrations.
        keep_background: lay the person's background over the picture where the new map has background; the authors paint it.
        map_weight, image_weight: of the cross entropy of maps and the L1 distance of pictures in [0, 1].
        colour_weight: of `fashiongen.losses.reconstruction.label_colour_loss` of pictures in [0, 1]; not in paper or code.
        shape_adversarial_weight, picture_adversarial_weight: of the generators' adversarial losses.
        fake_weight, wrong_weight: of generated pictures and of mismatched pairs in the discriminators' losses. The authors' code
            prints losses with 0.9 and 0.1, the paper's weights, and optimises with 1.
        generator_turn: what the picture stage's generator learns from: the discriminator "before" its update on the same batch, or
            as the authors' code ("stale"): the activations of before with the weights of after.
        zero_biases: set the biases of all convolutions of the picture stage to 0 before each update, as the authors' code.
        shape_std, picture_std: of the initial weights. The authors have 0.00125 in the shape stage and for "plain".
        text_updates: one update for a whole "batch" of sentences, or one for each "sentence" as the authors' code.
        text_optimizer: "sgd" or "adam".
        text_learning_rate: of the stage "text"...
        text_decay_at: ... and the step of it from which on it is a tenth; None for never.
        optimizer: of the other stages: "tf_adam" (Torch7's form of Adam is TensorFlow's) or "adam".
        learning_rate: of the other stages.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every, ...

    Raises:
        ValueError: for an unknown choice, unknown measures, a size that does not fit, or unusable words.
    """

    name = "fashion_gan"
    # How long the authors trained the first and the last stage is not known.
    stages = (
        Stage("text", 100_000, ("encoder",)),
        Stage("shape", 25_000, ("shape", "shape_discriminator")),
        Stage("picture", 100_000, ("picture", "picture_discriminator")),
    )
    needs_to_train = registry.MODELS["fashion_gan"].needs_to_train
    needs_to_run = registry.MODELS["fashion_gan"].needs_to_run

    def __init__(
        self,
        size: Sequence[int] = (128, 128),
        vocabulary: Sequence[str] | str | None = None,
        code: int = 100,
        noise: int = 80,
        measures: Sequence[str] = (),
        shape_width: int = 64,
        shape_discriminator_width: int = 64,
        picture: Literal["skip", "plain", "p2p"] = "skip",
        picture_width: int = 64,
        picture_discriminator_width: int = 64,
        compositional: bool = False,
        code_shifts: bool = False,
        dropout: float = 0.5,
        mean: Literal["grey", "data"] = "grey",
        statistics: Literal["running", "sample"] = "running",
        dropout_at_test: bool = False,
        keep_background: bool = False,
        map_weight: float = 100.0,
        image_weight: float = 100.0,
        colour_weight: float = 0.0,
        shape_adversarial_weight: float = 1.0,
        picture_adversarial_weight: float = 1.0,
        fake_weight: float = 1.0,
        wrong_weight: float = 1.0,
        generator_turn: Literal["before", "stale"] = "before",
        zero_biases: bool = False,
        shape_std: float = 0.02,
        picture_std: float = 0.02,
        text_updates: Literal["batch", "sentence"] = "batch",
        text_optimizer: Literal["sgd", "adam"] = "sgd",
        text_learning_rate: float = 0.01,
        text_decay_at: int | None = None,
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-4,
        **base: Any,
    ) -> None:
        check_choices(
            ("picture", picture, VARIANTS),
            ("mean", mean, ("grey", "data")),
            ("statistics", statistics, ("running", "sample")),
            ("generator_turn", generator_turn, ("before", "stale")),
            ("text_updates", text_updates, ("batch", "sentence")),
            ("text_optimizer", text_optimizer, ("sgd", "adam")),
            ("optimizer", optimizer, ("tf_adam", "adam")),
        )
        if unknown := [name for name in measures if name not in MEASURES]:
            raise ValueError(f"measures are {', '.join(MEASURES)}, not {', '.join(unknown)}")
        if code_shifts and picture != "skip":
            raise ValueError(f"code_shifts belong to picture='skip', not to {picture!r}")
        height, breadth = size
        smallest = 64 if picture == "plain" else 32
        if height != breadth or height < smallest or height & (height - 1):
            raise ValueError(
                f"fashion_gan draws squares with a power of 2 from {smallest} on as their side, not {height}x{breadth}"
            )
        super().__init__(**base)
        self.save_hyperparameters()
        known = read_vocabulary(vocabulary) if isinstance(vocabulary, str) else list(vocabulary or VOCABULARY)
        self.hparams["vocabulary"] = known
        self.vocabulary = Vocabulary(known)
        joined = code + sum(MEASURES[name] for name in measures)
        shown = 3 * (CLASSES if compositional else 1)
        self.encoder = LanguageEncoder(len(known), code)
        self.shape = ShapeGenerator(height, shape_width, joined, noise)
        self.shape_discriminator = ShapeDiscriminator(height, shape_discriminator_width, joined)
        if picture == "plain":
            self.picture: PlainGenerator | UNetGenerator = PlainGenerator(height, picture_width, joined, noise, shown)
            self.picture_discriminator: PlainDiscriminator | PatchDiscriminator = PlainDiscriminator(
                height, picture_discriminator_width, joined
            )
        else:
            text = picture == "skip"
            self.picture = UNetGenerator(height, picture_width, joined, noise, shown, text, dropout, code_shifts)
            self.picture_discriminator = PatchDiscriminator(height, picture_discriminator_width, joined, text)
        for networks, std in (
            ((self.shape, self.shape_discriminator), shape_std),
            ((self.picture, self.picture_discriminator), picture_std),
        ):
            for network in networks:
                initialize(network, std)
        self.register_buffer("mean", torch.full((3, height, breadth), 0.5))

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        return "text", "shape", "shape_discriminator", "picture", "picture_discriminator"

    # ------------------------------------------------------------------------------------------------ training
    def on_fit_start(self) -> None:
        super().on_fit_start()
        if self.hparams["mean"] == "data" and bool((self.mean == 0.5).all()):
            examples: Any = getattr(getattr(self.trainer, "datamodule", None), "train_set", None)
            if examples is None:
                raise ValueError("mean='data' takes the mean of the training pictures; fit with a data module that has a train_set")
            count = min(_MEAN_EXAMPLES, len(examples))
            total = sum(((examples[place].person.image + 1) / 2 for place in range(count)), torch.zeros(self.mean.shape))
            self.mean.copy_(total / count)

    def train_text(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of what sentences say; the labels are read off the sentences themselves."""
        sentences = sentences_of(batch.person)
        optimizer = self.optimizer_for("text")
        if self.steps_in_stage["text"] == self.hparams["text_decay_at"]:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"] = self.hparams["text_learning_rate"] / 10
        losses: dict[str, Tensor] = {}
        at_once = 1 if self.hparams["text_updates"] == "sentence" else len(sentences)
        for start in range(0, len(sentences), at_once):
            some = sentences[start : start + at_once]
            with self.updating("text") as update:
                code = self.encoder([self.vocabulary.encode(sentence) for sentence in some])
                losses = self.encoder.losses(code, read_attributes(some))
                update(losses["total"])
        return losses

    def train_shape(self, batch: Batch) -> dict[str, Tensor]:
        labels = parsing_of(batch.person)
        code = self.condition(batch.person, self.encode(sentences_of(batch.person)))
        condition = Condition(representation.layout(labels).to(code), code)
        return self.update_shape(labels, condition, self._noise(batch), *self._mismatched(labels, condition))

    def update_shape(
        self, labels: Tensor, condition: Condition, noise: Tensor, wrong_labels: Tensor, wrong_condition: Condition
    ) -> dict[str, Tensor]:
        """Update the discriminator, then the generator, which is judged by the new discriminator.

        Args:
            labels: (B, H, W) the true maps.
            condition: layouts and codes of the same people.
            noise: (B, noise).
            wrong_labels, wrong_condition: maps and layouts of others, under the codes of these people.
        """
        options = self.hparams
        drawn = self.shape(*condition, noise)
        with self.updating("shape_discriminator") as update:
            real = self.shape_discriminator(representation.one_hot(labels).to(drawn), *condition)
            wrong = self.shape_discriminator(representation.one_hot(wrong_labels).to(drawn), *wrong_condition)
            fake = self.shape_discriminator(drawn.detach(), *condition)
            judged = matching_loss(real, fake, wrong, options["fake_weight"], options["wrong_weight"], EPSILON)
            update(judged["total"])
        with self.updating("shape") as update:
            adversarial = real_loss(self.shape_discriminator(drawn, *condition), EPSILON)
            maps = torch.nn.functional.cross_entropy(drawn.float(), representation.class_index(labels))
            update(options["shape_adversarial_weight"] * adversarial + options["map_weight"] * maps)
        return {"maps": maps, "adversarial": adversarial, **_named("discriminator", judged)}

    def train_picture(self, batch: Batch) -> dict[str, Tensor]:
        labels = parsing_of(batch.person)
        code = self.condition(batch.person, self.encode(sentences_of(batch.person)))
        condition = Condition(representation.coloured_map(labels).to(code), code)
        image = (batch.person.image + 1) / 2 - self.mean
        if self.hparams["picture"] == "p2p":
            return self.update_picture(image, labels, condition, self._noise(batch))
        return self.update_picture(image, labels, condition, self._noise(batch), *self._mismatched(image, condition))

    def update_picture(
        self,
        image: Tensor,
        labels: Tensor,
        condition: Condition,
        noise: Tensor,
        wrong_image: Tensor | None = None,
        wrong_condition: Condition | None = None,
    ) -> dict[str, Tensor]:
        """Update the discriminator, and the generator by what the discriminator thought of its pictures before that.

        Args:
            image: (B, 3, H, W) pictures in [0, 1] minus the mean picture.
            labels: (B, H, W) their maps.
            condition: their coloured maps and codes.
            noise: (B, noise).
            wrong_image, wrong_condition: pictures and coloured maps of others, under the codes of these people; None for "p2p".
        """
        options = self.hparams
        stale = options["generator_turn"] == "stale"
        networks = (self.picture, self.picture_discriminator) if options["zero_biases"] else ()
        zero_conv_biases(*networks)
        painted = self._paint(condition, noise, labels)
        seen = painted.detach().requires_grad_()
        optimizer = self.optimizer_for("picture_discriminator")
        self.toggle_optimizer(optimizer)
        real = self.picture_discriminator(image, *condition)
        wrong = None
        if wrong_image is not None and wrong_condition is not None:
            wrong = self.picture_discriminator(wrong_image, *wrong_condition)
        with weights_as_they_are_then(stale):
            fake = self.picture_discriminator(seen, *condition)
        judged = matching_loss(real, fake, wrong, options["fake_weight"], options["wrong_weight"], EPSILON)
        adversarial = real_loss(fake, EPSILON)

        def slope() -> Tensor:
            return torch.autograd.grad(adversarial, seen, retain_graph=True)[0]

        direction = None if stale else slope()
        optimizer.zero_grad()
        self.manual_backward(judged["total"], retain_graph=stale, inputs=list(self.picture_discriminator.parameters()))
        optimizer.step()
        direction = slope() if direction is None else direction
        self.untoggle_optimizer(optimizer)
        zero_conv_biases(*networks)
        with self.updating("picture") as update:
            distance = masked_l1(painted, image)
            # The slope of the product with respect to the picture is that of the adversarial loss.
            total = options["picture_adversarial_weight"] * (painted * direction).sum() + options["image_weight"] * distance
            if options["colour_weight"]:
                total = total + options["colour_weight"] * label_colour_loss(painted, image, labels, CLASSES)
            update(total)
        return {"image": distance, "adversarial": adversarial, **_named("discriminator", judged)}

    def _noise(self, batch: Batch) -> Tensor:
        return torch.randn(len(batch), self.hparams["noise"], device=self.device)

    def _mismatched(self, truth: Tensor, condition: Condition) -> tuple[Tensor, Condition]:
        """Truth and map of others of the batch, never of the same, under the code of these.

        Raises:
            ValueError: for a batch of one.
        """
        count = len(truth)
        if count < 2:
            raise ValueError("fashion_gan learns from people and the sentences of others; batches have at least 2 people")
        shift = int(torch.randint(1, count, ()))
        return truth.roll(shift, 0), Condition(condition.map.roll(shift, 0), condition.code)

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams
        text: Callable[..., Optimizer] = SGD if options["text_optimizer"] == "sgd" else Adam
        return [
            text(self.encoder.parameters(), lr=options["text_learning_rate"]),
            *(
                adam(options["optimizer"], network.parameters(), options["learning_rate"])
                for network in (self.shape, self.shape_discriminator, self.picture, self.picture_discriminator)
            ),
        ]

    # ------------------------------------------------------------------------------------------------ the rest
    def inference_state(self) -> dict[str, Tensor]:
        """All weights but those of the discriminators, which only train."""
        return {key: value for key, value in self.state_dict().items() if not key.partition(".")[0].endswith("_discriminator")}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        code, noise = self.encode(sentences_of(batch.person)), torch.zeros(len(batch), self.hparams["noise"], device=self.device)
        labels = parsing_of(batch.person)
        redressed = self.redraw(batch.person, code, code, noise, noise)
        reconstructed = self(labels, self.condition(batch.person, code), noise) + self.mean
        return {
            "person": batch.person.image,
            "map": representation.coloured_map(labels) * 2,
            "drawn map": representation.coloured_map(redressed.labels) * 2,
            "painted from the true map": reconstructed * 2 - 1,
            "painted from the drawn map": redressed.painted,
        }


def _named(prefix: str, losses: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}_{name}": value for name, value in losses.items()}
