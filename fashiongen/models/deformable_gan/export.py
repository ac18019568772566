"""What of Deformable GAN can be exported: the generator, poses drawn inside, and the regions of the body parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, keypoints, picture
from fashiongen.layers.part_affines import PARTS, part_masks
from fashiongen.layers.part_rectangles import rectangle_regions
from fashiongen.models.deformable_gan.representation import condition

if TYPE_CHECKING:
    from fashiongen.models.deformable_gan.module import DeformableGan

_TRANSFORMS = (
    "a0, a1, a2, b0, b1, b2, c0, c1 in pixel indices: the pixel (x, y) reads the source at "
    "((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1"
)
_NO_FITTING = "fitting the transforms to two poses is no network and stays outside: they come from fashiongen.layers."
_SURROUNDINGS = ", last of what stays in its place"
_NO_DROPOUT = "dropout is off; the authors' option of leaving it on, for other pictures at every call, is not exported"


def graphs(model: DeformableGan) -> list[Graph]:
    """The generator of the model, `repose`, and the regions that it moves the features in."""
    size, options = model.size, model.hparams
    skip, background, rectangles = options["warp_skip"], options["background"], options["parts"] == "rectangles"
    source = keypoints("source_keypoints", size, "the person's pose")
    target = keypoints("target_keypoints", size, "the pose to take")
    # What the generator reads besides poses and pictures, in its order.
    geometry: list[Input] = []
    if skip == "mask":
        count = len(PARTS) + rectangles
        geometry = [
            Input("transforms", (count, 8), None, f"of {', '.join(PARTS)}{_SURROUNDINGS if rectangles else ''}: {_TRANSFORMS}"),
            Input("masks", (count, *size), (0, 1), "the regions of the parts, of the graph `masks`", torch.bool),
        ]
    elif skip == "full":
        geometry = [Input("transforms", (1, 8), None, f"of the whole body: {_TRANSFORMS}")]

    def generator(image: Tensor, source_keypoints: Tensor, target_keypoints: Tensor, *more: Tensor) -> Tensor:
        given = condition(
            image, source_keypoints, target_keypoints, "stn" if skip == "stn" else "none", options["pose"], options["source_pose"]
        )
        target = torch.cat([given.target, more[-1]], dim=1) if background else given.target
        transforms, masks = (*more[: len(geometry)], None, None)[:2]
        return model.generator(given.source, target, transforms, masks, given.joints)

    def masks(target_keypoints: Tensor) -> Tensor:
        return part_masks(target_keypoints, *size)

    def disjoint_masks(source_keypoints: Tensor, target_keypoints: Tensor) -> Tensor:
        return rectangle_regions(source_keypoints, target_keypoints, *size)

    fit = {"mask": "rectangle_skip" if rectangles else "part_affines", "full": "whole_affine"}
    painted = Graph(
        "generator",
        "The person in the target pose.",
        generator,
        (model.generator,),
        (
            picture("image", size, "the person"),
            source,
            target,
            *geometry,
            *([picture("background", size, "what is behind the person")] if background else []),
        ),
        (PICTURE,),
        (_NO_DROPOUT, *([f"{_NO_FITTING}{fit[skip]}"] if skip in fit else [])),
    )
    if skip != "mask":
        return [painted]
    torso, last = ("the rest of the body", ", last what lies around both bodies") if rectangles else ("the whole picture", "")
    regions = Output("masks", (0, 1), f"the region of each part: {torso} for the torso, a square for the head, else quads{last}")
    function, reads = (disjoint_masks, (source, target)) if rectangles else (masks, (target,))
    return [Graph("masks", "Where the parts of the body are in a pose.", function, (), reads, (regions,)), painted]
