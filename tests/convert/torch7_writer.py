"""Torch7's binary format, written: what tests need of it."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import numpy as np

STORAGES = {"f4": "Float", "f8": "Double", "i8": "Long", "u1": "Byte"}


class Module:
    """An object with fields."""

    def __init__(self, name: str, **fields: Any) -> None:
        self.name, self.fields = name, fields


class Writer:
    """Bytes of values; what is the same object is written once."""

    def __init__(self, flavour: str = "") -> None:
        self.flavour = flavour  # "Cuda" for torch.CudaTensor
        self.known: dict[int, int] = {}
        self.kept: list[Any] = []

    def value(self, value: Any) -> bytes:
        if value is None:
            return self.int(0)
        if isinstance(value, bool):
            return self.int(5) + self.int(value)
        if isinstance(value, int | float):
            return self.int(1) + struct.pack("<d", value)
        if isinstance(value, str):
            return self.int(2) + self.text(value)
        if isinstance(value, list):
            value = {float(place): item for place, item in enumerate(value, 1)}
        tag = 3 if isinstance(value, dict) else 4
        if id(value) in self.known:
            return self.int(tag) + self.int(self.known[id(value)])
        number = self.known[id(value)] = len(self.known) + 1
        self.kept.append(value)  # its id must not be given to another
        start = self.int(tag) + self.int(number)
        if isinstance(value, dict):
            return start + self.int(len(value)) + b"".join(self.value(key) + self.value(item) for key, item in value.items())
        if isinstance(value, np.ndarray):
            return start + self.tensor(value)
        return start + self.text("V 1") + self.text(value.name) + self.value(value.fields)

    def tensor(self, array: np.ndarray) -> bytes:
        kind = STORAGES[array.dtype.str[1:]] if not self.flavour else self.flavour
        strides = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides]
        head = self.text("V 1") + self.text(f"torch.{kind}Tensor") + self.int(array.ndim)
        head += struct.pack(f"<{2 * array.ndim + 1}q", *array.shape, *strides, 3)  # two values lie before the first one
        self.known[id(head)] = len(self.known) + 1
        self.kept.append(head)
        storage = self.int(4) + self.int(self.known[id(head)]) + self.text("V 1") + self.text(f"torch.{kind}Storage")
        return head + storage + struct.pack("<q", array.size + 2) + bytes(2 * array.itemsize) + array.tobytes()

    @staticmethod
    def int(number: int) -> bytes:
        return struct.pack("<i", number)

    def text(self, text: str) -> bytes:
        return self.int(len(text.encode())) + text.encode()


def graph(arrays: dict[str, np.ndarray], package: str = "nn") -> Module:
    """An `nn.gModule` whose nodes hold modules with weights, "<place>.<field>" -> array; the places between hold others."""
    places = {int(name.partition(".")[0]) for name in arrays}
    nodes: list[Any] = []
    for place in range(1, max(places) + 2):
        own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{place}.")}
        module = Module(f"{package}.Layer" if own else f"{package}.Identity", output=np.zeros(0, np.float32), **own)
        nodes.append(Module("nngraph.Node", data={"module": module}, id=float(place)))
    for node, following in itertools.pairwise(nodes):
        node.fields["children"] = [following]
        following.fields["parents"] = {node: 1.0}  # cyclic, and keyed by an object
    return Module("nn.gModule", forwardnodes=nodes, modules=[node.fields["data"]["module"] for node in nodes])
