"""CAGAN as a LightningModule: a garment is swapped for another and back again, against a critic of what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Beta
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.compositor import composite
from fashiongen.layers.resize import legacy_bilinear_resize
from fashiongen.losses.cycle import cycle_loss, matte_loss
from fashiongen.losses.relation import AdversarialForm, label_loss, relation_loss
from fashiongen.models.base import Stage, check_choices
from fashiongen.models.cagan.exchange import in_clothes_of_another
from fashiongen.models.cagan.figures import SwapFigures
from fashiongen.models.cagan.losses import colour_loss
from fashiongen.models.cagan.networks import Condition, KerasGenerator, Norm, PaperGenerator, PatchDiscriminator, Swap, check_size
from fashiongen.models.cagan.stacked import StackedGenerator
from fashiongen.models.cagan.viton_baseline import VitonBaselineGenerator
from fashiongen.models.verbs import TryOn, batched
from fashiongen.optim import adam
from fashiongen.types import Batch, Garment, Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Profile = Literal["keras", "viton_baseline", "stacked", "paper"]


class Change(NamedTuple):
    """A swap and its way back, at each of the generator's scales, the finest last.

    Attributes:
        people: (B, 3, h, w) the people as they were.
        swaps: what the generator drew.
        generated: (B, 3, h, w) the people in the other garments.
        restored: (B, 3, h, w) the people back in their own.
    """

    people: list[Tensor]
    swaps: tuple[Swap, ...]
    generated: list[Tensor]
    restored: list[Tensor]


class Cagan(TryOn, SwapFigures):
    """CAGAN (Jetchev and Bergmann, ICCV workshops 2017): a person in another garment, learned without key points, parsing or pairs.

    A generator sees a person, the garment that she wears and the garment that she is to wear; it draws a matte and a picture, which
    is laid over the person through the matte. A discriminator sees a person beside a garment and learns whether she wears it, from
    real people beside their own garments, generated people beside their new ones, and real people beside other garments. Swapping
    back must give the person again, and the matte shall be small.

    The authors published no code. `profile` chooses the networks; the defaults are the best-known re-implementation's with clean
    behaviour, the presets "keras", "viton-baseline", "stacked" and "paper" add what belongs to each.

    Args:
        profile: "keras" (`KerasGenerator`), "viton_baseline" (`VitonBaselineGenerator`), "stacked" (`StackedGenerator`, one
            discriminator a scale), or "paper" (`PaperGenerator`).
        size: height and width that the networks work at; multiples of 16 ("keras", "paper") or 32, at least 32
            ("stacked": 96).
        width: channels of the generator's first level (64 in all profiles).
        discriminator_width: channels of the discriminator's first level.
        condition: which garment the small copies at every depth show beside the person: the one "worn" ("keras", "paper"), the
            "target" ("stacked"; users report better swaps), or "none".
        condition_in_d: let the discriminator see copies too, as a sentence of the paper says ("paper" alone).
        norm: of the generators "keras" and "paper": "instance" or "batch".
        shared_norm: off, the passes of a step have normalisations of their own, most of them untrained, as in the code of
            "viton_baseline".
        refiner_widths: of the two refiners of "stacked".
        noise: standard deviation of noise on what the discriminators see, in training ("stacked": 0.05).
        adversarial_weight, cycle_weight, matte_weight: of the losses; gamma_c and gamma_i of the paper are the last two.
        matte_target: "none", or "parsing": the matte shall not be small but lie where the parsing has the garment that the person
            wears, which training then needs; an idea of later users.
        matte_warmup: steps in which the weight of the matte grows from 0; a matte that vanishes early never comes back.
        identity_weight: of what changes when the worn garment is put on again; meant, but by a slip without effect, in the code
            of "stacked".
        colour_weight: of `colour_loss` between the scales ("stacked": 1).
        discriminator_weight: of the discriminator's loss; "keras" and "stacked" double it.
        adversarial: "cross_entropy" or "least_squares".
        epsilon: inside the logarithms of the cross entropy: 1e-12 in the published codes.
        mixup: in place of real and generated pairs the discriminator sees mixtures of both, by a factor from Beta(0.1, 0.1), one a
            step and a scale ("stacked").
        cycle_target: what must equal the person: the "composite" of the way back, or as in the code of "viton_baseline" the picture
            that was "painted", before it is laid over anything.
        cycle_start: what the way back starts from: the "generated" picture; "covered", the same with all painted over that the
            parsing calls the worn garment; or "exchanged", where besides the way there starts from
            `fashiongen.models.cagan.exchange.in_clothes_of_another`, so that nothing of the worn garment survives in what is
            painted (the last two are not in paper or codes; training then needs parsing, "exchanged" also body parts).
        cycle_gradient: "both" trains the way there and the way back; "back" only the latter, so that the generated picture cannot
            learn to carry hidden notes about the garment that it replaced.
        reversed_garments: where the data gives no other garments, those of a batch are its own in reverse order ("viton_baseline";
            in an odd batch the middle person is then mismatched with her own), instead of moved on by one.
        optimizer: "tf_adam" (TensorFlow's form of Adam) or "adam".
        learning_rate: of both networks, constant.
        betas: of both optimisers.
        garment_labels: labels of the parsing that are the garment: for the figures, and in training where it needs parsing.
        covered_labels: labels that "parsing", "covered" and "exchanged" take in beside the garment: skin that it may hide or show.
        covered_margin: pixels by which the region grows besides.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every, cooldown.

    Raises:
        ValueError: for an unknown choice, or options or a size that do not fit the profile.
    """

    name = "cagan"
    stages = (Stage("swap", 5_000, ("generator", "discriminators")),)
    needs_to_train = registry.MODELS["cagan"].needs_to_train
    needs_to_run = registry.MODELS["cagan"].needs_to_run

    def __init__(
        self,
        profile: Profile = "keras",
        size: Sequence[int] = (128, 96),
        width: int = 64,
        discriminator_width: int = 64,
        condition: Condition = "worn",
        condition_in_d: bool = False,
        norm: Norm = "instance",
        shared_norm: bool = True,
        refiner_widths: Sequence[int] = (64, 32),
        noise: float = 0.0,
        adversarial_weight: float = 1.0,
        cycle_weight: float = 1.0,
        matte_weight: float = 0.1,
        matte_target: Literal["none", "parsing"] = "none",
        matte_warmup: int = 0,
        identity_weight: float = 0.0,
        colour_weight: float = 0.0,
        discriminator_weight: float = 1.0,
        adversarial: AdversarialForm = "cross_entropy",
        epsilon: float = 0.0,
        mixup: bool = False,
        cycle_target: Literal["composite", "painted"] = "composite",
        cycle_start: Literal["generated", "covered", "exchanged"] = "generated",
        cycle_gradient: Literal["both", "back"] = "both",
        reversed_garments: bool = False,
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-4,
        betas: Sequence[float] = (0.5, 0.999),
        garment_labels: Sequence[int] = (5,),
        covered_labels: Sequence[int] = (),
        covered_margin: int = 0,
        **base: Any,
    ) -> None:
        check_choices(
            ("profile", profile, ("keras", "viton_baseline", "stacked", "paper")),
            ("condition", condition, ("worn", "target", "none")),
            ("norm", norm, ("instance", "batch")),
            ("adversarial", adversarial, ("cross_entropy", "least_squares")),
            ("cycle_target", cycle_target, ("composite", "painted")),
            ("cycle_start", cycle_start, ("generated", "covered", "exchanged")),
            ("cycle_gradient", cycle_gradient, ("both", "back")),
            ("matte_target", matte_target, ("none", "parsing")),
            ("optimizer", optimizer, ("tf_adam", "adam")),
        )
        if not shared_norm and profile != "viton_baseline":
            raise ValueError("shared_norm=False belongs to profile='viton_baseline'")
        if condition_in_d and profile != "paper":
            raise ValueError("condition_in_d=True belongs to profile='paper'")
        super().__init__(**base)
        self.save_hyperparameters()
        self.generator: KerasGenerator | PaperGenerator | StackedGenerator | VitonBaselineGenerator
        shape: dict[str, Any] = {"width": discriminator_width, "noise": noise}
        if profile == "keras":
            self.generator = KerasGenerator(width, condition, norm)
        elif profile == "paper":
            self.generator = PaperGenerator(width, condition, norm)
            shape |= {"halvings": 4, "wide": False, "condition": condition_in_d}
        elif profile == "stacked":
            self.generator = StackedGenerator(width, refiner_widths, condition)
        else:
            self.generator = VitonBaselineGenerator(width, shared_norm)
            shape |= {"halvings": 4, "wide": False, "bias": False, "garment_first": True, "eps": 1e-5, "shared_norm": shared_norm}
        check_size(size, *self.generator.sizes)
        self.discriminators = nn.ModuleList(PatchDiscriminator(**shape) for _ in range(3 if profile == "stacked" else 1))

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.hparams["size"]
        return height, width

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        return "discriminators", "generator"

    # ------------------------------------------------------------------------------------------------ forward
    def forward(self, person: Tensor, worn: Tensor, target: Tensor) -> Swap:
        """The matte and the picture that put garments on people, at full size.

        Args:
            person: (B, 3, H, W) in [-1, 1], as worn and target.
            worn: the garments that the people wear.
            target: the garments that they are to wear.
        """
        return self.generator(person, worn, target)[-1]

    def dress(
        self,
        person: Person,
        garment: Garment,
        worn: Garment | Sequence[Garment] | None = None,
        output: Literal["picture", "alpha", "painted"] = "picture",
        threshold: float | None = None,
        alpha: Tensor | None = None,
    ) -> Tensor:
        """Swap garments; `try_on` calls it.

        Args:
            person, garment: batches at the model's size; only the pictures are looked at.
            worn: the garments that the people wear now: one, a list, or a batch. Needed.
            output: the "picture", or what it is made of: the matte "alpha" (white is 1; a segmentation of the garment that nobody
                taught), or what is "painted" under it.
            threshold: binarise the matte there.
            alpha: (B, 1, H, W) in [0, 1] in place of the predicted matte.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when `worn` is missing or another number of garments, or for another `output`.
        """
        if output not in ("picture", "alpha", "painted"):
            raise ValueError(f"output is 'picture', 'alpha' or 'painted', not {output!r}")
        swap = self(person.image, self._worn(worn, len(person.image)).image, garment.image)
        if alpha is not None:
            swap = swap._replace(alpha=alpha.to(swap.image))
        if threshold is not None:
            swap = swap._replace(alpha=(swap.alpha > threshold).to(swap.image))
        if output == "alpha":
            return (2 * swap.alpha - 1).expand_as(swap.image)
        return swap.image if output == "painted" else swap.over(person.image)

    def try_on_photograph(self, person: Person, garment: Garment, worn: Garment) -> Image.Image:
        """As `try_on`, but at the full size of the person's picture: what the matte leaves stays as sharp as it was.

        Args:
            person: one person, at any size.
            garment, worn: the garment to put on, and the one that the person wears.

        Raises:
            ValueError: when something is a batch.
        """
        if any(item.image.ndim != 3 for item in (person, garment, worn)):
            raise ValueError("try_on_photograph takes one person and one garment; try_on takes lists and batches")
        people, garments = Person.stack([person]), Garment.stack([garment])
        parts: list[Any] = [self.try_on(people, garments, worn=worn, output=output) for output in ("alpha", "painted")]
        size: dict[str, Any] = {"size": person.size, "mode": "bilinear", "align_corners": False}
        matte, painted = (F.interpolate(part, **size).to(person.image) for part in parts)
        return to_pil(composite(painted, people.image, (matte[:, :1] + 1) / 2)[0])

    def _worn(self, worn: Garment | Sequence[Garment] | None, count: int) -> Garment:
        if worn is None:
            raise ValueError(
                f"{self.name} needs the garment that the person wears, beside the one to put on; "
                "pass it: try_on(person, garment, worn=fashiongen.garment(picture))"
            )
        garments = batched(worn, self.size, self.device, "garment")
        found = len(garments.image)
        if found not in (1, count):
            raise ValueError(f"worn holds {found} garments for {count} people: give as many as people, or one that all wear")
        return garments if found == count else Garment.stack(garments.unbind() * count)

    # ------------------------------------------------------------------------------------------------ losses
    def change(
        self, person: Tensor, worn: Tensor, target: Tensor, covered: Tensor | None = None, start: Tensor | None = None
    ) -> Change:
        """Swap garments and swap them back.

        The way back sees the generated people, enlarged where they are of a smaller scale, with the garments exchanged, and is laid
        over them; at the smallest of several scales it is laid over what was painted, as in the code of "stacked".

        Args:
            person: (B, 3, H, W) in [-1, 1], as worn and target.
            worn: the garments that the people wear.
            target: the garments that they are to wear.
            covered: (B, 1, H, W) in [0, 1], where the way back starts from what was painted alone.
            start: (B, 3, H, W) what the way there starts from; by default `person`, where the way back ends.
        """
        people = self._scales(person)
        start = person if start is None else start
        swaps = self.generator(start, worn, target)
        generated = [swap.over(each) for swap, each in zip(swaps, self._scales(start), strict=True)]
        restored = []
        for scale, picture in enumerate(generated):
            if covered is not None:
                picture = composite(swaps[scale].image, picture, self._scales(covered)[scale])
            below = swaps[scale].image if len(swaps) > 1 and scale == 0 else picture
            if self.hparams["cycle_gradient"] == "back":
                picture, below = picture.detach(), below.detach()
            back = self.generator(legacy_bilinear_resize(picture, *person.shape[-2:]), target, worn, back=True)[scale]
            restored.append(back.image if self.hparams["cycle_target"] == "painted" else back.over(below))
        return Change(people, swaps, generated, restored)

    def generator_losses(
        self,
        change: Change,
        worn: Tensor,
        target: Tensor,
        matte_weight: float | None = None,
        region: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Losses of the generator, each summed over its scales but before its weight, and their weighted sum "total".

        Args:
            change: what `change` made of people.
            worn: (B, 3, H, W) the garments that they wear.
            target: (B, 3, H, W) the garments that they were to wear.
            matte_weight: in place of the option.
            region: (B, 1, H, W) where the matte ought to be, if that is known.
        """
        options = self.hparams
        weights = {name: options[f"{name}_weight"] for name in ("adversarial", "cycle", "matte", "identity", "colour")}
        if matte_weight is not None:
            weights["matte"] = matte_weight
        form = {"form": options["adversarial"], "epsilon": options["epsilon"]}
        judged = zip(self.discriminators, change.generated, self._scales(target), strict=True)
        places = [None] * len(change.swaps) if region is None else self._scales(region)
        losses = {
            "adversarial": _sum([label_loss(judge(people, garment, "generated"), 1, **form) for judge, people, garment in judged]),
            "cycle": _sum([cycle_loss(*pair) for pair in zip(change.people, change.restored, strict=True)]),
            "matte": _sum([matte_loss(swap.alpha, place) for swap, place in zip(change.swaps, places, strict=True)]),
        }
        if weights["identity"]:
            losses["identity"] = cycle_loss(change.people[-1], self.put_on_again(change.people[-1], worn))
        if weights["colour"]:
            losses["colour"] = colour_loss(change.generated)
        return {**losses, "total": _sum([weights[name] * loss for name, loss in losses.items()])}

    def put_on_again(self, person: Tensor, worn: Tensor) -> Tensor:
        """(B, 3, H, W): the people in the garments that they wear already, which should change nothing."""
        return self(person, worn, worn).over(person)

    def discriminator_losses(
        self,
        generated: Sequence[Tensor],
        person: Tensor,
        worn: Tensor,
        target: Tensor,
        mixture: Sequence[float] | Tensor | None = None,
    ) -> list[Tensor]:
        """Loss of each discriminator, one a scale, before its weight.

        Args:
            generated: (B, 3, h, w) the people in the other garments, at each scale.
            person, worn, target: (B, 3, H, W).
            mixture: one factor a scale, how much of the real pairs there is in a mixture of real and generated ones that takes the
                place of both; None keeps them apart.
        """
        form = {"form": self.hparams["adversarial"], "epsilon": self.hparams["epsilon"]}
        losses = []
        scales = zip(self.discriminators, generated, self._scales(person), self._scales(worn), self._scales(target), strict=True)
        for scale, (judge, made, people, own, other) in enumerate(scales):
            mismatched = judge(people, other, "mismatched")
            if mixture is None:
                losses.append(relation_loss(judge(people, own, "matched"), judge(made, other, "generated"), mismatched, **form))
            else:
                share = mixture[scale]
                mixed = judge(torch.lerp(made, people, share), torch.lerp(other, own, share), "matched")
                losses.append(label_loss(mixed, share, **form) + label_loss(mismatched, 0, **form))
        return losses

    def _scales(self, image: Tensor) -> list[Tensor]:
        """Pictures at each scale of the generator: a quarter, a half and the full size, or the full size alone."""
        height, width = image.shape[-2:]
        factors = range(len(self.discriminators) - 1, -1, -1)
        return [legacy_bilinear_resize(image, height >> factor, width >> factor) for factor in factors]

    # ------------------------------------------------------------------------------------------------ training
    def train_swap(self, batch: Batch) -> dict[str, Tensor]:
        """The discriminators, then the generator, on the same batch; what was generated serves both."""
        person = batch.person.image
        worn, target = self.garments_of(batch)
        options = self.hparams
        cover = start = None
        if options["matte_target"] == "parsing" or options["cycle_start"] != "generated":
            cover = self.covered_region(batch.person)
            start = in_clothes_of_another(batch.person, cover) if options["cycle_start"] == "exchanged" else None
        change = self.change(person, worn, target, None if options["cycle_start"] == "generated" else cover, start)
        with self.updating("discriminators") as update:
            made = [picture.detach() for picture in change.generated]
            mixture = Beta(0.1, 0.1).sample((len(made),)).to(person) if self.hparams["mixup"] else None
            judged = _sum(self.discriminator_losses(made, person, worn, target, mixture))
            update(self.hparams["discriminator_weight"] * judged)
        with self.updating("generator") as update:
            region = cover if options["matte_target"] == "parsing" else None
            losses = self.generator_losses(change, worn, target, self._matte_weight(), region)
            update(losses["total"])
        return {**losses, "discriminator": judged}

    def covered_region(self, person: Person) -> Tensor:
        """(B, 1, H, W) in {0, 1}: the garment of people and what is covered beside it."""
        margin = self.hparams["covered_margin"]
        region = self.garment_region(person, self.hparams["covered_labels"])
        return F.max_pool2d(region, 2 * margin + 1, stride=1, padding=margin)

    def _matte_weight(self) -> float:
        warmup = self.hparams["matte_warmup"]
        share = min(1.0, self.steps_in_stage["swap"] / warmup) if warmup else 1.0
        return share * self.hparams["matte_weight"]

    def garments_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The garments that the people of a batch wear, and others: those of the data, else one another's."""
        if batch.garment is None:
            raise ValueError(f"{self.name} learns from people and the garments that they wear; this batch has no `garment`")
        worn = batch.garment.image
        if batch.other_garment is not None:
            return worn, batch.other_garment.image
        if len(worn) < 2:
            raise ValueError(
                "a batch of one person holds no other garment; take a batch_size of at least 2, or data that gives `other_garment`"
            )
        return worn, worn.flip(0) if self.hparams["reversed_garments"] else worn.roll(1, 0)

    def configure_optimizers(self) -> list[Optimizer]:
        options = self.hparams
        return [
            adam(options["optimizer"], network.parameters(), options["learning_rate"], tuple(options["betas"]))
            for network in (self.discriminators, self.generator)
        ]

    # ------------------------------------------------------------------------------------------------ the rest
    def inference_state(self) -> dict[str, Tensor]:
        """The weights of the generator's way there; the way back and the discriminators only train."""
        others = ("discriminators.", "generator.back_norms.")
        return {key: value for key, value in self.state_dict().items() if not key.startswith(others)}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        person = batch.person.image
        worn, target = self.garments_of(batch)
        swap = self(person, worn, target)
        picture = swap.over(person)
        return {
            "person": person,
            "worn": worn,
            "target": target,
            "matte": (2 * swap.alpha - 1).expand_as(person),
            "painted": swap.image,
            "swapped": picture,
            "swapped back": self(picture, target, worn).over(picture),
        }


def _sum(values: Sequence[Tensor]) -> Tensor:
    return torch.stack([value.reshape(()) for value in values]).sum()
