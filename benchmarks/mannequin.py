"""Pictures per second of the mannequin world, all annotations included.

    python benchmarks/mannequin.py --threads 1 2

Set OMP_WAIT_POLICY=passive and GOMP_SPINCOUNT=0 on machines that do other work too.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from fashiongen.mannequin import World

SIZES = ((128, 96), (128, 64), (256, 192))


def pictures_per_second(world: World, batch: int, repeats: int) -> list[float]:
    """Speed of `repeats` batches of different people, after one to warm up."""
    world.draw(torch.arange(batch))
    speeds = []
    for repeat in range(1, repeats + 1):
        index = torch.arange(batch) + repeat * batch
        started = time.perf_counter()
        world.draw(index)
        if world.device != "cpu":
            torch.cuda.synchronize()
        speeds.append(batch / (time.perf_counter() - started))
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {options.device}; median (lowest-highest) of {options.repeats} batches")
    for threads in options.threads:
        torch.set_num_threads(threads)
        for framing in ("upper", "full"):
            for height, width in SIZES:
                batch = options.batch if height <= 128 else max(1, options.batch // 4)
                world = World(height, width, framing=framing, device=options.device)
                speeds = pictures_per_second(world, batch, options.repeats)
                middle = statistics.median(speeds)
                print(
                    f"{threads} threads  {framing:5}  {height} x {width}  batch {batch:3}:"
                    f"  {middle:5.0f} ({min(speeds):.0f}-{max(speeds):.0f}) pictures/s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
