"""`data shard`: any data set as tar shards."""

from __future__ import annotations

import argparse
import json
from argparse import ArgumentError
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fashiongen import registry
from fashiongen.commands import UsageError
from fashiongen.commands.configurations import configuration

_PROG = "fashiongen data shard"
_ABOUT = (
    "Write a data set as tar files in WebDataset's layout, pictures with all their annotations, and an index with checksums. "
    "`--data shards --data.root FOLDER` reads them, from a folder or an address. A killed run goes on with the same command."
)


def add_to(worlds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of `data`."""
    # Without a prefix all words are positional: the options of a data module are known only to the parser below.
    parser = worlds.add_parser("shard", help="any data set as tar shards", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs="*")
    parser.set_defaults(run=lambda options: shard(options.words))


def shard(words: Sequence[str]) -> None:
    """Run the command.

    Args:
        words: its options, as on the command line.

    Raises:
        UsageError: for options that cannot be understood.
    """
    from fashiongen.data.shards.writer import write_shards

    parser = _parser()
    try:
        options = parser.parse_args(_with_data(words))
    except ArgumentError as error:
        from fashiongen.commands.training import told

        raise UsageError(f"{told(error)}; see {_PROG} --help") from error
    data = parser.instantiate_classes(options).data
    path = options.data.class_path
    name = next((name for name, card in registry.DATA.items() if card.path.replace(":", ".") == path), path)
    write_shards(data, options.out, name, options.splits, options.samples, options.workers)
    print(options.out)


def _parser() -> Any:
    from jsonargparse import ArgumentParser
    from pytorch_lightning import LightningDataModule

    from fashiongen.data.shards.index import SPLITS

    parser = ArgumentParser(prog=_PROG, description=_ABOUT, exit_on_error=False)
    parser.add_argument("--config", "-c", metavar="NAME_OR_FILE", help="take the data of a shipped configuration, or of a file")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the shards go")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="which splits (default: all)")
    parser.add_argument("--samples", type=int, default=256, help="examples of a shard (default: 256)")
    parser.add_argument("--workers", type=int, default=0, help="processes that make examples (default: none but this one)")
    parser.add_subclass_arguments(LightningDataModule, "data", required=True, help="a name of the registry, or a class")
    return parser


def _with_data(words: Sequence[str]) -> list[str]:
    """The command line with the data of `--config` in front, and the class of a data set in place of its name."""
    import yaml

    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--config", "-c")
    given = first.parse_known_args(words)[0].config
    found: list[str] = []
    if given is not None:
        data = yaml.safe_load(configuration(given).read_text(encoding="utf-8")).get("data")
        if not data:
            raise ValueError(f"{given} configures no data; give --data as well")
        found.append(f"--data={json.dumps(data)}")
    for word in words:
        option, equals, name = word.partition("=")
        if found and found[-1] == "--data":
            found.append(_class_path(word))
        else:
            found.append(f"--data={_class_path(name)}" if equals and option == "--data" else word)
    return found


def _class_path(name: str) -> str:
    return registry.DATA[name].path.replace(":", ".") if name in registry.DATA else name
