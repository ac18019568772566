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
    "fashiongan4": ("background", "hair", "face", "rest"),
    "body7": ("background", "head", "torso", "right-arm", "left-arm", "right-leg", "left-leg"),
    "pascal7": ("background", "head", "torso", "upper-arms", "lower-arms", "upper-legs", "lower-legs"),
}
"""Label names by scheme, in the order of their ids.

"clothnet22" is ATR with parts of the face; its left and right eyes are those of the picture. "body7" are ClothNet's body maps.
"fashiongan7" and "fashiongan4" are the maps and the merged layout of FashionGAN, whose networks put the background last: channel
k - 1 is label k, the last one label 0.
"""

PARTS = (
    "none", "head", "torso", "right_upper_arm", "right_forearm", "left_upper_arm", "left_forearm",
    "right_thigh", "right_shin", "left_thigh", "left_shin",
)  # fmt: skip
"""Body parts of `Person.parts`, in the order of their ids."""

_BODY_OF_PARTS = (0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6)
_PARTS_OF_BODY = (0, 1, 2, 3, 5, 7, 9)

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
_MERGED = {"background": "background", "hair": "hair", "face": "face"}
_REPLACEMENTS["fashiongan4"] = {
    **dict.fromkeys(("upper-clothes", "lower-clothes", "legs", "arms"), "rest"),
    **{name: _MERGED.get(merged, "rest") for name, merged in _REPLACEMENTS["fashiongan7"].items()},
}
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


def body_map(parts: Tensor) -> Tensor:
    """ClothNet's body map: whole arms and legs (scheme "body7") from the ten parts of `Person.parts`.

    Args:
        parts: (...) integer ids of `PARTS`.

    Returns:
        uint8 ids 0..6, the same shape.

    Raises:
        ValueError: for ids beyond the ten parts.
    """
    _check_ids(parts, len(PARTS), "the ten body parts", "parts", "these are Person.parts, see fashiongen.data.parsing.PARTS")
    return torch.tensor(_BODY_OF_PARTS, dtype=torch.uint8, device=parts.device)[parts.long()]


def parts_of_body_map(body: Tensor) -> Tensor:
    """A body map in the ids of `Person.parts`, so that `body_map` gives it back exactly.

    It does not say where an elbow or a knee is: whole arms become upper arms, whole legs become thighs.

    Args:
        body: (...) integer ids of the scheme "body7".

    Returns:
        uint8 ids of `PARTS`, the same shape.

    Raises:
        ValueError: for ids beyond 0..6.
    """
    check(body, "body7", "body map")
    return torch.tensor(_PARTS_OF_BODY, dtype=torch.uint8, device=body.device)[body.long()]


def check(parsing: Tensor, scheme: str, path: object = "parsing") -> None:
    """Refuse label ids that a scheme does not have.

    Raises:
        ValueError: naming `path` and the ids; also for a tensor that is not of integers.
    """
    names = _names(scheme)
    _check_ids(parsing, len(names), scheme, path, f"name the scheme that the map was made with: {', '.join(SCHEMES)}")


def _check_ids(ids: Tensor, count: int, of: str, path: object, fix: str) -> None:
    if ids.is_floating_point() or ids.is_complex():
        raise ValueError(f"{path}: label ids are integers, not {ids.dtype}")
    if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= count):
        unknown = [int(each) for each in ids.unique() if not 0 <= each < count]
        raise ValueError(f"{path}: label ids {unknown} do not exist in {of}, which has 0 to {count - 1}; {fix}")


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
