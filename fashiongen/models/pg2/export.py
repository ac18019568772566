"""What of PG2 can be exported: both stages, the pose drawn inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, keypoints, picture
from fashiongen.layers.pose_disks import pose_disks

if TYPE_CHECKING:
    from fashiongen.models.pg2.module import Pg2


def graphs(model: Pg2) -> list[Graph]:
    """The two stages of the model; one after the other they are `repose`."""
    size, radius = model.size, model.hparams["joint_radius"]
    image = picture("image", size, "the person")

    def coarse(image: Tensor, keypoints: Tensor) -> Tensor:
        return model.coarse(image, pose_disks(keypoints, *size, radius=radius))

    def refinement(coarse: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        difference = model.refinement(coarse, image)
        return (coarse + difference).clamp(-1, 1), difference

    return [
        Graph(
            "coarse",
            "Stage I: the person in the pose, blurred but complete.",
            coarse,
            (model.coarse,),
            (image, keypoints("keypoints", size, "the pose to take")),
            (Output("coarse", None, "the coarse picture, trained towards [-1, 1] but not confined to it"),),
        ),
        Graph(
            "refinement",
            "Stage II: what must be added to the coarse picture, and the sum.",
            refinement,
            (model.refinement,),
            (Input("coarse", (3, *size), None, "what the graph `coarse` gave"), image),
            (PICTURE, Output("difference", None, "the difference map")),
        ),
    ]
