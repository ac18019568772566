"""The files of DeepFashion's Fashion Synthesis benchmark as FashionGAN's authors publish them.

Authors' code: `zhusz/ICCV17-fashionGAN`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fashiongen.data import parsing as schemes
from fashiongen.data.mat_files import numbers, open_h5, read_mat, strings

SCHEME = "fashiongan7"
ATTRIBUTES = {"category": ("cate_new", 1), "colour": ("color_", 1), "gender": ("gender_", 0), "sleeve": ("sleeve_", 1)}
"""Attributes of a sentence: variable of `language_original.mat`, and what it counts from."""

SOURCE = (
    "The pictures are part of DeepFashion, which its authors give out for research after an agreement is signed; the other files "
    "are on the page of zhusz/ICCV17-fashionGAN"
)
_FOLDERS = {
    "ind.mat": ("benchmark",),
    "language_original.mat": ("benchmark",),
    "G2.h5": ("supervision_signals", "test_phase_inputs"),
    "sr1_8.mat": ("test_phase_inputs",),
    "encode_hn2_rnn_100_2_full.mat": ("test_phase_inputs",),
}
_TOLERANCE = 0.01


class FashionSynthesisFiles:
    """Samples and what is known about them. Numbers of samples count from 0 here, from 1 in the files.

    Args:
        root: `data_release/` of the authors, or a folder with all the files in it.

    Raises:
        FileNotFoundError: when the folder does not exist.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder; root is that of your copy of Fashion Synthesis. {SOURCE}")
        self._open: tuple[int, Any] | None = None

    def path(self, name: str) -> Path:
        """Where a file lies: in one of the folders where the authors look for it, or in `root` itself.

        Raises:
            FileNotFoundError: with what was looked for.
        """
        paths = [self.root / folder / name for folder in (*_FOLDERS[name], ".")]
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            raise FileNotFoundError(f"{self.root} has no {' nor '.join(f'{each}/' for each in _FOLDERS[name])}{name}. {SOURCE}")
        return found

    def __len__(self) -> int:
        return len(self._h5["b_"])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the stored pictures, in pixels."""
        width, height = self._h5["b_"].shape[2:]
        return height, width

    @cached_property
    def splits(self) -> dict[str, list[int]]:
        """Numbers of samples: "train", "test", and "pair", whose sentences redress those of "test".

        Raises:
            FileNotFoundError, ValueError: naming the file.
        """
        path = self.path("ind.mat")
        names = {"train": "train_ind", "test": "test_ind", "pair": "test_set_pair_ind"}
        content = read_mat(path, list(names.values()))
        found = {}
        for split, name in names.items():
            indices = numbers(content[name], path, name)
            outside = indices[(indices < 1) | (indices > len(self))]
            if len(outside):
                raise ValueError(
                    f"{path}: {name} holds {outside[0]}; numbers of samples count from 1 to {len(self)}, the length of "
                    f"{self.path('G2.h5')}. Are both files of one release?"
                )
            if not len(indices):
                raise ValueError(f"{path}: {name} is empty; copy the file again")
            found[split] = (indices - 1).tolist()
        if len(found["test"]) != len(found["pair"]):
            raise ValueError(
                f"{path}: test_set_pair_ind has {len(found['pair'])} entries for the {len(found['test'])} of test_ind; "
                "every test person has one sentence. Copy the file again"
            )
        return found

    @cached_property
    def sentences(self) -> list[str]:
        """A sentence for every sample."""
        return self._words("engJ")

    @cached_property
    def names(self) -> list[str]:
        """Name of every sample, from the path of its picture: `img/Some_Name/img_00000012.jpg` -> `Some_Name_img_00000012`."""
        parts = [Path(name).with_suffix("").parts for name in self._words("nameList")]
        return ["_".join(each[1:] if each[:1] == ("img",) else each) for each in parts]

    @cached_property
    def attributes(self) -> dict[str, Tensor]:
        """The names of `ATTRIBUTES` -> (n,) int64, counted from 0 all of them."""
        path = self.path("language_original.mat")
        content = read_mat(path, [variable for variable, _ in ATTRIBUTES.values()])
        found = {}
        for attribute, (variable, first) in ATTRIBUTES.items():
            values = numbers(content[variable], path, variable)
            self._check_length(values, path, variable)
            if values.min() < first:
                raise ValueError(f"{path}: {variable} counts from {first}, it holds {values.min()}; copy the file again")
            found[attribute] = torch.from_numpy(values - first)
        return found

    @cached_property
    def layouts(self) -> Tensor:
        """(n, 4, 8, 8) float32: the merged maps at 8 x 8 pixels: hair, face, the rest of the person, background."""
        path = self.path("sr1_8.mat")
        stored = self._numeric(path, "d", (8, 8, 4, len(self)))
        return torch.from_numpy(np.ascontiguousarray(stored.transpose(3, 2, 0, 1)))

    @cached_property
    def text_codes(self) -> Tensor:
        """(n, 100) float32: the sentences as the authors' encoder understands them."""
        return torch.from_numpy(self._numeric(self.path("encode_hn2_rnn_100_2_full.mat"), "hn2", (len(self), 100)))

    def picture(self, index: int) -> Tensor:
        """(3, H, W) float32 RGB in [-1, 1].

        Raises:
            ValueError: naming the file and the sample, when it is damaged.
        """
        with np.errstate(all="ignore"):  # what is damaged is told below
            image = (self._read("ih", index) + self._mean).transpose(0, 2, 1)
        if not (image.min() >= -_TOLERANCE and image.max() <= 1 + _TOLERANCE):
            raise ValueError(
                f"{self.path('G2.h5')}, sample {index}: ih + ih_mean is a picture in [0, 1], it spans {image.min():.3g} to "
                f"{image.max():.3g}; copy the file again"
            )
        return torch.from_numpy(np.ascontiguousarray(image)).clamp(0, 1) * 2 - 1

    def labels(self, index: int) -> Tensor:
        """(H, W) uint8 of the scheme "fashiongan7".

        Raises:
            ValueError: naming the file and the sample, when it is damaged or has unknown labels.
        """
        told = f"{self.path('G2.h5')}, sample {index}, b_"
        stored = self._read("b_", index)[0].T
        if not np.isfinite(stored).all() or (stored != np.round(stored)).any() or np.abs(stored).max() > 255:
            raise ValueError(f"{told} holds label ids, whole numbers from 0 to 6, this one others; copy the file again")
        labels = torch.from_numpy(stored.astype(np.int64))
        schemes.check(labels, SCHEME, told)
        return labels.to(torch.uint8)

    @property
    def _h5(self) -> Any:
        """G2.h5, open in this process."""
        if self._open is None or self._open[0] != os.getpid():
            path = self.path("G2.h5")
            file = open_h5(path)
            try:
                _check_h5(file, path)
            except ValueError:
                file.close()
                raise
            self._open = os.getpid(), file
        return self._open[1]

    @cached_property
    def _mean(self) -> np.ndarray:
        return self._read("ih_mean", slice(None))

    def _read(self, name: str, index: int | slice) -> np.ndarray:
        try:
            return np.asarray(self._h5[name][index], np.float32)
        except Exception as error:  # h5py raises whatever the damage leads to
            sample = f", sample {index}" if isinstance(index, int) else ""
            raise ValueError(f"{self.path('G2.h5')}{sample}: {name} cannot be read ({error}); copy the file again") from error

    def _words(self, name: str) -> list[str]:
        path = self.path("language_original.mat")
        found = strings(read_mat(path, [name])[name], path, name)
        self._check_length(found, path, name)
        return found

    def _numeric(self, path: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
        values = read_mat(path, [name])[name]
        if values.shape != shape or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ValueError(
                f"{path}: {name} is {shape} numbers for the {len(self)} samples of {self.path('G2.h5')}, not {values.shape} of "
                f"{values.dtype}; copy the file again"
            )
        return values.astype(np.float32)

    def _check_length(self, values: Sequence[Any] | np.ndarray, path: Path, name: str) -> None:
        if len(values) != len(self):
            raise ValueError(
                f"{path}: {name} has {len(values)} entries, {self.path('G2.h5')} has {len(self)} samples; both are of one release"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}


def _check_h5(file: Any, path: Path) -> None:
    """Refuse a file whose arrays do not fit together.

    Raises:
        ValueError: naming the file and what it lacks.
    """
    shapes = {}
    for name in ("ih", "ih_mean", "b_"):
        try:
            shapes[name] = tuple(file[name].shape)
            numeric = file[name].dtype.kind in "iuf"
        except Exception as error:  # h5py raises whatever the damage leads to
            raise ValueError(f"{path} has no array {name!r}, or it is damaged ({error}); copy the file again") from error
        if not numeric:
            raise ValueError(f"{path}: {name} does not hold numbers; copy the file again")
    count, *page = shapes["b_"][:1] + shapes["b_"][2:]
    if shapes != {"ih": (count, 3, *page), "ih_mean": (3, *page), "b_": (count, 1, *page)} or len(page) != 2 or not count:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{path}: ih is (n, 3, W, H), ih_mean (3, W, H) and b_ (n, 1, W, H), this file has {found}")
