"""No file brings anything down: damaged files of every kind are read, or refused in one sentence.

Variants are made from small seeds and are the same for the same number, so that one that fell can be looked at again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from names import NAMES

HERE = Path(__file__).parent
FEW, MANY = 200, 2000


class Worker:
    """A process that has imported everything and forks for each decoder."""

    def __init__(self, cache):
        paths = [str(HERE), str(HERE.parent / "toy")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "SUITE_CACHE": str(cache),
            "OMP_NUM_THREADS": "1",
        }
        self.answered = {}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment, cwd=cache,
        )  # fmt: skip

    def ask(self, **what):
        """The answer to one line."""
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    asked = Worker(tmp_path_factory.mktemp("cache"))
    yield asked
    asked.process.stdin.close()
    asked.process.wait(60)


def fallen(worker, decoder, count):
    if (decoder, count) not in worker.answered:  # those of a kind are asked together: each new process takes a second
        alike = [name for name in NAMES if name.partition(".")[0] == decoder.partition(".")[0]]
        answered = worker.ask(decoders=alike, count=count)
        worker.answered |= {(name, count): answer["fell"] for name, answer in answered.items()}
    fell = worker.answered[decoder, count]
    shown = "\n\n".join("\n".join(map(str, variant)) for variant in fell[:3])
    return f"{len(fell)} of {count} variants fell:\n{shown}" if fell else ""


@pytest.mark.parametrize("decoder", NAMES)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(worker, decoder):
    assert not fallen(worker, decoder, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("decoder", NAMES)
def test_so_are_ten_times_as_many(worker, decoder):
    assert not fallen(worker, decoder, MANY)


def test_no_decoder_is_forgotten(worker):
    assert worker.ask() == list(NAMES)


def test_what_falls_is_seen(worker):
    """The harness itself: an exception, too much memory, too much time, and a process that dies."""
    kinds = {"raises": "KeyError", "grows": "MemoryError", "waits": "TooLong", "dies": "ended with status -6"}
    answered = worker.ask(decoders=[f"test.{name}" for name in kinds], count=1)
    for name, kind in kinds.items():
        assert kind in answered[f"test.{name}"]["fell"][0][1], (name, answered)
