"""What of CAGAN can be exported: the generator and the composite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from fashiongen.export.graph import BATCH_STATISTICS, PICTURE, Graph, Output, picture

if TYPE_CHECKING:
    from fashiongen.models.cagan.module import Cagan


def graphs(model: Cagan) -> list[Graph]:
    """The generator of the model: `try_on`."""

    def generator(image: Tensor, worn: Tensor, garment: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        swap = model(image, worn, garment)
        return swap.over(image), swap.alpha, swap.image

    profile, norm = model.hparams["profile"], model.hparams["norm"]
    by_batch = profile == "viton_baseline" or (profile in ("keras", "paper") and norm == "batch")
    return [
        Graph(
            "generator",
            "The person in the other garment.",
            generator,
            (model.generator,),
            (
                picture("image", model.size, "the person"),
                picture("worn", model.size, "the garment that the person wears"),
                picture("garment", model.size, "the garment to put on"),
            ),
            (
                PICTURE,
                Output("alpha", (0, 1), "where the person is painted over"),
                Output("painted", (-1, 1), "what is painted there"),
            ),
            (BATCH_STATISTICS,) if by_batch else (),
        )
    ]
