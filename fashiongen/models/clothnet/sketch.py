"""From annotations to what the networks of ClothNet see, and back: sketches, bodies and their colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fashiongen.layers.resize import legacy_bilinear_resize, legacy_nearest_resize
from fashiongen.layers.segment_colours import MERGED, paint, segment_colours
from fashiongen.layers.sketch_colours import colour_code, from_bytes
from fashiongen.models.clothnet.networks import one_hot
from fashiongen.types import Person

SCHEME = "clothnet22"
LABELS = (
    "background", "hat", "hair", "sunglasses", "upper-clothes", "skirt", "pants", "dress", "belt", "left-shoe", "right-shoe",
    "face", "left-leg", "right-leg", "left-arm", "right-arm", "bag", "scarf", "lips", "nose", "left-eye", "right-eye",
)  # fmt: skip
"""Names of the labels of a sketch, in the order of their ids: the scheme "clothnet22" of `fashiongen.data.parsing`."""

BODY = ("background", "head", "torso", "right-arm", "left-arm", "right-leg", "left-leg")
"""Names of the classes of a body map, in the order of their ids; left and right are the person's own."""
BODY_OF_PART = (0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6)
"""Body class of every body part of `Person.parts`."""

_HEAD, _TORSO, _ARMS, _LEGS = (1,), (2,), (3, 4), (5, 6)
#: Body classes that a label can lie on; the first where the body is none of them.
_COVERS = {
    **dict.fromkeys(("hat", "hair", "sunglasses", "face", "lips", "nose", "left-eye", "right-eye"), _HEAD),
    "upper-clothes": _TORSO + _ARMS, "skirt": _TORSO + _LEGS, "pants": _TORSO + _LEGS, "dress": _TORSO + _ARMS + _LEGS,
    "belt": _TORSO, "scarf": _TORSO + _HEAD + _ARMS, "bag": _TORSO + _ARMS + _LEGS + _HEAD,
    "right-arm": (3,), "left-arm": (4,), "right-leg": (5,), "right-shoe": (5,), "left-leg": (6,), "left-shoe": (6,),
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """People as the networks see them, at the size of the networks.

    Attributes:
        labels: (B, H, W) ids of `LABELS`.
        body: (B, H, W) ids of `BODY`; None without body parts.
        picture: (B, 3, H, W) in [-1, 1], black outside the person.
        condition: (B, C, H, W) what the portrayer sees.
        colours: (B, 22, 3) uint8, one colour a label; None unless the portrayer sees them.
    """

    labels: Tensor
    body: Tensor | None
    picture: Tensor
    condition: Tensor
    colours: Tensor | None

    def known_body(self) -> Tensor:
        """`body`, where it is needed.

        Raises:
            ValueError: when it is missing.
        """
        if self.body is None:
            raise ValueError("clothnet draws sketches on bodies; this batch has no body parts (`person.parts`)")
        return self.body

    def unbind(self) -> list[Example]:
        """One example a person, the batch axis kept."""
        fields = (self.labels, self.body, self.picture, self.condition, self.colours)
        chunks = [[None] * len(self.labels) if field is None else list(field.split(1)) for field in fields]
        return [Example(*pieces) for pieces in zip(*chunks, strict=True)]  # type: ignore[arg-type]


def example(person: Person, size: int, kind: str = "colours", statistic: str | None = None) -> Example:
    """What the networks see of people.

    Everything is made at the size of the pictures and then brought to that of the networks, as the authors do with their stored
    286x286 when they validate and test: colour coded sketches are blended at the borders of labels, if pictures are larger.

    Args:
        person: batch with parsing in the scheme "clothnet22".
        size: height and width of the networks; pictures that are not square are padded first.
        kind: "colours" or "labels", see `condition`.
        statistic: of the segment colours, "median" or "mean"; None leaves them out.

    Raises:
        ValueError: without parsing, for another scheme, and for labels or parts that do not exist.
    """
    labels = square(labels_of(person))
    picture = square(person.image, -1.0).where(labels[:, None] != 0, -1.0)
    body = None if person.parts is None else fit(body_map(square(person.parts)), size)
    maps = [one_hot(fit(labels, size), len(LABELS)) if kind == "labels" else fit(from_bytes(colour_code(labels)), size)]
    colours = None
    if statistic is not None:
        colours = segment_colours(levels(picture), labels, statistic)  # type: ignore[arg-type]
        maps.append(fit(from_bytes(paint(labels, colours)), size))
    return Example(fit(labels, size), body, fit(picture, size), torch.cat(maps, dim=1).to(picture.dtype), colours)


def fit(maps: Tensor, size: int) -> Tensor:
    """Scale (..., H, W) to (..., size, size) by TensorFlow 1's rules: floats are interpolated, integers picked."""
    if maps.shape[-2:] == (size, size):
        return maps
    return (legacy_bilinear_resize if maps.is_floating_point() else legacy_nearest_resize)(maps, size, size)


def condition(labels: Tensor, colours: Tensor | None = None, kind: str = "colours") -> Tensor:
    """What the portrayer sees.

    Args:
        labels: (B, H, W) ids of `LABELS`.
        colours: (B, 22, 3) uint8, the colour of every label; black where it is not known. None for a portrayer without them.
        kind: "colours": the sketch in the colours of `fashiongen.layers.sketch_colours`; "labels": one map a label.

    Returns:
        (B, C, H, W), C = 3 or 22 and 3 more with colours; in [-1, 1], label maps in {-1/2, 1/2}.
    """
    maps = from_bytes(colour_code(labels)) if kind == "colours" else one_hot(labels, len(LABELS))
    return maps if colours is None else torch.cat([maps, from_bytes(paint(labels, colours))], dim=1)


def labels_of(person: Person) -> Tensor:
    """(B, H, W) sketches of people.

    Raises:
        ValueError: without parsing, for another scheme, and for labels that do not exist.
    """
    if person.parsing is None or person.scheme != SCHEME:
        found = "none" if person.parsing is None else person.scheme
        raise ValueError(
            f"clothnet reads parsing of the scheme {SCHEME}, not {found}; convert it with fashiongen.data.parsing.convert"
        )
    return checked(person.parsing, len(LABELS), "sketch labels")


def body_map(parts: Tensor) -> Tensor:
    """Body parts -> the seven classes that sketches are conditioned on.

    Args:
        parts: (...) integer ids of `Person.parts`.

    Returns:
        (...) uint8 ids of `BODY`.

    Raises:
        ValueError: for parts that do not exist.
    """
    checked(parts, len(BODY_OF_PART), "body parts")
    return torch.tensor(BODY_OF_PART, dtype=torch.uint8, device=parts.device)[parts.long()]


def implied_body(labels: Tensor, body: Tensor) -> Tensor:
    """The body map that a sketch implies, as near to a given one as its labels allow.

    Skin, hair and shoes say which part of the body they lie on. Clothes do not: they take the class of `body` where they can cover
    it (trousers the torso and the legs, but no arm), else their first. A sketch that agrees with the body gives it back.

    Args:
        labels: (...) integer ids of `LABELS`.
        body: (...) integer ids of `BODY`.

    Returns:
        (...) uint8 ids of `BODY`.
    """
    table = torch.zeros(len(LABELS), len(BODY), dtype=torch.uint8)
    for label, name in enumerate(LABELS[1:], 1):
        covers = _COVERS[name]
        table[label] = covers[0]
        table[label, list(covers)] = torch.tensor(covers, dtype=torch.uint8)
    return table.to(labels.device)[labels.long(), body.long()]


def levels(picture: Tensor) -> Tensor:
    """[-1, 1] -> the nearest uint8 levels, which a picture was read from."""
    return ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def square(maps: Tensor, fill: float = 0) -> Tensor:
    """Pad (..., H, W) to a square, the smaller half of the margin in front (authors' tool 02)."""
    height, width = maps.shape[-2:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return F.pad(maps, (left, side - width - left, top, side - height - top), value=fill) if height != width else maps


def checked(ids: Tensor, count: int, what: str) -> Tensor:
    """Refuse ids that are no integers below `count`.

    Raises:
        ValueError: with the ids.
    """
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(f"{what} are integers, not {ids.dtype}")
    if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= count):
        unknown = [int(each) for each in ids.unique() if not 0 <= each < count]
        raise ValueError(f"{what} {unknown} do not exist; there are 0 to {count - 1}")
    return ids


def set_colours(table: Tensor, wanted: Mapping[str, Sequence[int]]) -> Tensor:
    """Give labels other colours; labels that share one (both shoes, all skin of face and arms) change together.

    Args:
        table: (B, 22, 3) uint8.
        wanted: label name -> RGB in 0..255.

    Returns:
        a new (B, 22, 3) uint8.

    Raises:
        ValueError: for a label that does not exist or is the background, and for a colour that is none.
    """
    table = table.clone()
    for name, colour in wanted.items():
        if name not in LABELS[1:]:
            raise ValueError(f"no label of a sketch is called {name!r}; colours can be given to {', '.join(LABELS[1:])}")
        if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
            raise ValueError(f"the colour of {name} is (red, green, blue) in 0..255, not {tuple(colour)}")
        label = LABELS.index(name)
        together = next((group for group in MERGED if label in group), (label,))
        table[:, list(together)] = torch.tensor([int(value) for value in colour], dtype=torch.uint8, device=table.device)
    return table


def matching_colours(labels: Tensor, wardrobe: Tensor) -> Tensor:
    """Draw colours for sketches from those of known people.

    A sketch takes all its colours from one person, drawn among those who have the most of its labels; what this person lacks comes
    from the next.

    Args:
        labels: (B, H, W) integer ids of `LABELS`.
        wardrobe: (K, 22, 3) uint8 colours of K people, black for what they do not wear.

    Returns:
        (B, 22, 3) uint8, black for labels that a sketch does not hold.
    """
    tables = []
    worn = wardrobe.ne(0).any(dim=-1)
    for sketch in labels:
        present = torch.bincount(sketch.long().flatten(), minlength=len(LABELS))[: len(LABELS)] > 0
        present[0] = False
        order = torch.randperm(len(wardrobe)).to(wardrobe.device)
        order = order[(worn & present).sum(dim=1)[order].argsort(descending=True, stable=True)]
        # The number of people in front of the first who wears the label.
        first = (worn[order].cumsum(dim=0) == 0).sum(dim=0).clamp(max=len(wardrobe) - 1)
        colours = wardrobe[order[first], torch.arange(len(LABELS), device=wardrobe.device)]
        tables.append(colours * present[:, None])
    return torch.stack(tables)
