"""Market-1501 for pose transfer: pairs of surveillance pictures of one person, 128 x 64 pixels, from your own copy."""

from __future__ import annotations

from typing import Any

from fashiongen.data.pose_annotations import TEST_PAIRS
from fashiongen.data.pose_sets import PoseDataModule, PoseFiles, PoseLayout, PosePairs

LAYOUT = PoseLayout(
    title="Market-1501",
    folders={
        "train": ("bounding_box_train", "train", "market-dataset/train"),
        "test": ("bounding_box_test", "test", "market-dataset/test"),
    },
    lists=("market",),
    source="Its authors give it out for research, without the right to pass it on; see the project page of Market-1501",
)


class Market1501DataModule(PoseDataModule):
    """Market-1501 with bounding_box_train/ and bounding_box_test/, or train/ and test/ as Deformable GAN and PATN rename them.

    Key points come from market-annotation-{train,test}.csv, else from OpenPose's JSON files. Pairs come from
    market-pairs-{train,test}.csv where these are; else they are made by Deformable GAN's rules: all ordered pairs of a person's
    pictures that show both shoulders and both hips, without junk and distractors. The published lists have 263,632 and 12,000
    pairs.

    Args:
        root: folder of the pictures.
        annotations: folder with the lists or OpenPose's files (also in its folders train/ and test/); by default `root`.
        height, width: of the examples, in pixels.
        test_pairs: most pairs that are drawn for testing, where there is no list.
        whole_pixels: truncate scaled key points to whole pixels, as the authors' resized lists do.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    def __init__(
        self,
        root: str,
        annotations: str | None = None,
        height: int = 128,
        width: int = 64,
        test_pairs: int = TEST_PAIRS,
        whole_pixels: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names

    @property
    def files(self) -> PoseFiles:
        """Where everything lies."""
        return PoseFiles(self.hparams["root"], LAYOUT, self.hparams["annotations"])

    def _pairs(self, split: str) -> PosePairs:
        size = self.hparams["height"], self.hparams["width"]
        return self.files.dataset(split, size, self.hparams["test_pairs"], whole_pixels=self.hparams["whole_pixels"])
