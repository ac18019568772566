"""Training over nodes as clusters start it: two processes that meet over gloo, each a node of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from fashiongen.cli import main
from fashiongen.data.shards.writer import write_shards
from fashiongen.mannequin.data import MannequinDataModule

HERE = Path(__file__).parent
QUIET = ("--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false")
COARSE_STEPS = 3
SMALL = {
    "size": [32, 16], "width": 4, "code": 4, "blocks": 3, "refinement_blocks": 2, "critic_width": 4, "critic_levels": 2,
    "steps": {"coarse": COARSE_STEPS, "refinement": 2}, "pictures_every": 0,
}  # fmt: skip


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def torchrun(node: int, port: str) -> tuple[list[str], dict[str, str]]:
    """How torchrun starts the process of a node."""
    options = ["--nnodes=2", f"--node_rank={node}", "--nproc_per_node=1", "--master_addr=127.0.0.1", f"--master_port={port}"]
    return [sys.executable, "-m", "torch.distributed.run", *options, "-m"], {}


def srun(node: int, port: str) -> tuple[list[str], dict[str, str]]:
    """What SLURM's srun sets in the process of a node."""
    job = {"JOB_ID": "1", "JOB_NAME": "train", "NTASKS": "2", "NTASKS_PER_NODE": "1", "NNODES": "2", "NODELIST": "127.0.0.1"}
    place = {"PROCID": str(node), "LOCALID": "0", "NODEID": str(node)}
    return [sys.executable, "-m"], {f"SLURM_{name}": value for name, value in (job | place).items()} | {"MASTER_PORT": port}


def told(folder: str, ranks: int) -> list[dict[str, Any]]:
    return [json.loads(Path(folder, f"rank{rank}.json").read_text()) for rank in range(ranks)]


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with shards of pairs and a configuration; a batch of four has been trained on by one process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    world = MannequinDataModule("pose", height=32, width=16, framing="full", train_length=11, validation_length=2)
    write_shards(world, "shards", "mannequin", ["train"], samples_a_shard=3)
    options = {
        "model": {"class_path": "ddp_training.Told", "init_args": SMALL},
        "data": {"class_path": "fashiongen.data.shards.data.ShardsDataModule", "init_args": {"root": "shards"}},
        "trainer": {"accelerator": "cpu", "devices": 1},
    }
    Path("told.yaml").write_text(yaml.safe_dump(options))
    Path("alone").mkdir()
    Path("nodes").mkdir()
    monkeypatch.setenv("TOLD", "alone")
    words = ["fit", "--config", "told.yaml", "--data.batch_size=4", "--trainer.default_root_dir=alone", *QUIET]
    assert main(words) == 0
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [torchrun, srun])
def test_two_nodes_train_like_one_process_with_the_same_global_batch(training: Path, launcher: Any) -> None:
    port = free_port()
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [
        "fashiongen.cli", "fit", "--config", "told.yaml", "--data.batch_size=2", "--trainer.default_root_dir=nodes",
        "--trainer.num_nodes=2", "--trainer.strategy=ddp", *QUIET,
    ]  # fmt: skip
    nodes = []
    for node in range(2):
        command, environment = launcher(node, port)
        environment |= {"PYTHONPATH": path, "TOLD": "nodes", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
        log = open(f"node{node}.log", "w")  # noqa: SIM115 (a process writes it)
        nodes.append(subprocess.Popen([*command, *words], env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT))
    assert [node.wait(timeout=300) for node in nodes] == [0, 0], Path("node0.log").read_text() + Path("node1.log").read_text()

    (alone,), both = told("alone", 1), told("nodes", 2)
    assert [node["world_size"] for node in both] == [2, 2] and both[0]["weights"] == both[1]["weights"]
    for step, (whole, first, second) in enumerate(zip(alone["steps"], *(node["steps"] for node in both), strict=True)):
        assert first.pop("names") + second.pop("names") == whole.pop("names")
        if step < COARSE_STEPS:
            for name, value in whole.items():
                assert (first[name] + second[name]) / 2 == pytest.approx(value, rel=1e-4), (step, name)
    # The critic of the second stage judges each process's own batch by the statistics of that batch.
    coarse = [torch.load(f"{run}/pg2/coarse.ckpt", weights_only=True)["state_dict"] for run in ("alone", "nodes")]
    for name in coarse[0]:
        torch.testing.assert_close(coarse[1][name], coarse[0][name], rtol=1e-3, atol=1e-5)
