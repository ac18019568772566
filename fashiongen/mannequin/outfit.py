"""What the person wears: a top or dress, trousers or a skirt, perhaps a coat, and shoes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .identity import presentation
from .numerics import choose, power
from .random import pick, uniform
from .textures import Pattern, sample_pattern

if TYPE_CHECKING:
    from .photographs import PhotographBank

OUTFIT_STREAM, TOP_STREAM, TROUSERS_STREAM, SKIRT_STREAM, COAT_STREAM, SHOES_STREAM = 7, 11, 12, 13, 14, 15
TUCKED_HEM = 0.588
WAIST = 0.612


class Neckline(IntEnum):
    """Necklines."""

    CREW = 0
    V = 1
    SCOOP = 2
    BOAT = 3
    HIGH = 4


NECK_DEPTHS = (0.020, 0.075, 0.060, 0.014, 0.0)
NECK_WIDTHS = (0.9, 0.75, 1.05, 1.25, 0.9)
NECK_DROPS = (0.004, 0.003, 0.008, 0.010, -0.012)


@dataclass(frozen=True)
class Top:
    """B tops and dresses; lengths in body heights.

    Attributes:
        feminine: (B,) 1 for a cut for feminine bodies, else 0.
        dress: (B,) bool.
        sleeve: (B,) length as a share of the arm; -1 for sleeveless.
        neckline: (B,) int64 `Neckline`.
        neck_depth, neck_drop: (B,) how far the front, and all of it, lie below the neck.
        neck_width: (B,) in quarter turns.
        pointed: (B,) bool, a V.
        collar: (B,) bool.
        ease: (B,) .001-.014 between cloth and body.
        hang: (B,) 0-1, how much it bridges the waist.
        hem: (B,) height of the hem when it is not tucked in.
        flare: (B,) of a dress.
        sleeve_ease, sleeve_flare: (B,).
        phase: (B,) in [0, 1), turns the folds.
        pattern: of the cloth.
    """

    feminine: Tensor
    dress: Tensor
    sleeve: Tensor
    neckline: Tensor
    neck_depth: Tensor
    neck_drop: Tensor
    neck_width: Tensor
    pointed: Tensor
    collar: Tensor
    ease: Tensor
    hang: Tensor
    hem: Tensor
    flare: Tensor
    sleeve_ease: Tensor
    sleeve_flare: Tensor
    phase: Tensor
    pattern: Pattern


@dataclass(frozen=True)
class Lower:
    """B pairs of trousers or shorts, or skirts.

    Attributes:
        skirt, shorts: (B,) bool.
        hem: (B,) height of the hem.
        flare: (B,) of a skirt.
        ease: (B,) between cloth and body.
        radius: (B,) least radius of a trouser leg; 0 for a slim one.
        leg_flare: (B,) added at the hem.
        phase: (B,) in [0, 1), turns the folds.
        pattern: of the cloth.
    """

    skirt: Tensor
    shorts: Tensor
    hem: Tensor
    flare: Tensor
    ease: Tensor
    radius: Tensor
    leg_flare: Tensor
    phase: Tensor
    pattern: Pattern


@dataclass(frozen=True)
class Outerwear:
    """B coats and jackets, worn open.

    Attributes:
        worn: (B,) bool.
        hem: (B,) height of the hem.
        opening: (B,) half of the gap in front, radians.
        pattern: of the cloth.
    """

    worn: Tensor
    hem: Tensor
    opening: Tensor
    pattern: Pattern


@dataclass(frozen=True)
class Shoes:
    """B pairs of shoes: boot (B,) height of the shaft, 0 for low ones; pattern."""

    boot: Tensor
    pattern: Pattern


@dataclass(frozen=True)
class Outfit:
    """Clothes, and how they are worn: `tucks` (B,) bool, the top (if it is none of a dress) tucked in; `belts` (B,) bool."""

    top: Top
    lower: Lower
    outerwear: Outerwear
    shoes: Shoes
    tucks: Tensor
    belts: Tensor

    @property
    def dress(self) -> Tensor:
        """(B,) bool."""
        return self.top.dress

    @property
    def coat(self) -> Tensor:
        """(B,) bool, a coat or jacket is worn over the rest."""
        return self.outerwear.worn

    @property
    def skirt(self) -> Tensor:
        """(B,) bool, a skirt is seen."""
        return self.lower.skirt & ~self.dress

    @property
    def tucked(self) -> Tensor:
        """(B,) bool."""
        return self.tucks & ~self.dress

    @property
    def belt(self) -> Tensor:
        """(B,) bool, a belt is seen."""
        return self.belts & (self.tucks | self.dress) & ~self.coat

    @property
    def top_hem(self) -> Tensor:
        """(B,) height of the hem of the top as it is worn."""
        return torch.where(self.tucked, TUCKED_HEM, self.top.hem)

    @property
    def bare_leg(self) -> Tensor:
        """(B,) height below which the legs are bare."""
        return torch.where(self.dress, self.top.hem, self.lower.hem)

    @property
    def coat_hem(self) -> Tensor:
        """(B,) height of the hem of the coat: it ends above a dress."""
        coat = self.outerwear.hem
        return torch.where(self.dress, torch.maximum(coat, self.top.hem + 0.03), coat)

    def with_top(self, other: Outfit) -> Outfit:
        """These clothes with the top (or dress) of `other`, row by row: what the true try-on shows.

        Neckline, sleeves, fit, hem and cloth come with the top; tucking it in stays with the wearer, as do belt, coat, shoes and
        what is worn below (seen again where the wearer's own dress goes). What is covered follows.
        """
        return dataclasses.replace(self, top=other.top)


def _sample_top(seed: Tensor, draws: Tensor, feminine: Tensor, pattern: Pattern) -> Top:
    device = seed.device
    dress = feminine & (draws[0] < 0.26)
    sleeve = torch.tensor((-1.0, 0.30, 0.30, 0.34, 0.50, 0.93, 0.93, 0.97, 0.97), device=device)[pick(draws[2], 9)]
    sleeve = torch.where((sleeve < 0) & ~feminine, 0.32, sleeve)
    sleeve = torch.where(sleeve > 0, sleeve * (0.96 + 0.06 * draws[3]), sleeve)
    choice = pick(draws[4], 5)
    masculine = (Neckline.CREW, Neckline.CREW, Neckline.CREW, Neckline.V, Neckline.HIGH)
    neckline = torch.where(feminine, choice, torch.tensor([int(kind) for kind in masculine], device=device)[choice])
    collar = (draws[6] < 0.18) & (neckline < Neckline.SCOOP)
    depth = torch.tensor(NECK_DEPTHS, device=device)[neckline] * (0.85 + 0.3 * draws[5]) * torch.where(feminine, 1.0, 0.72)
    loose = draws[7]
    return Top(
        feminine=feminine.float(),
        dress=dress,
        sleeve=sleeve,
        neckline=torch.where(collar, int(Neckline.V), neckline),
        neck_depth=torch.where(collar, 0.03, depth),
        neck_drop=torch.tensor(NECK_DROPS, device=device)[neckline],
        neck_width=torch.where(collar, 0.45, torch.tensor(NECK_WIDTHS, device=device)[neckline]),
        pointed=(neckline == Neckline.V) | collar,
        collar=collar,
        ease=0.001 + 0.012 * power(loose, 1.5),
        hang=torch.where(dress, 0.12 * loose, 0.10 + 0.75 * loose),
        hem=torch.where(dress, 0.36 - 0.14 * draws[9], 0.525 - 0.05 * draws[9]),
        flare=torch.where(dress, 0.12 + 0.40 * draws[11], 0.0),
        sleeve_ease=0.002 + 0.007 * loose,
        sleeve_flare=torch.where(sleeve < 0.6, 0.012 * loose, 0.003),
        phase=draws[24],
        pattern=pattern,
    )


def _sample_lower(seed: Tensor, draws: Tensor, feminine: Tensor, skirt_pattern: Pattern, trousers_pattern: Pattern) -> Lower:
    device = seed.device
    skirt = feminine & (draws[25] < 0.33)
    shorts = ~skirt & (draws[1] < 0.20)
    fit = pick(draws[15], 3)
    skirt_hem = torch.where(draws[12] < 0.5, 0.40 - 0.05 * draws[13], 0.28 - 0.08 * draws[13])
    trouser_hem = torch.where(shorts, 0.30 + 0.08 * draws[16], 0.055 + 0.02 * draws[16])
    return Lower(
        skirt=skirt,
        shorts=shorts,
        hem=torch.where(skirt, skirt_hem, trouser_hem),
        flare=0.05 + 0.45 * draws[14],
        ease=torch.tensor((0.0005, 0.003, 0.006), device=device)[fit],
        radius=torch.where(shorts, 0.052, torch.tensor((0.0, 0.042, 0.050), device=device)[fit]),
        leg_flare=torch.where(shorts, 0.01, torch.tensor((0.0, 0.0, 0.008), device=device)[fit]),
        phase=draws[24],
        pattern=choose(skirt, skirt_pattern, trousers_pattern),
    )


def sample_outfit(seed: Tensor, photographs: PhotographBank | None = None, photograph_share: float = 0.0) -> Outfit:
    """(B,) int64 seeds -> outfits, cut for the presentation of the person of the same seed.

    Args:
        photographs: garment photographs for the cloth of some tops.
        photograph_share: share of these tops.
    """
    draws = uniform(seed, OUTFIT_STREAM, 32).t().contiguous()
    feminine = presentation(seed) > 0.5
    top = _sample_top(seed, draws, feminine, sample_pattern(seed, TOP_STREAM, "top", photographs, photograph_share))
    outerwear = Outerwear(
        worn=draws[17] < 0.26,
        hem=torch.where(draws[19] < 0.6, 0.50 - 0.04 * draws[20], 0.34 - 0.06 * draws[20]),
        opening=0.50 + 0.45 * draws[18],
        pattern=sample_pattern(seed, COAT_STREAM, "coat", None, 0.0),
    )
    return Outfit(
        top=top,
        lower=_sample_lower(
            seed,
            draws,
            feminine,
            sample_pattern(seed, SKIRT_STREAM, "skirt", None, 0.0),
            sample_pattern(seed, TROUSERS_STREAM, "trousers", None, 0.0),
        ),
        outerwear=outerwear,
        shoes=Shoes(
            boot=torch.where(draws[22] < 0.22, 0.03 + 0.05 * draws[23], 0.0),
            pattern=sample_pattern(seed, SHOES_STREAM, "shoes", None, 0.0),
        ),
        tucks=draws[8] < 0.30,
        belts=draws[21] < 0.3,
    )
