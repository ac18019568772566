"""Serves the page; what visitors upload passes through a private folder and is gone with the server at the latest."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fashiongen.demo.studio import Studio

if TYPE_CHECKING:
    import gradio

EXTRA = "the demo needs the extra: pip install 'fashiongen[demo]'"
_LOCAL = ("127.0.0.1", "localhost", "::1")


@contextmanager
def serving(studio: Studio, host: str = "127.0.0.1", port: int | None = None) -> Iterator[str]:
    """Serve the page while the block runs.

    Args:
        studio: the models.
        host: address that the server listens at.
        port: None takes a free one.

    Yields:
        the address of the page.

    Raises:
        ImportError: without the extra.
        OSError: when the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="fashiongen-demo-") as folder:
        # Both are read when a component is made, the first when gradio is imported.
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            import gradio
        except ImportError as error:
            raise ImportError(EXTRA) from error
        from fashiongen.demo.page import CSS, page

        blocks = page(studio)
        blocks.queue(max_size=studio.limits.waiting, default_concurrency_limit=1)
        _, address, _ = blocks.launch(
            server_name=host, server_port=port, share=False, prevent_thread_lock=True, quiet=True, show_error=False,
            max_file_size=int(studio.limits.megabytes * 1e6), footer_links=[], ssr_mode=False, pwa=False, mcp_server=False,
            enable_monitoring=False, theme=_theme(gradio), css=CSS,
        )  # fmt: skip
        try:
            yield address
        finally:
            blocks.close(verbose=False)


def serve(studio: Studio, host: str, port: int) -> None:
    """Serve the page until the process is interrupted or asked to end."""
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serving(studio, host, port) as address:
            print(f"fashiongen demo: {address} (Ctrl-C ends it)", flush=True)
            if host not in _LOCAL:
                print("everybody who reaches this machine can use it; there is no password", flush=True)
            ended.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _theme(gradio: Any) -> gradio.themes.Base:
    """Fonts of the visitor's machine: nothing is fetched from elsewhere."""
    fonts = ["system-ui", "sans-serif"]
    return gradio.themes.Soft(font=fonts, font_mono=["ui-monospace", "monospace"], primary_hue="indigo")
