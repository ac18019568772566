"""`export`: a trained model as files that run without this library."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fashiongen.export import FORMATS


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command of this module."""
    parser = commands.add_parser(
        "export",
        help="a trained model as ONNX or torch.export files",
        description="Write the networks of a trained model as files that run without this library, for any batch size, and "
        "export.json, which says what they take and give. ONNX needs the extra: pip install 'fashiongen[onnx]'.",
    )
    parser.add_argument("model", metavar="NAME", help="name, Hub repository, folder or checkpoint, as fashiongen.load takes it")
    parser.add_argument("--format", choices=tuple(FORMATS), default="onnx", help="ONNX, or torch.export programs (default: onnx)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the files go (default: MODEL-FORMAT, such as viton-onnx)")
    parser.set_defaults(run=export)


def export(options: argparse.Namespace) -> None:
    import fashiongen
    from fashiongen.export import folder

    model = fashiongen.load(options.model)
    out = options.out or Path(f"{model.name}-{options.format}")
    print(folder.export(model, out, options.format, weights_of(options.model)))


def weights_of(source: str) -> dict[str, Any]:
    """What is known of the weights that `fashiongen.load` loads: name, licence, data and sha256; of a checkpoint its name alone."""
    from fashiongen import hub
    from fashiongen.folder import read_folder

    folder = hub.locate(source)
    if folder.suffix == ".ckpt":
        return {"name": folder.name}
    record = read_folder(folder)
    is_repository = "/" in source and not Path(source).expanduser().is_dir()
    name = source if is_repository else folder.resolve().name
    return {"name": name, "licence": record.get("licence"), "data": record.get("data"), "sha256": record["weights"]["sha256"]}
