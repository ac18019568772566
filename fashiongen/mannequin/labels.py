"""Labels: the finest names that any scheme asks for, and tables from them to the schemes of the field."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from fashiongen.data.parsing import SCHEMES as _SCHEMES

from .fragments import Fragments
from .outfit import Outfit
from .skeleton import KNEE_HEIGHT, UPPER_ARM_SHARE
from .topology import Slot
from .tubes import ARM_CLOTH

FINE = (
    "background", "hair", "face", "ear", "left_eye", "right_eye", "left_brow", "right_brow", "nose", "upper_lip", "lower_lip",
    "neck", "torso_skin", "left_upper_arm", "right_upper_arm", "left_forearm", "right_forearm", "left_hand", "right_hand",
    "left_thigh", "right_thigh", "left_shin", "right_shin", "left_shoe", "right_shoe", "top", "left_top_sleeve", "right_top_sleeve",
    "dress", "left_dress_sleeve", "right_dress_sleeve", "skirt", "trouser_hips", "left_trouser", "right_trouser", "shorts_hips",
    "left_shorts", "right_shorts", "coat", "left_coat_sleeve", "right_coat_sleeve", "belt", "collar", "lining",
    "hat", "glasses", "scarf", "socks", "gloves", "bag", "jumpsuit",
)  # fmt: skip
"""Names of `Rendering.labels`; left and right are the person's own. The last seven are reserved."""
LABEL = {name: index for index, name in enumerate(FINE)}

SCHEMES = {name: _SCHEMES[name] for name in ("lip20", "cihp20", "atr18", "clothnet22", "fashiongan7")}
"""Names of the labels by scheme, of the schemes that the world speaks."""

_COARSE = {
    **dict.fromkeys(("face", "ear", "left_eye", "right_eye", "left_brow", "right_brow", "nose", "upper_lip", "lower_lip"), "face"),
    **dict.fromkeys(("neck", "torso_skin"), "torso-skin"),
    **dict.fromkeys(("left_upper_arm", "left_forearm", "left_hand"), "left-arm"),
    **dict.fromkeys(("right_upper_arm", "right_forearm", "right_hand"), "right-arm"),
    **dict.fromkeys(("left_thigh", "left_shin"), "left-leg"),
    **dict.fromkeys(("right_thigh", "right_shin"), "right-leg"),
    **dict.fromkeys(("top", "left_top_sleeve", "right_top_sleeve", "collar"), "upper-clothes"),
    **dict.fromkeys(("left_dress_sleeve", "right_dress_sleeve"), "dress"),
    **dict.fromkeys(("trouser_hips", "left_trouser", "right_trouser", "shorts_hips", "left_shorts", "right_shorts"), "pants"),
    **dict.fromkeys(("coat", "left_coat_sleeve", "right_coat_sleeve", "lining"), "coat"),
    "glasses": "sunglasses",
    "gloves": "glove",
    "jumpsuit": "jumpsuits",
}
_ATR_LACKS = {"coat": "upper-clothes", "glove": "background", "socks": "background", "jumpsuits": "dress"}
_FALLBACK = {
    "lip20": {"belt": "pants", "bag": "background", "torso-skin": "background"},
    "cihp20": {"belt": "pants", "bag": "background", "jumpsuits": "dress"},
    "atr18": {**_ATR_LACKS, "torso-skin": "background"},
    "clothnet22": {**_ATR_LACKS, "torso-skin": "face"},
    "fashiongan7": {
        "hat": "hair",
        **dict.fromkeys(("sunglasses", "torso-skin"), "face"),
        **dict.fromkeys(("coat", "scarf"), "upper-clothes"),
        **dict.fromkeys(("dress", "skirt", "pants", "belt", "jumpsuits", "bag"), "lower-clothes"),
        **dict.fromkeys(("left-leg", "right-leg", "left-shoe", "right-shoe", "socks"), "legs"),
        **dict.fromkeys(("left-arm", "right-arm", "glove"), "arms"),
    },
}
# A seen right eye is on the left of the picture.
_FINER = {
    "clothnet22": {
        "upper_lip": "lips", "lower_lip": "lips", "nose": "nose", "right_eye": "left-eye", "left_eye": "right-eye",
    },
}  # fmt: skip

_SIDED = {
    Slot.HAND: "hand", Slot.SHOE: "shoe", Slot.COAT_SLEEVE: "coat_sleeve", Slot.SLEEVE: "top_sleeve", Slot.TROUSER: "trouser",
}  # fmt: skip
_PLAIN = {
    Slot.HEAD: "face", Slot.EAR: "ear", Slot.HAIR: "hair", Slot.TOP: "top", Slot.LOWER: "trouser_hips", Slot.COAT: "coat",
    Slot.BELT: "belt", Slot.COLLAR: "collar",
}  # fmt: skip
_NECK_FROM = 0.828
_THIGH_BELOW = 0.47


def scheme_table(scheme: str, neck: str = "skin") -> tuple[int, ...]:
    """Ids of a scheme for every label of `FINE`.

    Args:
        scheme: a name of `SCHEMES`.
        neck: "skin" treats the neck as the scheme treats the skin of the torso: LIP and ATR have no class for it and say
            background; ClothNet, which blackens the background, and FashionGAN, which keeps the face, would cut off the head, so
            both count here as face. "face" counts the neck as face in every scheme.

    Raises:
        ValueError: for another scheme or another choice for the neck.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"no label scheme is called {scheme!r} here; known: {', '.join(SCHEMES)}")
    if neck not in ("skin", "face"):
        raise ValueError(f"the neck can count as 'skin' or as 'face', not as {neck!r}")
    ids = []
    for fine in FINE:
        coarse = "face" if fine == "neck" and neck == "face" else _COARSE.get(fine, fine.replace("_", "-"))
        name = _FINER.get(scheme, {}).get(fine) or _FALLBACK[scheme].get(coarse, coarse)
        ids.append(SCHEMES[scheme].index(name))
    return tuple(ids)


@lru_cache(maxsize=32)
def _table(scheme: str, neck: str, device: torch.device) -> Tensor:
    return torch.tensor(scheme_table(scheme, neck), dtype=torch.uint8, device=device)


def to_scheme(labels: Tensor, scheme: str = "lip20", neck: str = "skin") -> Tensor:
    """Fine labels (uint8) -> labels of a scheme (uint8), see `scheme_table`."""
    return _table(scheme, neck, labels.device).index_select(0, labels.reshape(-1).int()).view(labels.shape)


@lru_cache(maxsize=8)
def _slot_labels(device: torch.device) -> Tensor:
    """(slots, sides) first guess of the label."""
    table = torch.zeros(len(Slot), 3, dtype=torch.int64)
    for slot, name in _PLAIN.items():
        table[slot] = LABEL[name]
    for slot, name in _SIDED.items():
        table[slot, 0], table[slot, 1] = LABEL[f"left_{name}"], LABEL[f"right_{name}"]
    table[Slot.ARM, 0], table[Slot.ARM, 1] = LABEL["left_upper_arm"], LABEL["right_upper_arm"]
    table[Slot.LEG, 0], table[Slot.LEG, 1] = LABEL["left_thigh"], LABEL["right_thigh"]
    table[Slot.TORSO] = LABEL["torso_skin"]
    return table.to(device)


def label_fragments(fragments: Fragments, outfit: Outfit, face: Tensor) -> Tensor:
    """(K,) uint8 fine labels; `face` (K,) int64 holds the labels of the head where it is seen."""
    slot, image, v = fragments.slot, fragments.image, fragments.v
    label = _slot_labels(slot.device).view(-1).index_select(0, slot * 3 + fragments.side)
    forearm = (slot == Slot.ARM) & (v > UPPER_ARM_SHARE * ARM_CLOTH)
    shin = (slot == Slot.LEG) & (v < KNEE_HEIGHT)
    label = label + 2 * (forearm | shin).long()
    label = torch.where((slot == Slot.TORSO) & (v > _NECK_FROM), LABEL["neck"], label)
    dress = outfit.dress[image] & ((slot == Slot.TOP) | (slot == Slot.SLEEVE))
    label = label + (LABEL["dress"] - LABEL["top"]) * dress.long()
    trousers = (slot == Slot.TROUSER) | (slot == Slot.LOWER)
    label = label + (LABEL["shorts_hips"] - LABEL["trouser_hips"]) * (trousers & outfit.lower.shorts[image]).long()
    label = torch.where((slot == Slot.LOWER) & outfit.skirt[image], LABEL["skirt"], label)
    label = torch.where((slot == Slot.COAT) & fragments.inside, LABEL["lining"], label)
    return torch.where(slot == Slot.HEAD, face, label).to(torch.uint8)


_HULL = (Slot.TORSO, Slot.TOP, Slot.LOWER, Slot.COAT, Slot.BELT, Slot.COLLAR)
_HEAD = (Slot.HEAD, Slot.EAR, Slot.HAIR)
_ARMS = (Slot.ARM, Slot.HAND, Slot.SLEEVE, Slot.COAT_SLEEVE)


@lru_cache(maxsize=8)
def _limbs(device: torch.device) -> Tensor:
    """(slots,) 0 torso and what hangs from it, 1 head, 2 arms, 3 legs."""
    kinds = [0 if slot in _HULL else 1 if slot in _HEAD else 2 if slot in _ARMS else 3 for slot in Slot]
    return torch.tensor(kinds, device=device)


def part_fragments(fragments: Fragments) -> Tensor:
    """(K,) uint8 body parts: what a skirt or a long coat covers counts as thigh or shin, hands as forearm, feet as shin."""
    slot, v = fragments.slot, fragments.v
    kind = _limbs(slot.device).index_select(0, slot)
    left = torch.where(fragments.side == 2, fragments.u > 0, fragments.side == 0)
    below_knee = ((v < KNEE_HEIGHT) | (slot == Slot.SHOE)).long()
    leg = torch.where(left, 9, 7) + below_knee
    below_elbow = ((v > UPPER_ARM_SHARE * ARM_CLOTH) | (slot == Slot.HAND)).long()
    arm = torch.where(left, 5, 3) + below_elbow
    part = torch.where((kind == 3) | ((kind == 0) & (v < _THIGH_BELOW)), leg, 2)
    return torch.where(kind == 1, 1, torch.where(kind == 2, arm, part)).to(torch.uint8)
