"""`repose(person, pose)` and its figures: what the papers of pose transfer share."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

import torch
from torch import Tensor

from fashiongen.layers.label_means import label_means
from fashiongen.layers.pose_mask import pose_mask
from fashiongen.layers.segment_colours import paint
from fashiongen.metrics.masked import MaskedL1
from fashiongen.metrics.ssim import StructuralSimilarity
from fashiongen.models.figures import log_figures
from fashiongen.models.verbs import batched, check_annotations
from fashiongen.types import Batch, Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Pose = Tensor | Person | str | os.PathLike[str]
"""(18, 3) key points in pixels of the picture of the person who is to take the pose, a file with such, or another person."""

MEAN_PICTURE_EXAMPLES = 256
"""Training examples that the baseline "mean picture" is the mean of."""


class Repose:
    """`repose(person, pose)`: the person in another pose. Papers implement `transfer`.

    Attributes:
        source_needs: annotations that the paper reads of the person who takes the pose; PG2 sees the picture alone.
    """

    name: ClassVar[str]
    source_needs: ClassVar[frozenset[str]] = frozenset({"keypoints"})

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the networks work at."""
        raise AttributeError(f"{type(self).__name__} has no size")

    def transfer(self, person: Person, keypoints: Tensor, *args: Any, **controls: Any) -> Tensor:
        """(B, 3, H, W) in [-1, 1]: the people of a batch in poses (B, 18, 3), all in pixels of `size`."""
        raise AttributeError(f"{type(self).__name__} cannot repose people")

    @overload
    def repose(self, person: Person, pose: Person, batch_size: int = 32, **controls: Any) -> Image.Image | Tensor: ...

    @overload
    def repose(self, person: Person, pose: Tensor, batch_size: int = 32, **controls: Any) -> Image.Image | Tensor: ...

    @overload
    def repose(
        self, person: Person, pose: str | os.PathLike[str], batch_size: int = 32, **controls: Any
    ) -> Image.Image | Tensor: ...

    @overload
    def repose(
        self, person: Sequence[Person], pose: Pose | Sequence[Pose], batch_size: int = 32, **controls: Any
    ) -> list[Image.Image] | Tensor: ...

    @overload
    def repose(self, person: Person, pose: Sequence[Pose], batch_size: int = 32, **controls: Any) -> list[Image.Image] | Tensor: ...

    def repose(self, person: Any, pose: Any, batch_size: int = 32, frame: tuple[int, int] | None = None, **controls: Any) -> Any:
        """Draw people in other poses.

        Args:
            person: a `Person`, a list of them, or a batch.
            pose: what to take the pose from: a `Person` with key points (the pose is scaled with their picture), key points
                (18, 3), the path of a file with key points (.json of OpenPose, .mat, .npy; see `fashiongen.person`), a list of
                these, a batch of people, or key points (N, 18, 3). One person takes every pose of a sequence (a video); one pose
                is taken by everybody.
            batch_size: how many pictures are drawn at a time; the result does not depend on it.
            frame: height and width of the picture in whose pixels key points and files count, for example of the video that they
                were found in; by default it is that of `person`. The pose is scaled with it.
            controls: options of the paper, see its `transfer`.

        Returns:
            one picture for one person and one pose, a list for lists, a (B, 3, H, W) tensor in [-1, 1] for batches of people or
            of poses; at the size that the model works at.

        Raises:
            TypeError: when `person` or `pose` is something else.
            FileNotFoundError: when there is no such file.
            ValueError: when the lists have different lengths, when key points have another shape or lie outside of their picture,
                when a file cannot be read or a person lacks annotations.
        """
        if frame is not None and min(frame) < 1:
            raise ValueError(f"frame is height and width in pixels, at least 1 each, not {frame}")
        is_batch = any(
            (isinstance(each, Person) and each.image.ndim == 4) or (isinstance(each, Tensor) and each.ndim == 3)
            for each in (person, pose)
        )
        is_list = any(isinstance(each, (list, tuple)) for each in (person, pose))
        device = next(self.parameters()).device  # type: ignore[attr-defined]
        people = batched(person, self.size, device, "person")
        check_annotations(people, self.source_needs, self.name)
        poses = _poses(pose, self.size, _sizes(person) if frame is None else [frame], device)
        counts = len(people.image), len(poses)
        count = max(counts)
        if counts[0] != counts[1] and 1 not in counts:
            raise ValueError(f"{counts[0]} people and {counts[1]} poses: give as many poses as people, or one of either")
        if batch_size < 1:
            raise ValueError(f"batch_size is at least 1, not {batch_size}")
        single = people.unbind()
        was_training = self.training  # type: ignore[attr-defined]
        self.eval()  # type: ignore[attr-defined]
        pictures = []
        with torch.no_grad():
            for start in range(0, count, batch_size):
                places = range(start, min(start + batch_size, count))
                some = Person.stack([single[place % counts[0]] for place in places])
                pictures.append(self.transfer(some, poses[[place % counts[1] for place in places]], **controls))
        self.train(was_training)  # type: ignore[attr-defined]
        result = torch.cat(pictures)
        if is_batch:
            return result
        images = [to_pil(picture) for picture in result]
        return images if is_list else images[0]


class ReposeFigures(Repose):
    """Validation, test and prediction steps on batches of people and targets.

    Attributes:
        mean_picture: (3, H, W), the mean of the first `MEAN_PICTURE_EXAMPLES` training targets, what one answers without looking;
            None where the data has no training split at hand. Test pictures take no part in it.
    """

    mean_picture: Tensor | None = None

    def stand_ins(self, batch: Batch) -> dict[str, Tensor]:
        """Further pictures (B, 3, H, W) to compare with at test time, by name: parts of the model, simpler answers.

        "flat_target", where the data has parsing, is the target as `flat_colours` leaves it: what an answer is worth that knows
        every outline and every colour, and neither light nor texture.
        """
        answers = {"copy_source": batch.person.image}
        if batch.target is not None and batch.target.parsing is not None:
            answers["flat_target"] = flat_colours(batch.target.image, batch.target.parsing)
        if self.mean_picture is not None:
            answers["mean_picture"] = self.mean_picture.expand_as(batch.person.image)
        return answers

    def on_validation_epoch_start(self) -> None:
        self.figures = {self.name: self._figures()}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """L1 and SSIM against the target, on the whole picture and on the person."""
        self._measure(self.name, self.transfer(batch.person, _target(batch)), batch)

    def on_validation_epoch_end(self) -> None:
        log_figures(self, self.figures, "validation", f"{self.name}/person_l1")

    def on_test_epoch_start(self) -> None:
        self.figures = {}
        self.mean_picture = self._mean_picture()

    def _mean_picture(self) -> Tensor | None:
        data: Any = getattr(self.trainer, "datamodule", None)  # type: ignore[attr-defined]
        if not hasattr(data, "train_set"):
            return None
        images: list[Tensor] = []
        try:
            for batch in data.train_dataloader():
                if batch.target is None:
                    return None
                images += batch.target.image
                if len(images) >= MEAN_PICTURE_EXAMPLES:
                    break
        except OSError as error:
            warnings.warn(f"the test goes without the mean picture, training examples cannot be read: {error}", stacklevel=2)
            return None
        # Every process reads its own examples.
        mean = torch.stack(images[:MEAN_PICTURE_EXAMPLES]).mean(dim=0)
        return self.trainer.strategy.reduce(mean.to(self.device), reduce_op="mean")  # type: ignore[attr-defined]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card: the model and `stand_ins` against the target.

        `person_gap_closed` is the share of the L1 distance on the person between "copy the source" and the target that the model
        closes: 1 for a perfect answer, 0 for one no better than the source.
        """
        for name, picture in {self.name: self.transfer(batch.person, _target(batch)), **self.stand_ins(batch)}.items():
            if name not in self.figures:
                self.figures[name] = self._figures()
            self._measure(name, picture, batch)

    def on_test_epoch_end(self) -> None:
        log_figures(self, self.figures, "test", f"{self.name}/person_l1")
        if "copy_source" in self.figures:
            model, copied = (self.figures[name]["person_l1"].compute() for name in (self.name, "copy_source"))
            self.log(f"test/{self.name}/person_gap_closed", 1 - model / copied)  # type: ignore[attr-defined]

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Names and pictures (B, 3, H, W) of the people of a batch in the poses of their targets."""
        return {"name": batch.name, "image": self.transfer(batch.person, _target(batch))}

    def _figures(self) -> dict[str, MaskedL1 | StructuralSimilarity]:
        figures: dict[str, MaskedL1 | StructuralSimilarity] = {
            "person_l1": MaskedL1(),
            "l1": MaskedL1(),
            "ssim": StructuralSimilarity("uniform", 255),
            "mask_ssim": StructuralSimilarity("uniform", 255),
        }
        for metric in figures.values():
            metric.to(self.device)  # type: ignore[attr-defined]
        return figures

    def _measure(self, name: str, picture: Tensor, batch: Batch) -> None:
        assert batch.target is not None
        region = person_region(batch.target)
        for figure, metric in self.figures[name].items():
            metric.update(picture, batch.target.image, region if figure in ("person_l1", "mask_ssim") else None)


def flat_colours(image: Tensor, labels: Tensor) -> Tensor:
    """(B, 3, H, W): pictures (B, 3, H, W) in which every label (B, H, W) has the mean of the colours that it had."""
    return paint(labels, label_means(image, labels, int(labels.max()) + 1)[0])


def person_region(person: Person) -> Tensor:
    """(B, 1, H, W) in {0, 1}: where a person is, from the parsing if there is one, else the pose mask.

    Raises:
        ValueError: when there are neither parsing nor key points.
    """
    if person.parsing is not None:
        return (person.parsing != 0).float().unsqueeze(1)
    if person.keypoints is None:
        raise ValueError("figures on the person need the parsing or the key points of the target")
    height, width = person.size
    return pose_mask(person.keypoints, height, width, radius=max(1, round(height / 32)))


def _target(batch: Batch) -> Tensor:
    if batch.target is None or batch.target.keypoints is None:
        raise ValueError("pose transfer needs the same person in another pose, with key points (`target`)")
    return batch.target.keypoints


def _sizes(person: Any) -> list[tuple[int, int]]:
    if isinstance(person, Person):
        return [person.size] * (len(person.image) if person.image.ndim == 4 else 1)
    return [each.size for each in person]


def _poses(pose: Any, size: tuple[int, int], sizes: list[tuple[int, int]], device: torch.device) -> Tensor:
    """(N, 18, 3) in pixels of `size`; N may grow to the number of people when these differ in size."""
    if isinstance(pose, (list, tuple)):
        if not pose:
            raise ValueError("the list of poses is empty")
        if len(pose) == 1:
            return _poses(pose[0], size, sizes, device)
        spread = sizes if len(sizes) == len(pose) else [sizes[0]] * len(pose)
        return torch.cat([_poses(each, size, [own], device) for each, own in zip(pose, spread, strict=True)])
    if isinstance(pose, Person):
        if pose.keypoints is None:
            raise ValueError(
                "the person whose pose is to be taken has no key points; pass them: fashiongen.person(picture, keypoints=...)"
            )
        pose, sizes = pose.keypoints, [pose.size]
    elif isinstance(pose, (str, os.PathLike)):
        pose = _read(pose, sizes)
    elif not isinstance(pose, Tensor):
        raise TypeError(f"pose: pass key points (18, 3), a file with them, a Person, or a list of these, not {type(pose).__name__}")
    if pose.ndim not in (2, 3) or pose.shape[-2:] != (18, 3):
        raise ValueError(f"a pose is (18, 3) key points or (N, 18, 3) of them, not {tuple(pose.shape)}")
    poses = pose.to(device, torch.float32)
    poses = poses if poses.ndim == 3 else poses[None]
    if len(set(sizes)) == 1:
        sizes = sizes[:1]
    elif len(poses) not in (1, len(sizes)):
        raise ValueError(f"{len(sizes)} people and {len(poses)} poses: give as many poses as people, or one of either")
    scales = torch.tensor([[size[1] / width, size[0] / height, 1.0] for height, width in sizes], device=device)
    return poses * scales[:, None]


def _read(path: str | os.PathLike[str], sizes: list[tuple[int, int]]) -> Tensor:
    """(18, 3) key points of a file, in pixels of a picture of the largest of some sizes."""
    from fashiongen.reading import person  # brings SciPy and OpenCV

    height, width = (max(sides) for sides in zip(*sizes, strict=True))
    blank = torch.zeros(3, height, width)
    try:
        read = person(blank, keypoints=path, height=height, width=width, annotator=None)
    except ValueError as error:
        raise ValueError(f"{error} (a pose counts in pixels of the person's picture, or of frame=(height, width))") from error
    assert read.keypoints is not None
    return read.keypoints
