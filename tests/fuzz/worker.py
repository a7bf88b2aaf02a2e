"""Asks decoders of damaged files, in a process with little memory and little time for each.

A line of JSON says which decoders and how many variants; the answer is a line with those that fell, and how. Everything
is imported once, before the first process is forked.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from mutations import damaged

MEMORY = 1 << 31
"""Bytes that a decoder may take beyond what is held after all imports: no seed needs a tenth of it."""
SECONDS = 5
"""Of processor time for one variant: no seed needs a tenth of it. Where C does not look up, the parent waits longer."""
WAIT = 300
"""Seconds after which a whole decoder is ended."""


class TooLong(BaseException):
    """No `Exception`: a boundary must not take it for a fault of the file."""


def _late(signum, frame):
    raise TooLong


def variants(name, seeds, count):
    """(number, the seed's files, which of them is changed, its new content or None where it is gone)."""
    for number in range(count):
        chance = random.Random(f"{name} {number}")
        files = chance.choice(seeds)
        # Weights are large and all alike to a reader: what says their shapes is asked as often as any other file.
        changed = chance.choice(sorted(files))
        content = None if len(files) > 1 and chance.random() < 0.05 else damaged(files[changed], chance)
        yield number, files, changed, content


def ask(decoder, count, report):
    """All variants of one decoder; writes into `report` where it is, and at the end what fell."""
    report.write_text("making its seeds")
    seeds, fell, began = decoder.seeds(), [], time.process_time()
    folder = Path(tempfile.mkdtemp())
    try:
        for number, files in enumerate(seeds):  # a seed that is not read would make its variants say nothing
            _asked(decoder, _written(folder / f"seed-{number}", files), f"seed {number}", fell, seed=True)
        for number, files, changed, content in variants(decoder.name, seeds, count):
            report.write_text(f"{number} ({changed})")
            place = folder / f"seed-{seeds.index(files)}" / changed
            place.unlink() if content is None else place.write_bytes(content)
            _asked(decoder, folder / f"seed-{seeds.index(files)}", f"{number} ({changed})", fell)
            place.write_bytes(files[changed])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.write_text(json.dumps({"fell": fell, "seconds": time.process_time() - began}))


def _written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _asked(decoder, folder, variant, fell, *, seed=False):
    from suite import SuiteError

    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        decoder.ask(folder)
    except SuiteError as error:
        if seed or "\n" in str(error):
            fell.append([variant, f"SuiteError: {error}", ""])
    except BaseException as error:
        where = "".join(traceback.format_exception(error)[-6:])
        fell.append([variant, f"{type(error).__name__}: {str(error)[:200]}", where])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limited():
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _late)


def answers(decoders, count):
    """What `ask` reports of each. All share a process, as forking this one takes a second; after a death a new one."""
    answered = {}
    while left := [decoder for decoder in decoders if decoder.name not in answered]:
        answered |= forked(left, count)
    return answered


def forked(decoders, count):
    """The reports of those that came to their end, and of the one at which the process died."""
    with tempfile.TemporaryDirectory() as folder:
        reports = {decoder.name: Path(folder) / str(number) for number, decoder in enumerate(decoders)}
        log = Path(folder) / "log"
        child = os.fork()
        if child == 0:
            with log.open("w") as opened:
                os.dup2(opened.fileno(), 1)
                os.dup2(opened.fileno(), 2)
                _limited()
                faulthandler.dump_traceback_later(WAIT, exit=True)  # stuck in C, where no alarm is heard
                faulthandler.enable()  # where in C it was when it died
                try:
                    for decoder in decoders:
                        ask(decoder, count, reports[decoder.name])
                except BaseException:
                    traceback.print_exc()
                    opened.flush()
                    os._exit(1)
                os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = {name: report.read_text() for name, report in reports.items() if report.is_file()}
        if status != 0:
            at = list(said)[-1] if said else decoders[0].name
            why = f"the process ended with status {status}"
            died = {"fell": [[said.get(at, ""), why, log.read_text(errors="replace")[-4000:]]], "seconds": 0.0}
            said[at] = json.dumps(died)
        return {name: json.loads(text) for name, text in said.items()}


def main():
    """Answers until its input ends."""
    warnings.simplefilter("ignore")
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from decoders import BROKEN, DECODERS

    gc.freeze()  # what is shared with the children is not copied by their collections
    for line in sys.stdin:
        asked = json.loads(line)
        # Without a decoder's name it is asked which there are.
        known = DECODERS | BROKEN
        answered = answers([known[name] for name in asked["decoders"]], asked["count"]) if asked else list(DECODERS)
        output.write(json.dumps(answered) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
