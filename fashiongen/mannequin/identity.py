"""Who the person is: body shape, skin, hair and face."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from .numerics import power
from .random import pick, uniform

IDENTITY_STREAM = 1

SKIN_TONES = (
    (0.97, 0.84, 0.76), (0.94, 0.77, 0.66), (0.88, 0.68, 0.54), (0.76, 0.55, 0.41),
    (0.60, 0.41, 0.29), (0.43, 0.28, 0.20), (0.31, 0.20, 0.15),
)  # fmt: skip
HAIR_COLOURS = (
    (0.10, 0.08, 0.08), (0.17, 0.11, 0.08), (0.28, 0.17, 0.11), (0.42, 0.26, 0.15), (0.62, 0.42, 0.22),
    (0.83, 0.67, 0.40), (0.55, 0.22, 0.10), (0.62, 0.60, 0.58), (0.09, 0.09, 0.12), (0.22, 0.14, 0.10),
)  # fmt: skip
DARK_HAIR = (0, 1, 2, 7, 8, 9)
"""Hair colours that go with dark skin; its eyes are brown."""
EYE_COLOURS = ((0.25, 0.15, 0.09), (0.16, 0.10, 0.07), (0.30, 0.42, 0.55), (0.28, 0.40, 0.26))


class HairStyle(IntEnum):
    """Hair styles."""

    BUZZ = 0
    SHORT = 1
    SIDE_SWEPT = 2
    AFRO = 3
    BOB = 4
    LONG = 5
    BUN = 6
    PONYTAIL = 7
    BALD = 8


_S = HairStyle
MASCULINE_STYLES = (_S.BUZZ, _S.SHORT, _S.SHORT, _S.SIDE_SWEPT, _S.SIDE_SWEPT, _S.SHORT, _S.AFRO, _S.SIDE_SWEPT, _S.BALD, _S.BOB)
FEMININE_STYLES = (_S.LONG, _S.LONG, _S.BOB, _S.BUN, _S.PONYTAIL, _S.AFRO, _S.LONG, _S.BOB, _S.PONYTAIL, _S.SHORT)


@dataclass(frozen=True)
class Identity:
    """One row a person; lengths are shares of the rest height of the body.

    Attributes:
        presentation: (B,) 0 masculine .. 1 feminine, always near one of the ends.
        girth: (B,) 0.90 .. 1.18, scales the widths of the body.
        belly: (B,) 0 .. 0.02.
        bust: (B,) 0 .. 0.028.
        hip, shoulder: (B,) 0.96 .. 1.04.
        limb: (B,) 0.93 .. 1.09, thickness of the limbs.
        height: (B,) 0.89 .. 1.03.
        head_size: (B,) 1.08 .. 1.18.
        skin, hair, eye, lip: (B, 3) RGB in [0, 1].
        beard: (B,) 0 (none) or 0.3 .. 0.8.
        hair_style: (B,) int64, `HairStyle`.
    """

    presentation: Tensor
    girth: Tensor
    belly: Tensor
    bust: Tensor
    hip: Tensor
    shoulder: Tensor
    limb: Tensor
    height: Tensor
    head_size: Tensor
    skin: Tensor
    hair: Tensor
    eye: Tensor
    lip: Tensor
    beard: Tensor
    hair_style: Tensor


def presentation(seed: Tensor) -> Tensor:
    """(B,) seeds -> (B,) presentation of these people; the wardrobe offers cuts by it."""
    draws = uniform(seed, IDENTITY_STREAM, 2).t().contiguous()
    return torch.where(draws[0] < 0.5, 0.08 * draws[1], 1 - 0.08 * draws[1])


def sample_identity(seed: Tensor) -> Identity:
    """(B,) int64 seeds -> identities."""
    draws = uniform(seed, IDENTITY_STREAM, 24).t().contiguous()
    feminine = presentation(seed)

    def colours(table: tuple[tuple[float, float, float], ...]) -> Tensor:
        return torch.tensor(table, device=seed.device)

    tones = colours(SKIN_TONES)
    position = draws[11] * (len(SKIN_TONES) - 1.001)
    darker = position.long()
    share = (position - darker)[:, None]
    skin = tones[darker] * (1 - share) + tones[darker + 1] * share + 0.02 * (draws[12:15].t() - 0.5)
    style_table = torch.tensor((MASCULINE_STYLES, FEMININE_STYLES), device=seed.device)
    dark = position > 3.6
    hair = torch.where(
        dark, torch.tensor(DARK_HAIR, device=seed.device)[pick(draws[15], len(DARK_HAIR))], pick(draws[15], len(HAIR_COLOURS))
    )
    eye = pick(draws[18], len(EYE_COLOURS))
    rosy = torch.tensor((0.10, 0.0, 0.02), device=seed.device) * (feminine * draws[19])[:, None]
    return Identity(
        presentation=feminine,
        girth=0.90 + 0.28 * power(draws[2], 1.4),
        belly=(draws[3] - 0.55).clamp_min(0) * 0.05 * (1 - 0.6 * feminine),
        bust=feminine * (0.014 + 0.014 * draws[4]),
        hip=1 + 0.08 * (draws[5] - 0.5),
        shoulder=1 + 0.08 * (draws[6] - 0.5),
        limb=0.93 + 0.16 * draws[9],
        height=0.93 + 0.10 * draws[10] - 0.04 * feminine,
        head_size=1.08 + 0.10 * draws[8],
        skin=skin,
        hair=colours(HAIR_COLOURS)[hair] * (0.9 + 0.2 * draws[16])[:, None],
        eye=colours(EYE_COLOURS)[torch.where(dark, eye % 2, eye)],
        lip=skin * torch.tensor((0.86, 0.62, 0.60), device=seed.device) + rosy,
        beard=((feminine < 0.5) & (draws[20] < 0.3)).float() * (0.3 + 0.5 * draws[21]),
        hair_style=style_table[(feminine > 0.5).long(), pick(draws[17], 10)],
    )
