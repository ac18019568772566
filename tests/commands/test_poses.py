from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from fashiongen.cli import main
from fashiongen.commands import examples
from fashiongen.data.keypoints import ORDERS

NECK = ORDERS["openpose18"].index("neck")


def write_pose(path: str, x: float, y: float) -> str:
    """OpenPose's JSON with every joint at one place, given as it gives them: whole numbers are pixel centres."""
    points = [value for _ in range(18) for value in (x, y, 0.9)]
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(json.dumps({"people": [{"pose_keypoints_2d": points}]}))
    return path


def necks(models: dict[str, Any]) -> list[list[float]]:
    return [pose.keypoints[NECK, :2].tolist() for pose in models["poser"].asked[-1]["pose"]]


def test_one_pose_is_one_picture(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repose", "--model", "poser", "--person", "mannequin:7", "--pose", "mannequin:3", "--out", "a.png"]) == 0
    assert capsys.readouterr().out == "a.png\n"
    asked = models["poser"].asked[0]
    for given, number in ((asked["person"], 7), (asked["pose"][0], 3)):
        assert torch.equal(given.image, examples.person(number, models["poser"]).image)
    assert Image.open("a.png").size == (32, 64)


def test_several_poses_are_numbered_pictures(models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    poses = [f"mannequin:{number}" for number in range(11)]
    assert main(["repose", "--model", "poser", "--person", "mannequin:7", "--pose", *poses]) == 0
    expected = [f"repose_{number:02}.png" for number in range(11)]
    assert capsys.readouterr().out.split() == expected
    assert all(Path(name).is_file() for name in expected)


def test_several_poses_are_an_animation(models: dict[str, Any]) -> None:
    words = "repose --model poser --person mannequin:7 --pose mannequin:1 mannequin:2 mannequin:3 --out walk.gif --fps 4"
    assert main(words.split()) == 0
    with Image.open("walk.gif") as animation:
        assert animation.n_frames == 3 and animation.info["duration"] == 250 and animation.info["loop"] == 0


def test_a_folder_of_poses_is_a_sequence_in_order(models: dict[str, Any]) -> None:
    for number in (2, 0, 1):
        write_pose(f"walk/{number:03}.json", 4 + number, 8)
    assert main(["repose", "--model", "poser", "--person", "mannequin:7", "--pose", "walk", "--out", "a.gif"]) == 0
    assert necks(models) == [[4.5, 8.5], [5.5, 8.5], [6.5, 8.5]]


def test_a_pose_counts_in_pixels_of_the_photograph(models: dict[str, Any]) -> None:
    Image.new("RGB", (64, 64), "red").save("square.png")  # becomes 32 x 32 in the middle of a page of 32 x 64
    pose = write_pose("pose.json", 19.5, 39.5)
    assert main(["repose", "--model", "poser", "--person", "square.png", "--pose", pose]) == 0
    assert necks(models) == [[10.0, 36.0]]


def test_the_size_of_a_pose_can_be_told(models: dict[str, Any]) -> None:
    pose = write_pose("pose.json", 199.5, 399.5)
    words = ["repose", "--model", "poser", "--person", "mannequin:7", "--pose", pose, "--pose-size", "320", "640"]
    assert main(words) == 0
    assert necks(models) == [[20.0, 40.0]]


def test_key_points_beside_a_photograph_are_found(models: dict[str, Any]) -> None:
    Image.new("RGB", (32, 64)).save("alice.jpg")
    write_pose("alice_keypoints.json", 9.5, 19.5)
    assert main(["repose", "--model", "poser", "--person", "alice.jpg", "--pose", "alice.jpg"]) == 0
    assert necks(models) == [[10.0, 20.0]]
    assert models["poser"].asked[0]["person"].keypoints[NECK].tolist() == [10.0, 20.0, 2.0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pose", "mannequin:x"], "mannequin:x is no embedded example"),
        (["--pose", "nowhere.json"], "nowhere.json: no such key-point file"),
        (["--pose", "plain.png"], "no key points of plain.png; run OpenPose on it and put plain_keypoints.json beside it"),
        (["--pose", "empty"], "empty holds no poses"),
        (["--pose", "far.json"], "--pose-size WIDTH HEIGHT says how large"),
        (["--pose", "broken.json"], "broken.json"),
        (["--pose", "mannequin:1", "mannequin:2", "--out", "walk.gif", "--fps", "0"], "--fps"),
        (["--pose", "mannequin:1", "--model", "dresser"], "dresser is viton, which has no repose"),
    ],
)
def test_repose_refuses(words: list[str], told: str, models: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (32, 64)).save("plain.png")
    Path("empty").mkdir()
    Path("broken.json").write_text("{")
    write_pose("far.json", 5000, 10)
    assert main(["repose", "--model", "poser", "--person", "mannequin:7", *words]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
