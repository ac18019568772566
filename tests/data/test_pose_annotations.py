import json

import pytest
import torch

from fashiongen.data.pose_annotations import (
    HEADER,
    Annotations,
    DeepFashionName,
    MarketName,
    identity,
    person_pairs,
    read_annotations,
    read_openpose_folder,
    read_pairs,
    sample_pairs,
    scale_keypoints,
    valid_names,
    write_annotations,
    write_pairs,
)

Y = [14, 27, 27, *range(40, 55)]
X = [32, 30, 21, *range(10, 25)]
RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP = 2, 5, 8, 11


def figures(names, missing=()):
    """Key points of pictures, (name, joint) of `missing` left out."""
    keypoints = torch.cat([torch.arange(36.0).reshape(18, 2) + 0.5, torch.full((18, 1), 2.0)], 1).repeat(len(names), 1, 1)
    for name, joint in missing:
        keypoints[names.index(name), joint] = 0
    return Annotations(names, keypoints)


def written(tmp_path, text):
    path = tmp_path / "market-annotation-train.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("separator", [": ", ":", " : "])
def test_a_list_has_colons_rows_first_and_minus_one_for_missing_joints(tmp_path, separator):
    x, y = list(X), list(Y)
    x[4] = y[4] = -1
    x[5] = 0  # a joint in the first column is not missing
    path = written(tmp_path, f"{HEADER}\n{separator.join(['0002_c1s1_000451_03.jpg', str(y), str(x)])}\n\n")
    annotations = read_annotations(path)
    keypoints = annotations["0002_c1s1_000451_03.jpg"]
    assert list(annotations) == ["0002_c1s1_000451_03.jpg"] and keypoints.dtype == torch.float32
    assert keypoints[0].tolist() == [32.5, 14.5, 2]
    assert keypoints[4].tolist() == [0, 0, 0]
    assert keypoints[5].tolist() == [0.5, y[5] + 0.5, 2]


def test_a_list_survives_a_round_trip(tmp_path):
    annotations = figures(["a_1.jpg", "a_2.jpg"], missing=[("a_2.jpg", 7)])
    write_annotations(annotations, tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_text().startswith(f"{HEADER}\na_1.jpg: [1, 3, 5")
    read = read_annotations(tmp_path / "list.csv")
    assert list(read) == list(annotations)
    assert torch.equal(read.keypoints, annotations.keypoints)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "starts with the line"),
        ("name,keypoints_y,keypoints_x\n", "starts with the line"),
        (f"{HEADER}\n", "lists no pictures"),
        (f"{HEADER}\na.jpg: {Y}\n", "line 2: expected 'name"),
        (f"{HEADER}\na:b.jpg: {Y}: {X}\n", "line 2: expected 'name"),
        (f"{HEADER}\na.jpg: {Y}: {X[:-1]}\n", "line 2: expected 18 whole numbers"),
        (f"{HEADER}\na.jpg: {Y}: {[0.5] * 18}\n", "line 2: expected 18 whole numbers"),
        (f"{HEADER}\na.jpg: {Y}: {X}\na.jpg: {X}: {X}\n", "line 3: a.jpg was listed before"),
    ],
)
def test_a_damaged_list_is_refused_with_its_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=message) as error:
        read_annotations(path)
    assert str(path) in str(error.value)


def test_a_missing_list_and_a_name_with_a_colon_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv: no such list"):
        read_annotations(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="colon"):
        write_annotations(figures(["a:b.jpg"]), tmp_path / "list.csv")


def test_joined_lists_keep_their_own_pictures():
    first, second = figures(["a.jpg", "b.jpg"]), figures(["b.jpg", "c.jpg"], missing=[("b.jpg", 0)])
    joined = first.joined(second)
    assert list(joined) == ["a.jpg", "b.jpg", "c.jpg"]
    assert joined["b.jpg"][0, 2] == 2


def openpose(folder, stem, *people):
    folder.mkdir(exist_ok=True)
    (folder / f"{stem}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": list(people)}))


def points(count, confidence, x=10.0):
    return [value for joint in range(count) for value in (x + joint, 20.0 + joint, confidence)]


@pytest.mark.parametrize("key", ["pose_keypoints_2d", "pose_keypoints"])
@pytest.mark.parametrize("count", [18, 25])
def test_openpose_folder(tmp_path, key, count):
    openpose(tmp_path, "0002_a", {key: points(count, 0.3)}, {key: points(count, 0.9, x=30.0)})
    openpose(tmp_path, "0002_b")
    openpose(tmp_path, "0002_c", {key: points(count, 0.0)})
    annotations = read_openpose_folder(tmp_path, ["0002_a.jpg", "0002_b.jpg", "0002_c.jpg", "0002_d.jpg"])
    assert list(annotations) == ["0002_a.jpg", "0002_b.jpg", "0002_c.jpg"], "pictures without a file are left out"
    assert annotations["0002_a.jpg"][0].tolist() == [30.5, 20.5, 2], "the person with the larger score"
    assert not annotations["0002_b.jpg"].any() and not annotations["0002_c.jpg"].any()
    assert valid_names(annotations) == ["0002_a.jpg"]


def test_openpose_folder_refuses_damage_and_emptiness(tmp_path):
    with pytest.raises(FileNotFoundError, match="none of the 1 pictures"):
        read_openpose_folder(tmp_path, ["0002_a.jpg"])
    for text in ("{", '{"people": 3}', '{"people": [{"face": []}]}', '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}'):
        (tmp_path / "0002_a_keypoints.json").write_text(text)
        with pytest.raises(ValueError, match=r"0002_a_keypoints\.json"):
            read_openpose_folder(tmp_path, ["0002_a.jpg"])


def test_a_pair_list_survives_a_round_trip(tmp_path):
    pairs = [("a_1.jpg", "a_2.jpg"), ("a_2.jpg", "a_1.jpg")]
    write_pairs(pairs, tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.csv").read_text() == "from,to\na_1.jpg,a_2.jpg\na_2.jpg,a_1.jpg\n"
    assert read_pairs(tmp_path / "pairs.csv") == pairs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg,b.jpg\n", "starts with the line 'from,to'"),
        ("from,to\n", "lists no pairs"),
        ("from,to\na.jpg,b.jpg\na.jpg\n", "line 3: expected"),
        ("from,to\na.jpg,\n", "line 2: expected"),
    ],
)
def test_a_damaged_pair_list_is_refused(tmp_path, text, message):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_pairs(tmp_path / "pairs.csv")


def test_three_usable_pictures_make_six_pairs():
    pairs = person_pairs(valid_names(figures(["0002_a.jpg", "0003_a.jpg", "0002_b.jpg", "0002_c.jpg"])))
    assert len(pairs) == 6
    assert pairs[:2] == [("0002_a.jpg", "0002_b.jpg"), ("0002_a.jpg", "0002_c.jpg")]
    assert {identity(name) for pair in pairs for name in pair} == {"0002"}


@pytest.mark.parametrize("joint", [RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_HIP, LEFT_HIP])
def test_a_picture_without_a_shoulder_or_hip_is_left_out(joint):
    annotations = figures(["0002_a.jpg", "0002_b.jpg"], missing=[("0002_a.jpg", joint), ("0002_b.jpg", 0)])
    assert valid_names(annotations) == ["0002_b.jpg"]


def test_junk_and_distractors_are_left_out():
    assert valid_names(figures(["-1_c1s1_000001_01.jpg", "0000_c1s1_000001_01.jpg", "0001_c1s1_000001_01.jpg"])) == [
        "0001_c1s1_000001_01.jpg"
    ]


def test_test_pairs_are_drawn_once_each_and_again_the_same():
    pairs = [(str(number), "x") for number in range(50)]
    drawn = sample_pairs(pairs, 20)
    assert len(set(drawn)) == 20 and set(drawn) < set(pairs)
    assert sample_pairs(pairs, 20) == drawn != sample_pairs(pairs, 20, seed=1)
    assert sorted(sample_pairs(pairs)) == sorted(pairs), "fewer than the authors' 12,000 are all kept"


def test_scaled_keypoints():
    keypoints = figures(["a"], missing=[("a", 3)]).keypoints[0]
    exact = scale_keypoints(keypoints, (100, 60), (50, 30), left=10)
    assert torch.allclose(exact[5, :2], (keypoints[5, :2] - torch.tensor([10, 0])) / 2)
    assert not exact[3].any()
    whole = scale_keypoints(keypoints, (100, 60), (50, 30), whole_pixels=True)
    assert whole[7].tolist() == [14 // 2 + 0.5, 15 // 2 + 0.5, 2]
    assert torch.equal(scale_keypoints(keypoints, (50, 50), (50, 50)), keypoints)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("0002_c1s1_000451_03.jpg", ("0002", 1, 1, 451, 3)),
        ("-1_c6s4_002427_00.jpg", ("-1", 6, 4, 2427, 0)),
        ("0000_c3s3_078919_01.jpg.jpg", ("0000", 3, 3, 78919, 1)),
    ],
)
def test_market_names(name, fields):
    parsed = MarketName.parse(name)
    assert parsed == MarketName(*fields)
    assert str(parsed) == name.replace(".jpg.jpg", ".jpg")
    assert identity(name) == parsed.identity


@pytest.mark.parametrize("name", ["Thumbs.db", "0002_c1s1_000451_03.png", "2_c1s1_000451_03.jpg", "0002_c1_f0046985.jpg"])
def test_other_names_are_not_market_names(name):
    with pytest.raises(ValueError, match="not a name of Market-1501"):
        MarketName.parse(name)


@pytest.mark.parametrize(
    ("path", "pose_gan", "patn"),
    [
        (
            "WOMEN/Tees_Tanks/id_00007838/05_7_additional.jpg",
            "fasionWOMENTeesTanksid0000783805_7additional.jpg",
            "fashionWOMENTees_Tanksid0000783805_7additional.jpg",
        ),
        ("MEN/Denim/id_00000080/01_1_front.jpg", "fasionMENDenimid0000008001_1front.jpg", "fashionMENDenimid0000008001_1front.jpg"),
    ],
)
def test_deepfashion_names_of_both_rules_lead_back_to_the_tree(path, pose_gan, patn):
    for name in (path, f"img/{path}", pose_gan, patn):
        parsed = DeepFashionName.parse(name)
        assert (parsed.path, parsed.pose_gan, parsed.patn) == (path, pose_gan, patn)
    assert identity(pose_gan) == pose_gan.split("_")[0]
    assert identity(patn) + "_" + patn.split("_")[-1] == patn


def test_other_names_are_not_deepfashion_names():
    with pytest.raises(ValueError, match="not a name of DeepFashion"):
        DeepFashionName.parse("fashionKIDSDenimid0000008001_1front.jpg")
