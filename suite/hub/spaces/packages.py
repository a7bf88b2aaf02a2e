"""Suite in a Space: the requirements of core and plugin, and their code unpacked beside `app.py`.

A wheel named by its path cannot stand in `requirements.txt`: the platform installs that file before any other file of
the Space is there. So what is not on an index travels unpacked, and its requirements are listed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from suite.assets import wheels
from suite.errors import SuiteError
from suite.plugins.builtin import DISTRIBUTION

ZERO_TORCH = "<2.12"  # the newest that ZeroGPU has is 2.11


def requirements(plugin: str, *, from_index: bool, zero_gpu: bool) -> list[str]:
    """The lines of `requirements.txt` for the core and the distribution `plugin`; Gradio is the platform's own."""
    dists = [distribution(name) for name in dict.fromkeys((DISTRIBUTION, plugin))]
    if from_index:
        lines = [f"{dist.name}=={dist.version}" for dist in dists]
        return [*lines, f"torch{ZERO_TORCH}"] if zero_gpu else lines
    ours = {canonicalize_name(dist.name) for dist in dists} | {"gradio"}
    needed = {
        str(required) for dist in dists for required in _needed(dist) if canonicalize_name(required.name) not in ours
    }
    lines = sorted(needed, key=str.lower)
    return [f"{line},{ZERO_TORCH}" if zero_gpu and Requirement(line).name == "torch" else line for line in lines]


def _needed(dist: Distribution) -> Iterable[Requirement]:
    """What a distribution requires without its extras."""
    required = map(Requirement, dist.requires or ())
    return (each for each in required if not (each.marker and "extra" in str(each.marker)))


def unpack(name: str, into: Path) -> None:
    """The distribution `name` as it is installed, into a folder that `sys.path` will name.

    An editable one is built by pip first, which may need its index. Raises `SuiteError` where that fails.
    """
    dist = distribution(name)
    source = _editable(dist)
    if source is None:
        _copy(dist, into)
        return
    with tempfile.TemporaryDirectory(prefix="suite-wheel-") as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        built = list(Path(folder).glob("*.whl"))
        if done.returncode or len(built) != 1:
            reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise SuiteError(f"Cannot build {name} from {source}: {reason}. Try 'pip wheel --no-deps {source}'.")
        wheels.unzip(built[0], into)


def _editable(dist: Distribution) -> Path | None:
    """The source folder of an editable installation (PEP 610), else None."""
    origin = json.loads(dist.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(origin["url"]).path))


def _copy(dist: Distribution, into: Path) -> None:
    """The installed files, without scripts, bytecode, and what tells where they were installed from."""
    if not dist.files:
        raise SuiteError(f"{dist.name} does not say which files it consists of; install it with pip.")
    for file in dist.files:
        about_here = file.name in ("direct_url.json", "RECORD", "INSTALLER", "REQUESTED")
        if ".." in file.parts or "__pycache__" in file.parts or about_here or file.suffix == ".pth":
            continue
        target = into / str(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)
