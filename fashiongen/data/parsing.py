"""Parsing maps: the label schemes of the field and tables between them. Left and right are the person's own."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

_LIP20 = (
    "background", "hat", "hair", "glove", "sunglasses", "upper-clothes", "dress", "coat", "socks", "pants", "jumpsuits", "scarf",
    "skirt", "face", "left-arm", "right-arm", "left-leg", "right-leg", "left-shoe", "right-shoe",
)  # fmt: skip
_ATR18 = (
    "background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt", "left-shoe", "right-shoe",
    "face", "left-leg", "right-leg", "left-arm", "right-arm", "bag", "scarf",
)  # fmt: skip

SCHEMES: dict[str, tuple[str, ...]] = {
    "lip20": _LIP20,
    "cihp20": tuple("torso-skin" if name == "jumpsuits" else name for name in _LIP20),
    "atr18": _ATR18,
    "clothnet22": (*_ATR18, "lips", "nose", "left-eye", "right-eye"),
    "fashiongan7": ("background", "hair", "face", "upper-clothes", "lower-clothes", "legs", "arms"),
    "pascal7": ("background", "head", "torso", "upper-arms", "lower-arms", "upper-legs", "lower-legs"),
}
"""Label names by scheme, in the order of their ids. "clothnet22" counts left and right eyes as they appear in the picture."""

PARTS = (
    "none", "head", "torso", "right_upper_arm", "right_forearm", "left_upper_arm", "left_forearm",
    "right_thigh", "right_shin", "left_thigh", "left_shin",
)  # fmt: skip
"""Body parts of `Person.parts`, in the order of their ids."""

# What a name becomes in a scheme that lacks it.
_REPLACEMENTS: dict[str, dict[str, str]] = {
    "lip20": {"torso-skin": "background", "belt": "background", "bag": "background"},
    "cihp20": {"jumpsuits": "dress", "belt": "background", "bag": "background"},
    "atr18": {
        "coat": "upper-clothes", "jumpsuits": "dress", "torso-skin": "background", "glove": "background", "socks": "background",
    },
    "fashiongan7": {
        "hat": "hair", "sunglasses": "face", "scarf": "upper-clothes", "coat": "upper-clothes", "torso-skin": "background",
        "glove": "background", "socks": "background",
        **dict.fromkeys(("skirt", "pants", "dress", "belt", "bag", "jumpsuits"), "lower-clothes"),
        **dict.fromkeys(("left-leg", "right-leg", "left-shoe", "right-shoe"), "legs"),
        **dict.fromkeys(("left-arm", "right-arm"), "arms"),
    },
}  # fmt: skip
_REPLACEMENTS["clothnet22"] = _REPLACEMENTS["atr18"]
_FEATURES = dict.fromkeys(("lips", "nose", "left-eye", "right-eye"), "face")


def convert(parsing: Tensor, source: str, target: str) -> Tensor:
    """Translate label ids from one scheme to another, label by label.

    What the target lacks becomes the nearest thing that it has, else background: a coat becomes upper-clothes in ATR, a belt
    becomes background in LIP.

    Args:
        parsing: (...) integer label ids.
        source: scheme of `parsing`, a name of `SCHEMES`.
        target: scheme wanted.

    Returns:
        uint8 label ids, the same shape.

    Raises:
        ValueError: for an unknown scheme, ids that `source` does not have, or schemes too coarse to be translated.
    """
    table = torch.tensor(_table(source, target), dtype=torch.uint8, device=parsing.device)
    check(parsing, source)
    return table[parsing.long()]


def mirror(parsing: Tensor, scheme: str = "lip20") -> Tensor:
    """The label map of the mirrored picture: columns reversed, left and right change places.

    Args:
        parsing: (..., H, W) integer label ids.
        scheme: a name of `SCHEMES`.

    Raises:
        ValueError: for an unknown scheme or ids that it does not have.
    """
    names = _names(scheme)
    table = torch.tensor([names.index(_other_side(name)) for name in names], dtype=torch.uint8, device=parsing.device)
    check(parsing, scheme)
    return table[parsing.long()].flip(-1)


def check(parsing: Tensor, scheme: str, path: object = "parsing") -> None:
    """Refuse label ids that a scheme does not have.

    Raises:
        ValueError: naming `path` and the ids; also for a tensor that is not of integers.
    """
    names = _names(scheme)
    if parsing.is_floating_point() or parsing.is_complex():
        raise ValueError(f"{path}: label ids are integers, not {parsing.dtype}")
    if parsing.numel() and (int(parsing.min()) < 0 or int(parsing.max()) >= len(names)):
        unknown = [int(each) for each in parsing.unique() if not 0 <= each < len(names)]
        raise ValueError(
            f"{path}: label ids {unknown} do not exist in {scheme}, which has 0 to {len(names) - 1}; "
            f"name the scheme that the map was made with: {', '.join(SCHEMES)}"
        )


@lru_cache
def _table(source: str, target: str) -> tuple[int, ...]:
    names, wanted = _names(source), _names(target)
    ids = []
    for name in names:
        for candidate in (name, _FEATURES.get(name), _REPLACEMENTS.get(target, {}).get(name)):
            if candidate in wanted:
                ids.append(wanted.index(candidate))
                break
        else:
            raise ValueError(f"{source} cannot be translated to {target}, which has nothing for {name!r}")
    return tuple(ids)


def _names(scheme: str) -> tuple[str, ...]:
    if scheme not in SCHEMES:
        raise ValueError(f"no label scheme is called {scheme!r}; known: {', '.join(SCHEMES)}")
    return SCHEMES[scheme]


def _other_side(name: str) -> str:
    side, _, rest = name.partition("-")
    return {"left": f"right-{rest}", "right": f"left-{rest}"}.get(side, name)
