"""Finds the garment in a photograph of a garment: on white by the rule of the try-on sets, elsewhere by GrabCut.

GrabCut: C. Rother, V. Kolmogorov, A. Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts", SIGGRAPH 2004.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, from_numpy

WHITE_LEVEL = 250  # darker than this in any channel is garment: product pictures are stored as JPEG
WORKING_SIZE = 256  # longest side in pixels at which the graph is cut

_Mask = NDArray[np.bool_]
_Bytes = NDArray[np.uint8]
_Floats = NDArray[np.float32]


def garment_mask(image: Tensor) -> Tensor:
    """Separate a single garment from its background.

    A picture whose border is white is cut like the product pictures of VITON-Zalando (everything that is not white, holes
    filled); any other picture is cut by GrabCut, started from the colours along its border and from its centre.

    Args:
        image: (3, H, W) float RGB in [-1, 1].

    Returns:
        (1, H, W) float in [0, 1], 1 on the garment, with an edge about one pixel soft.

    Raises:
        ValueError: for another shape, and when no garment stands out; pass `mask=` in that case.
    """
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"garment_mask takes one RGB picture (3, H, W), not a tensor of shape {tuple(image.shape)}")
    picture = _bytes(image)
    solid = _cut_from_white(picture) if on_white(picture) else _cut_by_graph(picture)
    share = solid.mean()
    if not 0.03 <= share <= 0.97:
        found = "nothing stands out from the background" if share < 0.5 else "no background is left around it"
        raise ValueError(f"no garment found in the picture: {found}. Pass its mask (1, H, W) as mask=")
    return from_numpy(_soften(solid)[None]).to(image.device)


def mask_on_white(image: Tensor) -> Tensor:
    """Everything that is not white, holes filled, whatever there is: the mask of a picture that is known to be a product picture.

    Args:
        image: (3, H, W) float RGB in [-1, 1].

    Returns:
        (1, H, W) float, 0 or 1.
    """
    return from_numpy(_cut_from_white(_bytes(image))[None]).to(image)


def on_white(picture: _Bytes) -> bool:
    """Whether at least nine tenths of the border of an (H, W, 3) picture are white."""
    return bool((_border(picture, 2).min(axis=1) > WHITE_LEVEL).mean() >= 0.9)


def _bytes(image: Tensor) -> _Bytes:
    levels = ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())


def _border(picture: NDArray[np.generic], width: int) -> NDArray[np.generic]:
    """The pixels (N, C) of a frame of the given width."""
    inside = np.zeros(picture.shape[:2], bool)
    inside[width:-width, width:-width] = True
    return picture[~inside]


def _cut_from_white(picture: _Bytes) -> _Mask:
    garment = ndimage.binary_fill_holes((picture <= WHITE_LEVEL).any(axis=2))
    return ndimage.median_filter(garment, size=3)


def _cut_by_graph(picture: _Bytes) -> _Mask:
    height, width = picture.shape[:2]
    scale = min(1.0, WORKING_SIZE / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    labels = _first_guess(small)
    if not (labels == cv2.GC_PR_FGD).any():
        return np.zeros((height, width), bool)
    cv2.setRNGSeed(0)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), labels, (0, 0, 1, 1), background, foreground, 6, cv2.GC_INIT_WITH_MASK)
    cut = _largest_piece(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)))
    return cv2.resize(cut.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5


def _first_guess(picture: _Bytes) -> _Bytes:
    """GrabCut's labels before the first cut: unlike the border and near the centre is probably garment."""
    height, width = picture.shape[:2]
    colours = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).astype(np.float32)
    colours *= np.array([0.6, 1, 1], np.float32)  # shadows and folds change lightness more than hue
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    strangeness = _distance_to_border_colours(colours, (abs(x) < 0.4) & (abs(y) < 0.4))
    centred = np.exp(-(np.square(x / 0.75) + np.square(y / 0.8)))
    score = cv2.GaussianBlur((strangeness * centred).astype(np.float32), (0, 0), 2)
    levels = np.clip(score / max(float(np.percentile(score, 98)), 1e-6) * 255, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)

    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    labels[levels > 0.9 * threshold] = cv2.GC_PR_FGD
    frame = max(1, round(0.015 * max(height, width)))
    at_edge = np.ones((height, width), bool)
    at_edge[frame:-frame, frame:-frame] = False
    labels[at_edge & (strangeness < 15)] = cv2.GC_BGD
    return labels


def _distance_to_border_colours(colours: _Floats, centre: _Mask, clusters: int = 6) -> _Floats:
    """(H, W) distance of every Lab colour to the nearest of the main colours of the border, beyond their own spread.

    A colour that fills the `centre` more than the border belongs to a garment that reaches the border, and is left out.
    """
    border = _border(colours, max(2, round(0.05 * min(colours.shape[:2])))).astype(np.float32)
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, member, means = cv2.kmeans(border, clusters, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS)
    share = np.bincount(member[:, 0], minlength=clusters) / len(border)
    usual = np.median(np.linalg.norm(border - means[member[:, 0]], axis=-1))

    away = np.linalg.norm(colours[centre][:, None] - means, axis=-1)
    close = away.min(axis=1) < max(2.5 * usual, 6)
    central_share = np.bincount(away.argmin(axis=1)[close], minlength=clusters) / len(away)
    kept = (share > 0.06) & (central_share < 2 * share)
    if not kept.any():
        kept = share == share.max()
    distance = np.linalg.norm(colours[..., None, :] - means[kept], axis=-1).min(axis=-1)
    return np.maximum(distance - usual, 0).astype(np.float32)


def _largest_piece(mask: _Mask) -> _Mask:
    """The component with the most pixels, without threads thinner than three pixels and without holes.

    A large piece right above or below it belongs to it: the other half of a dress whose belt looks like the background.
    """
    pieces, count = ndimage.label(ndimage.binary_opening(mask, iterations=2))
    if not count:
        return np.zeros_like(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    garment = ndimage.binary_fill_holes(pieces == largest)
    for other in np.flatnonzero(sizes >= 0.2 * sizes[largest]):
        if other != largest:
            garment = _joined(garment, ndimage.binary_fill_holes(pieces == other))
    return ndimage.binary_fill_holes(garment)


def _joined(garment: _Mask, piece: _Mask) -> _Mask:
    """The garment with a piece, and with what lies between them, where a low gap across most of the narrower one divides them."""
    reach = round(0.05 * len(garment))
    between = _closed(garment | piece, reach) & ~_closed(garment, reach) & ~_closed(piece, reach)
    narrower = min(garment.any(axis=0).sum(), piece.any(axis=0).sum())
    return garment | piece | between if between.any(axis=0).sum() > 0.5 * narrower else garment


def _closed(mask: _Mask, reach: int) -> _Mask:
    """Gaps of up to twice `reach` rows filled."""
    column = np.ones((2 * reach + 1, 1), bool)
    padded = ndimage.binary_closing(np.pad(mask, ((reach, reach), (0, 0))), column)
    return padded[reach : len(padded) - reach]


def _soften(mask: _Mask) -> _Floats:
    soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.6)
    return np.clip(soft, 0, 1)
