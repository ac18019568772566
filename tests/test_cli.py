"""The command line as a whole: what it says, where, and with which exit code."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

import fashiongen
from fashiongen import cli
from fashiongen.commands import catalogue

COMMANDS = (
    "list",
    "info",
    "gallery",
    "try-on",
    "redress",
    "repose",
    "sample",
    "fit",
    "validate",
    "test",
    "predict",
    "convert",
    "push",
    "export",
    "data",
)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"\n    {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: fashiongen {command}") and len(shown) > 150


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"fashiongen {fashiongen.__version__}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["gallry"], "did you mean gallery?"),
        (["repos", "--person", "mannequin:1"], "did you mean repose or"),
        (["redres"], "did you mean redress or"),
        (["repose", "--person", "mannequin:1"], "required: --pose"),
        (["sample", "-n", "many"], "invalid int value: 'many'"),
        (["try-on", "--person", "mannequin:1"], "required: --garment; see fashiongen try-on --help"),
        (["convert", "viton"], "--stage1, --stage2, --out"),
        (["list", "--tsk", "try-on"], "unrecognized arguments: --tsk"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    output, error = capsys.readouterr()
    assert output == "" and error.count("\n") == 1
    assert error.startswith("fashiongen: error: ") and told in error


def test_errors_are_one_line_and_exit_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "vitn"]) == 1
    assert capsys.readouterr().err == "fashiongen: error: there is no model 'vitn'; did you mean viton?\n"


@pytest.mark.parametrize("task", ["tryon", "posetransfer", "redress"])
def test_an_unknown_task_is_one_line(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--task", task]) == 1
    error = capsys.readouterr().err
    assert f"there is no task '{task}'; did you mean" in error and error.count("\n") == 1


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--debug", "vitn"]) == 1
    error = capsys.readouterr().err
    assert "Traceback (most recent call last)" in error and error.endswith("did you mean viton?\n")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero (--debug shows where)"),
        (AssertionError(), "AssertionError: no message (--debug shows where)"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError("long " * 400), "--debug shows all"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_unforeseen_errors_are_one_line_too(
    error: BaseException, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> None:
        raise error

    monkeypatch.setattr(catalogue, "list_models", fail)
    assert cli.main(["list"]) == (130 if isinstance(error, KeyboardInterrupt) else 1)
    shown = capsys.readouterr().err
    assert told in shown and shown.count("\n") == 1 and len(shown) < 800


def test_warnings_are_one_line_and_deprecations_are_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(options: object) -> None:
        warnings.warn("the garment\nis small", stacklevel=1)
        warnings.warn("somebody else's old function", FutureWarning, stacklevel=1)

    monkeypatch.setattr(catalogue, "list_models", warn)
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().err == "fashiongen: warning: the garment is small\n"


def test_a_closed_pipe_is_no_error() -> None:
    script = (
        f"{sys.executable} -c 'from fashiongen.cli import main; raise SystemExit(main([\"list\"]))' | true; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0" and done.stderr == ""
