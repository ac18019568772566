import pytest
import torch
from PIL import Image

from fashiongen.data.cagan import CaganDataModule, CaganDataset, crop_window, flipped, network_values, pillow_resize
from fashiongen.data.cagan_files import Wearing, find_wearing

COUNT = 4


def paint(path, shade, size=(36, 48)):
    """A picture of one grey level, darker to the left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, (shade, shade, shade))
    picture.paste((shade // 2,) * 3, (0, 0, size[0] // 2, size[1]))
    picture.save(path)
    return path


def shade(image):
    return round(float((image.amax() + 1) * 127.5))


def folders(root, lists=True):
    for index in range(COUNT):
        paint(root / "people" / f"p{index}.png", 100 + index)
        paint(root / "garments" / f"g{index}.png", 200 + index)
    if lists:
        (root / "worn_train.txt").write_text("".join(f"p{index}.png g{index}.png\n" for index in range(3)) + "\n")
        (root / "worn_test.txt").write_text("p3.png g3.png g0.png\np0.png g0.png\n")
    return str(root)


def keras(root, name="imgs"):
    for index in range(COUNT):
        paint(root / name / "1" / f"{index}_1.png", 100 + index)
        paint(root / name / "5" / f"{index}_5.png", 200 + index)
    return str(root)


def authors(root):
    for index in range(COUNT):
        paint(root / "women_top" / f"00{index}_0.png", 100 + index)
        paint(root / "women_top" / f"00{index}_1.png", 200 + index)
    (root / "viton_train_pairs.txt").write_text("".join(f"00{index}_0.png 00{index}_1.png\n" for index in range(3)))
    (root / "viton_test_pairs.txt").write_text("003_0.png 000_1.png\n")
    return str(root)


def viton_resize(root):
    for split, indices in (("train", range(3)), ("test", (0, 3))):
        for index in indices:
            paint(root / split / "image" / f"00{index}_0.png", 100 + index)
            paint(root / split / "cloth" / f"00{index}_1.png", 200 + index)
    (root / "train_pairs.txt").write_text("".join(f"00{index}_0.png 00{index}_1.png\n" for index in range(3)))
    (root / "test_pairs.txt").write_text("003_0.png 000_1.png\n")
    return str(root)


@pytest.mark.parametrize("make", [folders, keras, authors, viton_resize])
def test_layouts(tmp_path, make):
    data = CaganDataModule(make(tmp_path), height=32, width=32, augment="none", draws=3, batch_size=2)
    people = len(data.train_set.wearing)
    assert people == (COUNT if make is keras else 3) and len(data.train_set) == 3 * people
    batch = next(iter(data.train_dataloader()))
    assert batch.person.image.shape == batch.garment.image.shape == batch.other_garment.image.shape == (2, 3, 32, 32)
    for index in range(len(data.train_set)):
        example = data.train_set[index]
        person = shade(example.person.image)
        assert shade(example.garment.image) == person + 100, "people wear what the list says"
        assert shade(example.other_garment.image) != person + 100, "and are given something else"
    last = data.test_set[0] if make is not keras else data.test_set[3]
    assert shade(last.person.image) == 103 and shade(last.garment.image) == 203 and shade(last.other_garment.image) == 200
    assert data.provides == {"person", "garment", "other_garment"}


def test_separate_splits_of_the_keras_layout(tmp_path):
    keras(tmp_path, "imgs_train")
    with pytest.raises(FileNotFoundError, match=r"neither imgs_test/1/ nor imgs/1/"):
        find_wearing(tmp_path, "test")
    keras(tmp_path, "imgs_test")
    assert {each.person.parent.parent.name for each in find_wearing(tmp_path, "test")} == {"imgs_test"}


def test_an_example_depends_on_its_index_alone(tmp_path):
    root = folders(tmp_path)
    first, second = (CaganDataModule(root, height=32, width=32, draws=8).train_set for _ in range(2))
    for index in (5, 0, 17):
        assert torch.equal(first[index].person.image, second[index].person.image)
        assert torch.equal(first[index].other_garment.image, second[index].other_garment.image)
    others = {shade(first[3 * draw].other_garment.image) for draw in range(8)}
    assert others == {201, 202}, "every garment but the worn one gets its turn"
    other = CaganDataModule(root, height=32, width=32, draws=8, seed=1).train_set
    assert any(not torch.equal(first[index].person.image, other[index].person.image) for index in range(24))


@pytest.mark.parametrize("augment", ["none", "flip", "crop_flip"])
def test_a_person_and_her_garment_are_mirrored_together(tmp_path, augment):
    data = CaganDataModule(folders(tmp_path), height=32, width=32, draws=16, augment=augment).train_set
    mirrored = {"person": [], "garment": [], "other": []}
    for index in range(len(data)):
        example = data[index]
        for name, image in (("person", example.person), ("garment", example.garment), ("other", example.other_garment)):
            mirrored[name].append(bool(image.image[..., 0].mean() > image.image[..., -1].mean()))
    assert mirrored["person"] == mirrored["garment"]
    if augment == "none":
        assert not any(mirrored["person"] + mirrored["other"])
    else:
        assert mirrored["other"] != mirrored["person"]
        assert any(mirrored["person"]) and not all(mirrored["person"])


def test_the_batch_may_give_the_other_garments(tmp_path):
    data = CaganDataModule(folders(tmp_path), height=32, width=32, others="batch", draws=4)
    assert all(data.train_set[index].other_garment is None for index in range(12))
    assert data.test_set[0].other_garment is not None


def test_crops_come_from_a_picture_somewhat_larger():
    window = crop_window(128, 96)
    assert (window.size, window.rows, window.columns) == ((148, 111), 20, 15)
    window = crop_window(256, 192)
    assert (window.size, window.rows, window.columns) == ((296, 222), 40, 30)


def test_pixels():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16).expand(3, -1, -1)
    assert torch.equal(pillow_resize(levels, 16, 16), levels)
    assert pillow_resize(levels, 8, 4).shape == (3, 8, 4)
    values = network_values(levels)
    assert values.min() == -1 and values.max() == 1 and values.dtype == torch.float32
    assert torch.equal(flipped(flipped(levels)), levels)


def test_garments_carry_their_mask(tmp_path):
    root = folders(tmp_path)
    picture = Image.new("RGB", (36, 48), "white")
    picture.paste((200, 10, 10), (8, 8, 28, 40))
    picture.save(tmp_path / "garments" / "g0.png")
    mask = CaganDataModule(root, height=48, width=36).test_set[0].other_garment.mask
    assert mask[0, 24, 18] == 1 and mask[0, 2, 2] == 0


def test_names_that_hold_blanks(tmp_path):
    folders(tmp_path)
    paint(tmp_path / "people" / "anna k.png", 90)
    (tmp_path / "worn_train.txt").write_text("anna k.png\tg1.png\n")
    assert find_wearing(tmp_path, "train") == [Wearing(tmp_path / "people" / "anna k.png", tmp_path / "garments" / "g1.png")]
    (tmp_path / "worn_train.txt").write_text("\nanna k.png g1.png g2.png\n")
    with pytest.raises(ValueError, match=r"worn_train\.txt, line 2: expected 'person\.jpg garment\.jpg'.*by tabs"):
        find_wearing(tmp_path, "train")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder; root is the folder of your people and garments"):
        find_wearing(tmp_path / "nowhere", "train")
    with pytest.raises(FileNotFoundError, match=r"holds none of worn_train\.txt or worn_test\.txt"):
        find_wearing(tmp_path, "train")
    root = folders(tmp_path)
    (tmp_path / "worn_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"worn_test\.txt: no such list; it holds a line"):
        find_wearing(root, "test")
    (tmp_path / "garments" / "g1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"g1\.png is missing, one of 1 pictures that the train split .* needs; restore"):
        find_wearing(root, "train")
    (tmp_path / "worn_train.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"worn_train\.txt names nobody in the train split"):
        find_wearing(root, "train")


def test_one_garment_is_not_enough(tmp_path):
    wearing = [Wearing(paint(tmp_path / "p.png", 100), paint(tmp_path / "g.png", 200))]
    with pytest.raises(ValueError, match=r"wear .*g\.png; swapping needs at least two garments"):
        CaganDataset(wearing * 2, draws=2)
    named = [Wearing(wearing[0].person, wearing[0].worn, paint(tmp_path / "other.png", 210))]
    assert shade(CaganDataset(named, 32, 32)[0].other_garment.image) == 210


@pytest.mark.parametrize(
    "options, message",
    [
        ({"augment": "rotate"}, "augment is one of none, flip, crop_flip, not 'rotate'"),
        ({"others": "all"}, "others is one of drawn, batch"),
        ({"draws": 0}, "draws is at least 1"),
        ({"batch_size": 0}, "batch_size is at least 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CaganDataModule("data", **options)
