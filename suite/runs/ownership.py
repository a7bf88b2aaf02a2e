"""Who may write into a run: at most one process, however the one before it ended, on this machine or on another.

In the folder `owner` of a run each owner has a number, one higher than the owner before it. `N.json` says who it is
(host, boot, process number and start) and is written anew every few seconds; `N.lock` is locked as long as its process
lives. The file `N.json` is made in a way that only one of several processes can; so two that start at once never both
become owner N. Before that they ask whether owner N - 1 lives:

- Its lock, seen from the machine (boot) that it runs on, is free: it is dead, at once, in containers too.
- Its lock is held: it lives. (`filelock` closes the lock in forked children, and so a loader's worker that outlives
  its killed owner holds nothing; one forked behind Python's back does, and then process number and start tell.)
- It ran on another machine and the lock is free, which there may mean that the file system shows no locks: it is
  watched. What it writes anew within `STALE` seconds tells that it lives. Clocks of two machines are never compared.
- Slurm has started its job again: it is dead.

An owner that was taken over by force finds the higher number before it writes the next line, and stops.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from suite.console import warn
from suite.errors import SuiteError
from suite.files import is_full, write_json

BEAT = 10.0
"""Seconds between two signs of life: each writes a small file."""
STALE = 120.0
"""Seconds without a sign after which an owner that cannot be asked counts as dead: NFS may show a file 60 s late, and
a busy machine has been seen to hold a thread up for 20."""
_POLL = 0.5
"""Seconds between looks at what another machine writes."""

Record = dict[str, Any]
_FIELDS: dict[str, Any] = {"host": str, "boot": str, "pids": str, "pid": int, "start": str, "time": int | float}


class Owner:
    """This process as the owner of a run, from when it is made until `release`."""

    def __init__(self, folder: Path, number: int) -> None:
        """Takes the number. Raises `SuiteError` where another process took it first."""
        self.folder, self.number = folder, number
        self._path = folder / f"{number}.json"
        self._lock = _locked(folder / f"{number}.lock")
        try:
            self._record = _myself() | {"locked": self._lock is not None}
            self._claim()
        except BaseException:
            self._unlock()
            raise
        self._failure: OSError | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._live, name="suite-owner", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether somebody has taken over since."""
        return newest(self.folder) != self.number

    def check(self) -> None:
        """To be called before the run is written to.

        Raises `SuiteError` when another process has taken over, `OSError` when the sign of life could not be written.
        """
        if self.lost:
            record = read(self.folder, newest(self.folder))
            raise SuiteError(
                f"{self.folder.parent} was taken over by {_who(record)}; this process stops and writes nothing more."
            )
        failure, self._failure = self._failure, None  # said once, so that how the run ended may still be tried
        if failure:
            raise failure

    def release(self) -> None:
        """Lets go: the next one need not ask."""
        self._ending.set()
        self._thread.join()
        with suppress(OSError):  # a full disk: the lock, free in a moment, says the same
            if not self.lost:
                write_json(self._path, self._signed() | {"released": True})
        self._unlock()

    def _claim(self) -> None:
        path = self._path
        try:
            path.open("x").close()  # one of several that try
        except FileExistsError:
            raise _taken(self.folder) from None
        try:
            write_json(path, self._signed())
        except BaseException:  # a full disk; what is empty would have the next one wait
            path.unlink(missing_ok=True)
            raise
        if self.lost:  # numbers below the newest are removed, so that an old one can be had again
            path.unlink(missing_ok=True)
            raise _taken(self.folder)
        for old in self.folder.glob("*.*"):
            if old.stem.isdigit() and int(old.stem) < self.number:
                old.unlink(missing_ok=True)

    def _live(self) -> None:
        """In a thread, so that a long evaluation, a large model being saved and a domain's own code are all covered."""
        while not self._ending.wait(BEAT):
            try:
                if self.lost:
                    return
                # Not flushed to disk: that may take minutes while a large checkpoint is.
                write_json(self._path, self._signed(), lasting=False)
            except OSError as error:
                self._failure = error
                return

    def _signed(self) -> Record:
        """The record with a sign of life: another number each time, whatever the clock does."""
        self._record |= {"beat": self._record.get("beat", 0) + 1, "time": time.time()}
        return self._record

    def _unlock(self) -> None:
        if self._lock:
            self._lock.release()


def take(folder: Path, *, force: bool = False) -> Owner:
    """Becomes the owner of the run with this `owner` folder.

    Raises `SuiteError` when its owner lives. Where that cannot be asked, says so and waits, unless `force`.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise
        raise SuiteError(f"Cannot write into the run {folder.parent}: {error.strerror}.") from None
    number = newest(folder)
    record = read(folder, number)
    if record:
        lives = judged(folder, number, record)
        if force and lives is not False:
            warn(
                f"{folder.parent} is taken from {_who(record)} by force: if that one still runs, it ends at its next "
                "line or checkpoint."
            )
        elif lives:
            raise _running(folder, record)
        elif lives is None:
            _watch(folder, number, record)
    return Owner(folder, number + 1)


def alive(folder: Path) -> bool:
    """Whether the run has a living owner, as far as can be told without waiting. Writes nothing."""
    number = newest(folder)
    record = read(folder, number)
    lives = judged(folder, number, record) if record else False
    # From another machine: its clock may be wrong, and ahead as well as behind.
    return abs(time.time() - record["time"]) < STALE if lives is None else lives


def last_sign(folder: Path) -> float:
    """When the newest owner gave its last sign of life, by its clock; 0 where there was none."""
    return read(folder, newest(folder)).get("time", 0.0)


def newest(folder: Path) -> int:
    """The number of the newest owner; 0 where there was none."""
    return max((int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit()), default=0)


def read(folder: Path, number: int) -> Record:
    """What an owner says of itself; of one that is just making its file, or was killed at that, nothing but "time"."""
    path = folder / f"{number}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        record = None
    if isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in _FIELDS.items()):
        return record
    return {"time": path.stat().st_mtime}


def judged(folder: Path, number: int, record: Record) -> bool | None:
    """Whether an owner lives; None where only what it writes can tell."""
    if record.get("released") or _started_again(record):
        return False
    here = record.get("boot") == boot()
    near = here and record["pids"] == _namespace()  # so that its process number means the same here
    if near and not _runs(record["pid"], record["start"]):
        return False
    held = _is_held(folder / f"{number}.lock") if record.get("locked", True) else None
    if held or (near and held is None):
        return True
    return False if here and held is False else None


def boot() -> str:
    """The start of this machine, the same in its containers; where the system has none to tell, the host's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def start(process: int | str) -> str:
    """When a process began, in ticks since the machine's start; "" for one that is gone, or where that isn't told."""
    try:
        # The name, in brackets, may hold anything. Behind it come the state and 18 numbers before the start.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # a zombie runs no more


def _myself() -> Record:
    job = os.environ.get("SLURM_JOB_ID")
    return {
        "host": socket.gethostname(),
        "boot": boot(),
        "pids": _namespace(),
        "pid": os.getpid(),
        "start": start(os.getpid()),
        "job": [job, _restarts()] if job else None,
    }


def _restarts() -> int:
    count = os.environ.get("SLURM_RESTART_COUNT", "0")
    return int(count) if count.isdigit() else 0


def _started_again(record: Record) -> bool:
    """Whether this is the same Slurm job, started again: Slurm has ended all its processes before."""
    job, restarts = record.get("job") or ("", 0)
    return job == os.environ.get("SLURM_JOB_ID") and restarts < _restarts()


def _namespace() -> str:
    """What process numbers belong to: those of a container mean nothing outside."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _runs(process: int, began: str) -> bool:
    """Whether a process is the one that began then, and not a later one with its number."""
    if began:
        return start(process) == began
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _locked(path: Path) -> FileLock | None:
    """The lock; None on a file system that has no locks. Raises `SuiteError` where another process has it."""
    lock = FileLock(path, timeout=0, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise _taken(path.parent) from None
    except NotImplementedError:
        return None
    except OSError as error:
        if isinstance(error, PermissionError | FileNotFoundError):
            raise
        return None
    return lock


def _is_held(path: Path) -> bool | None:
    """Whether somebody has the lock; None where there are no locks. Makes no file, and never keeps a lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _watch(folder: Path, number: int, record: Record) -> None:
    """Returns once an owner that cannot be asked has been silent for long. Raises `SuiteError` if it writes."""
    silent = max(_age(folder / f"{number}.json"), 0.0)  # a sign from the future is as good as one of now, no better
    if silent >= STALE:
        return
    warn(
        f"{folder.parent} belongs to {_who(record)}, which gave its last sign {silent:.0f} s ago and cannot be asked "
        f"from here: waiting up to {STALE - silent:.0f} s for another one, then going on. If you know that it is dead, "
        "--force does not wait."
    )
    until = time.monotonic() + STALE - silent
    while time.monotonic() < until:
        time.sleep(_POLL)
        if newest(folder) != number or read(folder, number).get("beat") != record.get("beat"):
            raise _running(folder, read(folder, newest(folder)))


def _age(path: Path) -> float:
    """Seconds since a file was written, by the clock of the file system that holds it."""
    probe = path.with_name(f".now-{socket.gethostname()}-{os.getpid()}")
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now - path.stat().st_mtime


def _who(record: Record) -> str:
    return f"process {record['pid']} on {record['host']}" if "pid" in record else "a process that was just starting"


def _running(folder: Path, record: Record) -> SuiteError:
    return SuiteError(
        f"{folder.parent} is still running in {_who(record)}; stop that one first, or take the run from it by --force."
    )


def _taken(folder: Path) -> SuiteError:
    return SuiteError(f"{folder.parent} was taken up by another process just now; 'suite runs list' shows how it goes.")
