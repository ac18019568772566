"""Thin-plate spline warp against kornia's: 8 pictures of 256x192, 100 control points.

Both get the same task: control points of a regular 10x10 grid, another warp for every picture.

python benchmarks/thin_plate_spline.py
"""

from __future__ import annotations

import statistics
import time

import torch
from kornia.geometry.transform import get_tps_transform, warp_image_tps

from fashiongen.layers.thin_plate_spline import ThinPlateSpline, regular_grid

BATCH, SIZE, GRID = 8, (256, 192), (10, 10)


def median_ms(function, repeats: int) -> float:
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(BATCH, 3, *SIZE, generator=generator)
    centres = regular_grid(*GRID).float().expand(BATCH, -1, -1)
    control = centres + 0.05 * torch.randn(centres.shape, generator=generator)
    layer = ThinPlateSpline(GRID, SIZE)

    def with_kornia() -> torch.Tensor:
        weights, affine = get_tps_transform(centres, control)
        return warp_image_tps(image, centres, weights, affine, align_corners=True)

    with torch.inference_mode():
        ours = median_ms(lambda: layer(image, control), repeats=9)
        theirs = median_ms(with_kornia, repeats=3)
    print(f"fashiongen {ours:.0f} ms, kornia {theirs:.0f} ms: {theirs / ours:.0f} times faster")


if __name__ == "__main__":
    main()
