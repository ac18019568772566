"""Figures with every setting that their number depends on: what the protocols of the papers are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from torch import Tensor
from torchmetrics import Metric

from fashiongen.layers.pose_mask import pose_mask
from fashiongen.metrics.detection_score import DetectionScore
from fashiongen.metrics.inception_score import InceptionScore
from fashiongen.metrics.pair_scores import PairScores
from fashiongen.metrics.pose_region import pose_region
from fashiongen.metrics.ssim import DataRange

Network = Callable[[Tensor], Tensor]


class Reading(NamedTuple):
    """A number and its population deviation, over pictures or over splits, where there is one."""

    value: float
    std: float | None = None

    def __str__(self) -> str:
        return f"{self.value:.4f}" if self.std is None else f"{self.value:.4f} ± {self.std:.4f}"


@dataclass(frozen=True)
class Mask:
    """Where both pictures stay; elsewhere they are black, which counts as agreement.

    Args:
        pose: whose key points it is made of.
        shape: "discs" along the limbs, closed (PG2's pose mask), or "bars" along the limbs with discs on the joints, closed
            (Deformable GAN's evaluation mask).
        radius: of the discs, half width of the bars, in pixels.
    """

    pose: Literal["source", "target"]
    shape: Literal["discs", "bars"]
    radius: int = 4

    def region(self, source: Tensor, target: Tensor, height: int, width: int) -> Tensor:
        """(B, 1, H, W) in {0, 1} from the key points (B, 18, 3) of both poses."""
        keypoints = source if self.pose == "source" else target
        draw = pose_mask if self.shape == "discs" else pose_region
        return draw(keypoints, height, width, radius=self.radius).float()

    def __str__(self) -> str:
        return f"black outside the {self.shape} of the {self.pose} pose, radius {self.radius}, closed 5x5"


@dataclass(frozen=True)
class Figure(ABC):
    """One number of a protocol. `str` tells its settings."""

    label: str
    mask: Mask | None = None

    #: Name of the network that its metric cannot do without: "inception", "detector".
    needs = ""

    @property
    def shared(self) -> Figure:
        """The figure whose metric this one reads; equal for figures that one metric computes."""
        return replace(self, label="")

    @abstractmethod
    def metric(self, network: Network | None) -> Metric:
        """A new metric; `network` is the one that `needs` names."""

    @abstractmethod
    def update(self, metric: Metric, picture: Tensor, truth: Tensor, region: Tensor | None) -> None:
        """Pictures and what they should be, (B, 3, H, W) in [-1, 1], and the region of `mask`."""

    @abstractmethod
    def read(self, computed: Any) -> Reading:
        """The number in what the metric computed."""

    def _told(self, *settings: str) -> str:
        return "; ".join([*settings, *([] if self.mask is None else [str(self.mask)])])


@dataclass(frozen=True)
class PairFigure(Figure):
    """A score of `fashiongen.metrics.pair_scores.pair_scores`, whose arguments these are, with its deviation over pictures."""

    score: Literal["ssim", "psnr", "l1", "l2"] = "ssim"
    window: str = "uniform"
    data_range: DataRange = 255.0
    grey: bool = False
    units: float = 255.0

    @property
    def shared(self) -> PairFigure:
        return replace(self, label="", score="ssim")

    def metric(self, network: Network | None) -> PairScores:
        return PairScores(self.window, self.data_range, self.grey, self.units)

    def update(self, metric: Metric, picture: Tensor, truth: Tensor, region: Tensor | None) -> None:
        metric.update(picture, truth, region)

    def read(self, computed: dict[str, Tensor]) -> Reading:
        return Reading(computed[self.score].item(), computed[f"{self.score}_std"].item())

    def __str__(self) -> str:
        colours = "grey" if self.grey else "RGB"
        if self.score in ("l1", "l2"):
            kind = "mean absolute difference" if self.score == "l1" else "root of the sum of squares / number of values"
            return self._told(kind, f"{colours} levels that span {self.units:g}")
        ranges = {None: "range of each generated picture", "reference": "range of each target"}
        data_range = f"range {self.data_range:g}" if isinstance(self.data_range, float) else ranges[self.data_range]
        windows = {"uniform": "7x7 uniform window, sample covariance", "gaussian": "13-tap Gaussian window, population covariance"}
        return self._told(*([windows[self.window]] if self.score == "ssim" else []), data_range, colours)


@dataclass(frozen=True)
class InceptionFigure(Figure):
    """Inception Score, with its deviation over the splits; see `fashiongen.metrics.inception_score.InceptionScore`."""

    splits: int = 10
    note: str = ""
    needs = "inception"

    def metric(self, network: Network | None) -> InceptionScore:
        return InceptionScore(network, self.splits)

    def update(self, metric: Metric, picture: Tensor, truth: Tensor, region: Tensor | None) -> None:
        metric.update(picture, region)

    def read(self, computed: tuple[Tensor, Tensor]) -> Reading:
        return Reading(computed[0].item(), computed[1].item())

    def __str__(self) -> str:
        network = "Inception of 2015-12-05, 1,008 logits without bias"
        splits = f"{self.splits} consecutive splits in the order of the pairs"
        return self._told(network, splits, *([self.note] if self.note else []))


@dataclass(frozen=True)
class DetectionFigure(Figure):
    """Detection score; see `fashiongen.metrics.detection_score.DetectionScore`."""

    needs = "detector"

    def metric(self, network: Network | None) -> DetectionScore:
        assert network is not None
        return DetectionScore(network)

    def update(self, metric: Metric, picture: Tensor, truth: Tensor, region: Tensor | None) -> None:
        metric.update(picture)

    def read(self, computed: Tensor) -> Reading:
        return Reading(computed.item())

    def __str__(self) -> str:
        return self._told("SSD 300x300 (Caffe, VOC07+12), stretched to 300x300, highest confidence in a person, 0 for none")
