from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashiongen.metrics.networks import CaffePersons, TimmClassifier, TorchvisionPersons, published_inception, ssd_input


def pictures(count: int = 3) -> Tensor:
    return torch.randint(0, 256, (count, 3, 16, 8), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)


def test_the_published_network_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ModuleNotFoundError, match=r"fashiongen\[metrics\].*TimmClassifier"):
        published_inception()


def test_a_classifier_of_timm() -> None:
    torch.manual_seed(0)
    network = TimmClassifier("test_resnet", pretrained=False)
    assert network.size == (160, 160)
    logits = network(pictures())
    assert logits.shape == (3, 1000)
    flat = torch.full((1, 3, 16, 8), 51, dtype=torch.uint8)
    expected = network.model(((torch.full((1, 3, 160, 160), 0.2)) - network.mean) / network.std)
    assert torch.allclose(network(flat), expected, atol=1e-5)


def test_the_input_of_the_caffe_network() -> None:
    images = pictures()
    given = ssd_input(images)
    assert given.shape == (3, 3, 300, 300)
    flat = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 16, 8)
    assert ssd_input(flat)[0, :, 7, 9].tolist() == [30.0 - 104, 20.0 - 117, 10.0 - 123]
    # By hand, along one row: the centre of output column x lies at (x + 0.5) * 8 / 300 - 0.5.
    row = images[0, 0, :, :].double().numpy()
    columns = (np.arange(300) + 0.5) * 8 / 300 - 0.5
    top = np.clip((0 + 0.5) * 16 / 300 - 0.5, 0, None)
    expected = np.interp(columns, np.arange(8), row[int(top)])
    np.testing.assert_allclose(given[0, 2, 0].numpy() + 123, expected, atol=1e-3)


def test_caffe_detections_are_read() -> None:
    rows = [[0, 15, 0.5], [0, 15, 0.9], [0, 7, 0.99], [2, 15, 0.3]]
    detections = torch.tensor([[*row, 0.0, 0.0, 1.0, 1.0] for row in rows])
    assert CaffePersons(lambda image: detections[None, None])(pictures()).tolist() == pytest.approx([0.9, 0.0, 0.3])
    assert CaffePersons(lambda image: detections, person=7)(pictures()).tolist() == pytest.approx([0.99, 0.0, 0.0])
    assert CaffePersons(lambda image: torch.zeros(0, 7))(pictures()).tolist() == [0, 0, 0]


class Detector(nn.Module):
    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        assert all(image.ndim == 3 and image.min() >= 0 and image.max() <= 1 for image in images)
        return [
            {"labels": torch.tensor([1, 3, 1]), "scores": torch.tensor([0.2, 0.9, 0.6])},
            {"labels": torch.tensor([3]), "scores": torch.tensor([0.7])},
        ]


def test_detectors_of_torchvision() -> None:
    assert TorchvisionPersons(Detector())(pictures(2)).tolist() == pytest.approx([0.6, 0.0])


@pytest.mark.slow
def test_the_published_network_leaves_the_bias_out(monkeypatch: pytest.MonkeyPatch) -> None:
    port = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    monkeypatch.setattr(port, "load_state_dict_from_url", lambda *_, **__: {})
    monkeypatch.setattr(port.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
    torch.manual_seed(0)
    network = published_inception()
    assert not network.training and not network.use_antialias
    before = network(pictures(2))
    network.fc.bias.fill_(100.0)
    assert before.shape == (2, 1008)
    assert torch.equal(network(pictures(2)), before)
