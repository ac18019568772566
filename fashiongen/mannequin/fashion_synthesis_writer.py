"""The mannequin world written in the files of Fashion Synthesis, so that its loader can be tried on a true layout.

Layout: `data_release/` of FashionGAN's authors (`zhusz/ICCV17-fashionGAN`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.io import savemat
from torch import Tensor

from fashiongen.data.fashion_synthesis_files import ATTRIBUTES, SCHEME
from fashiongen.data.parsing import SCHEMES, convert
from fashiongen.layers.resize import bicubic_resize
from fashiongen.types import Person

from .rendering import outfit_attributes
from .scenes import PeopleScenes
from .world import World

_CHUNK = 16
_YAW = 35.0  # shops show the front
_LAYOUT = 8


def write_fashion_synthesis(world: World, folder: str | Path, train: int, test: int) -> Path:
    """The authors' files: `benchmark/`, `supervision_signals/` and `test_phase_inputs/`.

    `G2.h5` keeps pictures, less their mean, and labels with the axes x, y; `G1.h5` keeps the labels with the axes y, x. Sentences
    have FashionGAN's grammar; their words are numbered as they appear, not as in the authors' vocabulary, and text codes, which
    take the authors' encoder, are left out.

    Args:
        world: seed and textures; pictures are squares of its height (128 in the original), split is that of the data set.
        folder: made if it does not exist; files of the same names are replaced.
        train: number of training people.
        test: number of test people, each to be redressed as the sentence of the next one says.

    Returns:
        the folder.

    Raises:
        ImportError: when h5py is missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError("writing G1.h5 and G2.h5 needs h5py: pip install 'fashiongen[convert]' (or h5py)") from error
    folder = Path(folder)
    benchmark, signals, inputs = (folder / name for name in ("benchmark", "supervision_signals", "test_phase_inputs"))
    for each in (benchmark, signals, inputs):
        each.mkdir(parents=True, exist_ok=True)
    people, attributes = _draw(world, {"train": train, "test": test})
    assert people.parsing is not None and isinstance(people.text, list)
    images, labels = ((people.image + 1) / 2).numpy(), people.parsing[:, None]
    mean = images.mean(0)
    maps = labels.numpy().astype(np.float32)
    with h5py.File(signals / "G2.h5", "w") as file:
        file["ih"], file["ih_mean"], file["b_"] = (values.swapaxes(-1, -2) for values in (images - mean, mean, maps))
    with h5py.File(signals / "G1.h5", "w") as file:
        file["b_"] = maps
    savemat(inputs / "sr1_8.mat", {"d": _layouts(people.parsing).permute(2, 3, 1, 0).numpy()})
    numbers = np.arange(1, train + test + 1, dtype=np.float64)[:, None]
    savemat(
        benchmark / "ind.mat",
        {"train_ind": numbers[:train], "test_ind": numbers[train:], "test_set_pair_ind": np.roll(numbers[train:], -1)},
    )
    language = {
        "engJ": _cell(people.text),
        "codeJ": _cell(_word_numbers(people.text)),
        "nameList": _cell([f"img/Mannequin/img_{number:08d}.jpg" for number in range(1, train + test + 1)]),
        **{variable: (attributes[name] + first).double()[:, None].numpy() for name, (variable, first) in ATTRIBUTES.items()},
    }
    savemat(benchmark / "language_original.mat", language)
    return folder


def _draw(world: World, counts: dict[str, int]) -> tuple[Person, dict[str, Tensor]]:
    """People of both splits, one after the other, and their `ATTRIBUTES`."""
    people: list[Person] = []
    attributes: dict[str, list[Tensor]] = {name: [] for name in ATTRIBUTES}
    for split, count in counts.items():
        square = dataclasses.replace(world, width=world.height, split=split)
        scenes = PeopleScenes(square, count, yaw=_YAW, scheme=SCHEME)
        for start in range(0, count, _CHUNK):
            indices = torch.arange(start, min(start + _CHUNK, count))
            people += scenes.batch(indices).person.to("cpu").unbind()
            worn = outfit_attributes(square.identity(indices), square.outfit(indices))
            for name, values in attributes.items():
                values.append(getattr(worn, name).cpu())
    return Person.stack(people), {name: torch.cat(values) for name, values in attributes.items()}


def _layouts(labels: Tensor) -> Tensor:
    """(n, 4, 8, 8): hair, face, rest and background at 8 x 8 pixels."""
    merged = convert(labels, SCHEME, "fashiongan4")
    count = len(SCHEMES["fashiongan4"])
    masks = [merged == (channel + 1) % count for channel in range(count)]
    return bicubic_resize(torch.stack(masks, 1).float(), _LAYOUT, _LAYOUT)


def _word_numbers(sentences: Sequence[str]) -> list[np.ndarray]:
    """(L, 1) numbers from 1 on, for every sentence."""
    known: dict[str, int] = {}
    words = [sentence.rstrip(".").split() for sentence in sentences]
    return [np.array([[known.setdefault(word, len(known) + 1)] for word in each], np.float64) for each in words]


def _cell(values: Sequence[object]) -> np.ndarray:
    cell = np.empty((len(values), 1), object)
    for row, value in enumerate(values):
        cell[row, 0] = value
    return cell
