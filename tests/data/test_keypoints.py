import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from fashiongen.data.keypoints import LIMBS, ORDERS, check, convert, mirror, read_candidate_subset, read_mat, read_openpose

N, H, MISSING = "neck", "mid_hip", None
_X6 = [MISSING] * 6
TABLES = {  # entry k: index in the source of joint k of the target; N and H are midpoints of shoulders and hips
    ("openpose18", "body25"): [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
    ("openpose18", "coco17"): [0, N, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3],
    ("openpose18", "mpii16"): [MISSING, 7, 12, 11, 10, 13, 14, 15, 2, 1, 0, 3, 4, 5, *[MISSING] * 4],
    ("openpose18", "lsp14"): [MISSING, 12, 8, 7, 6, 9, 10, 11, 2, 1, 0, 3, 4, 5, *[MISSING] * 4],
    ("coco17", "openpose18"): [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10],
    ("coco17", "body25"): [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11],
    ("body25", "openpose18"): [0, 1, 2, 3, 4, 5, 6, 7, H, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, *_X6],
    ("body25", "coco17"): [0, N, 6, 8, 10, 5, 7, 9, H, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, *_X6],
    ("mpii16", "openpose18"): [10, 9, 8, 11, 12, 13, H, 1, MISSING, MISSING, 4, 3, 2, 5, 6, 7],
    ("mpii16", "body25"): [11, 10, 9, 12, 13, 14, 8, 1, MISSING, MISSING, 4, 3, 2, 5, 6, 7],
    ("mpii16", "coco17"): [16, 14, 12, 11, 13, 15, H, N, MISSING, MISSING, 10, 8, 6, 5, 7, 9],
    ("mpii16", "lsp14"): [0, 1, 2, 3, 4, 5, H, 12, MISSING, 13, 6, 7, 8, 9, 10, 11],
    ("lsp14", "openpose18"): [10, 9, 8, 11, 12, 13, 4, 3, 2, 5, 6, 7, 1, MISSING],
    ("lsp14", "body25"): [11, 10, 9, 12, 13, 14, 4, 3, 2, 5, 6, 7, 1, MISSING],
    ("lsp14", "coco17"): [16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, N, MISSING],
    ("lsp14", "mpii16"): [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 7, 9],
}
MIRRORS = {
    "openpose18": [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16],
    "body25": [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21],
    "coco17": [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    "mpii16": [5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10],
    "lsp14": [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13],
}


def some(order, seed=0, unknown=()):
    """Key points with different coordinates everywhere."""
    generator = torch.Generator().manual_seed(seed)
    joints = len(ORDERS[order])
    keypoints = torch.cat([torch.rand(joints, 2, generator=generator) * 60 + 1, torch.full((joints, 1), 2.0)], 1)
    keypoints[list(unknown)] = 0
    return keypoints


@pytest.mark.parametrize(("target", "source"), TABLES)
def test_conversions_follow_the_published_tables(target, source):
    keypoints = some(source)
    names = ORDERS[source]
    for joint, origin in zip(convert(keypoints, source, target), TABLES[target, source], strict=True):
        if origin is MISSING:
            assert joint.tolist() == [0, 0, 0]
        elif isinstance(origin, int):
            assert torch.equal(joint, keypoints[origin])
        else:
            ends = ("left_shoulder", "right_shoulder") if origin == N else ("left_hip", "right_hip")
            assert torch.allclose(joint, sum(keypoints[names.index(end)] for end in ends) / 2)


def test_there_and_back_is_the_identity_except_for_the_neck():
    keypoints = some("openpose18")
    back = convert(convert(keypoints, "openpose18", "coco17"), "coco17", "openpose18")
    others = [joint for joint in range(18) if joint != 1]
    assert torch.equal(back[others], keypoints[others])
    assert torch.allclose(back[1, :2], (keypoints[2, :2] + keypoints[5, :2]) / 2)


def test_a_midpoint_is_missing_when_an_end_is_and_as_visible_as_the_less_visible_end():
    keypoints = some("coco17", unknown=[6])
    assert convert(keypoints, "coco17", "openpose18")[1].tolist() == [0, 0, 0]
    keypoints = some("coco17")
    keypoints[6, 2] = 1
    assert convert(keypoints, "coco17", "openpose18")[1, 2] == 1


@pytest.mark.parametrize("order", ORDERS)
@given(width=st.integers(1, 500), seed=st.integers(0, 50), unknown=st.sets(st.integers(0, 13)))
def test_mirroring_twice_is_the_identity(order, width, seed, unknown):
    keypoints = some(order, seed, unknown)
    mirrored = mirror(keypoints, width, order)
    assert torch.allclose(mirror(mirrored, width, order), keypoints, atol=1e-4)
    assert torch.equal(mirrored[:, 1:], keypoints[MIRRORS[order], 1:])
    assert (mirrored[mirrored[:, 2] == 0] == 0).all()


def test_convention_mirroring_swaps_the_outermost_pixel_centres():
    keypoints = some("openpose18")
    keypoints[0, 0] = 0.5
    assert mirror(keypoints, 64)[0, 0] == 63.5


@given(st.sampled_from(sorted(ORDERS)), st.sampled_from(sorted(ORDERS)), st.integers(0, 3))
def test_conversion_is_total_and_takes_batches(source, target, batch):
    keypoints = some(source).expand(batch, -1, -1)
    assert convert(keypoints, source, target).shape == (batch, len(ORDERS[target]), 3)


def test_unknown_orders_and_wrong_counts_are_refused():
    with pytest.raises(ValueError, match="openpose18, body25"):
        convert(some("coco17"), "coco17", "smpl")
    with pytest.raises(ValueError, match=r"18, 3.*17, 3"):
        convert(some("coco17"), "openpose18", "coco17")
    with pytest.raises(ValueError, match="17, 3"):
        mirror(some("coco17"), 64)


def test_limbs_join_joints_of_one_side():
    names = ORDERS["openpose18"]
    assert ("right_shoulder", "right_ear") in [(names[a], names[b]) for a, b in LIMBS]
    assert not any({names[a].split("_")[0], names[b].split("_")[0]} == {"left", "right"} for a, b in LIMBS)


def openpose(path, *people, key="pose_keypoints_2d"):
    path.write_text(json.dumps({"version": 1.3, "people": [{key: np.asarray(person).reshape(-1).tolist()} for person in people]}))
    return path


@pytest.mark.parametrize("key", ["pose_keypoints_2d", "pose_keypoints"])
def test_openpose_18(tmp_path, key):
    points = some("openpose18", unknown=[4]).numpy() * [1, 1, 0.4]
    read = read_openpose(openpose(tmp_path / "a.json", points, key=key))
    seen = [joint for joint in range(18) if joint != 4]
    assert np.allclose(read[seen, :2], points[seen, :2] + 0.5)  # files count from the centre of the first pixel
    assert (read[seen, 2] == 2).all()
    assert read[4].tolist() == [0, 0, 0]


def test_openpose_25_becomes_18(tmp_path):
    points = some("body25").numpy()
    read = read_openpose(openpose(tmp_path / "a.json", points))
    assert np.allclose(read[:, :2], points[TABLES["openpose18", "body25"], :2] + 0.5)


def test_of_several_people_the_surest_is_taken(tmp_path):
    dim, sure = some("openpose18", 1).numpy() * [1, 1, 0.1], some("openpose18", 2).numpy() * [1, 1, 0.45]
    read = read_openpose(openpose(tmp_path / "a.json", dim, sure, dim))
    assert np.allclose(read[:, :2], sure[:, :2] + 0.5)


def numbers(*values):
    return f'{{"people": [{{"pose_keypoints_2d": [{", ".join(values)}]}}]}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"people": []}', "nobody"),
        (numbers("0"), "54 or 75"),
        (numbers(*["0"] * 54), "no joint"),
        (numbers(*["NaN", "1", "1"] * 18), "not a number"),
        (numbers(*["1", "1", "NaN"] * 18), "not a number"),
        ('{"people": [{"face": []}]}', "not a key-point file"),
        ('{"people": 3}', "not a key-point file"),
        ("[]", "not a key-point file"),
        ('{"peo', "not a key-point file"),
        ("", "not a key-point file"),
    ],
)
def test_broken_openpose_files_are_named(tmp_path, text, reason):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"broken\.json.*{reason}"):
        read_openpose(path)


def test_missing_files(tmp_path):
    for read in (read_openpose, read_mat):
        with pytest.raises(FileNotFoundError, match="gone"):
            read(tmp_path / "gone")


def candidates():
    candidate = np.array([[10.0, 20, 0.9, 0], [30, 40, 0.8, 1], [50, 60, 0.7, 2]])
    subset = np.full((2, 20), -1.0)
    subset[0, [0, 2]] = 0, 1
    subset[1, 5] = 2
    subset[:, 18] = 1, 3
    return candidate, subset


def test_candidate_and_subset():
    first = read_candidate_subset(*candidates(), person=0)
    assert first[0].tolist() == [10.5, 20.5, 2] and first[2].tolist() == [30.5, 40.5, 2]
    assert (first[:, 2] > 0).sum() == 2
    assert read_candidate_subset(*candidates())[5].tolist() == [50.5, 60.5, 2]


def test_mat_files(tmp_path):
    candidate, subset = candidates()
    savemat(tmp_path / "a.mat", {"candidate": candidate, "subset": subset})
    assert torch.equal(read_mat(tmp_path / "a.mat"), read_candidate_subset(candidate, subset))
    savemat(tmp_path / "b.mat", {"candidate": candidate})
    (tmp_path / "c.mat").write_bytes(b"nothing")
    savemat(tmp_path / "d.mat", {"candidate": np.zeros((0, 4)), "subset": np.zeros((0, 20))})
    for name, reason in (("b", "subset"), ("c", "not a .mat file"), ("d", "nobody")):
        with pytest.raises(ValueError, match=rf"{name}\.mat.*{reason}"):
            read_mat(tmp_path / f"{name}.mat")


def test_candidates_that_do_not_fit_together_are_refused():
    candidate, subset = candidates()
    with pytest.raises(ValueError, match=r"20\)"):
        read_candidate_subset(candidate, subset[:, :18])
    with pytest.raises(ValueError, match="peak 2"):
        read_candidate_subset(candidate[:2], subset)


def test_check_zeroes_unknown_joints_and_refuses_the_rest():
    keypoints = some("openpose18")
    keypoints[3] = torch.tensor([-1.0, -1.0, 0.0])
    assert check(keypoints)[3].tolist() == [0, 0, 0]
    keypoints[7, 0] = float("nan")
    with pytest.raises(ValueError, match=r"alice\.npy.*left_wrist"):
        check(keypoints, "alice.npy")
    with pytest.raises(ValueError, match="negative"):
        check(torch.full((18, 3), -1.0))
    with pytest.raises(ValueError, match="no joint"):
        check(torch.zeros(18, 3))
    with pytest.raises(ValueError, match=r"\(17, 3\)"):
        check(torch.ones(17, 3))
