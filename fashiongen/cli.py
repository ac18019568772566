"""The command line `fashiongen`.

`fit`, `validate`, `test` and `predict` are Lightning's command line (`fashiongen.commands.training`); the others are a few
functions with `argparse` before them, which start fast.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

from fashiongen import __version__, registry
from fashiongen.commands import UsageError, annotate, catalogue, clothes, demo, export, files, gallery, poses, samples

TRAINING = {
    "fit": "train a model, or go on with a training: fashiongen fit --config viton/mannequin",
    "validate": "figures on the validation split",
    "test": "figures on the test split, those of the model card",
    "predict": "write the pictures of the test split",
}
_DEBUG = "--debug"


# Errors whose message says all; the type of any other is told as well. The named ones live where importing takes long.
_TOLD = (UsageError, registry.UnknownName, ValueError, OSError, ImportError)
_TOLD_BY_NAME = ("HubError", "MisconfigurationException")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def parser() -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the light commands, and the names of all; those of `TRAINING` are in it for `--help` alone."""
    top: argparse.ArgumentParser = _Parser(
        prog="fashiongen",
        description="Seven founding papers of fashion image generation, side by side.",
        epilog=f"`fashiongen COMMAND --help` explains a command. {_DEBUG} with any of them shows the traceback of an error.",
    )
    top.add_argument("--version", action="version", version=f"fashiongen {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    catalogue.add_to(commands)
    for family in (gallery, clothes, poses, samples, annotate, demo):
        family.add_to(commands)
    for command, text in TRAINING.items():
        commands.add_parser(command, help=text)
    export.add_to(commands)
    files.add_to(commands)
    return top, list(commands.choices)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the words after `fashiongen`; None takes those of the process.

    Returns:
        0, 1 after an error, or 2 for a command line that cannot be understood. Errors are told in one line on stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = _DEBUG in words
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorBoard imports TensorFlow where there is one, which then chats
    try:
        with warnings.catch_warnings():
            for outdated in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
                warnings.filterwarnings("ignore", category=outdated)
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            _run([word for word in words if word != _DEBUG])
    except BrokenPipeError:  # `fashiongen list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _failed(_explanation(error), 2 if isinstance(error, UsageError) else 1)
    finally:
        _leave_process_group()
    return 0


def _leave_process_group() -> None:
    # A process that ends with its gloo threads running may be aborted; Lightning closes only NCCL's group.
    distributed = sys.modules.get("torch.distributed")  # most commands never import torch
    if distributed and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _run(words: list[str]) -> None:
    top, commands = parser()
    if words and not words[0].startswith("-"):
        try:
            registry.find(words[0], commands, "command")
        except registry.UnknownName as error:
            raise UsageError(str(error)) from error
    if words and words[0] in TRAINING:
        from fashiongen.commands.training import train

        train(words)
        return
    options = top.parse_args(words or ["--help"])
    options.run(options)


def _explanation(error: Exception) -> str:
    message = " ".join(str(error).split())
    if not message or not (isinstance(error, _TOLD) or type(error).__name__ in _TOLD_BY_NAME):
        message = f"{type(error).__name__}: {message or 'no message'} ({_DEBUG} shows where)"
    return textwrap.shorten(message, 700, placeholder=f" ... ({_DEBUG} shows all)")


def _failed(message: str, code: int) -> int:
    print(f"fashiongen: error: {message}", file=sys.stderr)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    print(f"fashiongen: warning: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
