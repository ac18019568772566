"""TensorFlow's SAME convolutions, exactly.

SAME pads so that an axis of n pixels gives ceil(n / stride) outputs, and puts the odd pixel of padding at the *end* (bottom,
right). At stride 2 that is not what PyTorch's symmetric `padding` does: every feature map would be shifted by a pixel.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels that SAME adds before and after an axis: of max((ceil(n/s) - 1) s + k - n, 0) the smaller half comes first.

    Args:
        length: n, of the axis.
        kernel: k, its width.
        stride: s.
    """
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding.

    No padded copy of the input is made: where the padding is uneven, the input is padded by `before + stride` on both sides, which
    keeps the places where windows start, and the first row or column of the output is left away (exact; faster than padding first,
    and than widening the kernel by a zero row and column).

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: height and width of the kernel.
        stride: of both axes.
        bias: whether a bias is added.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, `out_channels`, ceil(H / stride), ceil(W / stride))."""
        padding, kept = [], []
        for axis in (0, 1):
            stride = self.stride[axis]
            length = input.shape[axis + 2]
            before, after = same_padding(length, self.kernel_size[axis], stride)
            skipped = before != after
            padding.append(before + stride * skipped)
            kept.append(slice(int(skipped), int(skipped) - (-length // stride)))
        output = F.conv2d(input, self.weight, self.bias, self.stride, padding)
        return output[:, :, kept[0], kept[1]]


class SameConvTranspose2d(nn.ConvTranspose2d):
    """The transposed convolution with TensorFlow's SAME padding: `stride` times larger, whatever the kernel.

    Of the kernel - stride surplus pixels the smaller half is cut off at the start, the larger at the end. PyTorch's usual
    `output_padding=1` for a kernel of 3 cuts at the start instead: its result is one pixel off.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: height and width of the kernel, at least `stride`.
        stride: of both axes.
        bias: whether a bias is added.

    Raises:
        ValueError: for a kernel smaller than the stride.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 2, bias: bool = True) -> None:
        if kernel_size < stride:
            raise ValueError(f"a transposed SAME convolution needs a kernel of at least its stride {stride}, not {kernel_size}")
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=(kernel_size - stride) // 2, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, H, W) -> (B, `out_channels`, `stride` H, `stride` W); `output_size` must be None or just that.

        Raises:
            ValueError: for another `output_size`.
        """
        height, width = input.shape[2] * self.stride[0], input.shape[3] * self.stride[1]
        if output_size is not None and list(output_size[-2:]) != [height, width]:
            raise ValueError(f"a transposed SAME convolution gives {height}x{width} here, not {list(output_size)}")
        return super().forward(input)[:, :, :height, :width]
