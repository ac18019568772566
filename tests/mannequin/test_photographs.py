from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageDraw

from fashiongen.mannequin import photographs
from fashiongen.mannequin.photographs import PhotographBank


def save_shirt(path, background=(255, 255, 255), colour=(180, 30, 40), size=(96, 128)):
    picture = Image.new("RGB", size, background)
    pen = ImageDraw.Draw(picture)
    pen.polygon([(20, 30), (48, 22), (76, 30), (90, 60), (74, 64), (72, 104), (24, 104), (22, 64), (6, 60)], fill=colour)
    picture.save(path, quality=95, subsampling=0) if path.suffix == ".jpg" else picture.save(path)


def test_finds_cuts_crops_and_continues(tmp_path):
    (tmp_path / "more").mkdir()
    save_shirt(tmp_path / "more" / "b.jpg", colour=(20, 60, 160))
    save_shirt(tmp_path / "a.png")
    save_shirt(tmp_path / "z.PNG", background=(120, 150, 90))
    (tmp_path / "notes.txt").write_text("not a picture")
    bank = PhotographBank(tmp_path, size=32)
    assert [path.name for path in bank.paths] == ["a.png", "b.jpg", "z.PNG"] and len(bank) == 3
    garments = bank.pick(torch.tensor([0, 1, 2]))
    assert garments.shape == (3, 4, 32, 32) and garments.min() >= 0 and garments.max() <= 1
    for garment, colour in zip(garments, [(180, 30, 40), (20, 60, 160), (180, 30, 40)], strict=True):
        expected = torch.tensor(colour)[:, None, None] / 255
        assert (garment[:3] - expected).abs().max() < 0.1  # the background is gone everywhere
        assert 0.5 < garment[3].mean() < 0.95
        assert garment[3, 2:30].amax(1).min() == 1 and garment[3, -1, 0] == 0  # cropped to its box, sleeves end above the hem


def test_decodes_only_what_is_asked_for_and_once(tmp_path, monkeypatch):
    for number in range(3):
        save_shirt(tmp_path / f"{number}.png")
    opened = []
    read = photographs._read
    monkeypatch.setattr(photographs, "_read", lambda path, longest: opened.append(path.name) or read(path, longest))
    bank = PhotographBank(tmp_path, size=16)
    assert not opened
    assert torch.equal(bank.pick(torch.tensor([2, 2])), bank.pick(torch.tensor([2, 2])))
    assert opened == ["2.png"]


def test_a_photograph_without_a_garment_gives_way_to_the_next(tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "0.png")
    save_shirt(tmp_path / "1.png")
    bank = PhotographBank(tmp_path, size=16)
    first, second = bank.pick(torch.tensor([0, 1]))
    assert torch.equal(first, second)


def test_splits_share_no_photograph(tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02}.jpg").touch()
    parts = [[path.stem for path in PhotographBank(tmp_path, split=split).paths] for split in ("train", "validation", "test")]
    assert parts == [["00", "01", "02", "03", "04", "05", "06", "07", "10", "11"], ["08"], ["09"]]
    with pytest.raises(ValueError, match=r"'dev'.*train, validation, test"):
        PhotographBank(tmp_path, split="dev")
    for number in range(9, 12):
        (tmp_path / f"{number:02}.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="9 garment photographs, too few for a test split"):
        PhotographBank(tmp_path, split="test")


def test_errors_name_the_folder_or_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        PhotographBank(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no garment photographs.*\.jpg or \.png"):
        PhotographBank(tmp_path)
    (tmp_path / "broken.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        PhotographBank(tmp_path).pick(torch.tensor([0]))
    (tmp_path / "broken.jpg").unlink()
    Image.new("RGB", (64, 64), "white").save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match="no garment was found in any photograph"):
        PhotographBank(tmp_path).pick(torch.tensor([0]))
