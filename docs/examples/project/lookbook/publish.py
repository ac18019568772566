"""Publishes what `lookbook.finetune` saved, and opens it as others would: `python -m lookbook.publish run/model user/lookbook`."""

from __future__ import annotations

import argparse
from pathlib import Path

import fashiongen
from fashiongen import hub


def publish(folder: Path, repository: str) -> str:
    """The address of the commit. The repository is private unless told."""
    address = hub.push(folder, repository, private=True)
    published, local = fashiongen.load(repository), fashiongen.load(folder)
    anna = fashiongen.mannequin.person(3, *local.size, framing="full")
    berta = fashiongen.mannequin.person(5, *local.size, framing="full")
    if published.repose(anna, berta).tobytes() != local.repose(anna, berta).tobytes():
        raise RuntimeError(f"{repository} draws another picture than {folder}; was it pushed by somebody else meanwhile?")
    return address


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("repository")
    options = parser.parse_args()
    print(publish(options.folder, options.repository))


if __name__ == "__main__":
    main()
