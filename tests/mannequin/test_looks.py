from __future__ import annotations

import pytest
import torch

from fashiongen.mannequin.looks import LOOKS, apply_look


def picture(batch: int, height: int = 40, width: int = 20) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_studio_is_the_picture_itself():
    image = picture(2)
    assert apply_look(image, torch.arange(2), "studio") is image


def test_market_changes_every_picture_its_own_way():
    image = torch.full((6, 3, 40, 20), 0.5)
    changed = apply_look(image, torch.arange(6), "market")
    assert changed.shape == image.shape and changed.min() >= 0 and changed.max() <= 1
    means = changed.mean((2, 3))
    assert means.mean(1).std() > 0.01 and (means[:, 0] - means[:, 2]).std() > 0.01  # exposure and cast
    noise = changed.std((2, 3))
    assert noise.min() > 0.002 and noise.max() < 0.05


def test_market_softens_edges_and_shows_blocks():
    image = torch.zeros(4, 3, 64, 64)
    image[..., 32:] = 1
    changed = apply_look(image, torch.arange(4), "market")
    row = changed.mean((1, 2))
    assert (row[:, 32] - row[:, 31]).max() < 0.8
    ramp = torch.linspace(0.2, 0.8, 64).expand(8, 3, 64, 64)
    steps = apply_look(ramp, torch.arange(8), "market").mean((1, 2)).diff(dim=1)
    at_edges = torch.arange(63) % 8 == 7
    assert (steps[:, at_edges].mean(1) > 1.5 * steps[:, ~at_edges].mean(1)).all()


def test_a_picture_does_not_depend_on_its_batch():
    image, seeds = picture(5, 37, 19), torch.arange(5) + 40
    together = apply_look(image, seeds, "market")
    for row in range(5):
        assert torch.equal(together[row], apply_look(image[row : row + 1], seeds[row : row + 1], "market")[0])


def test_unknown_look_names_the_known_ones():
    assert LOOKS == ("studio", "market")
    with pytest.raises(ValueError, match=r"'film'.*studio, market"):
        apply_look(picture(1), torch.zeros(1, dtype=torch.long), "film")
