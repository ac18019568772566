import multiprocessing
import os
import pickle
import signal
import time

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


class Slow(Scenes):
    """Takes its time, and leaves a line for everything it draws."""

    def __init__(self, record, length=12, seconds=0.05):
        super().__init__(length)
        self.record, self.seconds = record, seconds

    def batch(self, indices):
        with self.record.open("a") as file:
            file.write(f"{indices.tolist()}\n")
        time.sleep(self.seconds)
        return super().batch(indices)


def chunks(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filled")
    DiskCache(Scenes(12), folder, chunk=1).fill()
    return chunks(folder)


def test_several_workers_write_the_same_bytes_once(tmp_path, filled):
    DiskCache(Slow(tmp_path / "record"), tmp_path / "cache", chunk=1).fill(workers=2)
    assert chunks(tmp_path / "cache") == filled
    assert len((tmp_path / "record").read_text().splitlines()) == 12


def test_filling_leaves_the_random_numbers_alone(tmp_path):
    states = []
    for number, workers in enumerate((0, 2)):
        torch.manual_seed(3)
        DiskCache(Scenes(), tmp_path / str(number), chunk=2).fill(workers)
        states.append(torch.get_rng_state())
    torch.manual_seed(3)
    assert all(torch.equal(state, torch.get_rng_state()) for state in states)


def test_two_fillings_of_one_folder_share_the_work(tmp_path, filled):
    fork = multiprocessing.get_context("fork")
    cache = DiskCache(Slow(tmp_path / "record"), tmp_path / "cache", chunk=1)
    both = [fork.Process(target=cache.fill) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert chunks(tmp_path / "cache") == filled
    assert len((tmp_path / "record").read_text().splitlines()) < 19


def test_a_filling_killed_at_work_goes_on(tmp_path, filled):
    fork = multiprocessing.get_context("fork")
    cache = DiskCache(Slow(tmp_path / "record"), tmp_path / "cache", chunk=1)
    process = fork.Process(target=cache.fill)
    process.start()
    while not list((tmp_path / "cache").glob("*.safetensors")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    before = len(list((tmp_path / "cache").glob("*.safetensors")))
    assert 0 < before < 12
    drawn = len((tmp_path / "record").read_text().splitlines())
    cache.fill()
    assert len((tmp_path / "record").read_text().splitlines()) == drawn + 12 - before
    assert {name: data for name, data in chunks(tmp_path / "cache").items() if name.endswith("safetensors")} == filled


def test_what_goes_wrong_in_a_worker_is_told(tmp_path):

    class Broken(Scenes):
        def batch(self, indices):
            raise ValueError(f"cannot draw {indices.tolist()}")

    with pytest.raises(ValueError, match="cannot draw"):
        DiskCache(Broken(), tmp_path, chunk=2).fill(workers=2)
    assert not list(tmp_path.iterdir())
