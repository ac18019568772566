import torch

from fashiongen.layers.body_regions import REGIONS, body_classes, body_regions

COLOURS = torch.tensor(list(REGIONS.values()), dtype=torch.uint8).T[:, None]


def test_every_region_has_its_id_and_the_crotch_counts_as_lower_body():
    assert body_regions(COLOURS)[0].tolist() == [*range(1, 32), 1 + list(REGIONS).index("right lower body")]


def test_classes_of_regions():
    classes = dict(zip(REGIONS, body_classes(COLOURS)[0].tolist(), strict=True))
    assert {name for name, each in classes.items() if each == 1} == {name for name in REGIONS if name.endswith("head")}
    assert {classes[name] for name in ("neck", "crotch", "left shoulder", "right upper body", "left lower body")} == {2}
    assert [classes[f"{side} {part}"] for part in ("hand", "foot") for side in ("right", "left")] == [3, 4, 5, 6]


def test_near_colours_count_and_white_is_background():
    rendering = torch.tensor([[255, 254, 254], [252, 108, 1], [250, 250, 255]], dtype=torch.uint8).T[:, None]
    assert body_regions(rendering)[0].tolist() == [0, 1, 0]
    assert body_classes(rendering.expand(2, 3, 1, 3)).shape == (2, 1, 3)
