"""What of Disentangled PIG can be exported: people and poses to codes and back, and noise to codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, keypoints, picture
from fashiongen.models.disentangled_pig.codes import FACTORS, Codes
from fashiongen.models.disentangled_pig.networks import REGIONS

if TYPE_CHECKING:
    from fashiongen.models.disentangled_pig.module import DisentangledPig


def graphs(model: DisentangledPig) -> list[Graph]:
    """All networks of the model that its verbs use."""
    size, options = model.size, model.hparams
    lengths = {
        "foreground": len(REGIONS) * options["region_code"],
        "background": options["background_code"],
        "pose": options["pose_code"],
    }
    appearance = [factor for factor in FACTORS[:2] if factor in model.factors]
    own, pose = keypoints("source_keypoints", size, "the person's pose"), keypoints("keypoints", size, "the pose to draw")

    def code(factor: str) -> Input:
        return Input(f"{factor}_code", (lengths[factor],), None, _CODES[factor])

    def coded(factor: str) -> Output:
        return Output(f"{factor}_code", None, _CODES[factor])

    def noise(factor: str) -> Input:
        meaning = f"noise of the {factor}: independent normal numbers with the standard deviation {options['noise']:g}"
        return Input(f"{factor}_noise", (lengths[factor],), None, meaning)

    def encoder(image: Tensor, source_keypoints: Tensor) -> tuple[Tensor, ...]:
        foreground, background = model.appearance(image, source_keypoints)
        return (foreground,) if background is None else (foreground, background)

    def generator(*given: Tensor) -> Tensor:
        *codes, keypoints = given
        return model.draw(codes[0], codes[1] if len(codes) > 1 else None, keypoints).clamp(-1, 1)

    def mappers(*noises: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(model.factors, noises, strict=True))
        drawn = model.map(Codes(given["foreground"], given.get("background"), given["pose"]))
        return tuple(each for each in drawn if each is not None)

    return [
        Graph(
            "encoder",
            "The codes of a person's appearance.",
            encoder,
            (model.encoder,),
            (picture("image", size, "the person"), own),
            tuple(map(coded, appearance)),
        ),
        Graph(
            "mappers",
            "Noise to codes, each from its own noise: people who do not exist.",
            mappers,
            (model.appearance_mappers, model.pose_mapper),
            tuple(map(noise, model.factors)),
            tuple(map(coded, model.factors)),
        ),
        Graph("pose_encoder", "The code of a pose.", model.encode_pose, (model.pose_encoder,), (pose,), (coded("pose"),)),
        Graph(
            "pose_decoder",
            "The pose of a code.",
            model.decode_pose,
            (model.pose_decoder,),
            (code("pose"),),
            (Output("keypoints", (0, max(size)), "x, y in centres of whole pixels, visibility 2 or 0"),),
        ),
        Graph(
            "generator",
            "The picture of codes of the appearance in a pose.",
            generator,
            (model.generator,),
            (*map(code, appearance), pose),
            (PICTURE,),
        ),
    ]


_CODES = {
    "foreground": f"code of body and clothes, region by region ({', '.join(REGIONS)}); 0 for a region that is not seen",
    "background": "code of the background",
    "pose": "code of the pose",
}
