import torch

from fashiongen.models.fashion_gan.compositing import composite_person, compositional_mapping, skin_medians


def example():
    image = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    painted = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([[[1, 2, 0, 0], [3, 3, 3, 6], [4, 4, 4, 6], [5, 5, 0, 0]]], dtype=torch.uint8)
    new = torch.tensor([[[1, 6, 0, 0], [3, 3, 6, 6], [4, 4, 4, 6], [4, 4, 0, 3]]], dtype=torch.uint8)
    return image, labels, painted, new


def test_hair_and_face_are_kept_and_arms_move_towards_the_skin():
    image, labels, painted, new = example()
    result = composite_person(image, labels, painted, new)
    assert torch.equal(result[..., 0, 0], image[..., 0, 0])
    assert torch.equal(result[..., 0, 2], painted[..., 0, 2])
    arm = image[0, :, 1:3, 3].min(dim=1).values  # the lower one of two
    torch.testing.assert_close(result[0, :, 1, 2], (painted[0, :, 1, 2] + arm) / 2)
    # The face that the new map calls arm is kept first and mixed then.
    torch.testing.assert_close(result[0, :, 0, 1], (image[0, :, 0, 1] + arm) / 2)


def test_skin_is_used_where_both_maps_have_it():
    image, labels, _, new = example()
    colours, used = skin_medians(image, labels, new)
    assert colours.shape == (1, 3, 2) and used.tolist() == [[False, True]]  # no legs any more


def test_what_is_kept_can_be_chosen():
    image, labels, painted, new = example()
    assert torch.equal(composite_person(image, labels, painted, new, keep=(), skin=False), painted)
    result = composite_person(image, labels, painted, new, keep=(4,), skin=False, background=True)
    assert torch.equal(result[..., 2, :3], image[..., 2, :3])
    assert torch.equal(result[..., 0, 2:], image[..., 0, 2:])
    assert torch.equal(result[..., 3, 3], painted[..., 3, 3])  # was background, is not any more
    assert torch.equal(result[..., 0, 0], painted[..., 0, 0])


def test_every_pixel_takes_the_picture_of_its_label():
    candidates = torch.arange(21.0)[None, :, None, None].expand(1, 21, 1, 7)
    labels = torch.arange(7)[None, None]
    assert torch.equal(compositional_mapping(candidates, labels)[0, :, 0], torch.arange(21.0).view(7, 3).T)
    shares = torch.zeros(1, 7, 1, 7)
    shares[:, 2:4] = 0.5
    mixed = compositional_mapping(candidates, shares)
    assert torch.equal(mixed[0, :, 0, 0], torch.tensor([7.5, 8.5, 9.5]))
