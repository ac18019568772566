"""The page of the demo: a tab a verb, examples and uploads, results of several models beside each other."""

from __future__ import annotations

import base64
import html
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from fashiongen.commands import examples
from fashiongen.commands.pictures import stick_figure
from fashiongen.demo.studio import Answer, Source, Studio
from fashiongen.demo.uploads import ENDINGS, as_pillow, read_upload

TITLE = "fashiongen"
CSS = """
.shown {display: flex; flex-wrap: wrap; gap: 14px; align-items: flex-start}
.shown figure {margin: 0; text-align: center; max-width: 100%}
.shown img {height: 264px; max-width: 100%; object-fit: contain; border-radius: 6px}
.shown figcaption {font-size: 13px; margin-top: 4px; color: var(--body-text-color-subdued)}
.shown.small img {height: 168px}
.told {font-size: 13px; color: var(--body-text-color-subdued)}
"""
_EXAMPLES = 8
_SENTENCES = 6
_MEMORY = 3600
"""Seconds after which an uploaded picture is forgotten."""
_log = logging.getLogger(__name__)
_WORK: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": 1, "api_visibility": "private"}


class Chooser(NamedTuple):
    """What was chosen, and where it is shown."""

    state: Any
    preview: Any


def page(studio: Studio) -> gr.Blocks:
    """The page; `fashiongen.demo.server.serve` shows it.

    Raises:
        ValueError: when no model has a verb.
    """
    tabs = {verb: names for verb in _TABS if (names := studio.able(verb))}
    if not tabs:
        raise ValueError("none of these models tries on, reposes, redresses or samples; name others by --models")
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(60, 60)) as blocks:
        gr.Markdown(
            f"# {TITLE}\nThe founding papers of fashion image generation, on embedded people or on a picture of your own. "
            "The bundled networks are small and know drawn people alone. Nothing that you upload is kept."
        )
        for verb, names in tabs.items():
            title, build = _TABS[verb]
            with gr.Tab(title, id=verb):
                build(studio, names)
    return blocks


# ------------------------------------------------------------------------------------------------ tabs
def _try_on(studio: Studio, names: list[str]) -> None:
    first = studio.models[names[0]]
    with gr.Row():
        with gr.Column():
            person = _chooser(studio, "Person", "try-on-person", [_person(each, first) for each in range(_EXAMPLES)], 1)
        with gr.Column():
            garment = _chooser(
                studio, "Garment", "try-on-garment", [examples.garment(each, first).to_pil() for each in range(_EXAMPLES)], 5
            )
            worn = None
            if any("garment" in studio.models[name].needs_to_run for name in names):
                with gr.Accordion("What an uploaded person wears (cagan compares garments)", open=False):
                    worn = _chooser(studio, "Worn garment", "try-on-worn", [], None)
    inputs = [person.state, garment.state, *([] if worn is None else [worn.state])]
    _answering(names, "Try on", "try-on", studio.try_on, inputs)


def _repose(studio: Studio, names: list[str]) -> None:
    first = studio.models[names[0]]
    people = [examples.person(each, first) for each in range(_EXAMPLES)]
    poses = [stick_figure(each.keypoints, each.size) for each in people if each.keypoints is not None]
    with gr.Row():
        with gr.Column():
            person = _chooser(studio, "Person", "repose-person", [each.to_pil() for each in people], 1)
        with gr.Column():
            pose = _chooser(studio, "Pose, or a picture of somebody who holds it", "repose-pose", poses, 3)
    _answering(names, "Repose", "repose", studio.repose, [person.state, pose.state])


def _redress(studio: Studio, names: list[str]) -> None:
    first = studio.models[names[0]]
    with gr.Row():
        with gr.Column():
            person = _chooser(studio, "Person", "redress-person", [_person(each, first) for each in range(_EXAMPLES)], 1)
        with gr.Column():
            sentences = examples.scenes(first, "redress", _SENTENCES).other_text
            assert isinstance(sentences, list)
            text = gr.Textbox(sentences[0], label="What she should wear", max_length=studio.limits.letters, elem_id="redress-text")
            gr.Examples([[each] for each in sentences], [text], label="Sentences", api_visibility="private")
            seed = _seed("redress")
    _answering(names, "Redress", "redress", studio.redress, [person.state, text, seed])


def _sample(studio: Studio, names: list[str]) -> None:
    with gr.Row():
        most = studio.limits.samples
        count = gr.Slider(1, most, value=min(6, most), step=1, precision=0, label="How many people", elem_id="sample-count")
        seed = _seed("sample")
    _answering(names, "Sample", "sample", studio.sample, [count, seed])


_TABS: dict[str, tuple[str, Callable[[Studio, list[str]], None]]] = {
    "try_on": ("Try on", _try_on),
    "repose": ("Repose", _repose),
    "redress": ("Redress", _redress),
    "sample": ("Sample", _sample),
}


# ------------------------------------------------------------------------------------------------ choosing
def _person(number: int, model: Any) -> Image.Image:
    return examples.person(number, model).to_pil()


def _seed(name: str) -> gr.Number:
    return gr.Number(0, label="Seed: another number is another picture", precision=0, minimum=0, elem_id=f"{name}-seed")


def _chooser(studio: Studio, label: str, name: str, shown: list[Image.Image], chosen: int | None) -> Chooser:
    """Thumbnails of embedded examples, and a button for a picture of one's own."""
    state = gr.State(None if chosen is None else Source(example=chosen), time_to_live=_MEMORY)
    gr.Markdown(f"### {label}")
    with gr.Row():
        before = "" if chosen is None else figures([(f"example {chosen}", shown[chosen])], small=True)
        with gr.Column(scale=1, min_width=140):
            preview = gr.HTML(before, elem_id=f"{name}-preview", min_height=200)
        if shown:
            gallery = gr.Gallery(
                list(shown), show_label=False, columns=4, rows=2, height=230, object_fit="contain", allow_preview=False,
                format="png", interactive=False, buttons=[], scale=3, min_width=320, selected_index=chosen,
                elem_id=f"{name}-examples",
            )  # fmt: skip
    if shown:

        def pick(event: gr.SelectData) -> tuple[Source, str]:
            if not isinstance(event.index, int) or not 0 <= event.index < len(shown):
                raise _refused("there is no such example")
            return Source(example=event.index), figures([(f"example {event.index}", shown[event.index])], small=True)

        gallery.select(pick, None, [state, preview], show_progress="hidden", queue=False, api_visibility="private")

    upload = gr.UploadButton(f"Upload: {label.lower()}", file_types=list(ENDINGS), size="sm", elem_id=f"{name}-upload")

    def take(path: str | None) -> tuple[Source, str]:
        if path is None:
            raise _refused("the upload did not arrive; try again")
        file = Path(path)
        try:
            picture = read_upload(file.read_bytes(), studio.limits)
        except ValueError as error:
            raise _refused(str(error)) from error
        finally:
            file.unlink(missing_ok=True)
        return Source(picture=picture), figures([("your picture", as_pillow(picture))], small=True)

    upload.upload(
        take, upload, [state, preview], show_progress="minimal", concurrency_id="upload", concurrency_limit=2,
        api_visibility="private",
    )  # fmt: skip
    return Chooser(state, preview)


# ------------------------------------------------------------------------------------------------ answering
def _answering(
    names: list[str], label: str, name: str, verb: Callable[..., Iterable[Answer]], inputs: list[Any]
) -> None:  # fmt: skip
    models = gr.CheckboxGroup(names, value=names, label="Models", elem_id=f"{name}-models")
    button = gr.Button(label, variant="primary", elem_id=f"{name}-button")
    results = gr.HTML(elem_id=f"{name}-results", min_height=80)
    with gr.Accordion("What the models saw and drew on the way", open=False):
        way = gr.HTML(elem_id=f"{name}-way")

    def answer(chosen: list[str], *given: Any, progress: gr.Progress = gr.Progress()) -> Iterator[tuple[str, str]]:  # noqa: B008
        """Shows each answer as soon as it is there."""
        answers: list[Answer] = []
        progress((0, len(chosen)), unit="models")
        try:
            if any(each is None for each in given[:2]):
                raise ValueError("choose an example or upload a picture first")
            for each in verb(chosen, *given):
                answers.append(each)
                progress((len(answers), len(chosen)), unit="models")
                yield told(answers), "".join(map(on_the_way, answers))
        except (ValueError, TimeoutError) as error:
            raise _refused(" ".join(str(error).split())) from error
        except Exception as error:
            _log.exception("a request failed")
            raise _refused("something went wrong; the log of the server says what") from error

    button.click(answer, [models, *inputs], [results, way], show_progress_on=[results], **_WORK)


def _refused(message: str) -> gr.Error:
    """Shown to the visitor, and not a word of it in the server's log."""
    return gr.Error(message, print_exception=False)


def told(answers: Iterable[Answer]) -> str:
    """Results beside each other, with the notes below."""
    pictures, notes = [], []
    for answer in answers:
        label = f"{answer.model} ({answer.seconds:.1f} s)"
        pictures += [(label if place == 0 else "", picture) for place, picture in enumerate(answer.pictures)]
        notes += [f"{answer.model}: {note}" for note in answer.notes]
    lines = "".join(f"<p class='told'>{html.escape(note)}</p>" for note in dict.fromkeys(notes))
    return figures(pictures) + lines


def on_the_way(answer: Answer) -> str:
    """What one model saw and drew."""
    if not answer.seen:
        return ""
    return f"<h4>{html.escape(answer.model)}</h4>" + figures(answer.seen.items(), small=True)


def figures(pictures: Iterable[tuple[str, Image.Image]], small: bool = False) -> str:
    """Titled pictures in a row, inside of the page itself: no file is written."""
    drawn = "".join(
        f"<figure><img alt='{html.escape(title)}' src='{_inside(picture)}'><figcaption>{html.escape(title)}</figcaption></figure>"
        for title, picture in pictures
    )
    return f"<div class='shown{' small' if small else ''}'>{drawn}</div>"


def _inside(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
