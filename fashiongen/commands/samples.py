"""`sample`: people that nobody has seen."""

from __future__ import annotations

import argparse
from typing import Any

from fashiongen.commands import arguments, examples, pictures

#: Options that name a person: what a model takes from that person.
_PEOPLE = {
    "person": "the person to dress in noise's choice of clothes (fashion_gan)",
    "foreground": "whose body and clothes (disentangled_pig)",
    "background": "whose background (disentangled_pig)",
    "pose": "whose pose: as --pose of fashiongen repose (disentangled_pig)",
    "body": "whose body and pose to dress (clothnet)",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "sample",
        help="draw new people; whatever is named stays fixed",
        description="Draw new people. What is named stays fixed, the rest is sampled: --foreground mannequin:3 is one person in "
        "many poses before many backgrounds. A photograph's key points and label map lie beside it, alice_keypoints.json and "
        "alice_parsing.png for alice.jpg.",
    )
    parser.add_argument("-n", "--number", type=int, default=8, metavar="N", help="how many (default: 8)")
    for name, text in _PEOPLE.items():
        parser.add_argument(f"--{name}", metavar="PICTURE", help=f"{text}; a photograph, or mannequin:7")
    parser.add_argument("--sketch", metavar="PICTURE", help="label map to paint, or mannequin:7 (clothnet)")
    parser.add_argument("--scheme", default="lip20", help="label scheme of label maps (default: lip20)")
    parser.add_argument("--text", help="what the clothes are (fashion_gan)")
    parser.add_argument("--seed", type=int, default=0, help="another seed is another sample (default: 0)")
    parser.add_argument("--sheet", action="store_true", help="all in one picture; else numbered files, or an animation (.gif)")
    parser.add_argument("--fps", type=float, default=2.0, metavar="N", help="pictures a second of an animation (default: 2)")
    arguments.add_model(parser, "disentangled_pig", "sample.png")
    parser.set_defaults(run=sample)


def sample(options: argparse.Namespace) -> None:
    import torch

    if options.number < 1:
        raise ValueError(f"there is nothing in {options.number} samples; give -n 1 or more")
    model = arguments.load(options.model, options.device, "sample")
    names = (*_PEOPLE, "sketch", "text")
    fixed = arguments.controls({name: getattr(options, name) for name in names}, model, model.sample)
    torch.manual_seed(options.seed)
    drawn = model.sample(options.number, **{name: _factor(name, value, model, options.scheme) for name, value in fixed.items()})
    if options.sheet:
        arguments.save(pictures.mosaic(drawn), options.out)
    else:
        arguments.save(drawn if options.number > 1 else drawn[0], options.out, options.fps)


def _factor(name: str, source: Any, model: Any, scheme: str) -> Any:
    if name == "text":
        return source
    if name == "sketch" and examples.number(source) is None:
        from fashiongen.data import parsing
        from fashiongen.data.pictures import read_labels

        return parsing.convert(read_labels(source), scheme, examples.scheme(model))
    if name == "pose":
        return arguments.poses([source], model, None)[0]
    return arguments.person(source, model, scheme)
