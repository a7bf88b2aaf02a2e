"""Checkpoints survive kills, damage and full disks."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import torch

from suite.errors import SuiteError
from suite.training import checkpoint
from suite.training.checkpoint import Writer, folder, latest, prune, read_state, read_tensors, steps, verify


def write(root, step, keep=2, protect=()):
    writer = Writer(root, step)
    tensors = {"w": torch.full((1000,), float(step))}
    writer.open(4000)
    writer.add("model.safetensors", tensors)
    writer.add("optimizer.safetensors", tensors)
    path = writer.commit({"step": step})
    prune(root, keep, protect)
    return path


def test_what_is_written_is_read(tmp_path):
    path = write(tmp_path, 7)
    assert latest(tmp_path) == path and verify(path)
    assert read_state(path) == {"step": 7}
    assert torch.equal(read_tensors(path, "model.safetensors")["w"], torch.full((1000,), 7.0))


def test_retention_keeps_the_newest_and_the_protected(tmp_path):
    for step in range(1, 6):
        write(tmp_path, step, keep=2, protect={2})
    assert steps(tmp_path) == [2, 4, 5]


def flip(path):
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "flipped bit": lambda p: flip(p / "model.safetensors"),
    "truncated": lambda p: os.truncate(p / "optimizer.safetensors", 50),
    "missing file": lambda p: (p / "model.safetensors").unlink(),
    "missing manifest": lambda p: (p / "MANIFEST.json").unlink(),
    "torn manifest": lambda p: os.truncate(p / "MANIFEST.json", 20),
    "altered state": lambda p: (p / "state.json").write_text("{}"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_checkpoint_is_passed_over_aloud(kind, tmp_path, capsys):
    older, newer = write(tmp_path, 1), write(tmp_path, 2)
    DAMAGE[kind](newer)
    assert latest(tmp_path) == older
    assert f"{newer} is damaged" in capsys.readouterr().err


def test_writing_the_same_step_again_replaces_it(tmp_path):
    write(tmp_path, 1)
    assert verify(write(tmp_path, 1)) and steps(tmp_path) == [1]


DURABLE = ("open", "os.rename", "os.mkdir", "shutil.rmtree", "os.remove", "os.rmdir")


def test_a_kill_at_any_file_operation_loses_nothing(tmp_path):
    """SIGKILL at every open, mkdir, rename and removal over four saves, each in a forked child."""
    at = 1
    while killed(tmp_path / f"at{at}", at):
        root = tmp_path / f"at{at}"
        log = tmp_path / f"at{at}.log"
        completed = [int(line) for line in log.read_text().split()] if log.exists() else []
        newest = latest(root) if root.exists() else None
        assert (read_state(newest)["step"] if newest else 0) >= max(completed, default=0), at
        assert all(verify(folder(root, step)) for step in (steps(root) if root.exists() else [])), at
        at += 1
    assert at > 50, "the test must have killed something"


def killed(root, at):
    """Four saves in a child that is killed at its `at`-th file operation below `root`; whether it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def audit(event, arguments):
            nonlocal count
            if event in DURABLE and str(root) in str(arguments):
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)

        log = os.open(f"{root}.log", os.O_CREAT | os.O_WRONLY)
        sys.addaudithook(audit)
        try:
            for step in (1, 2, 3, 4):
                write(root, step)
                os.write(log, f"{step}\n".encode())
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a save failed"
    return os.WIFSIGNALED(status)


def test_a_full_disk_is_refused_before_writing(tmp_path, monkeypatch):
    path = write(tmp_path, 1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda p: usage._replace(free=1000))
    with pytest.raises(SuiteError, match=r"needs 0 MB and 0 MB are free\. Earlier checkpoints are intact"):
        write(tmp_path, 2)
    assert latest(tmp_path) == path


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "is full"), (errno.EIO, "Cannot write a checkpoint to .*Earlier checkpoints are intact")],
)
@pytest.mark.parametrize("operation", ["_flush", "save_file", "_write_json", "rename"])
def test_a_disk_that_fails_while_writing_leaves_the_one_before(tmp_path, monkeypatch, operation, number, said):
    path = write(tmp_path, 1)

    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    place = (Path, "rename") if operation == "rename" else (checkpoint, operation)
    with monkeypatch.context() as patch, pytest.raises(SuiteError, match=said):
        patch.setattr(*place, fail)
        write(tmp_path, 2)
    assert latest(tmp_path) == path and list(tmp_path.glob(".tmp-*")) == []
    assert write(tmp_path, 2) == latest(tmp_path)
