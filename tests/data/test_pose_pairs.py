import random

import pytest
import torch

from fashiongen.data.pose_pairs import (
    authors_order,
    deepfashion_identity,
    keypoints_of,
    market_identity,
    positive_pairs,
    python2_shuffle,
    reid_names,
    reid_pairs,
    reid_train_file,
    select_person,
)

FILES = ["0003_c1s1_2.jpg", "0002_c1s1_1.jpg", "Thumbs.db", "0002_c2s1_1.jpg", "0002_c1s1_3.jpg", "0007_c1s1_1.jpg"]


def test_both_directions_of_every_pair_of_one_person():
    first, second, third = "0002_c1s1_1.jpg", "0002_c1s1_3.jpg", "0002_c2s1_1.jpg"
    assert positive_pairs(FILES, market_identity) == [
        (first, second), (second, first), (first, third), (third, first), (second, third), (third, second),
    ]  # fmt: skip


def test_identities():
    assert market_identity("-1_c1s1_000451_03.jpg") == "-1_c"
    assert deepfashion_identity("12_fashionWOMEN_1front.jpg") == "12"


def test_the_shuffle_of_python_2():
    # The first draws of random.Random(0) are 0.844, 0.758, 0.421.
    assert python2_shuffle("abcd", random.Random(0)) == ["b", "a", "c", "d"]
    pairs = positive_pairs(FILES, market_identity)
    assert sorted(authors_order(pairs)) == sorted(pairs)
    assert authors_order(pairs) != authors_order(pairs, negatives=3)


def test_every_picture_takes_other_poses():
    names = [f"000{person}_c1s1_00000{frame}_00.jpg" for person in (2, 3) for frame in range(4)]
    pairs = reid_pairs(names, poses=3, seed=1)
    assert [person for person, _ in pairs] == [name for name in names for _ in range(3)]
    for name in names:
        drawn = {pose for person, pose in pairs if person == name}
        assert len(drawn) == 3 and drawn <= set(names)
    assert pairs == reid_pairs(names, 3, seed=1) != reid_pairs(names, 3, seed=2)
    assert reid_pairs(names[:2], 2)[0][0] == names[0]
    with pytest.raises(ValueError, match="cannot draw 9 different poses from 8 pictures"):
        reid_pairs(names, poses=9)


def test_generated_pictures_are_numbered_through():
    pairs = [("0002_a.jpg", "0003_b.jpg"), ("0002_a.jpg", "0002_a.jpg"), ("0003_b.jpg", "0002_a.jpg")]
    assert reid_names(pairs) == ["0002_ag1.jpg", "0002_ag2.jpg", "0003_bg3.jpg"]


def test_classes_of_real_and_generated_pictures():
    listing = ["0007_x.jpg", "0002_xg1.jpg", "0002_x.jpg"]
    assert reid_train_file(listing, folder="f") == "f/0007_x.jpg 0\nf/0002_xg1.jpg 1\nf/0002_x.jpg 1\n"
    assert reid_train_file(listing, separate=True, folder="f").split()[3::2] == ["3", "1"]


PEAKS = [[(10, 11, 0.9, 0), (20, 21, 0.8, 1)], [(12, 13, 0.7, 2)], *[[]] * 16]
SUBSETS = [[1, -1] + [-1] * 16 + [5.0, 1], [0, 2] + [-1] * 16 + [9.0, 2]]


def test_the_best_person_is_chosen():
    assert select_person(PEAKS, SUBSETS)[:2] == [[(10, 11, 0.9, 0)], [(12, 13, 0.7, 2)]]
    assert select_person(PEAKS, SUBSETS[:1])[:2] == [[(20, 21, 0.8, 1)], []]
    assert select_person(PEAKS, SUBSETS[:1], rule="deepfashion") == PEAKS


def test_pictures_without_anybody():
    assert select_person(PEAKS, []) == PEAKS
    for rule in ("strict", "deepfashion"):
        with pytest.raises(ValueError, match="nobody was found"):
            select_person(PEAKS, [], rule)
    with pytest.raises(ValueError, match="rule is 'market'"):
        select_person(PEAKS, SUBSETS, "best")


def test_key_points_lie_in_the_centre_of_their_pixel():
    keypoints = keypoints_of(select_person(PEAKS, SUBSETS))
    assert keypoints.shape == (18, 3)
    assert keypoints[:2].tolist() == [[10.5, 11.5, 2.0], [12.5, 13.5, 2.0]]
    assert torch.equal(keypoints[2:], torch.zeros(16, 3))
