import json

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from fashiongen.annotate import named
from fashiongen.data.pictures import write_picture
from fashiongen.reading import garment, person


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch):
    """No network annotates what a test leaves out."""
    monkeypatch.setattr(named, "_at_hand", lambda: None)


def points(*joints):
    """(18, 3) with the given joints at (x, y)."""
    keypoints = torch.zeros(18, 3)
    for joint, (x, y) in joints:
        keypoints[joint] = torch.tensor([x, y, 2.0])
    return keypoints


def scene(height, width, at=(0.5, 0.25)):
    """A black picture with one white pixel, the key point on it, and the parsing that marks it as face."""
    x, y = int(at[0] * width), int(at[1] * height)
    image = torch.full((3, height, width), -1.0)
    image[:, y, x] = 1
    parsing = torch.full((height, width), 5, dtype=torch.uint8)
    parsing[y, x] = 13
    return image, points((0, (x + 0.5, y + 0.5))), parsing


def test_a_picture_of_the_right_size_is_left_as_it_is():
    image, keypoints, parsing = scene(256, 192)
    alice = person(image, keypoints, parsing, text="a red top")
    assert torch.equal(alice.image, image)
    assert torch.equal(alice.keypoints, keypoints)
    assert torch.equal(alice.parsing, parsing)
    assert (alice.scheme, alice.text, alice.parts) == ("lip20", "a red top", None)


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (100, 40), (40, 100), (64, 48), (33, 71)])
def test_convention_picture_key_points_and_parsing_move_together(size, fit):
    image, keypoints, parsing = scene(*size, at=(0.5, 0.5))
    factor = 6
    alice = person(image, keypoints, parsing, height=64 * factor, width=48 * factor, fit=fit)
    assert alice.size == (64 * factor, 48 * factor) == tuple(alice.parsing.shape)
    x, y, visibility = alice.keypoints[0].tolist()
    assert visibility == 2
    assert alice.parsing[int(y), int(x)] == 13
    face = (alice.parsing == 13).nonzero().float() + 0.5
    assert torch.allclose(face.mean(0), torch.tensor([y, x]), atol=0.6)
    assert alice.image[0, int(y), int(x)] > 0.5


def test_padding_is_white_and_background():
    image, _, parsing = scene(64, 100)
    alice = person(image, parsing=parsing, height=64, width=48)
    assert torch.allclose(alice.image[:, [0, -1]], torch.ones(()))
    assert (alice.parsing[0] == 0).all() and (alice.parsing[32] == 5).any()


def test_cropping_forgets_joints_that_are_cut_off():
    image, _, _ = scene(64, 128)
    keypoints = points((0, (2.5, 30.5)), (1, (64.0, 30.5)))
    alice = person(image, keypoints, height=64, width=48, fit="crop")
    assert alice.keypoints[0].tolist() == [0, 0, 0]
    assert alice.keypoints[1].tolist() == [24, 30.5, 2]


def test_what_is_not_passed_is_none():
    alice = person(torch.zeros(3, 32, 24))
    assert alice.keypoints is None and alice.parsing is None and alice.text is None
    assert alice.size == (256, 192)


def test_every_file_of_key_points(tmp_path):
    image, keypoints, _ = scene(256, 192)
    x, y = keypoints[0, :2].tolist()
    people = [{"pose_keypoints_2d": [x - 0.5, y - 0.5, 0.7, *[0] * 51]}]
    (tmp_path / "a.json").write_text(json.dumps({"people": people}))
    subset = np.full((1, 20), -1.0)
    subset[0, 0] = 0
    savemat(tmp_path / "a.mat", {"candidate": np.array([[x - 0.5, y - 0.5, 0.9, 0]]), "subset": subset})
    np.save(tmp_path / "a.npy", keypoints.numpy())
    for source in ("a.json", "a.mat", "a.npy"):
        assert torch.equal(person(image, tmp_path / source).keypoints, keypoints)
    assert torch.equal(person(image, keypoints.double().numpy()).keypoints, keypoints)


def test_orders_are_told_by_their_length_and_confidences_become_visibility():
    coco = torch.zeros(17, 3)
    coco[6] = torch.tensor([10.0, 20.0, 0.3])
    keypoints = person(torch.zeros(3, 256, 192), coco).keypoints
    assert keypoints[2].tolist() == [10, 20, 2]
    assert (keypoints[:, 2] > 0).sum() == 1


def test_hidden_joints_stay_hidden():
    keypoints = points((0, (5, 5)))
    keypoints[0, 2] = 1
    assert person(torch.zeros(3, 256, 192), keypoints).keypoints[0, 2] == 1


def test_parsing_of_another_scheme_is_translated():
    parsing = torch.zeros(256, 192, dtype=torch.uint8)
    parsing[:9] = 11  # face in ATR
    image = torch.zeros(3, 256, 192)
    assert person(image, parsing=parsing, scheme="atr18").parsing[0, 0] == 13
    kept = person(image, parsing=parsing, scheme="atr18", target_scheme=None)
    assert (kept.scheme, int(kept.parsing[0, 0])) == ("atr18", 11)


def test_parsing_files_and_parsing_of_the_same_aspect(tmp_path):
    small = np.full((128, 96), 5, np.uint8)
    Image.fromarray(small).save(tmp_path / "a.png")
    alice = person(torch.zeros(3, 256, 192), parsing=tmp_path / "a.png")
    assert (alice.parsing == 5).all() and alice.parsing.shape == (256, 192)


def test_a_picture_turned_by_its_exif_entry_fits_its_annotations(tmp_path):
    image, keypoints, parsing = scene(64, 48)
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = Image.fromarray(np.rot90(((image + 1) * 127.5).byte().permute(1, 2, 0).numpy()).copy())
    sideways.save(tmp_path / "a.png", exif=exif)
    alice = person(tmp_path / "a.png", keypoints, parsing, height=64, width=48)
    assert torch.equal(alice.image, image)


@pytest.mark.parametrize("missing", ["keypoints", "parsing"])
def test_an_annotator_fills_what_is_missing(missing):
    image, keypoints, parsing = scene(64, 48)
    asked = []

    def annotator(picture):
        asked.append(picture.shape)
        return {"keypoints": keypoints, "parsing": torch.full((64, 48), 11), "scheme": "atr18"}

    given = {"keypoints": keypoints, "parsing": parsing}
    del given[missing]
    alice = person(image, **given, height=64, width=48, annotator=annotator)
    assert asked == [(3, 64, 48)]
    assert torch.equal(alice.keypoints, keypoints)
    assert alice.parsing.unique().tolist() == ([13] if missing == "parsing" else [5, 13])
    person(image, keypoints, parsing, annotator=annotator)
    assert len(asked) == 1


IMAGE = torch.zeros(3, 64, 48)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"keypoints": torch.zeros(18, 3)}, "no joint"),
        ({"keypoints": torch.full((18, 3), float("nan"))}, "not a number"),
        ({"keypoints": torch.zeros(12, 3)}, r"\(12, 3\)"),
        ({"keypoints": points((0, (500, 20)))}, r"500, 20.*48x64"),
        ({"parsing": torch.zeros(64, 48, dtype=torch.uint8)}, "every pixel is background"),
        ({"parsing": torch.ones(48, 64, dtype=torch.uint8)}, "64x48.*48x64"),
        ({"parsing": torch.full((64, 48), 20)}, "lip20"),
        ({"parsing": torch.ones(64, 48, dtype=torch.uint8), "scheme": "lip"}, "known: lip20"),
        ({"parsing": torch.ones(1, 64, 48, dtype=torch.uint8)}, r"\(1, 64, 48\)"),
        ({"parsing": torch.ones(64, 48)}, "integers"),
        ({"fit": "squeeze"}, "pad"),
        ({"height": 0}, "at least 1"),
    ],
)
def test_bad_annotations_give_one_clear_error(options, reason):
    with pytest.raises(ValueError, match=reason):
        person(IMAGE, **options)


def test_errors_name_the_files(tmp_path):
    write_picture(IMAGE, tmp_path / "alice.png")
    Image.fromarray(np.ones((10, 30), np.uint8)).save(tmp_path / "map.png")
    (tmp_path / "points.txt").touch()
    (tmp_path / "points.npy").write_text("no")
    np.save(tmp_path / "far.npy", points((0, (900, 900))).numpy())
    with pytest.raises(ValueError, match=r"map\.png has 30x10.*alice\.png has 48x64"):
        person(tmp_path / "alice.png", parsing=tmp_path / "map.png")
    with pytest.raises(ValueError, match=r"far\.npy.*alice\.png"):
        person(tmp_path / "alice.png", tmp_path / "far.npy")
    with pytest.raises(ValueError, match=r"points\.txt.*\.json"):
        person(tmp_path / "alice.png", tmp_path / "points.txt")
    with pytest.raises(ValueError, match=r"points\.npy"):
        person(tmp_path / "alice.png", tmp_path / "points.npy")
    for missing in ({"picture": tmp_path / "gone"}, {"keypoints": tmp_path / "gone"}, {"parsing": tmp_path / "gone"}):
        with pytest.raises(FileNotFoundError, match="gone"):
            person(**{"picture": tmp_path / "alice.png", **missing})


def block(top=10, bottom=30, left=8, right=40, height=60, width=50, background=1.0):
    image = torch.full((3, height, width), background)
    image[0, top:bottom, left:right] = -0.5
    mask = torch.zeros(height, width)
    mask[top:bottom, left:right] = 1
    return image, mask


def test_a_garment_lies_in_the_middle_of_a_white_page():
    image, _ = block()
    page = garment(image, height=128, width=96, margin=0.05)
    assert page.size == (128, 96) and page.mask.shape == (1, 128, 96)
    rows, columns = (page.mask[0].amax(axis) > 0.5 for axis in (1, 0))
    assert 78 <= columns.sum() <= 84  # 96 less twice 0.05 * 128
    assert abs(int(rows.nonzero().min()) - (127 - int(rows.nonzero().max()))) <= 2
    assert abs(int(rows.sum()) / int(columns.sum()) - 20 / 32) < 0.05
    assert (page.image[:, page.mask[0] == 0] == 1).all()
    assert (page.image[0, page.mask[0] == 1] < 0).all()


@pytest.mark.parametrize("form", [lambda m: m, lambda m: m[None], lambda m: m > 0, lambda m: (m * 255).byte().numpy()])
def test_a_mask_of_ones_own(form):
    image, mask = block(background=-0.5)  # nothing could be found here
    image[1] = 0.7
    page = garment(image, form(mask), height=64, width=48)
    assert (page.image[:, page.mask[0] == 0] == 1).all()
    assert page.image[1, page.mask[0] == 1].mean() == pytest.approx(0.7, abs=1e-3)


def test_a_mask_file_and_a_picture_with_transparency(tmp_path):
    image, mask = block(background=-0.5)
    Image.fromarray((mask * 255).byte().numpy()).save(tmp_path / "mask.png")
    from_file = garment(image, tmp_path / "mask.png")
    assert torch.equal(from_file.image, garment(image, mask).image)
    levels = torch.cat([(image + 1) * 127.5, mask[None] * 255]).byte().permute(1, 2, 0).numpy()
    Image.fromarray(levels).save(tmp_path / "cut.png")
    assert (garment(tmp_path / "cut.png").mask - from_file.mask).abs().mean() < 0.02


def test_a_photograph_on_a_floor():
    image, mask = block(15, 50, 12, 38, 64, 50, background=0.2)
    image += 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    page = garment(image.clamp(-1, 1))
    assert (page.image[:, page.mask[0] == 0] == 1).all()
    assert page.mask.mean() > 0.5 * mask.mean()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"picture": torch.ones(3, 64, 48)}, r"no garment found.*mask="),
        ({"picture": IMAGE, "mask": torch.zeros(64, 48)}, "no garment"),
        ({"picture": IMAGE, "mask": torch.full((64, 48), float("nan"))}, "no garment"),
        ({"picture": IMAGE, "mask": torch.full((64, 48), 3.0)}, r"leaves \[0, 1\]"),
        ({"picture": IMAGE, "mask": torch.ones(48, 64)}, "64x48.*48x64"),
        ({"picture": IMAGE, "mask": torch.ones(64, 48), "margin": 0.5}, "margin"),
    ],
)
def test_garments_that_cannot_be_used(options, reason):
    with pytest.raises(ValueError, match=reason):
        garment(**options)


def test_the_garment_file_is_named(tmp_path):
    write_picture(torch.ones(3, 64, 48), tmp_path / "blank.png")
    with pytest.raises(ValueError, match=r"blank\.png: no garment found"):
        garment(tmp_path / "blank.png")
