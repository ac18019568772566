from __future__ import annotations

import pytest
import torch

from fashiongen.data.lip_segment import unpad_segment


@pytest.mark.parametrize("height, width", [(20, 12), (12, 20)])
def test_padding_and_transposition_are_undone(height: int, width: int) -> None:
    picture = torch.randint(0, 20, (height, width), dtype=torch.uint8)
    square = torch.zeros(20, 20, dtype=torch.uint8)
    square[:height, :width] = picture
    assert torch.equal(unpad_segment(square.T, height, width), picture)


def test_the_square_is_scaled_to_the_longer_side() -> None:
    square = torch.arange(20, dtype=torch.uint8).repeat_interleave(2)[None].expand(40, 40)  # width first: rows are x
    restored = unpad_segment(square, 20, 10)
    assert restored.shape == (20, 10)
    assert restored[:, 0].tolist() == list(range(20))


def test_an_ordinary_label_map_is_refused() -> None:
    with pytest.raises(ValueError, match="256x192"):
        unpad_segment(torch.zeros(256, 192, dtype=torch.uint8), 256, 192)
