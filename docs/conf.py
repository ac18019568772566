"""Sphinx configuration."""

from importlib import metadata

project = "fashiongen"
author = "the fashiongen authors"
release = version = metadata.version("fashiongen")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_numpy_docstring = False
nitpicky = False

html_theme = "furo"
html_title = "fashiongen"
