"""Photographs by pretrained networks of `transformers` (extra "annotate"): a person detector, ViTPose, and a clothes parser.

ViTPose: Xu et al., NeurIPS 2022; RT-DETR: Zhao et al., CVPR 2024; SegFormer: Xie et al., NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError, choose
from fashiongen.annotate.weights import DETECTOR, PARSER, POSE, Weights, fetch, is_here
from fashiongen.data import keypoints as joints
from fashiongen.data.parsing import SCHEMES

_MARGIN = 0.15  # of the person's box, added on each side before it is parsed
_EXTRA = "annotating photographs needs the extra: pip install 'fashiongen[annotate]'"


class PhotoAnnotator(nn.Module):
    """Finds the person, then her key points and the labels of her clothes.

    Args:
        detector, pose, parser: networks of `transformers` for object detection, key points of a box (COCO-17) and semantic
            segmentation; the labels of the parser must be those of a scheme of `fashiongen.data.parsing.SCHEMES`, by name.
        detector_processor, pose_processor, parser_processor: their image processors.
        person: which of several people: 1 for the leftmost; None takes the largest.
        person_threshold: score from which on a box counts as a person.
        joint_threshold: score from which on a joint counts as seen.
        weights: where the networks come from, for `record`.

    Raises:
        ValueError: for a parser with labels of no known scheme, a detector that knows no people, a pose network of other joints.
    """

    def __init__(
        self,
        detector: nn.Module,
        detector_processor: Any,
        pose: nn.Module,
        pose_processor: Any,
        parser: nn.Module,
        parser_processor: Any,
        person: int | None = None,
        person_threshold: float = 0.5,
        joint_threshold: float = 0.3,
        weights: Sequence[Weights] = (),
    ) -> None:
        super().__init__()
        self.detector, self.pose, self.parser = detector.eval(), pose.eval(), parser.eval()
        self.detector_processor, self.pose_processor, self.parser_processor = detector_processor, pose_processor, parser_processor
        self.person, self.person_threshold, self.joint_threshold = person, person_threshold, joint_threshold
        self.human = _class_of_people(_config(detector).id2label)
        self.scheme, table = _scheme(_config(parser).id2label)
        self.table: Tensor
        self.register_buffer("table", torch.tensor(table, dtype=torch.uint8), persistent=False)
        if _config(pose).num_labels != 17:
            raise ValueError(f"the pose network knows {_config(pose).num_labels} joints, not the 17 of COCO")
        self.record: Mapping[str, Any] = {
            "annotator": "photo",
            "person": person,
            "person_threshold": person_threshold,
            "joint_threshold": joint_threshold,
            "weights": [each.record() for each in weights],
        }

    @classmethod
    def from_hub(
        cls,
        detector: Weights | str = DETECTOR,
        pose: Weights | str = POSE,
        parser: Weights | str = PARSER,
        revision: str | None = None,
        **options: Any,
    ) -> PhotoAnnotator:
        """With weights of the Hub, by default pinned to the commits of `fashiongen.annotate.weights`.

        Args:
            detector, pose, parser: weights, or a repository "user/name" of one's own choice at `revision`.
            revision: of repositories that are given by name; "main" by default. The commit that it stands for is recorded.
            options: of the class.

        Raises:
            ImportError: without the extra.
            WeightsError: when weights are neither on this disk nor to be downloaded.
        """
        try:
            from transformers import (
                AutoImageProcessor,
                AutoModelForObjectDetection,
                AutoModelForSemanticSegmentation,
                VitPoseForPoseEstimation,
            )
        except ImportError as error:
            raise ImportError(_EXTRA) from error
        kinds: dict[str, tuple[Weights | str, str, Any]] = {
            "detector": (detector, "person detector", AutoModelForObjectDetection),
            "pose": (pose, "key points", VitPoseForPoseEstimation),
            "parser": (parser, "clothes parser", AutoModelForSemanticSegmentation),
        }
        networks: dict[str, Any] = {}
        weights = []
        for name, (given, role, kind) in kinds.items():
            wanted = Weights(role, given, revision or "main") if isinstance(given, str) else given
            folder, fetched = fetch(wanted)
            weights.append(fetched)
            networks[name] = kind.from_pretrained(folder, local_files_only=True)
            networks[f"{name}_processor"] = AutoImageProcessor.from_pretrained(folder)
        return cls(**networks, weights=weights, **options)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.table.device

    @torch.no_grad()
    def detect(self, photographs: Sequence[Photograph]) -> list[Annotation | PhotographError]:
        """See `fashiongen.annotate.photographs.Annotator`."""
        pictures = [_levels(photograph.image) for photograph in photographs]
        found = [self._choose(boxes, photograph) for boxes, photograph in zip(self._people(pictures), photographs, strict=True)]
        places = [place for place, each in enumerate(found) if isinstance(each, Annotation)]
        if not places:
            return found
        some, boxes = [pictures[place] for place in places], [found[place].box for place in places]  # type: ignore[union-attr]
        poses, labels = self._poses(some, boxes), self._labels(some, boxes)
        for place, (keypoints, scores), parsing in zip(places, poses, labels, strict=True):
            annotation = found[place]
            assert isinstance(annotation, Annotation)
            if not (keypoints[:, 2] > 0).any():
                found[place] = PhotographError(f"{photographs[place].name}: no joint of the person is clear enough", "nobody")
                continue
            found[place] = replace(
                annotation, keypoints=keypoints, scores=scores, order="coco17", parsing=parsing, scheme=self.scheme
            )
        return found

    # ------------------------------------------------------------------------------------------------ parts
    def _people(self, pictures: Sequence[np.ndarray]) -> list[tuple[Tensor, Tensor]]:
        """Boxes (N, 4) and scores (N,) of the people in each picture."""
        inputs = self.detector_processor(images=list(pictures), return_tensors="pt").to(self.device)
        sizes = [picture.shape[:2] for picture in pictures]
        detected = self.detector_processor.post_process_object_detection(
            self.detector(**inputs), threshold=self.person_threshold, target_sizes=sizes
        )
        people = []
        for each, (height, width) in zip(detected, sizes, strict=True):
            human = each["labels"] == self.human
            boxes = each["boxes"][human].float().cpu()
            limits = boxes.new_tensor([width, height, width, height])
            boxes = torch.minimum(boxes.clamp(min=0), limits)
            some = ((boxes[:, 2:] - boxes[:, :2]) > 1).all(dim=1)
            people.append((boxes[some], each["scores"][human].float().cpu()[some]))
        return people

    def _choose(self, people: tuple[Tensor, Tensor], photograph: Photograph) -> Annotation | PhotographError:
        boxes, scores = people
        try:
            chosen, notes = choose(boxes, self.person, photograph.name)
        except PhotographError as error:
            return error
        return Annotation(box=boxes[chosen], score=float(scores[chosen]), people=len(boxes), notes=notes)

    def _poses(self, pictures: Sequence[np.ndarray], boxes: Sequence[Any]) -> list[tuple[Tensor, Tensor]]:
        """(18, 3) key points and (18,) scores of the person in each box."""
        corners = [[[*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]] for box in boxes]  # COCO: corner and size
        inputs = self.pose_processor(images=list(pictures), boxes=corners, return_tensors="pt").to(self.device)
        if getattr(_config(self.pose).backbone_config, "num_experts", 1) > 1:
            inputs["dataset_index"] = torch.zeros(len(pictures), dtype=torch.int64, device=self.device)  # COCO
        posed = self.pose_processor.post_process_pose_estimation(self.pose(**inputs), boxes=corners)
        poses = []
        for picture, (person,) in zip(pictures, posed, strict=True):
            places, scores = person["keypoints"].float().cpu() + 0.5, person["scores"].float().cpu().clamp(0, 1)
            height, width = picture.shape[:2]
            inside = ((places >= 0) & (places < places.new_tensor([width, height]))).all(dim=1)
            seen = inside & (scores >= self.joint_threshold)
            scored = torch.cat([places, scores[:, None]], dim=1) * seen[:, None]
            scored = joints.convert(scored, "coco17", "openpose18")
            known = scored[:, 2] > 0
            poses.append((torch.cat([scored[:, :2], 2.0 * known[:, None]], dim=1), scored[:, 2]))
        return poses

    def _labels(self, pictures: Sequence[np.ndarray], boxes: Sequence[Any]) -> list[Tensor]:
        """(H, W) labels of each picture, background outside of the box with a margin."""
        windows = [_window(box, picture.shape[:2]) for box, picture in zip(boxes, pictures, strict=True)]
        cuts = [np.ascontiguousarray(picture[window]) for picture, window in zip(pictures, windows, strict=True)]
        inputs = self.parser_processor(images=cuts, return_tensors="pt").to(self.device)
        maps = self.parser_processor.post_process_semantic_segmentation(
            self.parser(**inputs), target_sizes=[cut.shape[:2] for cut in cuts]
        )
        parsed = []
        for picture, window, labels in zip(pictures, windows, maps, strict=True):
            page = torch.zeros(picture.shape[:2], dtype=torch.uint8)
            page[window] = self.table[labels.long()].cpu()
            parsed.append(page)
        return parsed


def weights_are_here() -> bool:
    """Whether the pinned weights lie on this disk already and `transformers` is installed; asks nobody."""
    from importlib.util import find_spec

    return find_spec("transformers") is not None and all(map(is_here, (DETECTOR, POSE, PARSER)))


def _config(network: Any) -> Any:
    return network.config


def _class_of_people(names: dict[int, str]) -> int:
    for number, name in names.items():
        if name.lower() == "person":
            return int(number)
    raise ValueError(f"the detector has no class 'person'; its classes are {', '.join(names.values())}")


def _scheme(names: dict[int, str]) -> tuple[str, list[int]]:
    """The scheme whose labels a parser knows, and the id there of each of its own."""
    spelled = {int(number): name.strip().lower().replace("_", "-").replace(" ", "-") for number, name in names.items()}
    for scheme, labels in SCHEMES.items():
        if set(spelled.values()) == set(labels):
            return scheme, [labels.index(spelled[number]) for number in range(len(spelled))]
    raise ValueError(f"the labels of the parser belong to no scheme of {', '.join(SCHEMES)}: {', '.join(names.values())}")


def _levels(image: Tensor) -> np.ndarray[Any, Any]:
    """(H, W, 3) uint8."""
    return ((image.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).contiguous().numpy()


def _window(box: Tensor, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a box with a margin."""
    left, top, right, bottom = box.tolist()
    across, down = _MARGIN * (right - left), _MARGIN * (bottom - top)
    height, width = size
    rows = slice(max(0, int(top - down)), min(height, int(bottom + down) + 1))
    return rows, slice(max(0, int(left - across)), min(width, int(right + across) + 1))
