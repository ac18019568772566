"""`try-on` and `redress`: other clothes on a person."""

from __future__ import annotations

import argparse
from pathlib import Path

from fashiongen.commands import arguments, examples


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "try-on",
        help="put a garment on a person",
        description="Put a garment on a person. "
        "mannequin:7 is embedded person or garment number 7, so that one's own garment can be tried on without annotations.",
    )
    arguments.add_person(parser)
    parser.add_argument("--garment", required=True, metavar="PICTURE", help="a shop picture or photograph, or mannequin:3")
    parser.add_argument("--mask", type=Path, metavar="PICTURE", help="where the garment is, white on black; else it is found")
    parser.add_argument(
        "--worn", metavar="PICTURE", help="cagan: shop picture of what the person wears; that of mannequin:7 is known"
    )
    arguments.add_model(parser, "viton", "try-on.png")
    viton = parser.add_argument_group("controls of viton")
    viton.add_argument("--warp", choices=("tps", "none"), help="none stops at the coarse picture")
    viton.add_argument("--blend", choices=("learned", "paste"), help="paste lays the warped garment on as it is")
    parser.set_defaults(run=try_on)

    parser = commands.add_parser(
        "redress",
        help="dress a person as a sentence says",
        description="Dress a person as a sentence says. mannequin:7 is embedded person number 7.",
    )
    arguments.add_person(parser)
    parser.add_argument("--text", required=True, help='"the lady wears a long-sleeved blue blouse."')
    parser.add_argument("--seed", type=int, default=0, help="of the noise: another seed is another picture (default: 0)")
    arguments.add_model(parser, "fashion_gan", "redress.png")
    parser.set_defaults(run=redress)


def try_on(options: argparse.Namespace) -> None:
    model = arguments.load(options.model, options.device, "try_on")
    given = {name: getattr(options, name) for name in ("worn", "warp", "blend")}
    needs_worn = "garment" in model.needs_to_run
    if needs_worn and options.worn is None and examples.number(options.person) is not None:
        given["worn"] = options.person
    controls = arguments.controls(given, model, model.try_on, model.dress)
    person = arguments.described_person(options, model)
    if "worn" in controls:
        controls["worn"] = arguments.garment(controls["worn"], model)
    arguments.save(model.try_on(person, arguments.garment(options.garment, model, options.mask), **controls), options.out)


def redress(options: argparse.Namespace) -> None:
    import torch

    model = arguments.load(options.model, options.device, "redress")
    person = arguments.described_person(options, model)
    torch.manual_seed(options.seed)
    arguments.save(model.redress(person, options.text), options.out)
