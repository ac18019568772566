"""`gallery` and `try-on`: pictures from trained models."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashiongen import registry

if TYPE_CHECKING:
    from PIL import Image

    from fashiongen.types import Garment, Person

_EXAMPLE = "mannequin:"
_GAP = 6
_TITLE = 22
_TRUNK = [2, 5, 8, 11]  # shoulders and hips in OpenPose's order
_TOP, _OVER_IT = 5, {6, 7}  # LIP-20: upper clothes; dress, coat


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "gallery",
        help="every bundled model on embedded people and garments, in one picture",
        description="Draw every bundled model on embedded people and garments: a row a person, a column a model. No download.",
    )
    parser.add_argument("--out", type=Path, default=Path("gallery.png"), metavar="FILE", help="the picture (default: gallery.png)")
    parser.add_argument("--model", nargs="+", metavar="MODEL", help="these instead: names, Hub repositories, folders, checkpoints")
    parser.add_argument("--people", type=int, default=5, metavar="N", help="rows (default: 5)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    parser.set_defaults(run=gallery)

    parser = commands.add_parser(
        "try-on",
        help="put a garment on a person",
        description="Put a garment on a person. "
        "mannequin:7 is embedded person or garment number 7, so that one's own garment can be tried on without annotations.",
    )
    parser.add_argument("--person", required=True, metavar="PICTURE", help="a photograph, or mannequin:7")
    parser.add_argument("--keypoints", type=Path, metavar="JSON", help="the person's key points as OpenPose writes them")
    parser.add_argument("--parsing", type=Path, metavar="PICTURE", help="the person's label map")
    parser.add_argument("--scheme", default="lip20", help="label scheme of --parsing (default: lip20)")
    parser.add_argument("--garment", required=True, metavar="PICTURE", help="a shop picture or photograph, or mannequin:3")
    parser.add_argument("--mask", type=Path, metavar="PICTURE", help="where the garment is, white on black; else it is found")
    parser.add_argument("--model", default="viton", help="name, Hub repository, folder or checkpoint (default: viton)")
    parser.add_argument("--out", type=Path, default=Path("try-on.png"), metavar="FILE", help="the picture (default: try-on.png)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    controls = parser.add_argument_group("controls of viton")
    controls.add_argument("--warp", choices=("tps", "none"), help="none stops at the coarse picture")
    controls.add_argument("--blend", choices=("learned", "paste"), help="paste lays the warped garment on as it is")
    parser.set_defaults(run=try_on)


def try_on(options: argparse.Namespace) -> None:
    person, garment = _person(options), _garment(options)
    model = _load(options.model, options.device)
    controls = {name: getattr(options, name) for name in ("warp", "blend") if getattr(options, name) is not None}
    _save(model.try_on(person, garment, **controls), options.out)


def gallery(options: argparse.Namespace) -> None:
    from fashiongen import mannequin

    if options.people < 1:
        raise ValueError(f"a gallery of {options.people} people is empty; give --people 1 or more")
    numbers = list(itertools.islice(_facing_in_a_top(), 2 * options.people))
    people = [mannequin.person(number) for number in numbers[: options.people]]
    garments = [mannequin.garment(number) for number in numbers[options.people :]]
    columns = {"person": [person.to_pil() for person in people], "garment": [garment.to_pil() for garment in garments]}
    bundled = [name for name in registry.list_models(pretrained=True) if "try_on" in registry.MODELS[name].verbs]
    for source in options.model or bundled:
        columns[source] = _load(source, options.device).try_on(people, garments)
    _save(grid(columns), options.out)


def _facing_in_a_top() -> Iterator[int]:
    """Numbers of the embedded people as try-on sets show them: towards the camera, in a top with nothing over it."""
    from fashiongen import mannequin

    for number in itertools.count():
        person = mannequin.person(number)
        assert person.keypoints is not None and person.parsing is not None
        labels = set(person.parsing.unique().tolist())
        right, left, right_hip, left_hip = person.keypoints[_TRUNK, :2].tolist()
        height = (right_hip[1] + left_hip[1] - right[1] - left[1]) / 2
        if left[0] - right[0] > height / 2 and _TOP in labels and not labels & _OVER_IT:
            yield number


def grid(columns: Mapping[str, Sequence[Image.Image]]) -> Image.Image:
    """Titled columns of pictures, every picture as high as the highest."""
    from PIL import Image, ImageDraw, ImageFont, ImageOps

    height = max(picture.height for column in columns.values() for picture in column)
    scaled = {
        title: [ImageOps.scale(picture, height / picture.height, Image.Resampling.BICUBIC) for picture in column]
        for title, column in columns.items()
    }
    widths = [max(picture.width for picture in column) for column in scaled.values()]
    rows = max(map(len, scaled.values()))
    sheet = Image.new("RGB", (sum(widths) + _GAP * (len(widths) + 1), _TITLE + rows * (height + _GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    left = _GAP
    for (title, column), width in zip(scaled.items(), widths, strict=True):
        while len(title) > 1 and draw.textlength(title, font) > width:
            title = title[1:]  # the end of a path says more than its beginning
        draw.text((left + width / 2, _TITLE / 2), title, "black", font, anchor="mm")
        for row, picture in enumerate(column):
            sheet.paste(picture, (left + (width - picture.width) // 2, _TITLE + row * (height + _GAP)))
        left += width + _GAP
    return sheet


def _person(options: argparse.Namespace) -> Person:
    import fashiongen

    number = _example(options.person)
    annotations = {name: getattr(options, name) for name in ("keypoints", "parsing") if getattr(options, name) is not None}
    if number is None:
        return fashiongen.person(options.person, scheme=options.scheme, **annotations)
    if annotations:
        raise ValueError(f"{options.person} has its annotations already; --{' and --'.join(annotations)} belong to a photograph")
    return fashiongen.mannequin.person(number)


def _garment(options: argparse.Namespace) -> Garment:
    import fashiongen

    number = _example(options.garment)
    if number is None:
        return fashiongen.garment(options.garment, mask=options.mask)
    if options.mask is not None:
        raise ValueError(f"{options.garment} has its mask already; --mask belongs to a photograph")
    return fashiongen.mannequin.garment(number)


def _example(source: str) -> int | None:
    """The number in `mannequin:7`; None for the path of a picture."""
    if not source.startswith(_EXAMPLE):
        return None
    number = source.removeprefix(_EXAMPLE)
    if not number.isdecimal():
        raise ValueError(f"{source} is no embedded example; they are called {_EXAMPLE}0, {_EXAMPLE}1, ...")
    return int(number)


def _load(source: str, device: str) -> Any:
    import fashiongen

    model = fashiongen.load(source, device=device)
    if not hasattr(model, "try_on"):
        raise ValueError(f"{source} is {model.name}, which has no try_on; fashiongen list --task try-on shows who has")
    return model


def _save(picture: Image.Image, path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    picture.save(path)
    print(path)
