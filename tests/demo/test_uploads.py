import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongen.demo.uploads import Limits, as_pillow, read_upload


def encoded(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def colours(width=60, height=80):
    generator = np.random.default_rng(0)
    return Image.fromarray(generator.integers(0, 255, (height // 10, width // 10, 3), dtype=np.uint8)).resize((width, height))


def bomb(side):
    """A PNG that says that it is a square of `side` pixels and holds next to nothing."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_pictures_are_read_as_they_are(form):
    picture = colours()
    options = {"lossless": True} if form == "WEBP" else {}
    read = read_upload(encoded(picture, form, **options), Limits())
    assert read.dtype == torch.uint8 and np.array_equal(read.permute(1, 2, 0).numpy(), np.asarray(picture))
    assert as_pillow(read).tobytes() == picture.tobytes()


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "I;16", "LA"])
def test_other_modes_become_colours(mode):
    picture = Image.fromarray(np.full((64, 48), 40000, np.uint16)) if mode == "I;16" else colours(48, 64).convert(mode)
    read = read_upload(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"), Limits())
    assert read.shape == (3, 64, 48)


def test_large_photographs_are_shrunk_and_turned_upright():
    picture = colours(3000, 1500)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    assert read_upload(encoded(picture, "JPEG", exif=exif), Limits()).shape == (3, 1024, 512)
    assert read_upload(encoded(colours(90, 60), "JPEG", exif=exif), Limits()).shape == (3, 90, 60)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><rect width="99" height="99"/></svg>'
PAGES = [colours(40, 40), colours(40, 40).rotate(90)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (SVG, "not a JPEG, PNG or WebP"),
        (b"GIF89a" + bytes(50), "not a JPEG, PNG or WebP"),
        (encoded(colours(), "GIF"), "not a JPEG, PNG or WebP"),
        (encoded(colours(), "TIFF"), "not a JPEG, PNG or WebP"),
        (b"%PDF-1.4", "not a JPEG, PNG or WebP"),
        (b"\x89PNG\r\n\x1a\n", "not a JPEG, PNG or WebP"),
        (bomb(60_000), "too many pixels"),
        (bomb(8_000), "8000x8000 pixels; up to 40 megapixels"),
        (bomb(100), "damaged or cut short"),
        (encoded(colours(600, 800))[:2000], "damaged or cut short"),
        (encoded(colours(600, 800), "JPEG")[:1500], "damaged or cut short"),
        (encoded(PAGES[0], "PNG", save_all=True, append_images=PAGES[1:]), "animation"),
        (encoded(PAGES[0], "WEBP", save_all=True, append_images=PAGES[1:]), "animation"),
        (encoded(colours(20, 90)), "too small: 20x90"),
    ],
)
def test_everything_else_is_refused_with_the_reason(content, told):
    with pytest.raises(ValueError, match=told) as caught:
        read_upload(content, Limits())
    assert "/" not in str(caught.value)  # no path of the server


def test_bytes_are_counted_before_anything_else():
    with pytest.raises(ValueError, match=r"has 0\.1 MB; up to 0\.05 MB"):
        read_upload(bytes(100_000), Limits(megabytes=0.05))


def test_random_damage_never_does_more_than_refuse():
    generator = np.random.default_rng(1)
    for form in ("PNG", "JPEG", "WEBP"):
        whole = np.frombuffer(encoded(colours(), form), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[generator.integers(0, len(broken), 6)] = generator.integers(0, 255, 6, dtype=np.uint8)
            try:
                read_upload(broken.tobytes(), Limits(megapixels=1))
            except ValueError as error:
                assert str(error)


@pytest.mark.parametrize("limit", ["megabytes", "seconds", "waiting"])
def test_limits_are_positive(limit):
    with pytest.raises(ValueError, match=f"{limit} is a limit"):
        Limits(**{limit: 0})
