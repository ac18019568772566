import pickle

import pytest
import torch

from fashiongen.data.cache import DiskCache, Rendered, pack, unpack
from fashiongen.types import Batch, Garment, Person


class Scenes:
    """Eight-bit pictures whose content tells their index; counts how often it draws."""

    def __init__(self, length=5):
        self.length = length
        self.drawn = 0

    def __len__(self):
        return self.length

    def batch(self, indices):
        self.drawn += len(indices)
        levels = (indices[:, None, None, None] * 17 + torch.arange(24).view(1, 1, 4, 6)) % 256
        image = (levels.float() / 127.5 - 1).expand(-1, 3, -1, -1)
        keypoints = indices[:, None, None] + torch.rand(18, 3, generator=torch.Generator().manual_seed(0))
        person = Person(image, keypoints.float(), levels[:, 0].to(torch.uint8), text=[f"a sentence {i}" for i in indices.tolist()])
        garment = Garment(image.flip(1), (levels[:, :1] > 20).float())
        return Batch(person, garment=garment, truth=person, name=[str(i) for i in indices.tolist()])


def same(first, second):
    one, other = pack(Batch.collate([first])), pack(Batch.collate([second]))
    return one[1] == other[1] and one[0].keys() == other[0].keys() and all(torch.equal(one[0][k], other[0][k]) for k in one[0])


def test_packing_loses_nothing():
    batch = Scenes().batch(torch.arange(5))
    again = unpack(*pack(batch))
    for first, second in zip(batch.unbind(), again.unbind(), strict=True):
        assert same(first, second)
        assert torch.equal(first.person.image, second.person.image)


def test_the_cache_reads_what_was_drawn_and_draws_once(tmp_path):
    scenes = Scenes()
    cache = DiskCache(scenes, tmp_path, chunk=2)
    cache.fill()
    cache.fill()
    assert scenes.drawn == 5
    drawn = Rendered(Scenes())
    for index in (4, 0, 3):
        assert same(cache[index], drawn[index])


def test_a_filling_that_was_killed_goes_on(tmp_path):
    DiskCache(Scenes(), tmp_path, chunk=2).fill()
    (tmp_path / "000001.safetensors").unlink()
    scenes = Scenes()
    cache = DiskCache(scenes, tmp_path, chunk=2)
    with pytest.raises(FileNotFoundError, match="fill the cache first"):
        cache[2]
    cache.fill()
    assert scenes.drawn == 2
    assert cache[2].name == "2"


def test_a_cache_with_open_files_goes_to_workers(tmp_path):
    cache = DiskCache(Scenes(), tmp_path, chunk=2)
    cache.fill()
    first = cache[1]
    assert same(pickle.loads(pickle.dumps(cache))[1], first)
