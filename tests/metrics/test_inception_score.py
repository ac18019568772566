from __future__ import annotations

import pytest
import torch

from fashiongen.metrics.inception_score import inception_score


def test_certain_and_even_classes_give_their_number() -> None:
    score = inception_score(torch.eye(5).repeat(4, 1), splits=2)
    assert score.mean == pytest.approx(5)
    assert score.std == pytest.approx(0, abs=1e-12)
    assert len(score.splits) == 2


def test_undecided_pictures_score_one() -> None:
    assert inception_score(torch.full((10, 4), 0.25), splits=3).mean == pytest.approx(1)


def test_parts_that_do_not_divide_evenly_cover_every_picture() -> None:
    probabilities = torch.eye(7)
    score = inception_score(probabilities, splits=3)
    assert score.splits == pytest.approx([2, 2, 3])
    assert score.std == pytest.approx((2 / 9) ** 0.5)


@pytest.mark.parametrize("shape, splits", [((3, 4), 4), ((3, 4), 0), ((3, 4, 1), 1)])
def test_wrong_input_is_refused(shape: tuple[int, ...], splits: int) -> None:
    with pytest.raises(ValueError):
        inception_score(torch.ones(shape), splits)
