"""What of FashionGAN can be exported: sentences to codes, codes to label maps, label maps to pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.export.graph import PICTURE, Graph, Input, Output, labels, noise, picture
from fashiongen.models.fashion_gan import representation
from fashiongen.models.fashion_gan.blocks import running_as
from fashiongen.models.fashion_gan.representation import CLASSES, SCHEME
from fashiongen.types import Person

if TYPE_CHECKING:
    from fashiongen.models.fashion_gan.module import FashionGan

LONGEST = 32
"""Words of the longest sentence that the exported encoder reads."""

_LABELS = "0 background, 1 hair, 2 face, 3 upper clothes, 4 lower clothes and dresses, 5 legs and shoes, 6 arms"
_NO_DROPOUT = "dropout is off, also for a model with dropout_at_test=True, whose verbs leave it on"


def graphs(model: FashionGan) -> list[Graph]:
    """The three stages of the model, the last with what follows it; one after the other they are `redress`."""
    size, options = model.size, model.hparams
    code = Input("code", (options["code"],), (-1, 1), "code of the sentence")
    image = picture("image", size, "the person")
    parsing = labels("parsing", size, CLASSES, f"the person's label map: {_LABELS}")
    new_parsing = labels("new_parsing", size, CLASSES, f"the new label map: {_LABELS}")
    words = len(model.vocabulary)

    def text(numbers: Tensor, count: Tensor) -> Tensor:
        states, _ = model.encoder.rnn(F.one_hot(numbers, words).to(model.mean))
        last = (count - 1)[:, :, None].expand(-1, -1, states.shape[-1])
        return states.gather(1, last).squeeze(1)

    def shape(parsing: Tensor, code: Tensor, shape_noise: Tensor, image: Tensor | None = None) -> Tensor:
        if image is not None:
            code = model.condition(Person(image, parsing=parsing, scheme=SCHEME), code)
        with running_as(model.shape, options["statistics"] == "sample", dropout=False):
            logits = model.shape(representation.layout(parsing), code, shape_noise)
        return representation.labels_of(representation.smooth(logits))

    def paint(image: Tensor, parsing: Tensor, new_parsing: Tensor, code: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        person = Person(image, parsing=parsing, scheme=SCHEME)
        redressed = model.redraw(person, code, code, noise, noise, labels=new_parsing, dropout=False)
        return redressed.image, redressed.painted

    numbers = Input(
        "words",
        (LONGEST,),
        (0, words - 1),
        f"words of a sentence, at most {LONGEST}: their places in hyper_parameters.vocabulary, from 0; anything behind the last",
        torch.int64,
    )
    count = Input("count", (1,), (1, LONGEST), "how many words the sentence has", torch.int64)
    return [
        Graph(
            "text", "The code of a sentence.", text, (model.encoder,), (numbers, count), (Output("code", (-1, 1), code.meaning),)
        ),
        Graph(
            "shape",
            "The label map of the person in the clothes of a sentence.",
            shape,
            (model.shape,),
            (
                parsing,
                code,
                noise("shape_noise", options["noise"], "what the sentence leaves open of the shape"),
                *((image,) if options["measures"] else ()),
            ),
            (Output("new_parsing", new_parsing.range, new_parsing.meaning),),
        ),
        Graph(
            "picture",
            "The picture of the new label map; the person's hair and face are kept, legs and arms come nearer to the own skin.",
            paint,
            (model.picture,),
            (
                image,
                parsing,
                new_parsing,
                code,
                noise("picture_noise", options["noise"], "what the sentence leaves open of the picture"),
            ),
            (PICTURE, Output("painted", (-1, 1), "what was painted, before anything of the person's own is laid over it")),
            (_NO_DROPOUT,),
        ),
    ]
