"""Runs Python where Suite cannot be imported: a model folder must be of use without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_REFUSED = """\
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].split("_")[0] == "suite":
            raise ModuleNotFoundError(f"No module named {name!r}: there is no Suite here", name=name)
sys.meta_path.insert(0, Refuse())
try:
    import suite
except ModuleNotFoundError:
    del Refuse
else:
    raise AssertionError("Suite is importable")
"""
"""Stands before the script: neither Suite nor a plugin, `suite_…`, is found. A fresh environment without them would
take minutes and gigabytes."""


def run_outside(script: str, folder: Path) -> str:
    """Standard output of `script`, run in `folder` by this Python without Suite and its plugins.

    Raises `AssertionError` with what the script said if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", _REFUSED + script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"promised: it works without Suite; seen:\n{done.stderr[-3000:]}"
    return done.stdout


def documented(page: Path, heading: str) -> str:
    """The first Python block below a heading of a Markdown page: what its readers will copy."""
    return page.read_text().split(f"\n## {heading}\n")[1].split("```python\n")[1].split("\n```")[0] + "\n"
