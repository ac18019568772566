"""`repose`: a person in other poses."""

from __future__ import annotations

import argparse

from fashiongen.commands import arguments, examples


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "repose",
        help="draw a person in another pose, or in a sequence of poses",
        description="Draw a person in another pose. mannequin:7 is embedded person number 7, as a person and as a pose. Several "
        "poses are a sequence: numbered pictures, or an animation where --out ends in .gif.",
    )
    arguments.add_person(parser)
    parser.add_argument(
        "--pose",
        required=True,
        nargs="+",
        metavar="POSE",
        help="OpenPose's JSON, a folder of such files, a photograph with its key points beside it, or mannequin:7",
    )
    parser.add_argument(
        "--pose-size",
        nargs=2,
        type=int,
        metavar=("WIDTH", "HEIGHT"),
        help="of the pictures that the JSON files belong to (default: the size of the person's picture)",
    )
    parser.add_argument("--fps", type=float, default=8.0, metavar="N", help="pictures a second of an animation (default: 8)")
    arguments.add_model(parser, "deformable_gan", "repose.png")
    parser.set_defaults(run=repose)


def repose(options: argparse.Namespace) -> None:
    model = arguments.load(options.model, options.device, "repose")
    person = arguments.described_person(options, model)
    poses = arguments.poses(options.pose, model, _page(options))
    pictures = model.repose(person, poses)
    arguments.save(pictures if len(poses) > 1 else pictures[0], options.out, options.fps)


def _page(options: argparse.Namespace) -> tuple[int, int] | None:
    """Height and width of the pictures that poses were found in."""
    if options.pose_size is not None:
        width, height = options.pose_size
        return height, width
    if examples.number(options.person) is not None:
        return None
    from fashiongen.data.pictures import read_picture

    height, width = read_picture(options.person).shape[1:]
    return height, width
