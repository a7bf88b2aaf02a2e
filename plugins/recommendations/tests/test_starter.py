"""The real starter: the contract, a short training that must beat popularity, and the figures of the README."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from recommendation_messy import messy

from suite.testing import DomainContract, newest


class TestContract(DomainContract):
    domain = "recommendations"
    settings = {
        "limit": 100,
        "max_steps": 6,
        "batch_size": 8,
        "evaluate_every": 3,
        "log_every": 1,
        "hidden_size": 16,
        "layers": 1,
    }
    bad_input = "no-such-users.csv"

    same_question = True

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        (folder / "users.csv").write_text(
            "user,item\nyou,258\n"
        )  # what most of the 100 have seen, which the demo is asked about
        return str(folder / "users.csv")


def train(folder: Path, *flags: str) -> tuple[Path, dict]:
    """A run of the starter by the command users type, and its evaluation of the test split."""
    command = [sys.executable, "-m", "suite", "recommendations", "train", "-q", "--output", str(folder), *flags]
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    run = newest(folder)
    return run, json.loads((run / "evaluation.json").read_text())["test"]


@pytest.mark.slow
def test_a_minute_of_training_beats_every_baseline(tmp_path):
    _, evaluation = train(tmp_path, "--set", "max_steps=150", "--set", "evaluate_every=150")
    ndcg = {name: values["ndcg@10"]["value"] for name, values in evaluation["systems"].items()}
    assert evaluation["examples"] == 943
    assert ndcg["popularity"] == pytest.approx(0.045, abs=0.001)  # the protocol's fingerprint
    assert ndcg["EASE"] == pytest.approx(0.075, abs=0.003)
    assert ndcg["fine-tuned"] > max(value for name, value in ndcg.items() if name != "fine-tuned")


@pytest.mark.slow
def test_the_figures_of_the_readme_hold(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    _, evaluation = train(tmp_path)
    cpu_seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    tuned = {name: value["value"] for name, value in evaluation["systems"]["fine-tuned"].items()}
    assert tuned["ndcg@10"] >= 0.11 and tuned["hr@10"] >= 0.205
    for rival in ("co-visitation", "EASE", "ItemKNN", "popularity", "before fine-tuning"):
        assert evaluation["differences"][rival]["verdict"] == "better"
    assert cpu_seconds < 360  # of one core, so that a busy machine doesn't count; six minutes are promised on two
