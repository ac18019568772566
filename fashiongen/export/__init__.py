"""Trained models as files that run without this library: ONNX graphs and `torch.export` programs.

`fashiongen.export.folder.export` writes a folder; `fashiongen.export.graph` is how a paper says what there is to write. Each paper
has a file `export.py` with a function `graphs(model)`; the table below names them, so that looking them up imports nothing.
"""

from __future__ import annotations

FORMATS = {"onnx": ".onnx", "torch": ".pt2"}
"""Format -> ending of its files."""

GRAPHS = {
    "viton": "fashiongen.models.viton.export:graphs",
    "pg2": "fashiongen.models.pg2.export:graphs",
    "deformable_gan": "fashiongen.models.deformable_gan.export:graphs",
    "disentangled_pig": "fashiongen.models.disentangled_pig.export:graphs",
    "cagan": "fashiongen.models.cagan.export:graphs",
    "clothnet": "fashiongen.models.clothnet.export:graphs",
    "fashion_gan": "fashiongen.models.fashion_gan.export:graphs",
}
"""Model -> `module:function` that lists its graphs."""
