"""Runs taken up after a kill, a full disk or a restart: once, and exact to the last line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from suite_toy.domain import TOY
from suite_toy.fitting import Fitting, fault_after, suite
from suite_toy.model import ToyModel

from suite import api
from suite.errors import SuiteError
from suite.plugins.hookspecs import hookimpl
from suite.runs import Run, list_runs, ownership
from suite.signals import Stopped
from suite.testing.promise import fault_plugin, history, keep_same, newest
from suite.training import checkpoint
from suite.training.train import train

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
SHORT = ["--epochs", "1", "--set", "log_every=1", "--set", "save_every=3"]


def killing(folder, step):
    """What makes `suite toy train --set callbacks=[kill]` kill itself at a step; -1 for never."""
    path = os.pathsep.join([str(fault_plugin(folder / "fault")), os.environ["PYTHONPATH"]])
    return {"PYTHONPATH": path, "KILL_AT_STEP": str(step)}


def ended(process, status=0):
    """What the command said on stderr."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == status, errors[-2000:]
    return errors


class Killed(BaseException):
    """Stands for a kill: nothing but `finally` sees it."""


@pytest.mark.parametrize("where", ["open", "add", "commit"])
def test_a_kill_in_the_first_checkpoint_leaves_no_line_twice(toy_rows, tmp_path, where, monkeypatch):
    whole = Fitting(toy_rows, tmp_path / "whole", noise=0.2)

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoint.Writer, where, die)
        Fitting(toy_rows, tmp_path / "parts", noise=0.2)
    assert [line["step"] for line in history(tmp_path / "parts")] == [0]
    Fitting(toy_rows, tmp_path / "parts", noise=0.2, resume=True)
    assert history(tmp_path / "parts") == history(whole.run.path)


def test_two_resumes_at_once_are_one(tmp_path):
    """Started together, again and again after a kill: each step is logged once, and the end is that of a whole run."""
    whole = train(TOY.task({"epochs": 1, "log_every": 1, "save_every": 3, "output": tmp_path / "whole"}))
    flags = [*SHORT, "--set", "workers=1", "--set", "callbacks=[kill]"]
    ended(suite(tmp_path, "train", *flags, environment=killing(tmp_path, 1)), -signal.SIGKILL)
    for kill_at in (4, -1):
        both = [suite(tmp_path, "train", "--resume", environment=killing(tmp_path, kill_at)) for _ in range(2)]
        errors = [process.communicate(timeout=120)[1] for process in both]
        statuses = sorted(process.returncode for process in both)
        expected = [0, 2] if kill_at == -1 else [-signal.SIGKILL, -signal.SIGKILL]
        # One that came when the other was dead already is killed at its own step; else it is refused.
        assert statuses == expected or statuses == [-signal.SIGKILL, 2], errors
    keep_same(whole.path, newest(tmp_path / "runs"), "resumed by two at once")


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
SENTENCE = r"^The disk of .* is full: \d+ MB are free\. Earlier checkpoints are intact: free .* with --resume\.$"


def raises_when(function, condition):
    def instead(*arguments, **named):
        if condition(*arguments, **named):
            raise FULL
        return function(*arguments, **named)

    return instead


FULL_AT = {
    "log line": (Run, "log", lambda run, values: values["step"] == 3),
    "heartbeat": (Run, "set_status", lambda run, state, *_, **how: how.get("step", 0) > 1),
    "sign of life": (
        ownership,
        "write_json",
        lambda path, value, **_: (path.parents[1] / "metrics.jsonl").exists() and "released" not in value,
    ),
    "preview": (ToyModel, "preview", lambda model, step, *_: step > 0),
    "model": (ToyModel, "save", lambda *_: True),
    "card": (sys.modules["suite.training.train"], "write_text", lambda path, _: path.name == "README.md"),
}


@pytest.mark.parametrize("where", FULL_AT)
def test_a_full_disk_ends_in_the_same_sentence_wherever_it_is_met(tmp_path, where, monkeypatch):
    class Slow:
        @hookimpl
        def suite_step_taken(self, step):
            time.sleep(1.1 if where == "heartbeat" and step == 2 else 0.1)

    monkeypatch.setattr(ownership, "BEAT", 0.02)
    task = TOY.task({"epochs": 1, "log_every": 1, "output": tmp_path / "runs"})
    with monkeypatch.context() as patch, pytest.raises(SuiteError, match=SENTENCE):
        place, name, condition = FULL_AT[where]
        patch.setattr(place, name, raises_when(getattr(place, name), condition))
        train(task, watching=[Slow()])
    (run,) = list_runs(tmp_path / "runs")
    status = run.status()
    assert run.state() == "failed" and "is full" in status["cause"] and "--resume" in status["next"]
    assert train(task, run).state() == "finished"


def test_a_disk_that_is_really_full_ends_in_the_sentence_and_the_run_goes_on(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")

    class Fill:
        @hookimpl
        def suite_step_taken(self, step):
            if step == 4:
                with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
                    while file.write(b"x" * 4096) == 4096:
                        pass

    task = TOY.task({"epochs": 1, "log_every": 1, "save_every": 2, "output": disk / "runs"})
    try:
        with pytest.raises(SuiteError, match=r"The disk of .* is full"):
            train(task, watching=[Fill()])
        (disk / "filler").unlink()
        (run,) = list_runs(disk / "runs")
        train(task, run)
        whole = train(task.domain.task(dict(task.config), {"output": tmp_path / "whole"}))
        assert history(run.path) == history(whole.path)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_an_owner_is_doing_stops_when_the_run_is_taken_by_force(tmp_path):
    taken = []

    class Take:
        @hookimpl
        def suite_step_taken(self, step):
            if step == 3:
                taken.append(list_runs(tmp_path)[0].owned(force=True))

    with pytest.raises(SuiteError, match="was taken over by process"):
        train(TOY.task({"epochs": 1, "log_every": 1, "output": tmp_path}), watching=[Take()])
    (run,) = list_runs(tmp_path)
    assert [line["step"] for line in history(run.path)] == [0, 1, 2]
    assert run.status()["state"] == "running" and "cause" not in run.status(), "it is the new owner's to write"
    taken[0].release()
    assert train(TOY.task({}), run).state() == "finished"


def test_a_long_evaluation_does_not_look_dead_from_another_machine(tmp_path, monkeypatch):
    seen = []

    class Long(ToyModel):
        def infer(self, batch):
            if not seen:
                time.sleep(1.5)
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(ownership, "boot", lambda: "another")
                    patch.setattr(ownership, "_is_held", lambda path: False)
                    seen.append(list_runs(tmp_path)[0].state())
            return super().infer(batch)

    monkeypatch.setattr(ownership, "BEAT", 0.1)
    monkeypatch.setattr(ownership, "STALE", 1.0)
    train(replace(TOY, model=Long.load).task({"epochs": 1, "output": tmp_path}))
    assert seen == ["running"]


def test_a_slurm_job_that_is_started_again_goes_on_with_what_it_began(tmp_path, monkeypatch, capsys):
    """Another command in the same script, the same one once more, and the same one by hand begin runs of their own."""
    options = {"epochs": 1, "log_every": 1, "save_every": 3, "output": tmp_path}
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Run, "log", dying_at(4))
        api.train("toy", **options)
    (first,) = list_runs(tmp_path)
    others = [api.train("toy", **options)]  # in the same start of the job
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    others += [api.train("toy", **options, seed=4)]
    monkeypatch.delenv("SLURM_JOB_ID")
    others += [api.train("toy", **options)]
    assert "started again" not in capsys.readouterr().err
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert api.train("toy", **options) == first and first.state() == "finished"
    assert f"Slurm job 17 was started again: going on with {first.path}" in capsys.readouterr().err
    keep_same(others[-1].path, first.path, "started again by Slurm")
    assert api.train("toy", **options) not in [first, *others], "finished it is finished"


def dying_at(step):
    log = Run.log

    def instead(self, values):
        if values["step"] == step:
            raise Killed
        log(self, values)

    return instead


@pytest.mark.slow
def test_a_slurm_job_of_two_processes_that_is_started_again_goes_on(tmp_path):
    command = ["train", *SHORT, "--processes", "2", "--set", "callbacks=[kill]"]
    job = {"SLURM_JOB_ID": "18"}
    ended(suite(tmp_path, *command, environment=killing(tmp_path, 4) | job), 128 + signal.SIGKILL)
    again = job | {"SLURM_RESTART_COUNT": "1"}
    assert "started again" in ended(suite(tmp_path, *command, environment=killing(tmp_path, -1) | again))
    (run,) = list_runs(tmp_path / "runs")
    assert run.state() == "finished" and run.processes == 2


def test_a_container_that_is_started_again_goes_on_with_what_it_began(tmp_path):
    """Its first process is a shell, for one that ends itself by SIGKILL there is none that the kernel would end."""
    if refused := subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False).stderr:
        pytest.skip(f"no namespaces of processes here: {refused.strip()}")
    command = " ".join([sys.executable, "-m", "suite", "toy", "train", *SHORT, "--set", "callbacks=[kill]"])
    said = []
    for step in (4, -1):
        environment = os.environ | killing(tmp_path, step)
        line = [*UNSHARE, "sh", "-c", f"{command} || exit 1"]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        said.append(done.stderr)
    assert ["was started again" in text for text in said] == [False, True], said
    assert not any("waiting" in text for text in said)
    (run,) = list_runs(tmp_path / "runs")
    assert run.state() == "finished"


class Broken:
    """Cannot even end."""

    @hookimpl
    def suite_run_finished(self):
        raise OSError("no network")


def test_what_ends_a_run_is_what_the_user_sees_whatever_fails_in_cleaning_up(tmp_path, monkeypatch, capsys):
    """Before training began, so that no bar was opened; with a callback, a status and a log that fail as well."""

    class Fails(ToyModel):
        def lengths(self, examples):
            raise SuiteError("the cause")

    def cannot(self, text):
        if text.startswith("failed"):
            raise OSError("no log")

    monkeypatch.setattr(Run, "note", cannot)
    task = replace(TOY, model=Fails.load).task({"output": tmp_path})
    with pytest.raises(SuiteError, match="^the cause$"):
        train(task, watching=[Broken()])
    said = capsys.readouterr().err
    assert "no network" not in said, "what was never begun is not ended"
    assert "how it ended failed: OSError: no log" in said


def test_a_callback_that_fails_at_the_end_is_logged(tmp_path, capsys):
    """Of a run that finishes and of one that fails, whose cause stays what is raised."""
    task = TOY.task({"epochs": 1, "output": tmp_path})
    assert train(task, watching=[Broken()]).state() == "finished"
    failed = "The callback Broken failed in suite_run_finished: OSError: no network."
    assert failed in capsys.readouterr().err

    def cause():
        raise SuiteError("the cause")

    with fault_after(2, cause), pytest.raises(SuiteError, match="^the cause$"):
        train(task, watching=[Broken()])
    assert {run.state() for run in list_runs(tmp_path)} == {"finished", "failed"}
    assert failed in capsys.readouterr().err


def test_a_stop_is_a_stop_though_loader_and_status_fail(toy_rows, tmp_path, monkeypatch, capsys):
    class Send:
        @hookimpl
        def suite_step_taken(self, step):
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

    def broken(self):
        shut(self)
        monkeypatch.undo()
        raise AssertionError("can only join a child process")

    iterator = sys.modules["suite.training.order"]._MultiProcessingDataLoaderIter
    shut = iterator._shutdown_workers
    monkeypatch.setattr(iterator, "_shutdown_workers", broken)
    with pytest.raises(Stopped):
        Fitting(toy_rows, tmp_path, callbacks=[Send()], workers=1)
    assert "Ending the processes that load examples failed" in capsys.readouterr().err
