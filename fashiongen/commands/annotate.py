"""`annotate`: photographs of people, with key points, parsing and masks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

_BODIES = ("any", "upper", "full")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "annotate",
        help="photographs of people -> key points, parsing, masks",
        description="Annotate photographs of people. Other commands (--person, --pose) and fashiongen.person read the pictures of "
        "the folder that is written with all that was found. A run that was stopped goes on where it was; photographs that cannot "
        "be annotated are listed at the end.",
    )
    parser.add_argument("photographs", nargs="+", type=Path, metavar="PHOTOGRAPHS", help="a folder, or files")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the annotated people go")
    parser.add_argument(
        "--annotator",
        default="photo",
        help="photo: pretrained networks (pip install 'fashiongen[annotate]'); mannequin: the embedded network, for drawn people; "
        "files:FOLDER: annotations that are there already (default: photo)",
    )
    parser.add_argument(
        "--person", type=int, metavar="N", help="of several people the N-th from the left, from 1 (default: the largest)"
    )
    parser.add_argument(
        "--body", choices=_BODIES, default="upper", help="what must be in a photograph (default: upper, both shoulders)"
    )
    parser.add_argument(
        "--scheme", default="lip20", help="label scheme that is written; 'as found' keeps the annotator's (default: lip20)"
    )
    parser.add_argument("--source-scheme", metavar="SCHEME", help="label scheme of the maps of files:FOLDER (default: lip20)")
    parser.add_argument("--parser", metavar="USER/NAME", help="another clothes parser of the Hub, in place of the pinned one")
    parser.add_argument("--revision", metavar="COMMIT", help="of --parser (default: main; its commit is recorded)")
    parser.add_argument("--batch-size", type=int, default=4, metavar="N", help="photographs at a time (default: 4)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes that read ahead (default: 0)")
    parser.add_argument("--accelerator", default="auto", help="cpu, gpu, ... (default: auto)")
    parser.add_argument("--devices", default="1", help="how many, or which: 2, -1, 0,1 (default: 1)")
    parser.set_defaults(run=annotate)


def annotate(options: argparse.Namespace) -> None:
    from fashiongen.annotate.named import annotator
    from fashiongen.annotate.run import annotate_photographs, photographs_of
    from fashiongen.data.parsing import SCHEMES

    _check(options, tuple(SCHEMES))
    photographs_of(options.photographs)  # before anything is downloaded
    report = annotate_photographs(
        options.photographs,
        options.out,
        annotator(options.annotator, **_options(options)),
        options.body,
        None if options.scheme == "as found" else options.scheme,
        options.batch_size,
        options.workers,
        accelerator=options.accelerator,
        devices=int(options.devices) if options.devices.lstrip("-").isdecimal() else options.devices,
    )
    print(options.out)
    for problem in report.problems.values():
        print(f"fashiongen: {problem['message']}", file=sys.stderr)
    if report.problems:
        total = report.done + len(report.problems)
        raise ValueError(f"{len(report.problems)} of {total} photographs could not be annotated, see above; the others are there")


def _check(options: argparse.Namespace, schemes: tuple[str, ...]) -> None:
    """Refuse what belongs to another annotator, or means nothing."""
    is_files = options.annotator.startswith("files:")
    for option, fits, home in (
        ("source_scheme", is_files, "files:FOLDER"),
        ("parser", options.annotator == "photo", "photo"),
        ("revision", options.annotator == "photo" and options.parser is not None, "photo with --parser"),
        ("person", is_files or options.annotator == "photo", "photo and files:FOLDER"),
    ):
        if getattr(options, option) is not None and not fits:
            raise ValueError(f"--{option.replace('_', '-')} belongs to --annotator {home}")
    for option in ("scheme", "source_scheme"):
        given = getattr(options, option)
        if given not in (None, "as found", *schemes):
            raise ValueError(f"--{option.replace('_', '-')} is one of {', '.join(schemes)}, not {given!r}")
    if options.batch_size < 1:
        raise ValueError(f"--batch-size is at least 1, not {options.batch_size}")


def _options(options: argparse.Namespace) -> dict[str, Any]:
    """Options of the annotator, those that were given."""
    given = {"person": options.person, "scheme": options.source_scheme, "parser": options.parser, "revision": options.revision}
    return {name: value for name, value in given.items() if value is not None}
