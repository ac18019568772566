"""Which models and data sets there are: literal tables, so that looking them up imports nothing."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

#: What a batch can hold; models need, data modules provide sets of these names.
ANNOTATIONS = {
    "person": "a picture of a person",
    "keypoints": "the person's 18 key points",
    "parsing": "the person's parsing map",
    "parts": "the person's body parts",
    "text": "a sentence about the person's clothes",
    "target": "the same person in another pose",
    "garment": "shop picture of the garment that the person wears",
    "other_garment": "shop picture of a garment that the person does not wear",
    "control_points": "thin-plate spline that lays a garment on the person",
    "truth": "the true answer of the task",
}


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without importing it.

    Attributes:
        path: `module:class` of its LightningModule.
        title, authors, venue, arxiv, code: the paper and its authors' code.
        task: the verb that it is made for.
        changes: what of the picture it changes.
        stages: in a few words.
        adversarial: which stages have a discriminator.
        needs_to_train, needs_to_run: names of `ANNOTATIONS` that training and the verbs read.
        verbs: what its objects can do.
        presets: names of the shipped configurations, `fashiongen fit --config <name>/<preset>`.
        pretrained: bundled weights.
        figures: published figures, metric -> value; all of them as the library's documentation marks them.
    """

    path: str
    title: str
    authors: str
    venue: str
    arxiv: str
    code: str
    task: str
    changes: str
    stages: str
    adversarial: str
    verbs: tuple[str, ...]
    presets: tuple[str, ...]
    pretrained: tuple[str, ...]
    figures: dict[str, str]
    needs_to_train: frozenset[str] = frozenset()
    needs_to_run: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DataCard:
    """What is known of a data module without importing it: `path` is its `module:class`."""

    path: str
    provides: frozenset[str]
    about: str


MODELS: dict[str, ModelCard] = {
    "viton": ModelCard(
        path="fashiongen.models.viton.module:Viton",
        title="VITON: An Image-based Virtual Try-on Network",
        authors="Xintong Han, Zuxuan Wu, Zhe Wu, Ruichi Yu, Larry S. Davis",
        venue="CVPR 2018",
        arxiv="1711.08447",
        code="xthan/VITON",
        task="try-on",
        changes="the garment",
        stages="2: coarse picture and clothing mask, then refinement with the warped garment",
        adversarial="no",
        verbs=("try_on",),
        presets=("official", "mannequin"),
        pretrained=("viton.mannequin",),
        figures={"Inception Score, 2,032 test pairs (recalled, unverified)": "2.514 ± 0.130"},
        needs_to_train=frozenset({"person", "keypoints", "parsing", "garment", "control_points"}),
        needs_to_run=frozenset({"person", "keypoints", "parsing", "other_garment"}),
    ),
    "pg2": ModelCard(
        path="fashiongen.models.pg2.module:Pg2",
        title="Pose Guided Person Image Generation",
        authors="Liqian Ma, Xu Jia, Qianru Sun, Bernt Schiele, Tinne Tuytelaars, Luc Van Gool",
        venue="NIPS 2017",
        arxiv="1705.09368",
        code="charliememory/Pose-Guided-Person-Image-Generation",
        task="pose transfer",
        changes="the pose",
        stages="2: coarse picture, then a difference map that refines it",
        adversarial="second stage",
        verbs=("repose",),
        presets=("official-market", "official-deepfashion", "mannequin"),
        pretrained=(),
        figures={
            "SSIM, Market-1501, 12,800 test pairs (recalled, unverified)": "0.253",
            "SSIM, DeepFashion, 12,800 test pairs (recalled, unverified)": "0.762",
        },
        needs_to_train=frozenset({"person", "target", "keypoints"}),
        needs_to_run=frozenset({"person", "target", "keypoints"}),
    ),
    "deformable_gan": ModelCard(
        path="fashiongen.models.deformable_gan.module:DeformableGan",
        title="Deformable GANs for Pose-based Human Image Generation",
        authors="Aliaksandr Siarohin, Enver Sangineto, Stéphane Lathuilière, Nicu Sebe",
        venue="CVPR 2018",
        arxiv="1801.00055",
        code="AliaksandrSiarohin/pose-gan",
        task="pose transfer",
        changes="the pose",
        stages="1: a U-net whose skips move the body parts to the target pose",
        adversarial="yes",
        verbs=("repose",),
        presets=("official-market", "official-deepfashion", "mannequin"),
        pretrained=(),
        figures={
            "SSIM, Market-1501, 12,000 test pairs (recalled, unverified)": "0.290",
            "SSIM, DeepFashion, 12,000 test pairs (recalled, unverified)": "0.756",
        },
        needs_to_train=frozenset({"person", "target", "keypoints"}),
        needs_to_run=frozenset({"person", "target", "keypoints"}),
    ),
}

DATA: dict[str, DataCard] = {
    "mannequin": DataCard(
        path="fashiongen.mannequin.data:MannequinDataModule",
        provides=frozenset(ANNOTATIONS),
        about="the embedded procedural world of dressed people, rendered on the fly; the true answer of every task exists",
    ),
    "viton_zalando": DataCard(
        path="fashiongen.data.viton:VitonDataModule",
        provides=frozenset({"person", "keypoints", "parsing", "garment", "other_garment", "control_points"}),
        about="the 14,221 + 2,032 pairs of VITON, in the authors' layout or as viton_resize; your own copy",
    ),
    "market1501": DataCard(
        path="fashiongen.data.market1501:Market1501DataModule",
        provides=frozenset({"person", "keypoints", "target"}),
        about="pairs of surveillance pictures of one person, by the lists of Deformable GAN and PATN; your own copy",
    ),
    "deepfashion_inshop": DataCard(
        path="fashiongen.data.deepfashion:DeepFashionInshopDataModule",
        provides=frozenset({"person", "keypoints", "target"}),
        about="pairs of shop pictures of one outfit, by the lists of Deformable GAN and PATN; your own copy",
    ),
}


def find(name: str, names: Any, kind: str) -> str:
    """`name` itself when it is one of `names`.

    Raises:
        KeyError: with the nearest known names.
    """
    if name in names:
        return name
    near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(names))}"
    raise UnknownName(f"there is no {kind} {name!r}; {hint}")


class UnknownName(KeyError):
    """A name that no table holds; the message suggests the nearest ones."""

    def __str__(self) -> str:
        return str(self.args[0])


def model_class(name: str) -> Any:
    """The LightningModule class of a registry name; imports it."""
    return _import(MODELS[find(name, MODELS, "model")].path)


def data_class(name: str) -> Any:
    """The LightningDataModule class of a registry name; imports it."""
    return _import(DATA[find(name, DATA, "data set")].path)


def _import(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def list_models(task: str | None = None, pretrained: bool | None = None, data: str | None = None) -> list[str]:
    """Names of the models, optionally only those of a task, with (without) bundled weights, or trained on a data set.

    Args:
        task: "try-on", ...
        pretrained: True for those with bundled weights, False for those without.
        data: the tag of bundled weights, for example "mannequin".

    Raises:
        KeyError: for a task that no model has, with the nearest ones.
    """
    if task is not None:
        find(task, sorted({card.task for card in MODELS.values()}), "task")
    return [
        name
        for name, card in MODELS.items()
        if (task is None or card.task == task)
        and (pretrained is None or bool(card.pretrained) == pretrained)
        and (data is None or f"{name}.{data}" in card.pretrained)
    ]


def info(name: str) -> ModelCard:
    """The card of a model: paper, task, stages, presets, bundled weights, published figures.

    Raises:
        KeyError: for an unknown name, with the nearest ones.
    """
    return MODELS[find(name.partition(".")[0], MODELS, "model")]
