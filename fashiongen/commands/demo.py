"""`demo`: the models in a browser."""

from __future__ import annotations

import argparse

from fashiongen import registry

_ANNOTATORS = ("auto", "photo", "mannequin", "none")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command of this module."""
    parser = commands.add_parser(
        "demo",
        help="the models in a browser, on embedded people or one's own pictures",
        description="Serve a page with a tab a verb: examples, uploads, several models beside each other, and what they draw on "
        "the way. On this machine alone unless --host says otherwise; nothing that is uploaded is kept. Needs the extra: "
        "pip install 'fashiongen[demo]'.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen at (default: 7860)")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="names, Hub repositories, folders, checkpoints "
                        "(default: all bundled ones)")  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu, cuda, ... (default: cpu)")
    parser.add_argument("--annotator", choices=_ANNOTATORS, default="auto", help="who finds key points and parsing of uploaded "
                        "people: pretrained networks, the embedded one, nobody (default: auto)")  # fmt: skip
    parser.add_argument("--max-mb", type=float, default=10.0, metavar="MB", help="largest upload (default: 10)")
    parser.add_argument("--max-megapixels", type=float, default=40.0, metavar="MP", help="largest picture (default: 40)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of a request over several models (default: 60)")
    parser.add_argument(
        "--waiting", type=int, default=20, metavar="N", help="requests that may wait; more are refused (default: 20)"
    )
    parser.set_defaults(run=demo)


def demo(options: argparse.Namespace) -> None:
    from importlib.util import find_spec

    from fashiongen.demo import server

    if find_spec("gradio") is None:
        raise ImportError(server.EXTRA)
    import fashiongen
    from fashiongen.demo.studio import Studio
    from fashiongen.demo.uploads import Limits

    limits = Limits(options.max_mb, options.max_megapixels, options.seconds, options.waiting)
    sources = options.models or registry.list_models(pretrained=True)
    models = {source: fashiongen.load(source, device=options.device) for source in sources}
    annotator = None if options.annotator == "none" else options.annotator
    server.serve(Studio(models, limits, annotator), options.host, options.port)
