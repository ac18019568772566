"""What the verbs take on the command line and give back: people, garments, poses, models, pictures."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashiongen.commands import examples

if TYPE_CHECKING:
    from PIL import Image

    from fashiongen.types import Garment, Person

_OPENPOSE = "_keypoints.json"
_GIF = ".gif"


# ---------------------------------------------------------------------------------------------------- options
def add_person(parser: argparse.ArgumentParser) -> None:
    """Add `--person` and its annotations."""
    parser.add_argument("--person", required=True, metavar="PICTURE", help="a photograph, or mannequin:7")
    add_annotations(parser)


def add_annotations(parser: argparse.ArgumentParser) -> None:
    """Add the annotations of a photograph."""
    parser.add_argument("--keypoints", type=Path, metavar="JSON", help="the person's key points as OpenPose writes them; "
                        "by default those beside the photograph, alice_keypoints.json for alice.jpg")  # fmt: skip
    parser.add_argument("--parsing", type=Path, metavar="PICTURE", help="the person's label map; by default alice_parsing.png")
    parser.add_argument("--scheme", default="lip20", help="label scheme of --parsing (default: lip20)")
    parser.add_argument("--annotator", default="auto", metavar="NAME", help="who finds what is neither given nor beside the "
                        "photograph: photo, mannequin, files:FOLDER, none (default: auto, which downloads nothing)")  # fmt: skip


def add_model(parser: argparse.ArgumentParser, default: str, out: str) -> None:
    """Add `--model`, `--out` and `--device`."""
    parser.add_argument("--model", default=default, help=f"name, Hub repository, folder or checkpoint (default: {default})")
    parser.add_argument("--out", type=Path, default=Path(out), metavar="FILE", help=f"the picture (default: {out})")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")


# ---------------------------------------------------------------------------------------------------- models
def load(source: str, device: str, verb: str) -> Any:
    """A trained model that has a verb.

    Raises:
        ValueError: when it has not, naming those that have.
    """
    import fashiongen
    from fashiongen import registry

    model = fashiongen.load(source, device=device)
    if not hasattr(model, verb):
        others = ", ".join(name for name, card in registry.MODELS.items() if verb in card.verbs)
        raise ValueError(f"{source} is {model.name}, which has no {verb}; those that have: {others}")
    return model


def controls(given: Mapping[str, Any], model: Any, *functions: Callable[..., Any]) -> dict[str, Any]:
    """The options that were given, when one of the functions of the model takes them.

    Raises:
        ValueError: naming the option that the model does not know.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    known = {name for function in functions for name in inspect.signature(function).parameters}
    for name in chosen:
        if name not in known:
            offered = [f"--{other.replace('_', '-')}" for other in given if other in known]
            raise ValueError(f"{model.name} has no --{name.replace('_', '-')}; it takes {', '.join(offered) or 'none of these'}")
    return chosen


# ---------------------------------------------------------------------------------------------------- people, garments
def described_person(options: argparse.Namespace, model: Any) -> Person:
    """The person that the options of `add_person` describe; see `person`."""
    return person(
        options.person, model, options.scheme, options.annotator, keypoints=options.keypoints, parsing=options.parsing
    )  # fmt: skip


def person(source: str, model: Any, scheme: str = "lip20", annotator: str = "auto", **annotations: Path | None) -> Person:
    """A person at the model's size: an embedded one, or a photograph with its annotations.

    Args:
        source: `mannequin:7` or a path.
        model: whose size it is.
        scheme: of the label map.
        annotator: who finds what there is no file of, as `fashiongen.person` takes it; "none" for nobody.
        annotations: `keypoints` and `parsing`; what is None is looked for beside the photograph.

    Raises:
        ValueError: for annotations of an embedded person, who has them already.
    """
    import fashiongen

    given = {name: path for name, path in annotations.items() if path is not None}
    example = examples.number(source)
    if example is not None:
        if given:
            raise ValueError(f"{source} has its annotations already; --{' and --'.join(given)} belong to a photograph")
        return examples.person(example, model)
    height, width = model.size
    found = _beside(Path(source)) | given
    return fashiongen.person(
        source, found.get("keypoints"), found.get("parsing"), scheme,
        height=height, width=width, target_scheme=examples.scheme(model), annotator=None if annotator == "none" else annotator,
    )  # fmt: skip


def _beside(picture: Path) -> dict[str, Path]:
    endings = {"keypoints": _OPENPOSE, "parsing": "_parsing.png"}
    places = {name: picture.with_name(f"{picture.stem}{ending}") for name, ending in endings.items()}
    return {name: path for name, path in places.items() if path.is_file()}


def garment(source: str, model: Any, mask: Path | None = None) -> Garment:
    """A garment at the model's size: an embedded one, or a photograph.

    Raises:
        ValueError: for the mask of an embedded garment, which has one already.
    """
    import fashiongen

    example = examples.number(source)
    if example is None:
        height, width = model.size
        return fashiongen.garment(source, mask=mask, height=height, width=width)
    if mask is not None:
        raise ValueError(f"{source} has its mask already; --mask belongs to a photograph")
    return examples.garment(example, model)


# ---------------------------------------------------------------------------------------------------- poses
def poses(sources: Sequence[str], model: Any, size: tuple[int, int] | None) -> list[Person]:
    """People who hold the poses to take, at the model's size.

    Args:
        sources: of each `mannequin:7`, OpenPose's JSON, a folder of such files (in the order of their names), or a photograph
            beside which its key points lie.
        model: whose size it is.
        size: height and width of the pictures that the JSON files belong to; None takes the model's.

    Raises:
        FileNotFoundError: for a folder without such files, and a photograph without key points.
        ValueError: for a damaged file.
    """
    files = [file for source in sources for file in _pose_files(source)]
    return [_pose(file, model, size or model.size) for file in files]


def _pose_files(source: str) -> list[str]:
    folder = Path(source)
    if not folder.is_dir():
        return [source]
    # A folder that `annotate` wrote holds annotations.json as well.
    found = sorted(map(str, folder.glob(f"*{_OPENPOSE}"))) or sorted(map(str, folder.glob("*.json")))
    if not found:
        raise FileNotFoundError(f"{folder} holds no poses; OpenPose's --write_json puts one .json file a picture into a folder")
    return found


def _pose(source: str, model: Any, size: tuple[int, int]) -> Person:
    import torch

    import fashiongen

    if Path(source).suffix != ".json":
        read = person(source, model)
        if read.keypoints is None:
            looked_for = f"{Path(source).stem}{_OPENPOSE}"
            raise FileNotFoundError(f"there are no key points of {source}; run OpenPose on it and put {looked_for} beside it")
        return read
    page = torch.ones(3, *size)
    try:
        return fashiongen.person(page, keypoints=source, height=model.size[0], width=model.size[1], annotator=None)
    except ValueError as error:
        raise ValueError(f"{error}. --pose-size WIDTH HEIGHT says how large the pictures were that a pose was found in") from error


# ---------------------------------------------------------------------------------------------------- pictures
def save(pictures: Image.Image | Sequence[Image.Image], path: Path, frames_a_second: float = 8.0) -> None:
    """Write one picture, or several: as an animation where the name ends in .gif, else as numbered files.

    Args:
        pictures: one, or a sequence.
        path: `walk.png` becomes `walk_0.png`, `walk_1.png`, ... for a sequence.
        frames_a_second: of an animation.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: for an ending that Pillow cannot write, and a speed that is not positive.
    """
    if frames_a_second <= 0:
        raise ValueError(f"--fps {frames_a_second:g} shows nothing; give a positive number of pictures a second")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    if not isinstance(pictures, Sequence):
        pictures.save(path)
        print(path)
    elif path.suffix.lower() == _GIF:
        first, *others = pictures
        first.save(path, save_all=True, append_images=others, duration=round(1000 / frames_a_second), loop=0)
        print(path)
    else:
        digits = len(str(len(pictures) - 1))
        for number, picture in enumerate(pictures):
            file = path.with_name(f"{path.stem}_{number:0{digits}}{path.suffix}")
            picture.save(file)
            print(file)
