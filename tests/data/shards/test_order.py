from itertools import chain

import pytest
import torch

from fashiongen.data.shards.order import EvenBatches, ShardSampler, epoch_order

COUNTS = [4, 4, 4, 4, 4, 3]


def taken(batch_size, steps, world_size=1, **options):
    samplers = [ShardSampler(COUNTS, batch_size, rank=rank, world_size=world_size, **options) for rank in range(world_size)]
    return [list(chain(*(sampler.batch(step) for sampler in samplers))) for step in range(steps)]


@pytest.mark.parametrize("batch", [1, 2, 4, 5, 22, 23, 24, 100])
def test_an_epoch_is_a_permutation(batch):
    assert sorted(epoch_order(COUNTS, batch).tolist()) == list(range(23))


def test_epochs_and_seeds_differ():
    orders = [epoch_order(COUNTS, 4, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order.tolist()) for order in orders}) == 4
    assert torch.equal(orders[1], epoch_order(COUNTS, 4, 0, 1))


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_every_example_is_read_once_an_epoch_by_all_processes_together(world_size, batch_size):
    steps = -(-3 * 23 // (world_size * batch_size))
    sequence = list(chain(*taken(batch_size, steps, world_size)))
    for epoch in range(3):
        assert sorted(sequence[23 * epoch : 23 * (epoch + 1)]) == list(range(23))


@pytest.mark.parametrize("world_size", [2, 3, 6])
def test_processes_see_together_what_one_process_sees(world_size):
    assert taken(6 // world_size, 9, world_size) == taken(6, 9)


def test_a_process_reads_its_own_part_of_the_shards():
    counts, world_size, batch_size = [10] * 32, 4, 2
    touched = []
    for rank in range(world_size):
        sampler = ShardSampler(counts, batch_size, rank=rank, world_size=world_size)
        touched.append({index // 10 for step in range(sampler.steps_a_pass) for index in sampler.batch(step)})
    assert all(len(shards) == 8 for shards in touched) and len(set().union(*touched)) == 32


def test_few_shards_are_open_at_a_time():
    order = epoch_order([10] * 32, 4)
    for first in range(0, 320, 40):  # ten batches of four
        assert len({int(index) // 10 for index in order[first : first + 40]}) <= 8


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [4, 5, 7, 12, 13])
def test_even_batches_hold_everything_once_in_equally_many_batches(length, batch_size, world_size):
    shares = [list(EvenBatches(length, batch_size, rank, world_size)) for rank in range(world_size)]
    assert list(chain(*chain(*shares))) == list(range(length))
    assert {len(share) for share in shares} == {len(EvenBatches(length, batch_size, 0, world_size))}
    sizes = [len(batch) for share in shares for batch in share]
    assert min(sizes) >= 1 and max(sizes) <= batch_size + 1


def test_one_process_takes_whole_batches():
    assert list(EvenBatches(7, 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_fewer_examples_than_processes_are_refused():
    with pytest.raises(ValueError, match="2 examples cannot be shared by 3 processes"):
        EvenBatches(2, 1, 0, 3)
