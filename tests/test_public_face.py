"""What `import fashiongen` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files

import pytest

import fashiongen

HEAVY = ("torch", "pytorch_lightning", "kornia", "timm", "PIL", "numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import fashiongen; fashiongen.list_models(); fashiongen.info('viton'); dir(fashiongen)",
        "from fashiongen.cli import main; main(['list']); main(['info', 'viton'])",
        "from fashiongen.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_looking_things_up_imports_nothing_heavy(code: str) -> None:
    report = f"{code}\nimport sys; print('imported', [name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported []"


def test_dir_lists_the_public_names() -> None:
    assert dir(fashiongen) == sorted(fashiongen.__all__)
    assert {"create", "garment", "info", "list_models", "load", "mannequin", "person"} <= set(dir(fashiongen))


@pytest.mark.parametrize("name", fashiongen.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(fashiongen, name) is not None


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        fashiongen.lod  # noqa: B018


@pytest.mark.parametrize(
    ("call", "suggestion"),
    [
        (lambda: fashiongen.info("vitn"), "did you mean viton"),
        (lambda: fashiongen.load("vitn"), "did you mean viton"),
        (lambda: fashiongen.create("vitn"), "did you mean viton"),
        (lambda: fashiongen.create("viton", preset="oficial"), "did you mean official"),
        (lambda: fashiongen.list_models(task="tryon"), "did you mean try-on"),
    ],
)
def test_unknown_names_suggest_the_nearest(call, suggestion: str) -> None:
    with pytest.raises(KeyError, match=suggestion):
        call()


def test_the_package_is_typed() -> None:
    assert (files("fashiongen") / "py.typed").is_file()
