"""The shop picture and the worn garment are the same cloth."""

import dataclasses

import torch
import torch.nn.functional as F

from fashiongen.mannequin import World
from fashiongen.mannequin.flat import flat_layout
from fashiongen.mannequin.outfit import Outfit
from fashiongen.mannequin.rendering import draw_flat
from fashiongen.mannequin.topology import Slot


def open_tops(world: World, count: int) -> tuple[torch.Tensor, Outfit]:
    """Outfits whose top is not below a coat."""
    index = torch.arange(4 * count)
    index = index[~world.outfit(index).coat][:count]
    return index, world.outfit(index)


def test_pixels_of_the_shop_picture_lie_where_the_layout_says() -> None:
    world = World(128, 96)
    _, outfit = open_tops(world, 8)
    layout, flat = flat_layout(outfit.top), draw_flat(outfit, 128, 96)
    image, row, column = ((flat.slot == Slot.TOP) | (flat.slot == Slot.SLEEVE)).nonzero().unbind(1)
    u, v, w = flat.coordinates.permute(1, 0, 2, 3)[:, image, row, column]
    place = layout.place(image, flat.slot[image, row, column], flat.side[image, row, column], u, v, w)
    x, y = layout.on_page(image, *place, 128, 96)
    error = torch.maximum((x - column - 0.5).abs(), (y - row - 0.5).abs())
    assert error.median() < 0.3
    assert error.quantile(0.99) < 1.2


def test_sampling_the_shop_picture_at_the_flat_position_gives_the_worn_cloth() -> None:
    """The re-rendering that the design promises: worn albedo = shop albedo at the flat position of each worn pixel."""
    world = World(256, 192)
    index, outfit = open_tops(world, 8)
    worn = world.draw(index)
    flat, layout = draw_flat(outfit, 256, 192), flat_layout(outfit.top)
    u, v, w = worn.coordinates.unbind(1)
    garment = (worn.slot == Slot.TOP) | (worn.slot == Slot.SLEEVE)
    image, row, column = (garment & (u.abs() < 0.85) & (worn.mask[:, 0] == 1)).nonzero().unbind(1)
    at = [value[image, row, column] for value in (worn.slot, worn.side, u, v, w)]
    x, y = layout.on_page(image, *layout.place(image, *at), 256, 192)
    flat_pixel = (y.long().clamp(0, 255), x.long().clamp(0, 191))
    matches = (flat.slot[image, *flat_pixel] == at[0]) & (flat.coordinates[:, 0][image, *flat_pixel].abs() <= 1)
    assert matches.float().mean() > 0.9
    for picture in range(len(index)):
        own = matches & (image == picture)
        grid = torch.stack([x[own] * 2 / 192 - 1, y[own] * 2 / 256 - 1], 1)[None, None]
        sampled = F.grid_sample(flat.albedo[picture : picture + 1], grid, align_corners=False)[0, :, 0]
        error = (sampled - worn.albedo[picture][:, row[own], column[own]]).abs().mean()
        assert error < 0.035, (picture, error)


def test_the_flat_garment_does_not_depend_on_who_wears_it() -> None:
    world = World(64, 48)
    index, outfit = open_tops(world, 4)
    other = world.identity(index + 100)
    worn = world.render(other, world.pose(index), outfit, world.background(index), world.camera(index))
    own = world.draw(index)
    for rendering in (worn, own):
        w, v = rendering.coordinates[:, 2], rendering.coordinates[:, 1]
        assert ((w[rendering.slot == Slot.TOP] > 0.02) & (v[rendering.slot == Slot.TOP] < 0.87)).all()
    before = world.lay_flat(outfit)
    tried = world.lay_flat(world.outfit(index + 50).with_top(outfit))
    assert torch.equal(before.image, tried.image)


def test_photographs_lie_unbent_on_the_flat_garment() -> None:
    world = World(96, 72)
    index, outfit = open_tops(world, 3)
    ramp = torch.linspace(0, 1, 32)
    photograph = torch.stack([ramp.expand(32, 32), ramp[:, None].expand(32, 32), torch.zeros(32, 32), torch.ones(32, 32)])
    pattern = dataclasses.replace(
        outfit.top.pattern,
        photograph=photograph.expand(3, -1, -1, -1).contiguous(),
        has_photograph=torch.ones(3, dtype=torch.bool),
        front=torch.full((3,), -1),
        motif=torch.full((3,), -1),
    )
    outfit = dataclasses.replace(outfit, top=dataclasses.replace(outfit.top, pattern=pattern))
    flat = draw_flat(outfit, 96, 72)
    for picture in range(3):
        front = (flat.slot[picture] == Slot.TOP) & (flat.coordinates[picture, 0].abs() < 0.9) & (flat.mask[picture, 0] == 1)
        row, column = front.nonzero().unbind(1)
        shown = flat.mask[picture, 0] > 0
        rows, columns = shown.any(1).nonzero()[:, 0], shown.any(0).nonzero()[:, 0]
        expected = (column - columns.min() + 0.5) / (columns.max() - columns.min() + 1)
        red = flat.albedo[picture, 0, row, column]
        assert torch.corrcoef(torch.stack([red, expected]))[0, 1] > 0.97
        assert rows.min() >= 0
    worn = world.render(world.identity(index), world.pose(index), outfit, world.background(index), world.camera(index))
    assert worn.image.isfinite().all()


def test_a_shop_picture_is_white_around_the_garment_and_fits_the_page() -> None:
    world = World(96, 72)
    garment = world.lay_flat(world.outfit(torch.arange(16)))
    outside = (garment.mask == 0).expand_as(garment.image)
    assert (garment.image[outside] == 1).all()
    edge = torch.cat([garment.mask[..., 0, :], garment.mask[..., -1, :], garment.mask[..., 0], garment.mask[..., -1]], -1)
    assert (edge == 0).all()
    assert (garment.mask.mean((1, 2, 3)) > 0.1).all()
