"""DeepFashion's In-shop Clothes Retrieval benchmark for pose transfer: pairs of shop pictures of one outfit, from your own copy."""

from __future__ import annotations

from typing import Any

from fashiongen.data.pose_annotations import TEST_PAIRS, DeepFashionName
from fashiongen.data.pose_sets import PoseDataModule, PoseFiles, PoseLayout, PosePairs

CROP = (40, 216)
"""Columns of the 256 x 256 pictures that PATN keeps: beside them the page is white."""

_CROPPED_LISTS = "fasion-resize"

LAYOUT = PoseLayout(
    title="DeepFashion In-shop",
    folders={"train": ("train", "fasion-dataset/train"), "test": ("test", "fasion-dataset/test")},
    lists=("fasion", _CROPPED_LISTS, "fashion"),
    source="Its authors give it out for research after an agreement is signed; see the project page of DeepFashion",
    tree=lambda name: DeepFashionName.parse(name).path,
    tree_folders=("img", "Img/img", "fasion", "fashion"),
)


class DeepFashionInshopDataModule(PoseDataModule):
    """DeepFashion In-shop with pictures in train/ and test/ under flattened names, or in the original tree (img/WOMEN/...).

    Both rules for flattened names are known, Deformable GAN's (fasionWOMENTeesTanksid...) and PATN's (fashionWOMENTees_Tanksid...).
    Which pictures are for training and testing is said by the lists of key points, fasion-annotation-{train,test}.csv or PATN's
    fasion-resize-annotation-{train,test}.csv; with OpenPose's JSON files by PATN's train.lst and test.lst or the folders.
    Pairs come from the lists fasion-pairs-{train,test}.csv or fasion-resize-pairs-{train,test}.csv where these are; else they are
    made by Deformable GAN's rules, see `fashiongen.data.pose_annotations`. Several versions of the lists are about, of 86,089 to
    101,966 training pairs.

    Args:
        root: folder of the pictures.
        annotations: folder with the lists or OpenPose's files (also in its folders train/ and test/); by default `root`.
        lists: what the names of the lists begin with, "fasion128" for example; "auto" looks which are there.
        crop: cut columns 40 to 215 out of pictures 256 wide; pictures 176 wide are taken as they are.
        cropped_annotations: the key points count from column 40, as PATN found them in cropped pictures; by default they do in
            lists named fasion-resize. It matters for pictures that are stored whole.
        height: of the examples, in pixels.
        width: of the examples; by default 256, with `crop` 176.
        test_pairs: most pairs that are drawn for testing, where there is no list.
        whole_pixels: truncate scaled key points to whole pixels, as the authors' resized lists do.
        base: batch_size, num_workers, seed of `FashionDataModule`.
    """

    def __init__(
        self,
        root: str,
        annotations: str | None = None,
        lists: str = "auto",
        crop: bool = False,
        cropped_annotations: bool | None = None,
        height: int = 256,
        width: int | None = None,
        test_pairs: int = TEST_PAIRS,
        whole_pixels: bool = False,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.save_hyperparameters(logger=False)  # a model may use the same names

    @property
    def files(self) -> PoseFiles:
        """Where everything lies."""
        return PoseFiles(self.hparams["root"], LAYOUT, self.hparams["annotations"], self.hparams["lists"])

    def _pairs(self, split: str) -> PosePairs:
        options, files = self.hparams, self.files
        cropped = options["cropped_annotations"]
        if cropped is None:
            cropped = files.lists == _CROPPED_LISTS
        width = options["width"] or (CROP[1] - CROP[0] if options["crop"] else 256)
        return files.dataset(
            split,
            (options["height"], width),
            options["test_pairs"],
            crop=CROP if options["crop"] else None,
            annotated=CROP if cropped else None,
            whole_pixels=options["whole_pixels"],
        )
