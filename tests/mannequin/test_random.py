from __future__ import annotations

import torch

from fashiongen.mannequin import random


def test_matches_splitmix64_in_python_integers():
    def mix(x: int) -> int:
        mask = 2**64 - 1
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    seed, stream = 123456789, 7
    start = mix((seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03 + random.WORLD_VERSION - 1) & (2**64 - 1))
    expected = [mix((start + k * 0x9E3779B97F4A7C15) & (2**64 - 1)) for k in range(5)]
    found = random.bits(torch.tensor([seed]), stream, 5)[0].tolist()
    assert [value & (2**64 - 1) for value in found] == expected
    assert random.uniform(torch.tensor([seed]), stream, 5)[0].tolist() == [(value >> 40) / 2**24 for value in expected]


def test_same_alone_in_a_batch_and_in_another_count():
    seeds = torch.arange(20)
    together = random.uniform(seeds, 3, 9)
    assert torch.equal(together, torch.cat([random.uniform(seed[None], 3, 9) for seed in seeds]))
    assert torch.equal(together[:, :4], random.uniform(seeds, 3, 4))


def test_streams_and_seeds_are_independent_and_uniform():
    first, second = random.uniform(torch.arange(4000), 1, 2), random.uniform(torch.arange(4000), 2, 2)
    columns = torch.cat([first, second], 1)
    correlation = torch.corrcoef(columns.T) - torch.eye(4)
    assert correlation.abs().max() < 0.06
    assert ((columns.mean(0) - 0.5).abs() < 0.02).all() and ((columns.var(0) - 1 / 12).abs() < 0.005).all()
    neighbours = torch.corrcoef(torch.stack([first[:-1, 0], first[1:, 0]]))[0, 1]
    assert neighbours.abs() < 0.06


def test_range_and_choices():
    u = random.uniform(torch.arange(3000), 5, 1)[:, 0]
    assert u.min() >= 0 and u.max() < 1
    counts = torch.bincount(random.pick(u, 7), minlength=7)
    assert len(counts) == 7 and counts.min() > 350
    assert random.pick(torch.tensor([1 - 2.0**-24]), 17).item() == 16
