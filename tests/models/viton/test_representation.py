from __future__ import annotations

import torch

from fashiongen.models.viton.representation import (
    body_shape,
    bytescale,
    garment_region,
    kept_picture,
    person_representation,
)


def parsing(height: int = 64, width: int = 48) -> torch.Tensor:
    """Head (13) above a top (5) above trousers (9), on background."""
    labels = torch.zeros(2, height, width, dtype=torch.uint8)
    labels[:, : height // 4, width // 4 : -width // 4] = 13
    labels[:, height // 4 : height // 2, width // 4 : -width // 4] = 5
    labels[:, height // 2 :, width // 4 : -width // 4] = 9
    return labels


def test_the_garment_is_upper_clothes_alone_unless_told_otherwise() -> None:
    labels = parsing()
    assert torch.equal(garment_region(labels, 64, 48)[:, 0], (labels == 5).float())
    assert torch.equal(garment_region(labels, 64, 48, (5, 9))[:, 0], ((labels == 5) | (labels == 9)).float())
    assert garment_region(labels, 32, 24).shape == (2, 1, 32, 24)


def test_the_body_is_everything_but_head_and_background_and_blurred() -> None:
    body = body_shape(parsing(), 64, 48, (16, 12))
    assert body.shape == (2, 1, 64, 48)
    assert body[:, :, 20:, 12:32].min() > 0.99
    assert body[:, :, :12].max() < 0.01
    assert ((body > 0.01) & (body < 0.99)).any()


def test_the_kept_picture_is_grey_outside_face_and_hair() -> None:
    image = torch.rand(2, 3, 64, 48) * 2 - 1
    picture, mask = kept_picture(image, parsing())
    assert torch.equal(picture[:, :, :16, 12:36], image[:, :, :16, 12:36])
    assert picture[:, :, 16:].eq(0).all() and mask[:, :, 16:].eq(0).all()


def test_further_kept_regions_shrink_by_the_margin() -> None:
    image = torch.ones(2, 3, 64, 48)
    whole = kept_picture(image, parsing(), (13, 9))[1]
    shrunk = kept_picture(image, parsing(), (13, 9), margin=3)[1]
    assert torch.equal(shrunk[:, :, :16], whole[:, :, :16])
    assert whole[0, 0, 32, 20] == 1 and shrunk[0, 0, 34, 20] == 0 and shrunk[0, 0, 35, 20] == 1
    assert shrunk[0, 0, -1, 20] == 1  # the border of the picture is no outline
    assert torch.equal(kept_picture(image, parsing(), (9,))[1][:, :, :32], torch.zeros(2, 1, 32, 48))


def test_channels_of_the_representation() -> None:
    image = torch.rand(2, 3, 64, 48) * 2 - 1
    keypoints = torch.zeros(2, 18, 3)
    keypoints[:, 1] = torch.tensor([24.5, 20.5, 2.0])
    person = person_representation(image, parsing(), keypoints, joint_radius=2)
    assert person.shape == (2, 22, 64, 48)
    assert torch.equal(person[:, :1], body_shape(parsing(), 64, 48))
    assert torch.equal(person[:, 1:4], kept_picture(image, parsing())[0])
    assert person[:, 4:].sum(dim=(2, 3))[0].tolist() == [0, 25] + [0] * 16


def test_a_missing_joint_is_a_corner_block_for_the_authors_weights_and_nothing_else() -> None:
    image, keypoints = torch.zeros(1, 3, 64, 48), torch.zeros(1, 18, 3)
    clean = person_representation(image, parsing()[:1], keypoints)
    faithful = person_representation(image, parsing()[:1], keypoints, missing_joint="corner")
    assert clean[:, 4:].eq(0).all()
    assert faithful[:, 4:, :6, :6].eq(1).all() and faithful[:, 4:].sum() == 18 * 36


def test_the_parsing_may_have_another_size_than_the_picture() -> None:
    person = person_representation(torch.rand(2, 3, 32, 24), parsing(100, 70), torch.zeros(2, 18, 3))
    assert person.shape == (2, 22, 32, 24)


def test_bytescale_stretches_every_picture_by_itself() -> None:
    image = torch.stack([torch.linspace(-0.2, 0.4, 12), torch.linspace(5, 9, 12)]).view(2, 3, 2, 2)
    stretched = bytescale(image)
    assert stretched.dtype == torch.uint8
    assert torch.equal(stretched[0], stretched[1])
    assert stretched.flatten(1)[0, [0, -1]].tolist() == [0, 255]
    assert bytescale(torch.full((1, 1, 2, 2), 0.7)).eq(0).all()


def test_compiles_to_one_graph() -> None:
    inputs = torch.rand(1, 3, 16, 16), parsing(24, 20)[:1], torch.rand(1, 18, 3) * 16
    compiled = torch.compile(person_representation, fullgraph=True, backend="eager")
    assert torch.equal(compiled(*inputs), person_representation(*inputs))
