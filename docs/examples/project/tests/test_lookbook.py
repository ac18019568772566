"""Fast: a tiny untrained PG2 stands in for the trained one."""

import json
from pathlib import Path

import pytest
import torch
from lookbook.data import LookbookData, Pairs
from lookbook.draw import draw
from lookbook.finetune import Ours, finetune
from lookbook.loop import train

import fashiongen

SIZE = (32, 16)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    draw(root, train=4, test=2, size=SIZE)
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> str:
    torch.manual_seed(0)
    options = {"width": 4, "code": 4, "blocks": 3, "refinement_blocks": 2, "critic_width": 4, "critic_levels": 2, "joint_radius": 2}
    model = fashiongen.create("pg2", size=SIZE, mask_radius=2, **options)
    return str(model.save_pretrained(tmp_path_factory.mktemp("pg2")))


def test_the_layout_is_read_both_ways_round(shop):
    pairs = Pairs(shop / "train", SIZE)
    assert len(pairs) == 8
    first, back = pairs[0], pairs[1]
    assert (first.name, back.name) == ("0000_0_1", "0000_1_0")
    assert torch.equal(first.person.image, back.target.image) and first.person.keypoints.shape == (18, 3)
    with pytest.raises(FileNotFoundError, match="holds nobody in two poses"):
        Pairs(shop / "train" / "0000")


def test_the_plain_loop_trains_one_generator(shop, source):
    generator, figures = train(shop, steps=2, source=source, batch_size=2)
    old = fashiongen.load(source).coarse
    assert any(not torch.equal(new, before) for new, before in zip(generator.parameters(), old.parameters(), strict=True))
    assert figures.keys() == {"before", "after"} and figures["before"] != figures["after"]


def test_the_trainer_fine_tunes_goes_on_and_the_result_is_everybodys(shop, source, tmp_path):
    model, figures = finetune(shop, tmp_path / "run", steps=2, source=source, batch_size=2)
    assert model.steps_in_stage == {"coarse": 2, "refinement": 2}
    assert "test/pg2/person_l1" in figures["before"] and figures["before"] != figures["after"]
    again, _ = finetune(shop, tmp_path / "run", steps=3, source=source, batch_size=2)
    assert again.steps_in_stage == {"coarse": 3, "refinement": 3}
    folder = again.save_pretrained(tmp_path / "model", figures=figures)
    record = json.loads((folder / "config.json").read_text())
    assert record["model"] == "pg2" and record["training"] == {"options of Ours": {"texture_weight": 0.1}}
    assert type(fashiongen.load(folder)).__name__ == "Pg2" and isinstance(Ours.from_pretrained(folder), Ours)


def test_data_that_lacks_something_is_refused_before_training(shop, source):
    data = LookbookData(shop, SIZE)
    data.provides = frozenset({"person"})
    with pytest.raises(Exception, match="pg2 needs keypoints, target"):
        Ours.from_pretrained(source).check_data(data, training=True)
