"""Which models and data sets there are: literal tables, so that looking them up imports nothing."""

from __future__ import annotations

import difflib
from collections import ChainMap
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
    "other_text": "a sentence about clothes that the person does not wear",
    "donor": "another person, who gives one factor",
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
        outputs: what its networks draw on the way to the picture.
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
    outputs: str = "picture"


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
        outputs="mask + picture",
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
        outputs="picture, then difference map",
        verbs=("repose",),
        presets=("official-market", "official-deepfashion", "mannequin"),
        pretrained=("pg2.mannequin",),
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
        outputs="picture",
        verbs=("repose",),
        presets=("official-market", "official-deepfashion", "mannequin"),
        pretrained=("deformable_gan.mannequin",),
        figures={
            "SSIM, Market-1501, 12,000 test pairs (recalled, unverified)": "0.290",
            "SSIM, DeepFashion, 12,000 test pairs (recalled, unverified)": "0.756",
        },
        needs_to_train=frozenset({"person", "target", "keypoints"}),
        needs_to_run=frozenset({"person", "target", "keypoints"}),
    ),
    "disentangled_pig": ModelCard(
        path="fashiongen.models.disentangled_pig.module:DisentangledPig",
        title="Disentangled Person Image Generation",
        authors="Liqian Ma, Qianru Sun, Stamatios Georgoulis, Luc Van Gool, Bernt Schiele, Mario Fritz",
        venue="CVPR 2018",
        arxiv="1712.02621",
        code="charliememory/Disentangled-Person-Image-Generation",
        task="sampling",
        changes="foreground, background and pose, each alone",
        stages="4: pictures to codes and back, poses to codes and back, then noise to the codes of appearance and of pose",
        adversarial="pictures, and the codes that noise becomes",
        outputs="picture",
        verbs=("sample", "repose", "encode", "interpolate", "invert", "mix", "exchange", "virtual"),
        presets=("official-market", "official-deepfashion", "mannequin"),
        pretrained=("disentangled_pig.mannequin",),
        figures={
            "SSIM, Market-1501, 12,800 test pairs (recalled, unverified)": "0.099",
            "SSIM, DeepFashion, 12,800 test pairs (recalled, unverified)": "0.614",
        },
        needs_to_train=frozenset({"person", "keypoints"}),
        needs_to_run=frozenset({"person", "keypoints"}),
    ),
    "cagan": ModelCard(
        path="fashiongen.models.cagan.module:Cagan",
        title="The Conditional Analogy GAN: Swapping Fashion Articles on People Images",
        authors="Nikolay Jetchev, Urs Bergmann",
        venue="ICCV workshops 2017",
        arxiv="1709.04695",
        code="",
        task="try-on",
        changes="the garment",
        stages="1: a cycle of swapping the garment and swapping it back",
        adversarial="yes",
        outputs="mask + picture",
        verbs=("try_on",),
        presets=("keras", "viton-baseline", "stacked", "paper", "mannequin"),
        pretrained=("cagan.mannequin",),
        figures={"Inception Score, 2,032 VITON test pairs, profile viton_baseline (recalled, unverified)": "2.981 ± 0.087"},
        needs_to_train=frozenset({"person", "garment"}),
        needs_to_run=frozenset({"person", "garment", "other_garment"}),
    ),
    "clothnet": ModelCard(
        path="fashiongen.models.clothnet.module:ClothNet",
        title="A Generative Model of People in Clothing",
        authors="Christoph Lassner, Gerard Pons-Moll, Peter V. Gehler",
        venue="ICCV 2017",
        arxiv="1705.04098",
        code="classner/generating_people",
        task="sampling",
        changes="everything: it samples whole people",
        stages="3: a sketch from nothing, a sketch on a body, the picture from a sketch",
        adversarial="picture stage",
        outputs="segmentation, then picture",
        verbs=("sample", "portray", "encode"),
        presets=("official-full", "official-body", "mannequin"),
        pretrained=("clothnet.mannequin",),
        figures={"Share taken for real in the user study, ClothNet-full (second-hand, unverified)": "24.7 %"},
        needs_to_train=frozenset({"person", "parsing", "parts"}),
        needs_to_run=frozenset(),
    ),
    "fashion_gan": ModelCard(
        path="fashiongen.models.fashion_gan.module:FashionGan",
        title="Be Your Own Prada: Fashion Synthesis with Structural Coherence",
        authors="Shizhan Zhu, Sanja Fidler, Raquel Urtasun, Dahua Lin, Chen Change Loy",
        venue="ICCV 2017",
        arxiv="1710.07346",
        code="zhusz/ICCV17-fashionGAN",
        task="redressing",
        changes="the clothes, from a sentence",
        stages="3: the sentence becomes a code, then the shape of the new clothes, then the picture",
        adversarial="shape and picture",
        outputs="segmentation, then picture",
        verbs=("redress", "sample", "interpolate"),
        presets=("official", "mannequin"),
        pretrained=("fashion_gan.mannequin",),
        figures={},
        needs_to_train=frozenset({"person", "parsing", "text"}),
        needs_to_run=frozenset({"person", "parsing", "other_text"}),
    ),
}

TOOLS: dict[str, ModelCard] = {
    "annotator": ModelCard(
        path="fashiongen.models.annotator.module:Annotator",
        title="Key points and parsing of people, learned from the mannequin world",
        authors="fashiongen",
        venue="no paper",
        arxiv="",
        code="",
        task="annotation",
        changes="nothing",
        stages="1: key points, their visibility and parsing together",
        adversarial="no",
        outputs="key points and label map",
        verbs=("annotate",),
        presets=("mannequin",),
        pretrained=("annotator.mannequin",),
        figures={},
        needs_to_train=frozenset({"person", "keypoints", "parsing"}),
        needs_to_run=frozenset({"person"}),
    ),
}
"""Models that are no paper's."""

CARDS = ChainMap(MODELS, TOOLS)
"""Everything that `load` and `create` know."""

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
    "cagan": DataCard(
        path="fashiongen.data.cagan:CaganDataModule",
        provides=frozenset({"person", "garment", "other_garment"}),
        about="a folder of people, a folder of garments, and a list of who wears what; your own",
    ),
    "chictopia10k": DataCard(
        path="fashiongen.data.chictopia:Chictopia10KDataModule",
        provides=frozenset({"person", "parsing", "parts"}),
        about="people of fashion blogs with ClothNet's 22 labels and body maps; your own copy",
    ),
    "fashion_synthesis": DataCard(
        path="fashiongen.data.fashion_synthesis:FashionSynthesisDataModule",
        provides=frozenset({"person", "parsing", "text", "other_text"}),
        about="78,979 people with 7 labels and sentences, as FashionGAN's authors publish them; your own copy",
    ),
    "viton_hd": DataCard(
        path="fashiongen.data.viton_hd:VitonHdDataModule",
        provides=frozenset({"person", "keypoints", "parsing", "garment", "other_garment"}),
        about="the 11,647 + 2,032 pairs of VITON-HD; your own copy",
    ),
    "dress_code": DataCard(
        path="fashiongen.data.dress_code:DressCodeDataModule",
        provides=frozenset({"person", "keypoints", "parsing", "garment", "other_garment"}),
        about="people and garments of three categories, Dress Code; your own copy",
    ),
    "shards": DataCard(
        path="fashiongen.data.shards.data:ShardsDataModule",
        provides=frozenset(ANNOTATIONS),
        about="any of the others as tar files, which `fashiongen data shard` writes, from a folder or an object store",
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
    return _import(CARDS[find(name, CARDS, "model")].path)


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
    return CARDS[find(name.partition(".")[0], CARDS, "model")]
