"""Several processes: started, stopped, resumed and counted by the command itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from suite_toy.fitting import largest, suite, without_dropout

from suite.errors import SuiteError
from suite.runs import Run
from suite.testing import newest
from suite.training import checkpoint
from suite.training.launch import Processes


def weights(folder):
    """The newest checkpoint's."""
    return checkpoint.read_tensors(checkpoint.latest(newest(folder) / "checkpoints"), "model.safetensors")


def accuracies(folder):
    """Every validation of the newest run."""
    lines = Run(newest(folder)).history()
    return [line["validation/accuracy"] for line in lines if "validation/accuracy" in line]


def test_two_machines_train_as_one_process(tmp_path):
    """Two agents on loopback, one process each, stand for two machines with a shared folder."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flags = ["train", "--model", str(without_dropout(tmp_path / "model")), "--set", "noise=0", "--epochs", "1"]
    alone = suite(tmp_path, *flags, "--output", "one")
    _, errors = alone.communicate(timeout=300)
    assert alone.returncode == 0, errors[-2000:]
    flags += ["--output", "two", "--nodes", "2", "--rendezvous", f"localhost:{port}"]
    machines = [suite(tmp_path, *flags) for _ in range(2)]
    ends = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], ends
    assert largest(weights(tmp_path / "one"), weights(tmp_path / "two")) < 1e-5
    assert accuracies(tmp_path / "one") == accuracies(tmp_path / "two")
    assert len(list(tmp_path.glob("two/toy/*/config.yaml"))) == 1
    assert sorted("fine-tuned" in out for out, _ in ends) == [False, True]  # one of them tells the result


def test_a_signal_stops_all_processes_and_the_run_goes_on_with_as_many(tmp_path):
    flags = ["train", "--set", "evaluate_every=5", "--epochs", "400", "--set", "max_steps=200", "--processes", "2"]
    process = suite(tmp_path, *flags, "--output", "parts")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("parts/toy/*/checkpoints/step-*5")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors[-2000:]
    assert time.monotonic() - started < 10
    assert errors.count("Go on with: suite toy train --resume") == 1 and "Traceback" not in errors
    assert not subprocess.run(["pgrep", "-f", str(newest(tmp_path / "parts"))], capture_output=True).stdout
    line = [sys.executable, "-m", "suite", "runs", "resume", "--output", "parts"]
    resumed = subprocess.run(line, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=300)
    assert resumed.returncode == 0 and "Starting 2 processes" in resumed.stderr, resumed.stderr[-2000:]
    whole = suite(tmp_path, *flags, "--output", "whole")
    _, errors = whole.communicate(timeout=300)
    assert whole.returncode == 0, errors[-2000:]
    assert largest(weights(tmp_path / "whole"), weights(tmp_path / "parts")) == 0


def test_a_mistake_is_told_once(tmp_path):
    process = suite(tmp_path, "train", "--processes", "2", "--data", "nowhere")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.count("No data 'nowhere'") == 1 and "Traceback" not in errors and "torch/distributed" not in errors


def test_machines_must_know_where_to_meet():
    with pytest.raises(SuiteError, match="2 machines need a place to meet: give all of them the same --rendezvous"):
        Processes(1, 2)
    with pytest.raises(SuiteError, match="'node-1' has no port: give all"):
        Processes(1, 2, "node-1")
    assert Processes(4, 2, "node-1:29500").world == 8


def test_the_number_of_processes_is_asserted(tmp_path):
    process = suite(tmp_path, "train", environment={"SUITE_PROCESSES": "3"})
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "3 processes were asked for and 1 came together" in errors


SCORE = """
import os
import torch
from dataclasses import replace
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyScores
from suite.accelerator import make_accelerator
from suite.evaluation.scoring import validate

class Counting(ToyModel):
    def collate(self, examples):
        return {"which": [example["which"] for example in examples]}

    def infer(self, batch):
        return [{"which": which} for which in batch["which"]]

    def lengths(self, examples):
        return [7 * len(examples) % (example["which"] + 2) for example in examples]

class CountingScores(ToyScores):
    def reference(self, example):
        return example["which"]

    def score(self, prediction, reference):
        return {"which": reference, "right": prediction["which"] == reference}

    def metrics(self, scores):
        return {"order": scores["which"].tolist(), "right": float(scores["right"].mean())}

task = replace(TOY, scores=CountingScores).task(batch_size=4)
accelerator, model = make_accelerator(task.config), Counting(torch.nn.Linear(1, 1), task.config)
if accelerator.num_processes > 1:  # the others wait while the first evaluates; NCCL's ten minutes are not enough
    gloo = torch.distributed.group.WORLD._get_backend(torch.device("cpu"))
    assert gloo.options._timeout.total_seconds() > 3600, gloo.options._timeout
for count in range(1, 34):
    examples = [{"which": i} for i in range(count)]
    metrics = validate(model, task.scores(model), examples, accelerator, lambda: False)
    assert metrics == {"order": list(range(count)), "right": 1.0}, (accelerator.num_processes, count, metrics)
os.write(1, f"scored {accelerator.num_processes}\\n".encode())  # in one piece, whatever the others write
os._exit(0)
"""


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_example_is_scored_once_on_any_number_of_processes(tmp_path, processes):
    (tmp_path / "score.py").write_text(SCORE)
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    done = subprocess.run([*line, "score.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count(f"scored {processes}") == processes


def test_a_run_resumes_by_name_whatever_its_domain(tmp_path):
    process = suite(tmp_path, "train", "--epochs", "400", "--set", "save_every=3", "--output", "out")
    while not list(tmp_path.glob("out/toy/*/checkpoints/step-*3")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    status = json.loads((newest(tmp_path / "out") / "status.json").read_text())
    assert status["state"] == "interrupted"
    line = [sys.executable, "-m", "suite", "runs", "resume", "no-such-run", "--output", "out"]
    unknown = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert unknown.returncode == 2 and newest(tmp_path / "out").name in unknown.stderr
    empty = subprocess.run([*line[:5], "--output", "none"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert empty.returncode == 2 and "No stopped run in none" in empty.stderr
