"""What every paper does with the figures that it measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torchmetrics import Metric


def log_figures(module: Any, figures: Mapping[str, Mapping[str, Metric]], prefix: str, main: str) -> None:
    """Log figures as "<prefix>/<who>/<figure>", averaged over processes; what was never updated is left out.

    Args:
        module: the LightningModule that is validated or tested.
        figures: who was measured -> figure -> metric.
        prefix: "validation" or "test".
        main: the "<who>/<figure>" that stands beside the progress bar.
    """
    for who, metrics in figures.items():
        for figure, metric in metrics.items():
            if metric.update_called:
                name = f"{who}/{figure}"
                module.log(f"{prefix}/{name}", metric.compute().float(), prog_bar=name == main)
