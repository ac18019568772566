import pytest
import torch

from fashiongen.data.viton import VitonDataModule
from fashiongen.mannequin.scenes import TryOnScenes
from fashiongen.mannequin.world import World
from fashiongen.mannequin.writers import write_viton, write_viton_resize

WORLD = World(height=128, width=96)


@pytest.fixture(scope="module", params=["authors", "viton_resize"])
def data(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write = write_viton if request.param == "authors" else write_viton_resize
    write(WORLD, folder, train=2, test=3)
    return VitonDataModule(str(folder), height=128, width=96, batch_size=1, cache=str(folder / "cache"))


def test_the_loader_reads_back_what_was_drawn(data):
    data.prepare_data()
    drawn = TryOnScenes(WORLD, 2, answers=False).batch(torch.arange(2)).unbind()
    assert len(data.train_set) == 2
    for index in range(2):
        read = data.train_set[index]
        assert (read.person.image - drawn[index].person.image).abs().mean() < 0.03
        assert (read.garment.image - drawn[index].garment.image).abs().mean() < 0.02
        seen = drawn[index].person.keypoints[:, 2] > 0
        assert torch.allclose(read.person.keypoints[seen, :2], drawn[index].person.keypoints[seen, :2], atol=1e-3)
        assert not read.person.keypoints[~seen, 2].any()
        assert (read.person.parsing == drawn[index].person.parsing).float().mean() > 0.99
        assert ((read.garment.mask > 0.5) == (drawn[index].garment.mask > 0.5)).float().mean() > 0.97
        assert read.control_points.shape == (100, 2)


def test_test_people_get_the_garments_of_others(data):
    assert len(data.test_set) == 3
    assert [data.test_set[index].name for index in range(3)] == ["000002_0_000003_1", "000003_0_000004_1", "000004_0_000002_1"]
