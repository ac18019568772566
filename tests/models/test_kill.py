import subprocess
import sys
from pathlib import Path

import pytest

from fashiongen import registry

PROGRAM = Path(__file__).parent / "killed_training.py"


@pytest.mark.slow
@pytest.mark.parametrize("paper", registry.CARDS)
def test_a_run_that_is_killed_in_any_stage_ends_as_the_unbroken_one(tmp_path, paper):
    run = subprocess.run([sys.executable, PROGRAM, paper, tmp_path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    said = {word: [line.split()[1] for line in run.stdout.splitlines() if line.startswith(word)] for word in ("killed", "same")}
    assert said["same"] == said["killed"], run.stderr
    assert {stage.name for stage in registry.model_class(paper).stages} <= set(said["killed"])
