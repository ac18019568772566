"""Run a model that `fashiongen export NAME --format onnx` wrote, with onnxruntime and NumPy alone."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


class Exported:
    def __init__(self, folder):
        record = json.loads(Path(folder, "export.json").read_text(encoding="utf-8"))
        self.graphs = {graph["name"]: graph for graph in record["graphs"]}
        self.sessions = {name: onnxruntime.InferenceSession(Path(folder, graph["file"])) for name, graph in self.graphs.items()}

    def __call__(self, *names, **values):
        """Run graphs one after the other; what one gives, the next takes. All values by name."""
        for name in names:
            given = {each["name"]: np.asarray(values[each["name"]], each["dtype"]) for each in self.graphs[name]["inputs"]}
            drawn = self.sessions[name].run(None, given)
            values.update(zip([each["name"] for each in self.graphs[name]["outputs"]], drawn, strict=True))
        return values


if __name__ == "__main__":
    folder, *names, inputs, outputs = sys.argv[1:]
    np.savez(outputs, **Exported(folder)(*names, **np.load(inputs)))
