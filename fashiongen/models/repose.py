"""`repose(person, pose)` and its figures: what the papers of pose transfer share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

import torch
from torch import Tensor

from fashiongen.layers.pose_mask import pose_mask
from fashiongen.metrics.masked import MaskedL1
from fashiongen.metrics.ssim import StructuralSimilarity
from fashiongen.models.verbs import batched, check_annotations
from fashiongen.types import Batch, Person, to_pil

if TYPE_CHECKING:
    from PIL import Image

Pose = Tensor | Person
"""(18, 3) key points in pixels of the picture of the person who is to take the pose, or another person."""


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
        self, person: Sequence[Person], pose: Pose | Sequence[Pose], batch_size: int = 32, **controls: Any
    ) -> list[Image.Image] | Tensor: ...

    @overload
    def repose(self, person: Person, pose: Sequence[Pose], batch_size: int = 32, **controls: Any) -> list[Image.Image] | Tensor: ...

    def repose(self, person: Any, pose: Any, batch_size: int = 32, **controls: Any) -> Any:
        """Draw people in other poses.

        Args:
            person: a `Person`, a list of them, or a batch.
            pose: what to take the pose from: a `Person` with key points (the pose is scaled with their picture), key points
                (18, 3) in pixels of the picture of `person`, a list of either, a batch of people, or key points (N, 18, 3). One
                person takes every pose of a sequence (a video); one pose is taken by everybody.
            batch_size: how many pictures are drawn at a time; the result does not depend on it.
            controls: options of the paper, see its `transfer`.

        Returns:
            one picture for one person and one pose, a list for lists, a (B, 3, H, W) tensor in [-1, 1] for batches of people or
            of poses; at the size that the model works at.

        Raises:
            TypeError: when `person` or `pose` is something else.
            ValueError: when the lists have different lengths, when key points have another shape or a person lacks annotations.
        """
        is_batch = any(
            (isinstance(each, Person) and each.image.ndim == 4) or (isinstance(each, Tensor) and each.ndim == 3)
            for each in (person, pose)
        )
        is_list = any(isinstance(each, (list, tuple)) for each in (person, pose))
        device = next(self.parameters()).device  # type: ignore[attr-defined]
        people = batched(person, self.size, device, "person")
        check_annotations(people, self.source_needs, self.name)
        poses = _poses(pose, self.size, _sizes(person), device)
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
    """Validation, test and prediction steps on batches of people and targets."""

    def stand_ins(self, batch: Batch) -> dict[str, Tensor]:
        """Further pictures (B, 3, H, W) to compare with at test time, by name: parts of the model, simpler answers."""
        return {"copy_source": batch.person.image}

    def on_validation_epoch_start(self) -> None:
        self.figures = {self.name: self._figures()}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """L1 and SSIM against the target, on the whole picture and on the person."""
        self._measure(self.name, self.transfer(batch.person, _target(batch)), batch)

    def on_validation_epoch_end(self) -> None:
        self._log_figures("validation")

    def on_test_epoch_start(self) -> None:
        self.figures = {}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """The figures of the model card: the model and `stand_ins` against the target."""
        for name, picture in {self.name: self.transfer(batch.person, _target(batch)), **self.stand_ins(batch)}.items():
            if name not in self.figures:
                self.figures[name] = self._figures()
            self._measure(name, picture, batch)

    def on_test_epoch_end(self) -> None:
        self._log_figures("test")

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

    def _log_figures(self, prefix: str) -> None:
        for name, metrics in self.figures.items():
            for figure, metric in metrics.items():
                main = name == self.name and figure == "person_l1"
                self.log(f"{prefix}/{name}/{figure}", metric.compute().float(), prog_bar=main)  # type: ignore[attr-defined]


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
    elif not isinstance(pose, Tensor):
        raise TypeError(f"pose: pass key points (18, 3), a Person, or a sequence of them, not {type(pose).__name__}")
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
