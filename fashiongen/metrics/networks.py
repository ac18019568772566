"""Networks that published scores were computed with, and adapters for others: 8-bit pictures in, judgement out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_CAFFE_MEAN = (104.0, 117.0, 123.0)
_SSD_SIDE = 300


def published_inception(weights: str | None = None) -> nn.Module:
    """The Inception network of 2015-12-05 with its 1,008 logits *without bias*, behind all published Inception Scores.

    Its TensorFlow weights as torch-fidelity ports them, with TensorFlow's resize.

    Args:
        weights: file of torch-fidelity's weights (`pt_inception-2015-12-05-6726825d.pth`); without it they are downloaded.

    Raises:
        ModuleNotFoundError: without torch-fidelity, with what to install.
    """
    try:
        import torch_fidelity  # noqa: F401
        from torchmetrics.image.fid import NoTrainInceptionV3
    except ImportError as error:
        raise ModuleNotFoundError(
            'the Inception network of published scores needs torch-fidelity: pip install "fashiongen[metrics]"; or pass a network '
            "of your own, which gives other numbers: fashiongen.metrics.networks.TimmClassifier()"
        ) from error
    return NoTrainInceptionV3(
        name="inception-v3-compat", features_list=["logits_unbiased"], feature_extractor_weights_path=weights, antialias=False
    )


class TimmClassifier(nn.Module):
    """A classifier of timm as an `InceptionScore` network. Its numbers are not comparable with published ones.

    Args:
        name: of the model in timm.
        pretrained: load its weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str = "inception_v3.tf_in1k", pretrained: bool = True) -> None:
        super().__init__()
        import timm

        self.model = timm.create_model(name, pretrained=pretrained).eval()
        settings = timm.data.resolve_model_data_config(self.model)
        self.size: tuple[int, int] = tuple(settings["input_size"][1:])
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(settings[key]).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 -> (B, K) logits."""
        resized = F.interpolate(image.float() / 255, self.size, mode="bilinear", antialias=True, align_corners=False)
        return self.model((resized - self.mean) / self.std)


def ssd_input(image: Tensor) -> Tensor:
    """Pictures as Deformable GAN's `compute_ssd_score.py` feeds them to its Caffe network.

    The whole picture is stretched to 300x300 by bilinear interpolation (what Caffe does with the rim is not recorded; here it
    repeats), its channels go to BGR, and the means 104, 117, 123 of 0..255 are taken off.

    Args:
        image: (B, 3, H, W) uint8, RGB.

    Returns:
        (B, 3, 300, 300) float32.
    """
    resized = F.interpolate(image.float(), (_SSD_SIDE, _SSD_SIDE), mode="bilinear", align_corners=False)
    return resized.flip(1) - torch.tensor(_CAFFE_MEAN, device=image.device).view(1, 3, 1, 1)


class CaffePersons(nn.Module):
    """Deformable GAN's detector, run by whatever opens its weights (`VGG_VOC0712_SSD_300x300_iter_120000.caffemodel`).

    Args:
        network: (B, 3, 300, 300) as `ssd_input` gives them -> detections (N, 7) of Caffe's layer `DetectionOutput`: number of the
            picture, class, confidence, box; those under 0.01 are left out by the network's own settings.
        person: class that is looked for; 15 in VOC.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], person: int = 15) -> None:
        super().__init__()
        self.network, self.person = network, person

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 -> (B,) highest confidence in a person, 0 where there is none."""
        rows = self.network(ssd_input(image)).reshape(-1, 7)
        rows = rows[rows[:, 1] == self.person]
        return rows.new_zeros(len(image)).scatter_reduce(0, rows[:, 0].long(), rows[:, 2], "amax")


class TorchvisionPersons(nn.Module):
    """A detector of torchvision, such as `ssd300_vgg16`: another network on other data, to be reported under its own name.

    Args:
        model: list of (3, H, W) in [0, 1] -> for each a mapping with "labels" and "scores".
        person: class that is looked for; 1 in COCO.
    """

    def __init__(self, model: Callable[[list[Tensor]], Sequence[Mapping[str, Any]]], person: int = 1) -> None:
        super().__init__()
        self.model, self.person = model, person

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 -> (B,) highest confidence in a person, 0 where there is none."""
        found = self.model(list(image.float() / 255))
        scores = [each["scores"][each["labels"] == self.person] for each in found]
        return torch.stack([each.max() if len(each) else each.new_zeros(()) for each in scores])
