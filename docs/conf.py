"""Sphinx configuration."""

from importlib import metadata

from sphinx.application import Sphinx

from fashiongen import registry
from fashiongen.commands import survey

project = "fashiongen"
author = "the fashiongen authors"
release = version = metadata.version("fashiongen")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_numpy_docstring = False
nitpicky = False

html_theme = "furo"
html_title = "fashiongen"


def fill_survey(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the comparison of the papers into `survey.md`, as `fashiongen list --table` prints it."""
    if page == "survey":
        source[0] = source[0].replace("<!-- survey -->", survey.markdown(registry.list_models()))


def setup(app: Sphinx) -> None:
    app.connect("source-read", fill_survey)
