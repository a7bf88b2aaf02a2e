"""Runs `suite` command lines one after the other in one process: importing torch costs more than all of them.

A line of JSON in, `{"arguments": […], "folder": "…", "environment": {…}}`; one out, with status, stdout and stderr.
"""

import contextlib
import io
import json
import os
import sys
import traceback

from suite.cli.main import run, suite

channel = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a library prints past sys.stdout must not get between our lines
for line in sys.stdin:
    asked = json.loads(line)
    os.chdir(asked["folder"])
    before = dict(os.environ)
    os.environ.update(asked["environment"])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = run(suite, asked["arguments"])
        except Exception:
            status = 1
            traceback.print_exc(file=err)
    os.environ.clear()
    os.environ.update(before)
    channel.write(json.dumps({"status": status, "out": out.getvalue(), "err": err.getvalue()}) + "\n")
    channel.flush()
