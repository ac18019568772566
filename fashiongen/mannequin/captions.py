"""Sentences and attribute numbers about the clothes, in the grammar and with the labels of FashionGAN's data.

S. Zhu, S. Fidler, R. Urtasun, D. Lin, C. C. Loy, "Be Your Own Prada: Fashion Synthesis with Structural Coherence", ICCV 2017, with
the 78,979 sentences that its authors published for DeepFashion: a sentence names the outermost upper garment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fashiongen.data.attributes import CATEGORIES, COLOURS, SLEEVES
from fashiongen.mannequin import glyphs, random
from fashiongen.mannequin.palette import luma
from fashiongen.mannequin.textures import KINDS, Pattern

DETAILS = ("", "stripe", "patterns", "prints", "letters", "numbers", "logo", "a star", "a heart", "a lightning bolt", "a moon",
           "a flower", "a diamond", "a cat", "a smiley face", "a leaf", "an anchor", "a crown", "a butterfly", "stars", "flowers",
           "leaves", "diamonds", "butterflies")  # fmt: skip
"""What may follow "with"; the first says nothing."""

_STREAM = 31
_MULTICOLOUR_SHARE = 0.35
_SECOND_SHARES = {"horizontal stripes": 0.5, "vertical stripes": 0.4, "checks": 0.5, "dots": 0.22, "gradient": 0.5, "print": 0.36,
                  "motif": 0.19, "thin stripes": 0.3}  # fmt: skip
"""How much of the cloth shows the second colour."""

_PLURALS = {"star": "stars", "flower": "flowers", "leaf": "leaves", "diamond": "diamonds", "butterfly": "butterflies"}
_DETAIL_OF_KIND = {"horizontal stripes": "stripe", "vertical stripes": "stripe", "thin stripes": "stripe", "checks": "patterns",
                   "dots": "patterns", "print": "prints", "photograph": "prints"}  # fmt: skip
_EXAMPLES = {
    "red": ((0.62, 0.12, 0.15), (0.85, 0.15, 0.15), (0.42, 0.16, 0.20)),
    "blue": ((0.16, 0.22, 0.36), (0.20, 0.35, 0.65), (0.33, 0.43, 0.58), (0.55, 0.65, 0.78), (0.16, 0.46, 0.62)),
    "white": ((0.93, 0.92, 0.90), (0.98, 0.98, 0.98)),
    "pink": ((0.88, 0.64, 0.70), (0.96, 0.85, 0.82), (0.86, 0.54, 0.48), (0.88, 0.35, 0.55)),
    "orange": ((0.92, 0.56, 0.22), (0.80, 0.38, 0.20)),
    "black": ((0.07, 0.07, 0.08), (0.14, 0.14, 0.17)),
    "brown": ((0.30, 0.21, 0.16), (0.45, 0.30, 0.20)),
    "green": ((0.20, 0.40, 0.34), (0.30, 0.55, 0.30), (0.64, 0.75, 0.60)),
    "purple": ((0.36, 0.20, 0.30), (0.44, 0.32, 0.56), (0.74, 0.62, 0.73)),
    "yellow": ((0.92, 0.78, 0.35), (0.96, 0.88, 0.45)),
    "khaki": ((0.58, 0.50, 0.38), (0.68, 0.60, 0.42)),
    "gray": ((0.50, 0.50, 0.51), (0.36, 0.36, 0.37), (0.70, 0.70, 0.70)),
    "beige": ((0.80, 0.66, 0.46), (0.88, 0.80, 0.68)),
    "olive": ((0.42, 0.46, 0.34), (0.26, 0.28, 0.21)),
}


@dataclass(frozen=True)
class Attributes:
    """Labels of B people, int64 (B,) each.

    Attributes:
        category: of the outermost upper garment, in `CATEGORIES`.
        colour: its dominant one, in `COLOURS`; multicolor when a second one covers more than 35 %.
        gender: how the person looks, in `GENDERS`.
        sleeve: in `SLEEVES`; half-sleeved counts as other.
        detail: in `DETAILS`.
    """

    category: Tensor
    colour: Tensor
    gender: Tensor
    sleeve: Tensor
    detail: Tensor


def attributes(
    gender: Tensor, dress: Tensor, coat: Tensor, long_coat: Tensor, sleeve: Tensor, collar: Tensor, loose: Tensor, pattern: Pattern
) -> Attributes:
    """Labels of what is worn.

    Args:
        gender: (B,) from 0 (masculine) to 1 (feminine).
        dress, coat, long_coat: (B,) bool: a dress in place of a top, a coat over it, which reaches the thighs.
        sleeve: (B,) length of the top's or dress's sleeve as a share of the arm, not positive for none.
        collar: (B,) bool, a collar with a placket.
        loose: (B,) from 0 (tight) to 1 (loose).
        pattern: cloth of the outermost upper garment: of the coat where one is worn, else of the top or dress.
    """
    female = gender > 0.5
    length = torch.where(coat, 1.0, sleeve)
    sleeve_id = _ids(length, SLEEVES, {"long": length > 0.8, "short": (length > 0) & (length < 0.45), "sleeveless": length <= 0})
    over = random.pick(pattern.phase, 3)
    category = _ids(
        length,
        CATEGORIES,
        {
            "coat": coat & long_coat,
            "jacket": coat & (over == 0),
            "blazer": coat & (over == 1),
            "cardigan": coat,
            "dress": dress,
            "tank": length <= 0,
            "blouse": collar & female,
            "henley": collar,
            "sweater": (length > 0.8) & (loose > 0.6),
            "top": female & (length > 0.8),
            "tee": (length < 0.45) | ~female,
        },
        otherwise="blouse",
    )
    return Attributes(category, _colour(pattern), torch.where(female, 0, 1), sleeve_id, _detail(pattern))


def describe(attributes: Attributes, seed: Tensor) -> list[str]:
    """A sentence for each person, such as "the lady was wearing a blue long-sleeved dress with flowers." in FashionGAN's grammar.

    Args:
        attributes: of B people.
        seed: (B,) int64, decides among words of one meaning.
    """
    u = random.uniform(seed, _STREAM, 3)
    people = torch.where(attributes.gender == 0, random.pick(u[:, 0], 3), 3 + random.pick(u[:, 0], 2)).tolist()
    verbs = random.pick(u[:, 1], 4).tolist()
    unsaid = (u[:, 2] < 0.5).tolist()
    sentences = []
    for row, (person, verb) in enumerate(zip(people, verbs, strict=True)):
        sleeve = ("long-sleeved", "short-sleeved", "sleeveless", "" if unsaid[row] else "half-sleeved")[int(attributes.sleeve[row])]
        colour, noun = COLOURS[int(attributes.colour[row])], CATEGORIES[int(attributes.category[row])]
        phrase = f"{colour} {sleeve} {noun}" if sleeve else f"{colour} {noun}"
        detail = DETAILS[int(attributes.detail[row])]
        sentences.append(
            f"the {('lady', 'woman', 'girl', 'man', 'boy')[person]} {('was wearing', 'is wearing', 'wears', 'wore')[verb]} "
            f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}{f' with {detail}' if detail else ''}."
        )
    return sentences


def name_colour(colour: Tensor) -> Tensor:
    """Nearest named colour of RGB colours (B, 3) in [0, 1]: (B,) int64 in `COLOURS`; hue counts more than lightness."""
    names = [name for name, examples in _EXAMPLES.items() for _ in examples]
    examples = torch.tensor([example for group in _EXAMPLES.values() for example in group], device=colour.device)
    difference = _opponents(colour)[:, None] - _opponents(examples)
    distance = difference[..., 0] ** 2 + difference[..., 1] ** 2 + difference[..., 2] ** 2
    numbers = torch.tensor([COLOURS.index(name) for name in names], device=colour.device)
    return numbers[distance.argmin(1)]


def _opponents(colour: Tensor) -> Tensor:
    """Lightness, red against green, and yellow against blue, the latter two stretched."""
    red, green, blue = colour.unbind(-1)
    return torch.stack([luma(colour), 1.6 * (red - green), 0.8 * (red + green - 2 * blue)], -1)


def _colour(pattern: Pattern) -> Tensor:
    shares = torch.tensor([_SECOND_SHARES.get(kind, 0.0) for kind in KINDS], device=pattern.kind.device)
    named = name_colour(pattern.base)
    several = (shares[pattern.kind] > _MULTICOLOUR_SHARE) & (named != name_colour(pattern.second))
    return torch.where(several, COLOURS.index("multicolor"), named)


def _detail(pattern: Pattern) -> Tensor:
    device = pattern.kind.device
    of_kind = torch.tensor([DETAILS.index(_DETAIL_OF_KIND.get(kind, "")) for kind in KINDS], device=device)
    detail = torch.where(pattern.motif >= 0, _detail_table(_several, device)[pattern.motif], of_kind[pattern.kind])
    glyph = torch.where(pattern.front >= 0, pattern.front, pattern.back)
    return torch.where(glyph >= 0, _detail_table(_single, device)[glyph], detail)


def _detail_table(words: Callable[[str], str], device: torch.device) -> Tensor:
    return torch.tensor([DETAILS.index(words(name)) for name in glyphs.NAMES], device=device)


def _several(glyph: str) -> str:
    return _PLURALS.get(glyph, "prints")


def _single(glyph: str) -> str:
    """What a glyph is called; a word only by its kind."""
    if glyph in glyphs.WORDS:
        return "numbers" if glyph.isdigit() else "letters"
    named = {"smiley": "a smiley face", "anchor": "an anchor"}.get(glyph, f"a {glyph}")
    return named if named in DETAILS else "logo"


def _ids(like: Tensor, names: tuple[str, ...], rules: dict[str, Tensor], otherwise: str = "other") -> Tensor:
    """Number of the first rule that holds."""
    chosen = torch.full(like.shape, names.index(otherwise), device=like.device)
    for name, holds in reversed(rules.items()):
        chosen = torch.where(holds, names.index(name), chosen)
    return chosen
