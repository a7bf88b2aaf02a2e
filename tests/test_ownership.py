"""Who owns a run: one process at a time, and the next one at once when that is dead."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest
from filelock import FileLock

from suite.errors import SuiteError
from suite.runs import Run, ownership
from suite.runs.ownership import Owner, alive, judged, newest, read, take

OWN = """
import ctypes, os, sys, time
from pathlib import Path
from suite.runs import ownership
{before}
owner = ownership.take(Path(sys.argv[1]))
{after}
print("owned", flush=True)
time.sleep(600)
"""
FORKS = {
    "python": "child = os.fork()",
    "libc": "child = ctypes.CDLL(None).fork()",  # as a library in C may: what Python does at a fork is not done
}
LEAVE_CHILD = "\nif child == 0:\n    time.sleep(600)\nprint(child, flush=True)"
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@contextmanager
def owning(folder, *, before="", after="", prefix=()):
    """A process that owns the run in `folder`, killed at the end; yields it with the first line it printed."""
    line = [*prefix, sys.executable, "-c", OWN.format(before=before, after=after), str(folder)]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        end_group(process)


def end_group(process):
    """Ends a process with the children it left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def kill(process):
    process.kill()
    process.wait()


@pytest.fixture
def folder(tmp_path):
    """The owner folder of a run."""
    return tmp_path / "run" / "owner"


@pytest.fixture(autouse=True)
def run_folder(folder):
    folder.parent.mkdir()


def at_once(folder, **how):
    """Becomes the owner, without waiting."""
    began = time.monotonic()
    owner = take(folder, **how)
    assert time.monotonic() - began < 5
    return owner


@pytest.fixture
def elsewhere(monkeypatch):
    """This process is on another machine."""
    move_elsewhere(monkeypatch)


def move_elsewhere(monkeypatch):
    """From now on this process is on another machine, which sees the files and not the locks."""
    monkeypatch.setattr(ownership, "boot", lambda: "another boot")
    monkeypatch.setattr(ownership.socket, "gethostname", lambda: "elsewhere")
    monkeypatch.setattr(ownership, "_is_held", lambda path: False)
    monkeypatch.setattr(ownership, "STALE", 3.0)
    monkeypatch.setattr(ownership, "_POLL", 0.02)


def test_a_living_owner_is_not_disturbed_and_a_killed_one_is_gone_at_once(folder):
    with owning(folder) as (process, _):
        assert alive(folder)
        with pytest.raises(SuiteError, match=rf"run is still running in process {process.pid} on .*--force"):
            take(folder)
        kill(process)
        assert not alive(folder)
        at_once(folder).release()


@pytest.mark.parametrize("fork", FORKS)
def test_a_living_child_of_a_killed_owner_holds_nothing(folder, fork):
    with owning(folder, after=FORKS[fork] + LEAVE_CHILD) as (process, child):
        with pytest.raises(SuiteError, match="still running"):
            take(folder)
        kill(process)
        os.kill(int(child), 0)  # it lives
        if fork == "libc":
            assert ownership._is_held(folder / "1.lock"), "a child that Python did not fork keeps the lock"
        assert not alive(folder)
        at_once(folder).release()


def test_filelock_is_free_after_its_owner_was_killed_beside_a_living_child_and_a_bare_lock_is_not(tmp_path):
    """What the choice of `filelock` rests on."""
    bare = "import fcntl; f = open(sys.argv[1] + '.bare', 'w'); fcntl.flock(f, fcntl.LOCK_EX)"
    own = f"from filelock import FileLock; lock = FileLock(sys.argv[1] + '.file'); lock.acquire(); {bare}"
    script = f"import os, sys, time; {own}; child = os.fork(); child or time.sleep(600); print(child, flush=True); "
    line = [sys.executable, "-c", script + "time.sleep(600)", str(tmp_path / "lock")]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        process.stdout.readline()
        kill(process)
        with FileLock(tmp_path / "lock.file", timeout=1):
            assert ownership._is_held(tmp_path / "lock.bare")
    finally:
        end_group(process)


def test_a_process_number_that_was_given_again_is_not_the_owner(folder):
    take(folder).release()
    record = read(folder, 1) | {"released": False, "pid": os.getpid(), "start": "1"}
    assert judged(folder, 1, record) is False
    assert judged(folder, 1, record | {"start": ownership.start(os.getpid()), "locked": False}) is True


def namespaces_refused():
    done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def test_in_containers_the_first_process_of_one_is_not_that_of_the_next(folder):
    """Process 1 of a container is killed and the container started again; beside it another one lives."""
    if reason := namespaces_refused():
        pytest.skip(f"no namespaces of processes here: {reason}")
    with owning(folder, prefix=UNSHARE) as (process, _):
        record = read(folder, 1)
        assert (record["pid"], record["boot"]) == (1, ownership.boot())
        assert alive(folder)
        again = [*UNSHARE, sys.executable, "-c", OWN.format(before="", after="sys.exit()"), str(folder)]
        refused = subprocess.run(again, capture_output=True, text=True, check=False)
        assert "still running in process 1" in refused.stderr
        kill(process)
        time.sleep(0.5)  # unshare's child gets its signal when unshare is gone
        assert not alive(folder)
        began = time.monotonic()
        taken = subprocess.run(again, capture_output=True, text=True, check=False)
        assert taken.returncode == 0 and newest(folder) == 2, taken.stderr
        assert time.monotonic() - began < 10 and "waiting" not in taken.stderr


@pytest.mark.usefixtures("elsewhere")
def test_an_owner_on_another_machine_is_watched_and_left_alone_while_it_writes(folder, capsys):
    with owning(folder, before="ownership.BEAT = 0.2") as (process, _):
        assert alive(folder)
        with pytest.raises(SuiteError, match=rf"still running in process {process.pid} on"):
            at_once(folder)
        said = capsys.readouterr().err
        assert "cannot be asked from here: waiting up to 3 s" in said and "--force does not wait" in said
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        take(folder).release()
        assert 1.5 < time.monotonic() - began < 6 and "waiting up to" in capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("shift", [-86400, 86400])
def test_a_sign_from_the_future_does_not_last_for_ever_nor_does_a_wrong_clock_kill(folder, shift):
    with owning(folder, before="real = time.time; time.time = lambda: real() + " + str(shift)) as (process, _):
        kill(process)
    record = folder / "1.json"
    if shift > 0:
        os.utime(record, (time.time() + shift, time.time() + shift))
    assert not alive(folder)  # so it is shown
    began = time.monotonic()
    take(folder).release()
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("elsewhere")
def test_what_was_silent_for_long_is_not_waited_for(folder, capsys):
    with owning(folder) as (process, _):
        kill(process)
    os.utime(folder / "1.json", (time.time() - 10, time.time() - 10))
    at_once(folder).release()
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("elsewhere")
def test_a_job_that_slurm_starts_again_waits_for_nothing(folder, monkeypatch, capsys):
    slurm = "os.environ.update(SLURM_JOB_ID='17'); ownership.BEAT = 0.1"
    with owning(folder, before=slurm) as (process, _):
        monkeypatch.setenv("SLURM_JOB_ID", "17")
        with pytest.raises(SuiteError, match="still running"):  # another step of the same start
            at_once(folder)
        kill(process)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    capsys.readouterr()
    at_once(folder).release()
    assert not capsys.readouterr().err


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_by_force_the_run_is_taken_with_a_warning_and_the_old_owner_writes_no_more(folder, place, capsys):
    old = Run(folder.parent).owned()
    old.set_status("running", "toy")
    with pytest.MonkeyPatch.context() as patch:
        if place == "elsewhere":
            move_elsewhere(patch)
        new = take(folder, force=True)
    assert "by force" in capsys.readouterr().err
    for write in (lambda: old.log({"step": 1}), lambda: old.set_status("failed"), old.check_owned):
        with pytest.raises(SuiteError, match=r"was taken over by process \d+ on .*; this process stops"):
            write()
    old.release()
    assert not old.history() and old.status()["state"] == "running"
    assert newest(folder) == 2 and not new.lost
    assert place == "elsewhere" or alive(folder)
    new.release()
    assert not alive(folder)


def test_an_owner_lives_while_its_process_does_something_long(folder, monkeypatch):
    monkeypatch.setattr(ownership, "BEAT", 0.1)
    owner = take(folder)
    move_elsewhere(monkeypatch)
    monkeypatch.setattr(ownership, "STALE", 1.0)
    time.sleep(2)  # an evaluation, a model being saved: nothing of ours is called
    assert alive(folder)
    owner.release()


def test_a_file_system_without_locks_is_told_by_process_number_and_start(folder, monkeypatch):
    def no_locks(self):
        raise OSError(95, "Operation not supported")

    with owning(folder, before="ownership._locked = lambda path: None") as (process, _):
        assert read(folder, 1)["locked"] is False and alive(folder)
        kill(process)
        monkeypatch.setattr(FileLock, "acquire", no_locks)
        at_once(folder).release()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"boot": 1}', '{"host": "a", "boot": "b", "pids": 1, "time": 0}'])
def test_a_damaged_record_is_waited_for_like_that_of_another_machine(folder, content, monkeypatch):
    take(folder).release()
    (folder / "1.json").write_text(content)
    monkeypatch.setattr(ownership, "STALE", 0.5)
    assert alive(folder)
    take(folder).release()
    assert newest(folder) == 2


RACES = 10


@pytest.mark.parametrize("place", ["here", "elsewhere"])
@pytest.mark.parametrize("before", ["killed", "released", "none"])
def test_of_several_that_start_at_once_one_becomes_the_owner(folder, before, place, monkeypatch):
    if place == "elsewhere":
        move_elsewhere(monkeypatch)
        monkeypatch.setattr(ownership, "BEAT", 0.1)  # those who lose wait for a sign of the one that wins
        monkeypatch.setattr(ownership, "STALE", 60.0)  # however busy the machine is
    winners = []
    for _ in range(RACES):
        start, go = os.pipe()
        racers = [race(folder, start, go, place) for _ in range(3)]
        time.sleep(0.002)
        os.close(start)
        os.close(go)  # every reader sees the end at the same moment
        outcomes = []
        for pipe, _ in racers:
            select.select([pipe], [], [], 30)
            outcomes.append(os.read(pipe, 1))
        winners.append(outcomes.count(b"1"))
        for pipe, child in racers:  # killed, so that the next race is about a dead owner
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(pipe)
        if before == "released":
            path = folder / f"{newest(folder)}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"released": True}))
        elif before == "none":
            for path in folder.iterdir():
                path.unlink()
        for path in folder.glob("*.json"):
            os.utime(path, (time.time() - 100, time.time() - 100))  # silent for longer than it is waited for
    assert winners == [1] * RACES


def race(folder, start, go, place):
    """A forked child that becomes the owner, or not, when `start` ends; returns where it says which, and its number."""
    answer, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(go)
            if place == "elsewhere":  # each on a machine of its own
                ownership.boot = lambda: f"boot {os.getpid()}"
            os.read(start, 1)
            try:
                owner = take(folder)
                os.write(say, b"1")
                time.sleep(600)
                owner.release()
            except SuiteError:
                os.write(say, b"0")
                time.sleep(600)
        finally:
            os._exit(1)
    os.close(say)
    return answer, child


def test_an_old_number_that_was_removed_cannot_be_had(folder, monkeypatch):
    """One that looked before two others had come and gone finds the number it wants free, and must not take it."""
    for _ in range(3):
        take(folder).release()
    with pytest.raises(SuiteError, match="taken up by another process just now"):
        Owner(folder, 2)
    assert newest(folder) == 3 and not (folder / "2.json").exists()


def test_a_run_in_a_folder_that_cannot_be_written_to_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "owner").write_text("")
    with pytest.raises(SuiteError, match="Cannot write into the run"):
        take(tmp_path / "owner")
