"""Nearest-neighbour loss against the minimum over an unfolded reference: 2 maps of 48 channels and 64x64, window 5x5.

python benchmarks/nearest_neighbour.py
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from peak_memory import median_ms, peak_megabytes
from torch import Tensor

from fashiongen.losses.nearest_neighbour import nearest_neighbour_loss

SHAPE, WINDOW = (2, 48, 64, 64), 5


def unfolded(generated: Tensor, reference: Tensor, size: int) -> Tensor:
    """Every window of the reference laid out, then the minimum over all distances."""
    windows = F.unfold(F.pad(reference, (size // 2,) * 4, value=-1e4), size)
    windows = windows.unflatten(1, (generated.shape[1], size**2)).unflatten(-1, generated.shape[-2:])
    return (generated[:, :, None] - windows).abs().sum(dim=1).amin(dim=1).mean()


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(0)
    reference, start = (torch.randn(SHAPE, generator=generator).to(device) for _ in range(2))
    generated = start.requires_grad_()

    def training(function) -> Tensor:
        value = function(generated, reference, WINDOW)
        return torch.autograd.grad(value, generated)[0]

    contenders = (nearest_neighbour_loss, unfolded)
    difference = (training(contenders[0]) - training(contenders[1])).abs().max().item()
    time = [median_ms(lambda function=function: training(function), device) for function in contenders]
    memory = [peak_megabytes(lambda function=function: training(function), device) for function in contenders]
    print(
        f"on {device}: gradients differ by {difference:.1e}; {time[0]:.0f} against {time[1]:.0f} ms "
        f"({time[0] / time[1]:.2f} of the time), peak memory {memory[0]:.0f} against {memory[1]:.0f} MB "
        f"({memory[0] / memory[1]:.3f} of it)"
    )


if __name__ == "__main__":
    main()
