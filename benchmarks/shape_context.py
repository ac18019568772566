"""Time of one shape-context match, at the working sizes of VITON's test script and of its training preparation.

python benchmarks/shape_context.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from skimage.draw import polygon2mask

from fashiongen.layers.shape_context import match
from fashiongen.layers.thin_plate_fit import invert_grid

SHIRT = [(0.15, 0.37), (0.20, 0.5), (0.15, 0.63), (0.23, 0.83), (0.43, 0.95), (0.48, 0.81), (0.37, 0.73)]
SHIRT += [(0.88, 0.73), (0.88, 0.27), (0.37, 0.27), (0.48, 0.19), (0.43, 0.05), (0.23, 0.17)]


def silhouette(size: tuple[int, int], lean: float = 0.0) -> np.ndarray:
    outline = np.array([(y, 0.5 + (x - 0.5) * (1 - 0.3 * lean) + lean * (y - 0.5)) for y, x in SHIRT])
    return polygon2mask(size, outline * size).astype(np.float64)


def median_ms(function, repeats: int = 15) -> float:
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main() -> None:
    for size in ((64, 48), (128, 96)):
        product, region = silhouette(size), silhouette(size, lean=0.2)
        plate = match(product, region).plate
        whole = median_ms(lambda product=product, region=region: match(product, region))
        inverse = median_ms(lambda plate=plate, size=size: invert_grid(plate, size))
        print(f"{size[0]}x{size[1]}: {whole:.0f} ms a pair, {inverse:.0f} ms of it the dense inverse")


if __name__ == "__main__":
    main()
