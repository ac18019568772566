"""`convert`, `push` and `data`: folders of weights and of data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from fashiongen import registry
from fashiongen.commands import shards


@dataclass(frozen=True)
class Converter:
    """How the authors' files of a paper become a folder in Hub layout.

    Attributes:
        path: `module:function`, from the files to a model.
        files: argument of the function -> what it is.
        data: what the authors trained on.
        licence: of their weights.
        more: arguments that take any number of files, or none.
    """

    path: str
    files: dict[str, str]
    data: str
    licence: str
    more: dict[str, str] = field(default_factory=dict)


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
    "disentangled_pig": Converter(
        path="fashiongen.models.disentangled_pig.official:load_official",
        files={
            "reconstruction": "prefix of the TensorFlow checkpoint of pictures (their model 1 or 101), .../model.ckpt-0",
            "poses": "of the pose auto-encoder (2 or 102)",
            "appearance_codes": "of the mappers of foreground and background (3 or 103)",
            "pose_codes": "of the mapper of poses (4 or 104)",
        },
        data="the authors' Market-1501 or DeepFashion",
        licence="other",
    ),
    "cagan": Converter(
        path="fashiongen.models.cagan.official:load_official",
        files={"generator": "Keras file of the generator, or prefix of a checkpoint of VITON's baseline_cagan.py"},
        data="pairs of a person and a garment of whoever trained it",
        licence="other",
        more={"discriminators": "Keras files of the discriminators, from the smallest scale up"},
    ),
    "clothnet": Converter(
        path="fashiongen.models.clothnet.official:load_official",
        files={"checkpoint": "the authors' folder of states, a folder a module, or prefix of one, .../PM/model-2160000"},
        data="Chictopia10K",
        licence="other",
    ),
    "fashion_gan": Converter(
        path="fashiongen.models.fashion_gan.official:load_official",
        files={
            "encoder": "rnn_latest.pth",
            "vocabulary": "map.mat",
            "shape": "sr1.t7",
            "picture": "ih1_skip.t7, ih1.t7 or ih1_pix2pix_original.t7",
            "mean": "ih_mean.mat",
        },
        data="the authors' captions of DeepFashion",
        licence="other",
    ),
}

#: Layouts that the mannequin world can be written in: name -> `module:function`.
WRITERS = {
    "viton": "fashiongen.mannequin.writers:write_viton",
    "viton_resize": "fashiongen.mannequin.writers:write_viton_resize",
    "market1501": "fashiongen.mannequin.pose_writers:write_market1501",
    "deepfashion_inshop": "fashiongen.mannequin.pose_writers:write_deepfashion_inshop",
    "cagan": "fashiongen.mannequin.cagan_writer:write_cagan",
    "chictopia": "fashiongen.mannequin.chictopia_writer:write_chictopia",
    "chictopia_records": "fashiongen.mannequin.chictopia_writer:write_chictopia_records",
    "human_parsing": "fashiongen.mannequin.chictopia_writer:write_human_parsing",
    "fashion_synthesis": "fashiongen.mannequin.fashion_synthesis_writer:write_fashion_synthesis",
    "viton_hd": "fashiongen.mannequin.try_on_writers:write_viton_hd",
    "dress_code": "fashiongen.mannequin.try_on_writers:write_dress_code",
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
            model.add_argument(_option(argument), required=True, metavar="PATH", help=text)
        for argument, text in converter.more.items():
            model.add_argument(_option(argument), nargs="*", default=(), metavar="PATH", help=text)
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
        help="write data in the layout of a real data set, or as shards",
        description="Write a world in the folder layout of a real data set, to see what such a folder looks like and to test with; "
        "or write any data set as tar shards.",
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
    shards.add_to(worlds)


def convert(options: argparse.Namespace) -> None:
    converter = CONVERTERS[options.model]
    files = {argument: getattr(options, argument) for argument in (*converter.files, *converter.more)}
    model = imported(converter.path)(**files)
    made_of = {argument: _names(given) for argument, given in files.items() if given}
    model.save_pretrained(options.out, data=converter.data, licence=options.licence, training={"converted from": made_of})
    print(options.out)


def _option(argument: str) -> str:
    return f"--{argument.replace('_', '-')}"


def _names(given: str | Sequence[str]) -> str:
    return ", ".join(Path(file).name for file in ([given] if isinstance(given, str) else given))


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
