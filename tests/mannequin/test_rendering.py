"""Annotations agree with one another and with the picture, pixel by pixel."""

import pytest
import torch
import torch.nn.functional as F

from fashiongen.data.parsing import PARTS
from fashiongen.mannequin import World
from fashiongen.mannequin.labels import FINE, LABEL, to_scheme
from fashiongen.mannequin.rendering import Rendering
from fashiongen.mannequin.topology import Slot

COUNT = 24


@pytest.fixture(scope="module", params=["upper", "full"])
def rendering(request: pytest.FixtureRequest) -> Rendering:
    return World(128, 96, framing=request.param).draw(torch.arange(COUNT))


def test_shapes_and_ranges(rendering: Rendering) -> None:
    assert rendering.image.shape == (COUNT, 3, 128, 96)
    assert rendering.image.min() >= -1
    assert rendering.image.max() <= 1
    assert rendering.labels.dtype == rendering.parsing.dtype == rendering.parts.dtype == torch.uint8
    assert rendering.labels.max() < len(FINE)
    assert rendering.parts.max() < len(PARTS)
    assert rendering.parsing.max() < 20
    assert len(rendering.captions) == COUNT
    assert rendering.person().unbind()[0].keypoints.shape == (18, 3)


def test_label_part_depth_and_mask_agree_in_every_pixel(rendering: Rendering) -> None:
    shown = rendering.labels > 0
    assert torch.equal(shown, rendering.parts > 0)
    assert torch.equal(shown, rendering.depth.isfinite())
    assert torch.equal(shown, rendering.mask[:, 0] > 0)
    assert torch.equal(shown, rendering.slot >= 0)
    assert torch.equal(shown, rendering.side >= 0)
    assert torch.equal(rendering.parsing, to_scheme(rendering.labels, "lip20"))


def test_left_and_right_follow_the_side(rendering: Rendering) -> None:
    for number, side in enumerate(("left", "right")):
        ids = [index for name, index in LABEL.items() if name.startswith(side) and not name.endswith(("_eye", "_brow"))]
        assert (rendering.side[torch.isin(rendering.labels, torch.tensor(ids, dtype=torch.uint8))] == number).all()
        parts = [index for index, name in enumerate(PARTS) if name.startswith(side)]
        on_limb = torch.isin(rendering.parts, torch.tensor(parts, dtype=torch.uint8)) & (rendering.side < 2)
        assert (rendering.side[on_limb] == number).all()


def test_parts_follow_the_slot(rendering: Rendering) -> None:
    head = (rendering.slot == Slot.HEAD) | (rendering.slot == Slot.HAIR) | (rendering.slot == Slot.EAR)
    assert torch.equal(head, rendering.parts == PARTS.index("head"))
    hand = rendering.slot == Slot.HAND
    assert ((rendering.parts[hand] == PARTS.index("left_forearm")) | (rendering.parts[hand] == PARTS.index("right_forearm"))).all()


def test_few_holes_and_specks(rendering: Rendering) -> None:
    """A hole is a background pixel among eight of the person, a speck a label that none of its eight neighbours has."""
    shown = (rendering.mask > 0).float()
    around = F.conv2d(shown, torch.ones(1, 1, 3, 3), padding=1) - shown
    assert ((around == 8) & (shown == 0)).sum() / COUNT < 0.3
    labels = F.pad(rendering.labels.float()[:, None], (1, 1, 1, 1), value=-1)
    patches = labels.unfold(2, 3, 1).unfold(3, 3, 1).reshape(COUNT, 128, 96, 9)
    alone = (patches == patches[..., 4:5]).sum(-1) == 1
    face = (rendering.slot == Slot.HEAD) | (rendering.slot == Slot.EAR)
    deep_inside = F.avg_pool2d(shown, 3, 1, 1)[:, 0] == 1
    assert (alone & ~face & deep_inside).sum() / COUNT < 0.6


def test_depth_is_continuous_inside_a_surface(rendering: Rendering) -> None:
    """Slivers do not stick out: neighbours on one surface lie close together."""
    same = (rendering.slot[:, :, 1:] == rendering.slot[:, :, :-1]) & (rendering.side[:, :, 1:] == rendering.side[:, :, :-1])
    step = (rendering.depth[:, :, 1:] - rendering.depth[:, :, :-1]).abs()
    assert step[same & (rendering.slot[:, :, 1:] == Slot.TOP)].max() < 0.2


def test_albedo_is_the_colour_before_light(rendering: Rendering) -> None:
    assert rendering.albedo.min() >= 0
    assert rendering.albedo.max() <= 1
    assert (rendering.albedo.amax(1)[rendering.labels == 0] == 0).all()


def test_garment_coordinates_stay_in_their_ranges(rendering: Rendering) -> None:
    u, v, w = rendering.coordinates.unbind(1)
    top = rendering.slot == Slot.TOP
    assert u[top].abs().max() <= 2.1
    assert v[top].min() > 0.15
    assert v[top].max() < 0.87
    assert w[top].min() > 0.02
