import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from knowing import Knowing

from fashiongen.annotate.photographs import PhotographError
from fashiongen.annotate.run import annotate_photographs, photographs_of

NAMES = ("a.jpg", "b.png", "c.jpg", "d.jpg", "e.webp")


def run(folder, out, annotator, **options):
    return annotate_photographs([folder], out, annotator, progress=False, accelerator="cpu", **{"batch_size": 2, **options})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_everybody_once(photographs, tmp_path):
    annotator = Knowing()
    folder = photographs(*NAMES)
    (folder / "notes.txt").touch()
    report = run(folder, tmp_path / "people", annotator)
    assert annotator.asked == [["a.jpg", "b.png"], ["c.jpg", "d.jpg"], ["e.webp"]]
    assert report.done == 5 and report.problems == {}
    assert {f"{stem}_parsing.png" for stem in "abcde"} <= set(contents(tmp_path / "people"))
    again = Knowing()
    before = contents(tmp_path / "people")
    assert run(folder, tmp_path / "people", again).done == 5
    assert again.asked == [] and contents(tmp_path / "people") == before


def test_bad_photographs_are_reported_and_tried_again(photographs, tmp_path):
    folder = photographs(*NAMES)
    (folder / "c.jpg").write_bytes(b"no")
    problems = {"e.webp": PhotographError("e.webp: nobody was found", "nobody")}
    report = run(folder, tmp_path / "people", Knowing(problems))
    assert report.done == 3 and {name: each["kind"] for name, each in report.problems.items()} == {"c": "unreadable", "e": "nobody"}
    photographs("c.jpg", folder="new")
    (folder / "c.jpg").write_bytes((tmp_path / "new" / "c.jpg").read_bytes())
    second = Knowing()
    assert run(folder, tmp_path / "people", second).problems == {}
    assert second.asked == [["c.jpg", "e.webp"]]


def test_half_a_body_is_a_problem_where_the_whole_is_asked_for(photographs, tmp_path):
    report = run(photographs("a.jpg"), tmp_path / "people", Knowing(), body="full")
    assert report.problems["a"]["kind"] == "half a body"


@pytest.mark.slow
def test_killed_and_started_again_it_ends_the_same(photographs, tmp_path):
    folder = photographs(*NAMES)
    run(folder, tmp_path / "whole", Knowing())
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from knowing import Knowing
from fashiongen.annotate.run import annotate_photographs
annotate_photographs([{str(folder)!r}], {str(tmp_path / "people")!r}, Knowing(kill_at="c.jpg"), batch_size=1, progress=False,
                     accelerator="cpu")
"""
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert json.loads((tmp_path / "people" / "annotations.json").read_text())["people"] == {}
    (tmp_path / "people" / "c.png.1.part").touch()
    resumed = Knowing()
    run(folder, tmp_path / "people", resumed)
    assert resumed.asked == [["c.jpg", "d.jpg"], ["e.webp"]]
    assert contents(tmp_path / "people") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_write_what_one_writes(photographs, tmp_path):
    folder = photographs(*NAMES)
    run(folder, tmp_path / "whole", Knowing())
    script = tmp_path / "two.py"
    script.write_text(f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from knowing import Knowing
from fashiongen.annotate.run import annotate_photographs
report = annotate_photographs([{str(folder)!r}], {str(tmp_path / "people")!r}, Knowing(), batch_size=1, progress=False,
                              accelerator="cpu", devices=2, strategy="ddp")
""")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "people") == contents(tmp_path / "whole")


def test_photographs_are_found(photographs, tmp_path):
    folder = photographs("b.jpg", "a.JPG")
    assert list(photographs_of([folder])) == ["a", "b"]
    assert list(photographs_of([folder / "b.jpg"])) == ["b"]
    with pytest.raises(FileNotFoundError, match="there is no folder or photograph"):
        photographs_of([tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no photographs in .*empty.*\.jpg"):
        photographs_of([tmp_path / "empty"])
    photographs("a.png", folder="photos")
    with pytest.raises(ValueError, match="would be written to the same files"):
        photographs_of([folder])


def test_the_folder_of_the_photographs_is_no_place_for_the_result(photographs):
    folder = photographs("a.jpg")
    with pytest.raises(ValueError, match="name another folder"):
        run(folder, folder, Knowing())
