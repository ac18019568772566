"""ClothNet as a LightningModule: sketches from nothing or on a body, then pictures from sketches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fashiongen import registry
from fashiongen.layers.sketch_colours import FACE_FEATURES, clean_faces, colour_code, from_bytes
from fashiongen.losses import discriminator_loss, masked_l1, real_loss
from fashiongen.losses.kl import gaussian_kl
from fashiongen.losses.map_cross_entropy import KINDS, label_weights, map_cross_entropy
from fashiongen.models.base import Stage, check_choices
from fashiongen.models.clothnet.adversary import JudgedSketches, SketchDiscriminator
from fashiongen.models.clothnet.figures import SketchFigures
from fashiongen.models.clothnet.networks import (
    DROPOUT,
    STATISTICS,
    Dropout,
    PatchDiscriminator,
    Portrayer,
    Sketch,
    SketchModule,
    Statistics,
)
from fashiongen.models.clothnet.sketch import BODY, LABELS, Example, condition, example, matching_colours, set_colours
from fashiongen.models.clothnet.verbs import SampleAndPortray
from fashiongen.optim import adam
from fashiongen.types import Batch, Person

MODULES = ("sketch", "body_sketch", "portray")
_EPSILON = 1e-12

_JUDGED = {name: Stage(f"{name}_adversarial", 0, (name, f"{name}_discriminator")) for name in ("sketch", "body_sketch")}


class ClothNet(SampleAndPortray, JudgedSketches, SketchFigures):
    """ClothNet (Lassner et al., ICCV 2017): dressed people from nothing, or on a given body.

    Stage "sketch" learns label maps of dressed people as a variational auto-encoder, "body_sketch" the same on the map of a body,
    and "portray" learns, against a discriminator, to turn a label map into a picture. No stage reads what another learned; a model
    may have some of the three modules only. With a `sketch_adversarial_weight`, which the paper lacks, "sketch_adversarial" and
    "body_sketch_adversarial" follow the stages of their modules: sampled sketches are judged by a discriminator.

    The defaults are the published sizes and weights with clean behaviour; the presets "official-full" (`sketch` and `portray`)
    and "official-body" (`body_sketch` and `portray`) add the quirks of the authors' code.

    Args:
        size: height and width, a power of two.
        modules: which of "sketch", "body_sketch" and "portray" the model has; it has their stages alone, and steps of others
            are ignored.
        sketch_adversarial_weight: factor of the loss that sampled sketches take from a discriminator, beside the losses of their
            module; 0 leaves the adversarial stages out.
        sketch_adversarial_rate: learning rate of sketch modules and discriminators in these stages.
        sketch_discriminator_width: channels of these discriminators' first level.
        sketch_width: channels of the first level of both sketch modules.
        sketch_growth: how many times as many the deepest levels have.
        code: length of the code of a sketch.
        sketch_statistics: whose statistics normalise sketches, see `fashiongen.models.clothnet.networks.Normalization`. The authors
            always take those of the "batch": a sample then depends on those beside it.
        body_levels: levels of the encoder that see the body, "first" or "all" (authors' `cvae_noconn=False`).
        prior: where codes of new sketches are drawn from: the standard "normal" distribution (authors), or the normal distribution
            "fitted" to the codes of the training data, which allows a smaller `kl_weight` (not in the paper).
        reconstruction: "sigmoid", 22 independent decisions a pixel, averaged, as in the authors' code; or "softmax", one choice,
            which makes the loss about 22 times larger in proportion to the KL divergence.
        kl_weight: factor of the KL divergence (authors: 7).
        feature_weight: how much more lips, nose and eyes count (authors: 10).
        weigh_predicted: they count more where the prediction says so, too (authors' `class_weights_only_recall=False`).
        portray_width: channels of the portrayer's first level.
        portray_growth: how many times as many the deepest levels have.
        portray_levels: halvings of the portrayer; down to 1x1 when None.
        portray_input: it sees the sketch as "colours" (authors' `PM`) or as one map a label (`PM_class`).
        portray_colours: it sees the colour of every label too (authors' `segcolors`), which makes colours controllable.
        colour_statistic: what that colour is in training: the geometric "median" (authors) or the "mean", which is faster.
        portray_statistics: whose statistics normalise pictures. The authors train and draw in batches of one: "picture".
        dropout: "training"; or "always": the authors leave it on when they draw, as the noise of the portrayer; or "never".
        finest_skip: the portrayer's last level sees the encoder's first, as in pix2pix; the authors' lacks it.
        discriminator_width: channels of the discriminator's first level.
        discriminator_halvings: 3 gives patches of 70 pixels.
        adversarial_weight: factor of the portrayer's adversarial loss.
        l1_weight: factor of its L1 loss.
        one_by_one: the portrayer learns from each picture of a batch in turn, an update for each, as with batches of one.
        wardrobe: of how many people the colours are kept, for `sample` and `portray` to draw from; with `portray_colours` only.
        optimizer: "tf_adam" (TensorFlow's form of Adam) or "adam".
        learning_rate: of all networks.
        portray_learning_rate: of portrayer and discriminator in its place.
        base: options of `fashiongen.models.base.FashionModule`: steps, only, seed, gradient_clip, pictures_every,
            channels_last, cooldown.

    Raises:
        ValueError: for an unknown mode or module, and for no module at all.
    """

    name = "clothnet"
    stages: ClassVar[tuple[Stage, ...]] = (
        Stage("sketch", 64_800, ("sketch",)),
        Stage("body_sketch", 22_680, ("body_sketch",)),
        Stage("portray", 64_800, ("portrayer", "discriminator")),
    )
    needs_to_train = registry.MODELS["clothnet"].needs_to_train
    needs_to_run = registry.MODELS["clothnet"].needs_to_run
    wardrobe: Tensor

    def __init__(
        self,
        size: int = 256,
        modules: Sequence[str] = MODULES,
        sketch_width: int = 64,
        sketch_growth: int = 8,
        code: int = 32,
        sketch_statistics: Statistics = "running",
        body_levels: Literal["first", "all"] = "first",
        sketch_adversarial_weight: float = 0.0,
        sketch_adversarial_rate: float = 5e-4,
        sketch_discriminator_width: int = 24,
        prior: Literal["normal", "fitted"] = "normal",
        reconstruction: Literal["sigmoid", "softmax"] = "sigmoid",
        kl_weight: float = 7.0,
        feature_weight: float = 10.0,
        weigh_predicted: bool = False,
        portray_width: int = 64,
        portray_growth: int = 8,
        portray_levels: int | None = None,
        portray_input: Literal["colours", "labels"] = "colours",
        portray_colours: bool = False,
        colour_statistic: Literal["median", "mean"] = "median",
        portray_statistics: Statistics = "picture",
        dropout: Dropout = "training",
        finest_skip: bool = False,
        discriminator_width: int = 64,
        discriminator_halvings: int = 3,
        adversarial_weight: float = 1.0,
        l1_weight: float = 100.0,
        one_by_one: bool = False,
        wardrobe: int = 256,
        optimizer: Literal["tf_adam", "adam"] = "adam",
        learning_rate: float = 2e-4,
        portray_learning_rate: float | None = None,
        **base: Any,
    ) -> None:
        check_choices(
            ("sketch_statistics", sketch_statistics, STATISTICS),
            ("portray_statistics", portray_statistics, STATISTICS),
            ("body_levels", body_levels, ("first", "all")),
            ("prior", prior, ("normal", "fitted")),
            ("reconstruction", reconstruction, KINDS),
            ("portray_input", portray_input, ("colours", "labels")),
            ("colour_statistic", colour_statistic, ("median", "mean")),
            ("dropout", dropout, DROPOUT),
            ("optimizer", optimizer, ("tf_adam", "adam")),
            *(("modules", module, MODULES) for module in modules),
        )
        if not modules:
            raise ValueError(f"a clothnet has at least one of the modules {', '.join(MODULES)}")
        self.has = frozenset(modules)
        judged = _JUDGED if sketch_adversarial_weight else {}
        self.stages = tuple(  # type: ignore[misc]
            stage
            for published in type(self).stages
            if published.name in modules
            for stage in (published, judged.get(published.name))
            if stage is not None
        )
        # Presets may plan stages of modules that were left out.
        left_out = {*MODULES, *(stage.name for stage in _JUDGED.values())} - {stage.name for stage in self.stages}
        base["steps"] = {stage: count for stage, count in (base.get("steps") or {}).items() if stage not in left_out}
        super().__init__(**base)
        self.save_hyperparameters()
        if "body_sketch" not in modules:
            self.needs_to_train = type(self).needs_to_train - {"parts"}  # type: ignore[misc]
        sizes = (size, sketch_width, code, len(LABELS))
        if "sketch" in modules:
            self.sketch = SketchModule(*sizes, 0, sketch_growth, sketch_statistics)
        if "body_sketch" in modules:
            self.body_sketch = SketchModule(*sizes, len(BODY), sketch_growth, sketch_statistics, body_levels)
        for name in [name for name in judged if name in modules]:
            self.add_module(f"{name}_discriminator", SketchDiscriminator(size, sketch_discriminator_width, len(LABELS)))
        if "portray" in modules:
            incoming = (3 if portray_input == "colours" else len(LABELS)) + 3 * portray_colours
            levels = size.bit_length() - 1 if portray_levels is None else portray_levels
            self.portrayer = Portrayer(incoming, levels, portray_width, portray_growth, portray_statistics, dropout, finest_skip)
            self.discriminator = PatchDiscriminator(incoming + 3, discriminator_width, discriminator_halvings, portray_statistics)
            if portray_colours:
                self.register_buffer("wardrobe", torch.zeros(wardrobe, len(LABELS), 3, dtype=torch.uint8))

    @property
    def size(self) -> tuple[int, int]:
        return self.hparams["size"], self.hparams["size"]

    @property
    def optimizer_names(self) -> tuple[str, ...]:
        return tuple(optimizer for optimizer, _, _ in self._trained())

    def _trained(self) -> Iterator[tuple[str, nn.Module, float]]:
        """Optimisers with their networks and learning rates; a sketch module has another one, of the stage's name, when judged."""
        options = self.hparams
        rates = dict.fromkeys(MODULES, options["learning_rate"])
        if options["portray_learning_rate"] is not None:
            rates["portray"] = options["portray_learning_rate"]
        for stage in self.stages:
            for name in stage.trains:
                again = name in MODULES and name != stage.name
                yield stage.name if again else name, getattr(self, name), rates.get(stage.name, options["sketch_adversarial_rate"])

    # ------------------------------------------------------------------------------------------------ forward
    def forward(self, code: Tensor, body: Tensor | None = None, colours: Tensor | None = None, soft: bool = False) -> Tensor:
        """Codes to pictures, through all networks.

        Args:
            code: (B, N) codes of sketches.
            body: (B, H, W) ids of `BODY`, for people on bodies.
            colours: (B, 22, 3) uint8, the colour of each label; drawn from the wardrobe when None and the portrayer sees them.
            soft: give the portrayer the probabilities of the labels in place of the best label, so that gradients reach the code.
                Not in the authors' code, whose sketches travel as 8-bit pictures; with `portray_input="labels"`, without colours.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: for `soft` with a portrayer that sees colours.
        """
        if not soft:
            return self.portrait(self.draw(code, body), colours)
        if self.hparams["portray_input"] != "labels" or self.hparams["portray_colours"]:
            raise ValueError("soft sketches need portray_input='labels' and portray_colours=False")
        logits = self.logits(code, body)
        chances = logits.softmax(dim=1) if self.hparams["reconstruction"] == "softmax" else logits.sigmoid()
        return self.portrayer(chances - 0.5)

    def logits(self, code: Tensor, body: Tensor | None = None) -> Tensor:
        """(B, 22, H, W): what `draw` takes the best label of; arguments as in `forward`."""
        if body is None:
            return self.module("sketch").decode(code)
        network = self.module("body_sketch")
        return network.decode(code, network.embed(body)[-1])

    def sample_codes(self, count: int, body: bool = False) -> Tensor:
        """(`count`, N) random codes of sketches, from nothing or for bodies, drawn as `prior` says.

        Raises:
            ValueError: when the model lacks the module.
        """
        return self.module("body_sketch" if body else "sketch").sample_codes(count, self.hparams["prior"] == "fitted")

    def draw(self, code: Tensor, body: Tensor | None = None, clean: bool = True) -> Tensor:
        """Codes to sketches.

        Args:
            code: (B, N).
            body: (B, H, W) ids of `BODY`; sketches from nothing when None.
            clean: shrink lips, nose and eyes, see `fashiongen.layers.sketch_colours.clean_faces`.

        Returns:
            (B, H, W) uint8 ids of `LABELS`.

        Raises:
            ValueError: when the model lacks the module.
        """
        labels = self.logits(code, body).argmax(dim=1).to(torch.uint8)
        return clean_faces(labels) if clean else labels

    def portrait(self, labels: Tensor, colours: Tensor | None = None) -> Tensor:
        """Sketches to pictures.

        Args:
            labels: (B, H, W) ids of `LABELS`.
            colours: (B, 22, 3) uint8, the colour of each label; drawn from the wardrobe when None and the portrayer sees them.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the model lacks the module, or colours are given to one that takes none or are missing.
        """
        network = self.module("portray")
        if self.hparams["portray_colours"] and colours is None:
            colours = self.draw_colours(labels)
        elif colours is not None and not self.hparams["portray_colours"]:
            raise ValueError("this clothnet takes no colours: it was made with portray_colours=False")
        dtype = network.encoder[0].conv.weight.dtype
        return network(condition(labels, colours, self.hparams["portray_input"]).to(dtype))

    def draw_colours(self, labels: Tensor, wanted: Mapping[str, Sequence[int]] | None = None) -> Tensor:
        """Colours for sketches, from people that were seen in training.

        Args:
            labels: (B, H, W) ids of `LABELS`.
            wanted: label name -> RGB in 0..255, in place of the drawn ones.

        Returns:
            (B, 22, 3) uint8.

        Raises:
            ValueError: when the model takes no colours; when it knows no people (authors' weights) and `wanted` leaves out labels.
        """
        wanted = wanted or {}
        if not self.hparams["portray_colours"]:
            raise ValueError("this clothnet takes no colours: it was made with portray_colours=False")
        known = self.wardrobe[self.wardrobe.ne(0).any(dim=-1).any(dim=-1)]
        if len(known):
            return set_colours(matching_colours(labels, known), wanted)
        table = set_colours(torch.zeros(len(labels), len(LABELS), 3, dtype=torch.uint8, device=labels.device), wanted)
        present = torch.bincount(labels.long().flatten(), minlength=len(LABELS))[1:] > 0
        lacking = [LABELS[label] for label in (present & ~table[0, 1:].ne(0).any(dim=-1)).nonzero()[:, 0].add(1).tolist()]
        if not set(lacking) <= set(wanted):
            raise ValueError(f"this clothnet has no wardrobe to draw colours from; give those of {', '.join(lacking)} too")
        return table

    def module(self, name: str) -> Any:
        """The network of a module by the module's name.

        Raises:
            ValueError: when the model lacks it.
        """
        if name not in self.has:
            raise ValueError(f"this clothnet has no module {name!r}; it has {', '.join(self.hparams['modules'])}")
        return self.portrayer if name == "portray" else getattr(self, name)

    # ------------------------------------------------------------------------------------------------ losses
    def sketch_losses(self, drawn: Sketch, labels: Tensor) -> dict[str, Tensor]:
        """Losses of a sketch module (authors' `create_model` for `vae` and `cvae`).

        Args:
            drawn: what it made of the batch.
            labels: (B, H, W) the truth.

        Returns:
            "reconstruction", a sum over pixels; "kl"; "accuracy", the share of pixels whose label is right; and "total".
        """
        options = self.hparams
        predicted = drawn.logits.argmax(dim=1)
        weight = label_weights(labels, FACE_FEATURES, options["feature_weight"], predicted if options["weigh_predicted"] else None)
        losses = {
            "reconstruction": map_cross_entropy(drawn.logits, labels, weight, options["reconstruction"]),
            "kl": gaussian_kl(drawn.mean, drawn.log_variance),
            "accuracy": (predicted == labels).float().mean(),
        }
        return {**losses, "total": losses["reconstruction"] + options["kl_weight"] * losses["kl"]}

    def portrait_losses(self, picture: Tensor, target: Tensor, logits: Tensor) -> dict[str, Tensor]:
        """Losses of the portrayer.

        Args:
            picture: (B, 3, H, W) what it drew.
            target: (B, 3, H, W) what it should have drawn.
            logits: of the discriminator for `picture`.

        Returns:
            "adversarial", "l1", and "total", their weighted sum.
        """
        options = self.hparams
        losses = {"adversarial": real_loss(logits, _EPSILON), "l1": masked_l1(picture, target)}
        total = options["adversarial_weight"] * losses["adversarial"] + options["l1_weight"] * losses["l1"]
        return {**losses, "total": total}

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """How far the discriminator is from telling real pictures from drawn ones, by its logits (not halved)."""
        return discriminator_loss(real, fake, _EPSILON)

    # ------------------------------------------------------------------------------------------------ training
    def example(self, person: Person) -> Example:
        """What the networks see of a batch of people; see `fashiongen.models.clothnet.sketch.example`."""
        options = self.hparams
        statistic = options["colour_statistic"] if options["portray_colours"] and "portray" in self.has else None
        return example(person, options["size"], options["portray_input"], statistic)

    def train_sketch(self, batch: Batch) -> dict[str, Tensor]:
        return self._train_sketch_module("sketch", batch)

    def train_body_sketch(self, batch: Batch) -> dict[str, Tensor]:
        return self._train_sketch_module("body_sketch", batch)

    def _train_sketch_module(self, name: str, batch: Batch) -> dict[str, Tensor]:
        seen = self.example(batch.person)
        with self.updating(name) as update:
            losses = self.sketch_losses(
                getattr(self, name)(seen.labels, seen.known_body() if name == "body_sketch" else None), seen.labels
            )
            update(losses["total"])
        return losses

    def train_portray(self, batch: Batch) -> dict[str, Tensor]:
        seen = self.example(batch.person)
        if seen.colours is not None:
            first = self.steps_in_stage["portray"] * len(seen.colours)
            places = torch.arange(first, first + len(seen.colours), device=seen.colours.device) % len(self.wardrobe)
            self.wardrobe[places] = seen.colours
        losses: dict[str, Tensor] = {}
        for each in seen.unbind() if self.hparams["one_by_one"] else [seen]:
            losses = self._portray(each)
        return losses

    def _portray(self, seen: Example) -> dict[str, Tensor]:
        # Both updates follow from the weights before them, as in the authors' graph.
        with self.updating("portrayer") as update:
            picture = self.portrayer(seen.condition)
            losses = self.portrait_losses(picture, seen.picture, self.discriminator(seen.condition, picture))
            update(losses["total"])
        with self.updating("discriminator") as update:
            real = self.discriminator(seen.condition, seen.picture)
            losses["discriminator"] = self.discriminator_loss(real, self.discriminator(seen.condition, picture.detach()))
            update(losses["discriminator"])
        return losses

    def configure_optimizers(self) -> list[Optimizer]:
        form = self.hparams["optimizer"]
        return [adam(form, network.parameters(), rate) for _, network, rate in self._trained()]

    # ------------------------------------------------------------------------------------------------ the rest
    def inference_state(self) -> dict[str, Tensor]:
        """All weights but those of discriminators, which only train."""
        return {key: value for key, value in self.state_dict().items() if not key.split(".")[0].endswith("discriminator")}

    def pictures(self, batch: Batch) -> dict[str, Tensor]:
        seen = self.example(batch.person)
        columns = {"person": seen.picture, "sketch": _shown(seen.labels)}
        for name in ("sketch", "body_sketch"):
            if name in self.has:
                body = seen.known_body() if name == "body_sketch" else None
                columns[f"drawn {name}"] = _shown(self.draw(self.sample_codes(len(seen.labels), body is not None), body))
        if "portray" in self.has:
            columns["portrait"] = self.portrayer(seen.condition)
        return columns


def _shown(labels: Tensor) -> Tensor:
    return from_bytes(colour_code(labels))
