"""What of VITON can be exported: both stages, the person's representation and the warp inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, keypoints, labels, picture
from fashiongen.layers.compositor import composite
from fashiongen.models.viton.representation import kept_picture
from fashiongen.types import Person

if TYPE_CHECKING:
    from fashiongen.models.viton.module import Viton

_LIP20 = 20
_NO_MATCHING = (
    "matching the garment's silhouette with the mask is no network and stays outside: take control_points from "
    "fashiongen's Viton.match, or the regular grid itself, which does not warp; where silhouettes cannot be matched the verb "
    "draws with a mask of zeros"
)


def graphs(model: Viton) -> list[Graph]:
    """The two stages of the model; with the matching between them they are `try_on`."""
    size, rows, columns = model.size, model.warp.rows, model.warp.columns
    garment, image = picture("garment", size, "the garment's shop picture"), picture("image", size, "the person")
    parsing = labels("parsing", size, _LIP20, "the person's LIP-20 label map")

    def coarse(garment: Tensor, image: Tensor, keypoints: Tensor, parsing: Tensor) -> tuple[Tensor, Tensor]:
        person = Person(image, keypoints=keypoints, parsing=parsing, scheme="lip20")
        drawn = model.coarse(garment, model.represent(person))
        return drawn.image, drawn.mask

    def refinement(
        garment: Tensor,
        control_points: Tensor,
        coarse: Tensor,
        mask: Tensor,
        image: Tensor | None = None,
        parsing: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        warped = model.warp(garment, control_points)
        base, region = model._exchanged(coarse, mask)
        result = composite(warped, base, region * model.refinement(warped, base))
        if image is not None and parsing is not None:
            known = kept_picture(image, parsing, model.hparams["kept_labels"], model.hparams["kept_margin"])[1]
            result = composite(image, result, known * (1 - region.clamp(0, 1)))
        return result, warped

    control_points = Input(
        "control_points",
        (rows * columns, 2),
        None,
        f"where the {rows}x{columns} points of a regular grid over the picture (x fastest) look in the garment's picture: x and y, "
        "with the corners of [-1, 1] on the centres of the corner pixels; they may lie outside",
    )
    drawn = (
        Input("coarse", (3, *size), (-1, 1), "the coarse picture of the graph `coarse`"),
        Input("mask", (1, *size), (-1, 1), "the mask of the graph `coarse`"),
    )
    return [
        Graph(
            "coarse",
            "Stage 1: a coarse picture of the person in the garment, and where the garment will be.",
            coarse,
            (model.coarse,),
            (garment, image, keypoints("keypoints", size, "the person's pose"), parsing),
            (
                Output("coarse", (-1, 1), "the coarse picture"),
                Output("mask", (-1, 1), "where the garment will be, trained towards 0 and 1"),
            ),
        ),
        Graph(
            "refinement",
            "The garment warped by a thin-plate spline, and stage 2: how much of it lies over the coarse picture.",
            refinement,
            (model.refinement, model.warp),
            (garment, control_points, *drawn, *((image, parsing) if model._keeps_more else ())),
            (PICTURE, Output("warped", (-1, 1), "the warped garment")),
            (_NO_MATCHING,),
        ),
    ]
