"""What the papers measured and how, and the numbers that they published: a literal table of named protocols.

Digits follow the papers' tables as they are remembered; every table bears its mark. `fashiongen.protocols` measures them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fashiongen import registry
from fashiongen.metrics.figures import DetectionFigure, Figure, InceptionFigure, Mask, PairFigure

REAL = "real data"
_UNVERIFIED = "recalled, unverified"


@dataclass(frozen=True)
class PublishedTable:
    """Numbers of a paper.

    Attributes:
        columns: labels of the figures.
        rows: name of a model -> its numbers, "" where there is none.
        ours: the row of the model that the protocol is about.
        mark: how sure the digits are.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]
    ours: str
    mark: str = _UNVERIFIED

    def number(self, row: str, label: str) -> str:
        """The published number of a figure, "" when there is none."""
        numbers = dict(zip(self.columns, self.rows.get(row, ()), strict=False))
        return numbers.get(label, "")


@dataclass(frozen=True)
class Protocol:
    """How a paper measured, every setting.

    Attributes:
        name: of the protocol.
        model, data: registry names.
        count: number of test pairs.
        pairs: which they are.
        size: height and width of the compared pictures.
        resampling: how stored pictures come to that size.
        storage: what the pictures go through before they are compared.
        figures: what is computed of them.
        published: the table.
    """

    name: str
    model: str
    data: str
    count: int
    pairs: str
    size: tuple[int, int]
    resampling: str
    figures: tuple[Figure, ...]
    published: PublishedTable
    storage: str = "RGB; [-1, 1] to 8 bits by truncation, 255 (v + 1) / 2"

    @property
    def title(self) -> str:
        card = registry.MODELS[self.model]
        return f"{card.title} ({card.venue}) on {registry.DATA[self.data].path.rpartition(':')[2].removesuffix('DataModule')}"

    def settings(self) -> dict[str, str]:
        """Name -> text, of what all figures share."""
        height, width = self.size
        return {
            "data": self.data,
            "pairs": f"{self.count:,} test pairs: {self.pairs}",
            "size": f"{height} x {width} (height x width)",
            "resampling": self.resampling,
            "pictures": self.storage,
        }


_PG2_MASK = Mask("source", "discs", 4)
_DPIG_MASK = Mask("source", "discs", 7)
_GAN_MASK = Mask("target", "bars", 4)
_AS_STORED = "none, pictures are stored at this size"

_PG2_COLUMNS = ("SSIM", "IS", "mask-SSIM", "mask-IS")
_PG2_ROWS = {  # SSIM, IS on DeepFashion, then SSIM, IS, mask-SSIM, mask-IS on Market-1501
    "G1-CE-L1": ("0.694", "2.395", "0.219", "2.568", "0.771", "2.455"),
    "G1-HME-L1": ("0.735", "2.427", "0.294", "3.171", "0.802", "2.508"),
    "G1-L1": ("0.735", "2.427", "0.304", "3.006", "0.809", "2.455"),
    "G1-poseMaskLoss": ("0.779", "2.668", "0.340", "3.326", "0.817", "2.682"),
    "G1+D": ("0.761", "3.091", "0.283", "3.490", "0.803", "3.310"),
    "G1+G2+D (PG2)": ("0.762", "3.090", "0.253", "3.460", "0.792", "3.435"),
}
_GAN_COLUMNS = ("SSIM", "IS", "mask-SSIM", "mask-IS", "DS")
_GAN_ROWS = {  # SSIM, IS, mask-SSIM, mask-IS, DS on Market-1501, then SSIM, IS, DS on DeepFashion
    "PG2": ("0.253", "3.460", "0.792", "3.435", "0.89", "0.762", "3.090", "0.95"),
    "Baseline": ("0.256", "3.188", "0.784", "3.580", "", "0.754", "3.351", ""),
    "DSC": ("0.272", "3.442", "0.796", "3.666", "", "0.754", "3.352", ""),
    "PercLoss": ("0.276", "3.342", "0.788", "3.519", "", "0.744", "3.271", ""),
    "Full": ("0.290", "3.185", "0.805", "3.502", "0.72", "0.756", "3.439", "0.96"),
    REAL: ("1.00", "3.86", "1.00", "3.36", "0.74", "1.000", "3.898", "0.98"),
}
_DPIG_ROWS = {  # as PG2's
    "PG2": ("0.762", "3.090", "0.253", "3.460", "0.792", "3.435"),
    "DPIG": ("0.614", "3.228", "0.099", "3.483", "0.614", "3.491"),
}


def _columns(rows: Mapping[str, tuple[str, ...]], part: slice) -> dict[str, tuple[str, ...]]:
    return {name: numbers[part] for name, numbers in rows.items()}


def _pg2_scores(**settings: Any) -> tuple[Figure, ...]:
    scores = (("SSIM", "ssim"), ("PSNR", "psnr"), ("L1", "l1"), ("L2", "l2"))
    return tuple(PairFigure(label, score=score, **settings) for label, score in scores)  # type: ignore[arg-type]


_GAN_SSIM: dict[str, Any] = {"window": "gaussian", "data_range": None}
_GREY: dict[str, Any] = {"grey": True, "data_range": "reference", "units": 1.0}

_ALL = (
    Protocol(
        name="pg2-market",
        model="pg2",
        data="market1501",
        count=12_800,
        pairs="the first of all ordered pairs of a person in the authors' shuffle, without junk and distractors",
        size=(128, 64),
        resampling=_AS_STORED,
        figures=(
            *_pg2_scores(),
            InceptionFigure("IS"),
            PairFigure("mask-SSIM", _PG2_MASK),
            InceptionFigure("mask-IS", _PG2_MASK),
        ),
        published=PublishedTable(_PG2_COLUMNS, _columns(_PG2_ROWS, slice(2, 6)), "G1+G2+D (PG2)"),
    ),
    Protocol(
        name="pg2-deepfashion",
        model="pg2",
        data="deepfashion_inshop",
        count=12_800,
        pairs="random ones of a person in one outfit",
        size=(256, 256),
        resampling=_AS_STORED,
        figures=(*_pg2_scores(), InceptionFigure("IS")),
        published=PublishedTable(_PG2_COLUMNS[:2], _columns(_PG2_ROWS, slice(0, 2)), "G1+G2+D (PG2)"),
    ),
    Protocol(
        name="deformable-gan-market",
        model="deformable_gan",
        data="market1501",
        count=12_000,
        pairs="market-pairs-test.csv, drawn from all ordered pairs of a person by pandas with random state 0",
        size=(128, 64),
        resampling=_AS_STORED,
        figures=(
            PairFigure("SSIM", **_GAN_SSIM),
            PairFigure("L1", score="l1", units=2.0),
            InceptionFigure("IS"),
            PairFigure("mask-SSIM", _GAN_MASK, **_GAN_SSIM),
            InceptionFigure("mask-IS", _GAN_MASK),
            DetectionFigure("DS"),
        ),
        published=PublishedTable(_GAN_COLUMNS, _columns(_GAN_ROWS, slice(0, 5)), "Full"),
    ),
    Protocol(
        name="deformable-gan-deepfashion",
        model="deformable_gan",
        data="deepfashion_inshop",
        count=12_000,
        pairs="fasion-pairs-test.csv of the newer split, PG2's; drawn as those of Market-1501",
        size=(256, 256),
        resampling=_AS_STORED,
        figures=(
            PairFigure("SSIM", **_GAN_SSIM),
            PairFigure("L1", score="l1", units=2.0),
            InceptionFigure("IS"),
            DetectionFigure("DS"),
        ),
        published=PublishedTable(("SSIM", "IS", "DS"), _columns(_GAN_ROWS, slice(5, 8)), "Full"),
    ),
    Protocol(
        name="viton",
        model="viton",
        data="viton_zalando",
        count=2_032,
        pairs="the lines of the authors' list, people and garments of one set shuffled (4 wear their own)",
        size=(256, 192),
        resampling="from about 1100 x 762, as the data module's `resize` says",
        figures=(InceptionFigure("IS", note="the paper does not say its settings; these are the usual ones, unverified"),),
        published=PublishedTable(
            ("IS",),
            {
                "PRGAN": ("2.688 ± 0.098",),
                "CAGAN": ("2.981 ± 0.087",),
                "CRN": ("2.449 ± 0.070",),
                "Encoder-decoder (stage 1)": ("2.455 ± 0.110",),
                "Non-parametric": ("3.373 ± 0.142",),
                "VITON": ("2.514 ± 0.130",),
                REAL: ("3.312 ± 0.098",),
            },
            "VITON",
        ),
    ),
    Protocol(
        name="disentangled-pig-market",
        model="disentangled_pig",
        data="market1501",
        count=12_800,
        pairs="PG2's",
        size=(128, 64),
        resampling=_AS_STORED,
        figures=(
            *_pg2_scores(**_GREY),
            InceptionFigure("IS"),
            PairFigure("mask-SSIM", _DPIG_MASK),
            InceptionFigure("mask-IS", _DPIG_MASK),
        ),
        published=PublishedTable(_PG2_COLUMNS, _columns(_DPIG_ROWS, slice(2, 6)), "DPIG"),
    ),
    Protocol(
        name="disentangled-pig-deepfashion",
        model="disentangled_pig",
        data="deepfashion_inshop",
        count=12_800,
        pairs="PG2's",
        size=(256, 256),
        resampling=_AS_STORED,
        figures=(*_pg2_scores(**_GREY), InceptionFigure("IS")),
        published=PublishedTable(_PG2_COLUMNS[:2], _columns(_DPIG_ROWS, slice(0, 2)), "DPIG"),
    ),
)
PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in _ALL}


def protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        KeyError: for an unknown name, with the nearest ones.
    """
    return PROTOCOLS[registry.find(name, PROTOCOLS, "protocol")]
