"""`convert`, `push` and `data`: folders of weights and of data."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fashiongen import registry


@dataclass(frozen=True)
class Converter:
    """How the authors' files of a paper become a folder in Hub layout.

    Attributes:
        path: `module:function`, from the files to a model.
        files: argument of the function -> what it is.
        data: what the authors trained on.
        licence: of their weights.
    """

    path: str
    files: dict[str, str]
    data: str
    licence: str


CONVERTERS = {
    "viton": Converter(
        path="fashiongen.models.viton.official:load_official",
        files={
            "stage1": "prefix of the first TensorFlow checkpoint, .../model-15000",
            "stage2": "prefix of the second, .../model-6000",
        },
        data="viton_zalando",
        licence="other",
    ),
    "pg2": Converter(
        path="fashiongen.models.pg2.official:load_official",
        files={"checkpoint": "prefix of the TensorFlow checkpoint, .../model.ckpt-0"},
        data="the authors' pairs of Market-1501 or DeepFashion",
        licence="other",
    ),
    "deformable_gan": Converter(
        path="fashiongen.models.deformable_gan.official:load_official",
        files={"generator": "Keras file of the generator, .../generator-warp-mask-nn3-cl12.h5"},
        data="the authors' pairs of Market-1501 or DeepFashion",
        licence="other",
    ),
}

#: Layouts that the mannequin world can be written in: name -> `module:function`.
WRITERS = {
    "viton": "fashiongen.mannequin.writers:write_viton",
    "viton_resize": "fashiongen.mannequin.writers:write_viton_resize",
    "market1501": "fashiongen.mannequin.pose_writers:write_market1501",
    "deepfashion_inshop": "fashiongen.mannequin.pose_writers:write_deepfashion_inshop",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "convert",
        help="authors' checkpoints -> a folder that `load` reads",
        description="Convert the authors' own checkpoints into a folder that fashiongen.load reads and `fashiongen push` "
        "publishes. TensorFlow checkpoints need the extra: pip install 'fashiongen[convert]'.",
    )
    models = parser.add_subparsers(dest="model", metavar="MODEL", required=True)
    for name, converter in CONVERTERS.items():
        model = models.add_parser(name, help=registry.MODELS[name].title, description=f"Convert the authors' files of {name}.")
        for argument, text in converter.files.items():
            model.add_argument(f"--{argument}", required=True, metavar="PATH", help=text)
        model.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the converted model goes")
        model.add_argument("--licence", default=converter.licence, help=f"of the weights (default: {converter.licence})")
        model.set_defaults(run=convert)

    parser = commands.add_parser(
        "push",
        help="publish a folder on the Hub",
        description="Publish a folder of save_pretrained or `fashiongen convert`.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="config.json, model.safetensors, README.md")
    parser.add_argument("repository", metavar="USER/NAME", help="made if it does not exist")
    parser.add_argument("--private", action="store_true", help="a new repository is visible to its owner alone")
    parser.add_argument("--revision", metavar="BRANCH", help="commit to this branch")
    parser.add_argument("--message", help="of the commit")
    parser.set_defaults(run=push)

    parser = commands.add_parser(
        "data",
        help="write data in the layout of a real data set",
        description="Write a world in the folder layout of a real data set, to see what such a folder looks like and to test with.",
    )
    worlds = parser.add_subparsers(dest="world", metavar="WORLD", required=True)
    world = worlds.add_parser(
        "mannequin", help="the embedded world", description="Write people and garments of the embedded world."
    )
    world.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    world.add_argument("--layout", choices=tuple(WRITERS), default="viton", help="whose layout it is (default: viton)")
    world.add_argument("--people", type=int, default=16, metavar="N", help="training people with their garments (default: 16)")
    world.add_argument(
        "--test-people", type=int, default=4, metavar="N", help="test people; in try-on layouts with others' garments (default: 4)"
    )
    world.add_argument("--height", type=int, default=256, help="of the pictures (default: 256)")
    world.add_argument("--width", type=int, default=192, help="of the pictures (default: 192)")
    world.add_argument("--seed", type=int, default=0, help="another seed is another world (default: 0)")
    world.add_argument("--photographs", metavar="FOLDER", help="garment photographs used as textures")
    world.set_defaults(run=write)


def convert(options: argparse.Namespace) -> None:
    converter = CONVERTERS[options.model]
    files = {argument: getattr(options, argument) for argument in converter.files}
    model = imported(converter.path)(**files)
    made_of = {argument: Path(file).name for argument, file in files.items()}
    model.save_pretrained(options.out, data=converter.data, licence=options.licence, training={"converted from": made_of})
    print(options.out)


def push(options: argparse.Namespace) -> None:
    from fashiongen import hub

    print(hub.push(options.folder, options.repository, private=options.private, revision=options.revision, message=options.message))


def write(options: argparse.Namespace) -> None:
    from fashiongen.mannequin import World

    if options.people < 1 or options.test_people < 2:
        raise ValueError("nothing to write; give --people 1 or more, --test-people 2 or more (they exchange their garments)")
    world = World(options.height, options.width, seed=options.seed, photographs=options.photographs)
    imported(WRITERS[options.layout])(world, options.out, options.people, options.test_people)
    print(options.out)


def imported(path: str) -> Any:
    """What `module:function` names."""
    module, _, function = path.partition(":")
    return getattr(import_module(module), function)
