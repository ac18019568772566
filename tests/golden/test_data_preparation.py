"""How the data of ClothNet and FashionGAN is prepared and kept, against arrays recorded from the authors' code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fashiongen.data import parsing
from fashiongen.data.chictopia_files import Sketch, mirrored, split_order
from fashiongen.data.fashion_synthesis_files import FashionSynthesisFiles
from fashiongen.data.parsing import convert
from fashiongen.data.sketches import fill_holes, square_sketch


@pytest.fixture(scope="module")
def clothnet(golden: Any) -> Any:
    return golden("clothnet").load("data")


@pytest.fixture(scope="module")
def fashion_gan(golden: Any) -> Path:
    return golden("fashion_gan").folder


def as_tensors(recorded: Any, prefix: str) -> dict[str, Tensor]:
    return {name: torch.from_numpy(value) for name, value in recorded.under(prefix).items()}


def test_holes_are_filled(clothnet: Any) -> None:
    holes = as_tensors(clothnet, "holes/")
    assert torch.equal(fill_holes(holes["labels"]), holes["out"])


def test_people_are_put_on_squares_and_mirrored(clothnet: Any) -> None:
    samples = sorted({key.split("/")[0] for key in clothnet.under("convert/") if "/" in key})
    assert samples
    for sample in samples:
        recorded = as_tensors(clothnet, f"convert/{sample}/")
        image, labels = square_sketch(recorded["image"].movedim(-1, 0), recorded["labels"], len(recorded["orig_labels"]))
        copy = mirrored(Sketch(sample, image, labels))
        found = {"orig_image": image, "orig_labels": labels, "swapped_image": copy.image, "swapped_labels": copy.labels}
        for name, value in found.items():
            assert torch.equal(value.movedim(0, -1) if name.endswith("image") else value, recorded[name]), f"{sample}/{name}"


def test_left_and_right_labels_change_places(clothnet: Any) -> None:
    mapping = torch.from_numpy(clothnet["swap/mapping"])
    assert torch.equal(parsing.mirror(torch.arange(len(mapping))[:, None], "clothnet22")[:, 0].long(), mapping.long())


def test_splits_are_drawn_alike(clothnet: Any) -> None:
    orders = clothnet.under("split/perm_")
    assert orders
    for count, order in orders.items():
        assert np.array_equal(split_order(int(count)), order)


def test_published_files_hold_the_samples(fashion_gan: Path) -> None:
    files, recorded = FashionSynthesisFiles(fashion_gan / "files"), load_file(fashion_gan / "data.safetensors")
    assert len(files) > 0
    for sample in range(len(files)):
        assert torch.equal(files.labels(sample), recorded["labels"][sample, 0])
        assert torch.allclose(files.picture(sample), recorded["images_u8"][sample] / 127.5 - 1, atol=1e-6)
        assert torch.equal(files.layouts[sample], recorded["layout8"][sample])
        assert torch.allclose(files.text_codes[sample], recorded["text"][sample], atol=1e-7)
    assert len(files.sentences) == len(files.names) == len(files)
    assert all(len(values) == len(files) for values in files.attributes.values())
    assert set(files.splits) == {"train", "test", "pair"}


def test_parsers_classes_become_the_seven_labels(fashion_gan: Path) -> None:
    recorded = load_file(fashion_gan / "prepare.safetensors")
    atr = (recorded["seg.labels224"].long() + 1) % 18  # the parser has the background last
    places = recorded["seg.nearest_index_1based"].long() - 1
    small = convert(atr, "atr18", "fashiongan7")[:, places][:, :, places]
    for source in ("matlab", "octave"):
        assert torch.equal(small, recorded[f"seg.b128_{source}"])
