"""Drawing: factors in, pictures and exact annotations out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fashiongen.types import Garment, Person

from . import background as backgrounds
from .albedo import colour_body, colour_clothes, folds
from .background import Background
from .body import put_body
from .camera import Camera, Projection, projection
from .captions import Attributes, describe
from .captions import attributes as describe_attributes
from .cloth import put_clothes
from .flat import flat_layout, flat_mesh
from .fragments import Fragments, gather_fragments
from .head import put_head
from .identity import Identity
from .keypoints import locate_keypoints
from .labels import label_fragments, part_fragments, to_scheme
from .light import Lighting
from .looks import apply_look
from .numerics import choose
from .outfit import Outfit
from .pose import Pose
from .raster import SAMPLES, rasterise
from .skeleton import Skeleton, pose_skeleton
from .skinning import lowest_foot, normals, skin
from .topology import topology
from .tubes import Mesh

FULL_HEIGHT, UPPER_HEIGHT = 0.88, 1.5
"""Page heights that a person takes, about, in the two framings."""
_FLAT_HEIGHT = 2.2
_FLAT_LIGHT = {"azimuth": 0.0, "elevation": 0.6, "ambient": 0.55, "warmth": 0.0}


@dataclass(frozen=True)
class Rendering:
    """B pictures with everything that is known about them. Left and right are the person's own.

    Attributes:
        image: (B, 3, H, W) RGB in [-1, 1].
        albedo: (B, 3, H, W) RGB in [0, 1], the surface colour before light; 0 on the background.
        labels: (B, H, W) uint8 ids of `fashiongen.mannequin.labels.FINE`.
        parsing: (B, H, W) uint8 LIP-20.
        parts: (B, H, W) uint8 ids of `fashiongen.data.parsing.PARTS`.
        mask: (B, 1, H, W) share of the pixel that the person covers; labels are above 0 exactly where it is above 0.
        depth: (B, H, W) in body heights, larger is farther, 0 at the pelvis' vertical; inf on the background.
        slot: (B, H, W) int64 `fashiongen.mannequin.topology.Slot`, -1 on the background.
        side: (B, H, W) int64 0 left, 1 right, 2 middle, -1 on the background.
        coordinates: (B, 3, H, W) garment coordinates u (quarter turns from the front), v (height, or length along the arm) and w
            (quarter circumference: u * w is a length on the cloth); on the head, unit head coordinates. 0 on the background.
        keypoints: (B, 18, 3) OpenPose-18: x, y in pixels, visibility 2 seen, 1 hidden, 0 outside the page.
        captions: B sentences.
        attributes: category, colour, gender, sleeve and detail of the outermost upper garment.
    """

    image: Tensor
    albedo: Tensor
    labels: Tensor
    parsing: Tensor
    parts: Tensor
    mask: Tensor
    depth: Tensor
    slot: Tensor
    side: Tensor
    coordinates: Tensor
    keypoints: Tensor
    captions: list[str]
    attributes: Attributes

    def person(self) -> Person:
        """The pictures as a batch of people with LIP-20 parsing."""
        return Person(image=self.image, keypoints=self.keypoints, parsing=self.parsing, parts=self.parts, text=self.captions)


@dataclass(frozen=True)
class FlatDrawing:
    """B shop pictures: image and albedo (B, 3, H, W) in [0, 1], mask (B, 1, H, W) in [0, 1], and for every pixel its slot and side
    (B, H, W), -1 off the garment, and garment coordinates (B, 3, H, W) as in `Rendering`."""

    image: Tensor
    albedo: Tensor
    mask: Tensor
    slot: Tensor
    side: Tensor
    coordinates: Tensor

    def garment(self) -> Garment:
        """The pictures as a batch of garments."""
        return Garment(image=self.image * 2 - 1, mask=self.mask)


def build_mesh(identity: Identity, skeleton: Skeleton, outfit: Outfit) -> Mesh:
    """All surfaces of B dressed people at rest."""
    mesh = Mesh(len(identity.girth), identity.girth.device)
    put_body(mesh, identity, skeleton, outfit)
    put_head(mesh, identity)
    put_clothes(mesh, identity, skeleton, outfit)
    return mesh


def _see(position: tuple[Tensor, Tensor, Tensor], normal: Tensor, mesh: Mesh, height: int, width: int) -> Fragments:
    """Fragments of meshes at page positions x, y (pixels) and depth, each (B, V), with normals (B, 3, V)."""
    x, y, z = position
    triangles = topology(x.device)
    corners = torch.stack([x * SAMPLES, y * SAMPLES, z], 2)
    visible = mesh.rows.index_select(1, triangles.row)
    visibility = rasterise(corners, visible, triangles, height, width)
    attributes = torch.cat([normal, mesh.vertices[:, 3:]], 1).transpose(1, 2).contiguous()
    return gather_fragments(visibility, attributes, triangles, height, width)


def _coverage(fragments: Fragments, shape: tuple[int, int, int]) -> Tensor:
    batch, height, width = shape
    page = torch.zeros(batch * height * width, device=fragments.depth.device)
    return page.index_copy_(0, fragments.pixels, fragments.coverage).view(batch, 1, height, width)


@torch.no_grad()
def draw_people(
    identity: Identity,
    pose: Pose,
    outfit: Outfit,
    background: Background,
    camera: Camera,
    height: int,
    width: int,
    look: str = "studio",
) -> Rendering:
    """Draw B people; every factor stands for itself."""
    skeleton = pose_skeleton(identity, pose)
    mesh = build_mesh(identity, skeleton, outfit)
    posed = skin(mesh.vertices[:, :3], skeleton)
    project = projection(camera, identity, pose, lowest_foot(posed), height, width)
    position = project(*posed.unbind(1))
    fragments = _see(position, project.turn(normals(posed)), mesh, height, width)

    shape = (len(identity.girth), height, width)
    full = bool(camera.full.any())
    pixels = (FULL_HEIGHT if full else UPPER_HEIGHT) * height
    layout = None if outfit.top.pattern.photograph is None else flat_layout(outfit.top)
    albedo, face = colour_body(fragments, identity, pixels)
    colour_clothes(albedo, fragments, outfit, layout, pixels)
    colour = Lighting(fragments, camera, shape).shade(albedo, folds(fragments, outfit))
    mask = _coverage(fragments, shape)
    behind = _draw_background(background, camera, project, skeleton, height, width, full)
    image = (fragments.blend(colour, shape) + behind * (1 - mask)).clamp(0, 1)

    labels = fragments.to_page(label_fragments(fragments, outfit, face), 0, shape)
    parts = fragments.to_page(part_fragments(fragments), 0, shape)
    depth = fragments.to_page(-fragments.depth, float("inf"), shape)
    attributes = outfit_attributes(identity, outfit)
    return Rendering(
        image=apply_look(image, camera.grain, look) * 2 - 1,
        albedo=fragments.to_page(albedo, 0.0, shape),
        labels=labels,
        parsing=to_scheme(labels, "lip20"),
        parts=parts,
        mask=mask,
        depth=depth,
        slot=fragments.to_page(fragments.slot, -1, shape),
        side=fragments.to_page(fragments.side, -1, shape),
        coordinates=fragments.to_page(torch.stack([fragments.u, fragments.v, fragments.w]), 0.0, shape),
        keypoints=locate_keypoints(identity, skeleton, project, parts, -depth),
        captions=describe(attributes, camera.grain),
        attributes=attributes,
    )


def outfit_attributes(identity: Identity, outfit: Outfit) -> Attributes:
    """Labels of what is seen of an outfit on a person."""
    top, coat = outfit.top, outfit.outerwear
    return describe_attributes(
        gender=identity.presentation,
        dress=top.dress,
        coat=coat.worn,
        long_coat=coat.hem < 0.40,
        sleeve=top.sleeve,
        collar=top.collar,
        loose=((top.ease - 0.001) / 0.012).clamp(0, 1),
        pattern=choose(coat.worn, coat.pattern, top.pattern),
    )


def _draw_background(
    background: Background, camera: Camera, project: Projection, skeleton: Skeleton, height: int, width: int, full: bool
) -> Tensor:
    feet = None
    if full:
        ankles = torch.stack([skeleton.joint("left_foot"), skeleton.joint("right_foot")], 2)
        x, y, _ = project(*ankles.unbind(1))
        feet = torch.stack([x, y], 2)
    page = backgrounds.draw(background, height, width, feet, floor=camera.full)
    warmth = camera.warmth[:, None, None, None]
    red, green, blue = page.split(1, 1)
    return torch.cat([red * (1 + warmth), green, blue * (1 - warmth)], 1)


@torch.no_grad()
def draw_flat(outfit: Outfit, height: int, width: int) -> FlatDrawing:
    """Draw the tops (or dresses) of B outfits as shop pictures on white."""
    top = outfit.top
    mesh, layout, normal = flat_mesh(top)
    batch, device = len(top.sleeve), top.sleeve.device
    image = torch.arange(batch, device=device)[:, None].expand(batch, mesh.vertices.shape[2])
    x, y = layout.on_page(image, mesh.vertices[:, 0], mesh.vertices[:, 1], height, width)
    fragments = _see((x, y, mesh.vertices[:, 2]), normal, mesh, height, width)
    shape = (batch, height, width)
    light = {name: torch.full((batch,), value, device=device) for name, value in _FLAT_LIGHT.items()}
    zero = torch.zeros(batch, device=device)
    camera = Camera(pitch=zero, scale=zero, shift_x=zero, head_room=zero, ground=zero, grain=zero.long(), **light)
    albedo = torch.zeros_like(fragments.normal)
    colour_clothes(albedo, fragments, outfit, layout, _FLAT_HEIGHT * height)
    colour = Lighting(fragments, camera, shape, flat=True).shade(albedo, folds(fragments, outfit))
    mask = _coverage(fragments, shape)
    return FlatDrawing(
        image=(fragments.blend(colour, shape) + (1 - mask)).clamp(0, 1),
        albedo=fragments.to_page(albedo, 1.0, shape),
        mask=mask,
        slot=fragments.to_page(fragments.slot, -1, shape),
        side=fragments.to_page(fragments.side, -1, shape),
        coordinates=fragments.to_page(torch.stack([fragments.u, fragments.v, fragments.w]), 0.0, shape),
    )
