"""Warping pictures with a thin-plate spline whose centres are a regular grid.

The grid is fixed, so everything expensive is: the spline through N = rows*columns control points is a linear function of
them, and a warp to H x W is one (H*W, N) matrix product and one `grid_sample`. The matrix is solved once, in float64.

Convention of VITON (authors' `tps_transformer.py`): points are (x, y) in [-1, 1] with the corners of the square on the
centres of the corner pixels, x runs fastest over the grid, the kernel is U(d) = d² ln(d² + 1e-12), and the unknowns are
ordered (1, x, y, kernel weights).
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LOG_EPSILON = 1e-12


def regular_grid(rows: int, columns: int) -> Tensor:
    """Corner-aligned grid over the square [-1, 1]², x fastest: (rows*columns, 2) float64 points (x, y)."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, rows, dtype=torch.float64), torch.linspace(-1, 1, columns, dtype=torch.float64), indexing="ij"
    )
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def _basis(points: Tensor, centres: Tensor) -> Tensor:
    """(M, 2) points -> (M, 3 + N): 1, x, y and the kernel to every centre."""
    squared = (points[:, None] - centres[None]).square().sum(dim=2)
    kernel = squared * torch.log(squared + _LOG_EPSILON)
    return torch.cat([torch.ones_like(points[:, :1]), points, kernel], dim=1)


def spline_inverse(rows: int, columns: int) -> Tensor:
    """Inverse of the interpolation system of a rows x columns grid.

    The system has one row a control point and three side conditions (the kernel weights sum to zero, alone and times x
    and y). Its inverse times `[control points; 0]` gives the spline's coefficients in the order (1, x, y, weights).

    Returns:
        (N + 3, N + 3) float64.

    Raises:
        ValueError: for fewer than two rows or columns, where the affine part is not determined.
    """
    if rows < 2 or columns < 2:
        raise ValueError(f"a thin-plate spline needs a grid of at least 2 x 2 control points, not {rows} x {columns}")
    centres = regular_grid(rows, columns)
    interpolation = _basis(centres, centres)
    conditions = torch.cat([centres.new_zeros(3, 3), interpolation[:, :3].T], dim=1)
    return torch.linalg.inv(torch.cat([interpolation, conditions]))


def sampling_matrix(rows: int, columns: int, height: int, width: int) -> Tensor:
    """The linear map from control points to where every pixel of a height x width picture samples from.

    Returns:
        (height*width, rows*columns) float64; its product with (N, 2) control points is the sampling grid, row by row.
    """
    basis = _basis(regular_grid(height, width), regular_grid(rows, columns))
    return basis @ spline_inverse(rows, columns)[:, : rows * columns]


@lru_cache(maxsize=16)
def _cached_matrix(rows: int, columns: int, height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return sampling_matrix(rows, columns, height, width).to(device, dtype)


def thin_plate_spline_grid(control_points: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Sampling grid of a warp: where every output pixel looks in the input picture.

    Args:
        control_points: (B, N, 2) (x, y), where the points of the regular grid sample from; may lie outside [-1, 1].
        grid: rows and columns of control points, N = rows*columns.
        size: height and width of the output.

    Returns:
        (B, H, W, 2) in the convention of `torch.nn.functional.grid_sample`; float64 when the points are, else float32.

    Raises:
        ValueError: when `control_points` does not hold rows*columns points (x, y).
    """
    _check(control_points, grid)
    dtype = torch.float64 if control_points.dtype == torch.float64 else torch.float32
    build = _cached_matrix.__wrapped__ if torch.compiler.is_compiling() else _cached_matrix
    return _apply(build(*grid, *size, control_points.device, dtype), control_points, size)


def _check(control_points: Tensor, grid: tuple[int, int]) -> None:
    rows, columns = grid
    if control_points.ndim != 3 or control_points.shape[1:] != (rows * columns, 2):
        raise ValueError(
            f"a grid of {rows} x {columns} needs control points of shape (B, {rows * columns}, 2), "
            f"not {tuple(control_points.shape)}"
        )


def _apply(matrix: Tensor, control_points: Tensor, size: tuple[int, int]) -> Tensor:
    with torch.autocast(control_points.device.type, enabled=False):
        return (matrix @ control_points.to(matrix.dtype)).unflatten(1, size)


def warp(image: Tensor, grid: Tensor) -> Tensor:
    """Bilinear sampling of (B, C, h, w) at a (B, H, W, 2) grid; coordinates outside [-1, 1] repeat the border."""
    with torch.autocast(image.device.type, enabled=False):
        sampled = F.grid_sample(image.to(grid.dtype), grid, padding_mode="border", align_corners=True)
    return sampled.to(image.dtype)


def thin_plate_spline(
    image: Tensor, control_points: Tensor, grid: tuple[int, int] = (10, 10), size: tuple[int, int] | None = None
) -> Tensor:
    """Warp a picture with a thin-plate spline.

    Args:
        image: (B, C, h, w).
        control_points: (B, rows*columns, 2) (x, y) in [-1, 1]: where the points of a regular grid over the *output*
            sample from in `image`.
        grid: rows and columns of control points.
        size: height and width of the output; that of `image` when None.

    Returns:
        (B, C, H, W).

    Raises:
        ValueError: when the number of control points does not fit the grid.
    """
    height, width = size or (image.shape[-2], image.shape[-1])
    return warp(image, thin_plate_spline_grid(control_points, grid, (height, width)))


def unpack_control_points(control_points: Tensor) -> Tensor:
    """Control points as VITON's files hold them -> points for `thin_plate_spline`.

    Args:
        control_points: (..., 2, rows, columns), x and y in [0, 1].

    Returns:
        (..., rows*columns, 2) in [-1, 1].
    """
    return control_points.flatten(-2).transpose(-1, -2) * 2 - 1


class ThinPlateSpline(nn.Module):
    """`thin_plate_spline` that keeps its matrix for one output size.

    Args:
        grid: rows and columns of control points.
        size: output height and width whose (H*W, N) matrix is kept as a buffer (not saved). Other sizes work as well;
            their matrices are kept in a small cache.
    """

    def __init__(self, grid: tuple[int, int] = (10, 10), size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.rows, self.columns = grid
        self.size = None if size is None else (size[0], size[1])
        self.matrix: Tensor | None
        matrix = None if self.size is None else sampling_matrix(*grid, *self.size).float()
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, image: Tensor, control_points: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """(B, C, h, w) and (B, rows*columns, 2) -> (B, C, H, W); the size defaults to the module's, then to the image's."""
        return warp(image, self.sampling_grid(control_points, size or self.size or (image.shape[-2], image.shape[-1])))

    def sampling_grid(self, control_points: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, rows*columns, 2) -> (B, H, W, 2)."""
        if self.matrix is None or size != self.size or control_points.dtype == torch.float64:
            return thin_plate_spline_grid(control_points, (self.rows, self.columns), size)
        _check(control_points, (self.rows, self.columns))
        return _apply(self.matrix, control_points, size)

    def extra_repr(self) -> str:
        return f"grid=({self.rows}, {self.columns}), size={self.size}"
