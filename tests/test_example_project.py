"""The project in `docs/examples/project`, installed and run as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "hub"))

from server import TOKEN, HubServer

PROJECT = Path(__file__).parents[1] / "docs/examples/project"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs Python with the project installed, in a folder of its own; returns what it prints."""
    place, home = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("home")
    words = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(place), str(PROJECT)]
    subprocess.run([sys.executable, "-m", *words], check=True)

    def python(*words: str, **environment: str) -> str:
        variables = os.environ | {"PYTHONPATH": str(place), "HF_HOME": str(home / "hub")} | environment
        done = subprocess.run([sys.executable, *words], cwd=home, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return python


@pytest.mark.slow
def test_its_own_tests_pass(run):
    assert "4 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(PROJECT / "tests"))


@pytest.mark.slow
def test_from_files_to_the_hub(run):
    run("-m", "lookbook.draw", "data", "--train", "8", "--test", "3")
    said = run("-m", "lookbook.loop", "data", "--steps", "1")
    assert "L1 on the test split: 0." in said and "generator.pt" in said
    said = run("-m", "lookbook.finetune", "data", "--steps", "1")
    assert "before: L1 on the person 0." in said and "after: L1 on the person 0." in said
    with HubServer() as server:
        online = {"HF_ENDPOINT": server.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        said = run("-m", "lookbook.publish", "run/model", "ada/lookbook", **online)
        assert "ada/lookbook" in said
        loads = "import fashiongen; print(fashiongen.load('ada/lookbook').name)"
        assert run("-c", loads, **online).strip() == "pg2"
