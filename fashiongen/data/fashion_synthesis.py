"""Fashion Synthesis, the part of DeepFashion that FashionGAN is trained on: pictures, labels and sentences, from your own copy.

S. Zhu, S. Fidler, R. Urtasun, D. Lin, C. C. Loy, "Be Your Own Prada: Fashion Synthesis with Structural Coherence", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.utils.data import Dataset

from fashiongen.data.base import FashionDataModule
from fashiongen.data.fashion_synthesis_files import SCHEME, FashionSynthesisFiles
from fashiongen.data.pictures import resize, resize_labels
from fashiongen.types import Batch, Person


class FashionSynthesisDataset(Dataset[Batch]):
    """Some of the samples: `person` with parsing in the scheme "fashiongan7" and text.

    Args:
        files: where everything lies.
        samples: their numbers.
        others: for each of them the number of the sample whose sentence is `other_text`; None for none.
        height, width: of the pictures, in pixels.
    """

    def __init__(
        self,
        files: FashionSynthesisFiles,
        samples: Sequence[int],
        others: Sequence[int] | None = None,
        height: int = 128,
        width: int = 128,
    ) -> None:
        self.files, self.samples, self.others = files, samples, others
        self.height, self.width = height, width

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Batch:
        files, sample = self.files, self.samples[index]
        person = Person(
            resize(files.picture(sample), self.height, self.width),
            parsing=resize_labels(files.labels(sample), self.height, self.width),
            scheme=SCHEME,
            text=files.sentences[sample],
        )
        other_text = None if self.others is None else files.sentences[self.others[index]]
        return Batch(person, other_text=other_text, name=files.names[sample])


class FashionSynthesisDataModule(FashionDataModule):
    """Fashion Synthesis as published: `benchmark/ind.mat`, `benchmark/language_original.mat` and `supervision_signals/G2.h5`.

    The published files hold 78,979 samples, 70,000 for training and 8,979 for testing. Test examples have the sentence of their
    fixed partner as `other_text`: what they are to be redressed in. Validation examples are those of testing, the paper has no
    third part. Reading needs h5py.

    Args:
        root: `data_release/` of the authors, or a folder with all the files in it.
        height, width: of the examples, in pixels; 128 as stored.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    provides = frozenset({"person", "parsing", "text", "other_text"})

    def __init__(self, root: str, height: int = 128, width: int = 128, **base: Any) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names

    @property
    def files(self) -> FashionSynthesisFiles:
        """Where everything lies."""
        return FashionSynthesisFiles(self.hparams["root"])

    def _set(self, split: str) -> FashionSynthesisDataset:
        files = self.files
        size = self.hparams["height"], self.hparams["width"]
        if split == "train":
            return FashionSynthesisDataset(files, files.splits["train"], None, *size)
        return FashionSynthesisDataset(files, files.splits["test"], files.splits["pair"], *size)
