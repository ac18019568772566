import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fashiongen.data import pictures
from fashiongen.data.pictures import read_labels, read_picture, resize, resize_labels, write_picture

LEVELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 12


def levels(image):
    return ((image + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


def test_convention_rgb_channels_first_from_minus_one_to_one(tmp_path):
    Image.fromarray(LEVELS).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert image.shape == (3, 2, 3) and image.dtype == torch.float32
    assert (levels(image) == LEVELS).all()
    assert read_picture(np.full((1, 1, 3), 255, np.uint8)).max() == 1
    assert read_picture(np.zeros((1, 1, 3), np.uint8)).min() == -1


@pytest.mark.parametrize("form", [str, lambda path: path, Image.open, lambda path: np.array(Image.open(path)), read_picture])
def test_every_form_of_a_picture_gives_the_same(tmp_path, form):
    Image.fromarray(LEVELS).save(tmp_path / "a.png")
    assert (levels(read_picture(form(tmp_path / "a.png"))) == LEVELS).all()


def test_eight_bit_tensor():
    assert (levels(read_picture(torch.from_numpy(LEVELS).permute(2, 0, 1))) == LEVELS).all()


def test_greyscale_becomes_three_equal_channels(tmp_path):
    Image.fromarray(LEVELS[..., 0]).save(tmp_path / "grey.png")
    assert (levels(read_picture(tmp_path / "grey.png")) == LEVELS[..., :1]).all()


def test_palette_becomes_its_colours(tmp_path):
    Image.fromarray(LEVELS).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    assert (levels(read_picture(tmp_path / "p.png")) == LEVELS).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    image = Image.new(mode, (2, 1), (0, 0, 0, 255) if mode == "RGBA" else (0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0) if mode == "RGBA" else (0, 0))
    image.save(tmp_path / "t.png")
    assert levels(read_picture(tmp_path / "t.png"))[0, :, 0].tolist() == [0, 255]


def test_cmyk_becomes_rgb(tmp_path):
    Image.new("CMYK", (2, 2), (0, 0, 0, 255)).save(tmp_path / "c.jpg")
    assert levels(read_picture(tmp_path / "c.jpg")).max() < 8


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert levels(read_picture(tmp_path / "deep.png"))[0, :, 0].tolist() == [0, 100, 255]
    assert levels(read_picture(values))[0, :, 0].tolist() == [0, 100, 255]


def test_exif_turn_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    Image.fromarray(LEVELS).save(tmp_path / "turned.png", exif=exif)
    assert (levels(read_picture(tmp_path / "turned.png")) == np.rot90(LEVELS, -1)).all()


def broken(kind, folder):
    path = folder / f"{kind}.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "not a picture":
        path.write_text("hello")
    elif kind == "cut short":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "floating point":
        path = path.with_suffix(".tif")
        Image.fromarray(np.zeros((2, 2), np.float32)).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("folder", "is a folder"),
        ("empty", "empty"),
        ("not a picture", "not a picture"),
        ("cut short", "damaged or cut short"),
        ("floating point", "floating-point"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path, kind, reason):
    path = broken(kind, tmp_path)
    with pytest.raises(ValueError, match=reason) as error:
        read_picture(path)
    assert str(path) in str(error.value)


def test_a_jpeg_cut_short_is_refused(tmp_path):
    path = tmp_path / "short.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ValueError, match=r"short\.jpg.*cut short"):
        read_picture(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_picture(tmp_path / "nowhere.png")


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    Image.new("1", (40000, 12000)).save(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match=r"bomb\.png is too large"):
        read_picture(tmp_path / "bomb.png")
    monkeypatch.setattr(pictures, "LARGEST", 5)
    with pytest.raises(ValueError, match=r"too large \(3x2\)"):
        read_picture(Image.fromarray(LEVELS))
    Image.fromarray(LEVELS).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is too large \(3x2\)"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(1, 3, 4, 4),
        torch.zeros(4, 4, 3),
        torch.full((3, 2, 2), 7.0),
        torch.full((3, 2, 2), float("nan")),
        torch.zeros(3, 2, 2, dtype=torch.int64),
        np.zeros((2, 2, 3), np.float64),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_wrong_tensors_and_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match="picture"):
        read_picture(wrong)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_resize_is_total_and_keeps_the_range(h, w, height, width, seed):
    image = torch.rand(3, h, w, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    resized = resize(image, height, width)
    assert resized.shape == (3, height, width)
    assert image.min() <= resized.min() and resized.max() <= image.max()
    assert torch.equal(resize(image, h, w), image)


def test_resize_takes_batches_and_averages_when_shrinking():
    image = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 3, 4, 4)
    assert torch.allclose(resize(image, 2, 2), torch.full((1, 3, 2, 2), 0.5), atol=0.02)


def test_labels_keep_their_ids(tmp_path):
    ids = np.arange(20, dtype=np.uint8).reshape(4, 5)
    palette = Image.fromarray(ids, "P")
    palette.putpalette([value for index in range(256) for value in (255 - index, index, 0)])
    palette.save(tmp_path / "p.png")
    Image.fromarray(ids).save(tmp_path / "l.png")
    Image.fromarray(np.repeat(ids[..., None], 3, axis=2)).save(tmp_path / "equal.png")
    for name in ("p.png", "l.png", "equal.png"):
        assert (read_labels(tmp_path / name).numpy() == ids).all()


def test_labels_that_were_turned_into_colours_are_refused(tmp_path):
    Image.fromarray(LEVELS).save(tmp_path / "colours.png")
    Image.fromarray(LEVELS[..., 0]).save(tmp_path / "lossy.jpg")
    Image.fromarray(np.full((2, 2), 999, np.uint16)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r"colours\.png.*one channel"):
        read_labels(tmp_path / "colours.png")
    with pytest.raises(ValueError, match=r"lossy\.jpg.*PNG"):
        read_labels(tmp_path / "lossy.jpg")
    with pytest.raises(ValueError, match=r"large\.png.*999"):
        read_labels(tmp_path / "large.png")


def test_labels_are_resized_by_pixel_centres():
    labels = torch.arange(4, dtype=torch.uint8)[None]
    assert resize_labels(labels, 1, 2).tolist() == [[1, 3]]
    assert resize_labels(labels, 2, 8).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]] * 2


def test_written_pictures_are_read_again(tmp_path):
    image = read_picture(LEVELS)
    write_picture(image, tmp_path / "new" / "a.png")
    assert torch.equal(read_picture(tmp_path / "new" / "a.png"), image)
