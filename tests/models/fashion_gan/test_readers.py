import pytest
import torch

from fashiongen.mannequin.data import MannequinDataModule
from fashiongen.models.fashion_gan.readers import KINDS, garment_region, read_colour, read_kind, read_sleeve
from fashiongen.models.fashion_gan.text import CATEGORIES, read_attributes
from fashiongen.types import Batch


@pytest.mark.slow
def test_true_maps_of_the_mannequin_world_are_read_right():
    data = MannequinDataModule("people", 128, 128, scheme="fashiongan7", yaw=35.0, train_length=96)
    people = Batch.stack(data.train_set.__getitems__(list(range(96)))).person
    said = read_attributes(people.text)
    assert len(said.sleeve.unique()) == 4 and len(said.category.unique()) > 5
    assert (read_sleeve(people.parsing, people.parts) == said.sleeve).float().mean() >= 0.98
    assert torch.equal(read_kind(people.parsing) == 1, said.category == CATEGORIES.index("dress"))


def test_sleeves_by_the_bare_share_of_the_arms():
    parts = torch.zeros(4, 1, 100, dtype=torch.uint8)
    parts[..., :25], parts[..., 25:50], parts[..., 50:75], parts[..., 75:] = 3, 4, 5, 6
    labels = torch.full_like(parts, 3)
    for row, bare in enumerate((10, 40, 65, 97)):
        labels[row, :, :bare] = 6
    assert read_sleeve(labels, parts).tolist() == [0, 3, 1, 2]


def test_kinds_and_regions():
    labels = torch.full((2, 4, 4), 4, dtype=torch.uint8)
    labels[0, :2] = 3
    kind = read_kind(labels)
    assert [KINDS[each] for each in kind] == ["top", "dress"]
    region = garment_region(labels, kind)
    assert region.shape == (2, 1, 4, 4) and region[0, 0, :2].all() and not region[0, 0, 2:].any() and region[1].all()


def test_colours_are_means_in_lab():
    image = torch.ones(2, 3, 8, 8)
    image[:, :, 4:] = -1
    region = torch.zeros(2, 1, 8, 8)
    region[0, :, :4], region[1, :, 0, :3] = 1, 1
    colours = read_colour(image, region)
    torch.testing.assert_close(colours[0], torch.tensor([100.0, 0.0, 0.0]), atol=1e-2, rtol=0)
    assert colours[1].isinf().all()  # too small to be seen
