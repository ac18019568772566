import sys

import pytest
import torch

from fashiongen.annotate import photo
from fashiongen.annotate.photo import PhotoAnnotator
from fashiongen.annotate.photographs import Annotation, Photograph, PhotographError
from fashiongen.annotate.weights import PARSER, Weights
from fashiongen.data.parsing import SCHEMES

transformers = pytest.importorskip("transformers")

ATR = {
    number: name
    for number, name in enumerate(
        ("Background", "Hat", "Hair", "Sunglasses", "Upper-clothes", "Skirt", "Pants", "Dress", "Belt", "Left-shoe", "Right-shoe",
         "Face", "Left-leg", "Right-leg", "Left-arm", "Right-arm", "Bag", "Scarf")
    )
}  # fmt: skip


def networks(joints=17, labels=None, classes=None):
    """Tiny networks of the real classes, with random weights."""
    torch.manual_seed(0)
    resnet = transformers.RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    detector = transformers.RTDetrForObjectDetection(
        transformers.RTDetrConfig(
            backbone_config=resnet, encoder_hidden_dim=8, encoder_in_channels=[8, 8, 8], d_model=8, encoder_ffn_dim=8,
            decoder_ffn_dim=8, decoder_in_channels=[8, 8, 8], num_queries=4, decoder_layers=1, decoder_attention_heads=2,
            encoder_attention_heads=2, id2label=classes or {0: "person", 1: "dog"},
        )
    )  # fmt: skip
    backbone = transformers.VitPoseBackboneConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=[64, 48],
        patch_size=[16, 16],
        out_features=["stage1"],
    )
    pose = transformers.VitPoseForPoseEstimation(
        transformers.VitPoseConfig(backbone_config=backbone, num_labels=joints, use_simple_decoder=True)
    )
    parser = transformers.SegformerForSemanticSegmentation(
        transformers.SegformerConfig(
            depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 8, 8], num_attention_heads=[1, 1, 1, 1], decoder_hidden_size=8,
            id2label=labels or ATR,
        )
    )  # fmt: skip
    return detector, pose, parser


def annotator(detector, pose, parser, **options):
    return PhotoAnnotator(
        detector,
        transformers.RTDetrImageProcessor(size={"height": 64, "width": 64}),
        pose,
        transformers.VitPoseImageProcessor(size={"height": 64, "width": 48}),
        parser,
        transformers.SegformerImageProcessor(size={"height": 64, "width": 64}),
        **options,
    )


PHOTOGRAPHS = [
    Photograph(torch.rand(3, height, width, generator=torch.Generator().manual_seed(height)) * 2 - 1, f"{height}.jpg")
    for height, width in ((120, 80), (90, 200))
]


def test_random_networks_of_the_real_classes_annotate():
    found = annotator(*networks(), person_threshold=0.0, joint_threshold=-1.0).detect(PHOTOGRAPHS)
    for photograph, annotation in zip(PHOTOGRAPHS, found, strict=True):
        if isinstance(annotation, PhotographError):  # the box may hold no joint that is clear
            assert photograph.name in str(annotation)
            continue
        assert annotation.parsing.shape == photograph.image.shape[1:] and annotation.parsing.dtype == torch.uint8
        assert annotation.keypoints.shape == (18, 3) and (annotation.scheme, annotation.order) == ("atr18", "coco17")
    assert any(isinstance(annotation, Annotation) for annotation in found)


class Boxes(torch.nn.Module):
    """A detector that answers with the given boxes, each a share of the picture: left, top, right, bottom, class."""

    def __init__(self, *boxes):
        super().__init__()
        self.config = transformers.RTDetrConfig(id2label={0: "dog", 1: "person"})
        self.boxes = torch.tensor(boxes, dtype=torch.float32)

    def forward(self, pixel_values, **_):
        left, top, right, bottom, kind = self.boxes.unbind(1)
        logits = torch.full((len(self.boxes), 2), -9.0)
        logits[torch.arange(len(kind)), kind.long()] = 3.0
        boxes = torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], dim=1)
        count = len(pixel_values)
        return transformers.models.rt_detr.modeling_rt_detr.RTDetrObjectDetectionOutput(
            logits=logits.expand(count, -1, -1), pred_boxes=boxes.expand(count, -1, -1)
        )


class Bright(torch.nn.Module):
    """Puts the joints of COCO on the brightest place of a box; the left half of them is not sure."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def forward(self, pixel_values, **_):
        light = torch.nn.functional.avg_pool2d(pixel_values.mean(dim=1, keepdim=True), 4)
        maps = torch.relu(light / light.amax(dim=(2, 3), keepdim=True)).pow(4).expand(-1, 17, -1, -1).clone()
        maps[:, 1::2] *= 0.1
        return transformers.models.vitpose.modeling_vitpose.VitPoseEstimatorOutput(heatmaps=maps)


class Red(torch.nn.Module):
    """Calls what is red upper-clothes."""

    def __init__(self, labels=ATR, label=4):
        super().__init__()
        self.config = transformers.SegformerConfig(id2label=labels)
        self.label = label

    def forward(self, pixel_values, **_):
        red = torch.nn.functional.avg_pool2d(pixel_values[:, :1] - pixel_values[:, 1:2], 4)
        logits = torch.zeros(len(red), len(self.config.id2label), *red.shape[-2:])
        logits[:, self.label : self.label + 1] = red
        logits[:, 0] = 0.5
        return transformers.modeling_outputs.SemanticSegmenterOutput(logits=logits)


def scene():
    """Grey, with a red top in the right half, and a white spot on it."""
    image = torch.full((3, 120, 160), -0.6)
    image[:, 30:90, 100:140] = torch.tensor([0.8, -1, -1])[:, None, None]
    image[:, 30:90, 20:60] = torch.tensor([0.8, -1, -1])[:, None, None]
    image[:, 48:54, 117:123] = 1
    return Photograph(image, "alice.jpg")


LEFT, RIGHT, DOG = (0.1, 0.2, 0.4, 0.8, 1), (0.55, 0.1, 0.95, 0.9, 1), (0.0, 0.0, 1.0, 1.0, 0)


def stand_in(*boxes, **options):
    config = networks()[1].config
    return annotator(Boxes(*boxes), Bright(config), Red(), **options)


def test_the_largest_person_is_found_and_nobody_else():
    (found,) = stand_in(LEFT, RIGHT, DOG).detect([scene()])
    assert found.people == 2 and found.score == pytest.approx(0.95, abs=0.01) and "number 2 from the left" in found.notes[0]
    assert torch.allclose(found.box, torch.tensor([88.0, 12, 152, 108]), atol=0.5)
    nose = found.keypoints[0]
    assert nose[2] == 2 and (nose[:2] - torch.tensor([120.0, 51])).abs().max() < 4  # half a cell of the heat map
    assert (found.parsing[40:80, 105:115] == 4).all() and (found.parsing[:, :75] == 0).all()
    assert 1500 < (found.parsing == 4).sum() < 3200


def test_unsure_joints_are_missing_and_with_them_the_neck():
    (found,) = stand_in(RIGHT).detect([scene()])
    names = photo.joints.ORDERS["openpose18"]
    seen = {name for name, joint in zip(names, found.keypoints, strict=True) if joint[2] > 0}
    assert seen == {"nose"} | {f"right_{joint}" for joint in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")}
    assert (found.scores > 0).tolist() == (found.keypoints[:, 2] > 0).tolist()


def test_another_person_on_demand():
    (found,) = stand_in(LEFT, RIGHT, person=1).detect([scene()])
    assert found.box[0] == pytest.approx(16) and found.notes == ()
    (nobody,) = stand_in(LEFT, RIGHT, person=3).detect([scene()])
    assert isinstance(nobody, PhotographError) and nobody.kind == "no such person"


def test_nobody():
    (found,) = stand_in(DOG).detect([scene()])
    assert isinstance(found, PhotographError) and found.kind == "nobody"


def test_a_photograph_is_annotated_as_if_it_were_alone():
    together = stand_in(RIGHT).detect([scene(), PHOTOGRAPHS[1], scene()])
    (alone,) = stand_in(RIGHT).detect([scene()])
    assert torch.equal(together[2].keypoints, alone.keypoints) and torch.equal(together[0].parsing, alone.parsing)


@pytest.mark.parametrize("scheme", ["lip20", "cihp20", "atr18"])
def test_parsers_of_other_schemes_are_known_by_their_labels(scheme):
    labels = dict(enumerate(name.replace("-", " ").title() for name in reversed(SCHEMES[scheme])))
    made = annotator(Boxes(RIGHT), Bright(networks()[1].config), Red(labels))
    assert made.scheme == scheme and made.table.tolist() == list(reversed(range(len(labels))))


@pytest.mark.parametrize(
    "change, told",
    [
        ({"labels": {0: "sky", 1: "tree"}}, "belong to no scheme of lip20.*sky, tree"),
        ({"classes": {0: "cat", 1: "dog"}}, "has no class 'person'"),
        ({"joints": 21}, "21 joints, not the 17 of COCO"),
    ],
)
def test_networks_that_do_not_fit_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        annotator(*networks(**change))


# ------------------------------------------------------------------------------------------------------------- weights
def test_weights_are_fetched_and_recorded(tmp_path, monkeypatch):
    made = annotator(*networks())
    for name, network, processor in (
        ("detector", made.detector, made.detector_processor),
        ("pose", made.pose, made.pose_processor),
        ("parser", made.parser, made.parser_processor),
    ):
        network.save_pretrained(tmp_path / name)
        processor.save_pretrained(tmp_path / name)
    asked = []

    def fetch(weights):
        asked.append(weights)
        return tmp_path / {"person detector": "detector", "key points": "pose"}.get(weights.role, "parser"), weights

    monkeypatch.setattr(photo, "fetch", fetch)
    loaded = PhotoAnnotator.from_hub(person=2)
    assert [weights.repository for weights in asked] == [each["repository"] for each in loaded.record["weights"]]
    assert all(len(weights.revision) == 40 and weights.licence for weights in asked) and asked[2] == PARSER
    assert loaded.record["person"] == 2
    for key, tensor in made.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[key]), key
    PhotoAnnotator.from_hub(parser="somebody/parser", revision="v2")
    assert asked[-1] == Weights("clothes parser", "somebody/parser", "v2")


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'fashiongen\[annotate\]'"):
        PhotoAnnotator.from_hub()
