"""What an installation brings, printed as Markdown: packages and megabytes of the core, of each plugin with it, of all.

    python bench/packages.py

pip builds the wheels and resolves them, within constraints.txt, as for an empty environment (`pip install --dry-run
--ignore-installed --report`); nothing is installed. Counted is every distribution that pip would put there, ours and
pip itself included. Megabytes are those of the wheels, as they are downloaded; unpacked it is two to three times that.
Needs the package index. Ends with an error where the core with one plugin comes to 90 packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
LIMIT = 90

Found = dict[str, str]
"""Distributions by name, and the address of the wheel of each."""


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, arguments)]
    subprocess.run(command, check=True)


def rows(folder: Path) -> dict[str, list[str]]:
    """What is asked of pip for each row of the table, out of wheels that are built into `folder`."""
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT, *PLUGINS)
    built = {wheel.name.split("-")[0].replace("_", "-"): str(wheel) for wheel in sorted(folder.glob("*.whl"))}
    core = built.pop("suite-core")
    each = {name: [core, wheel] for name, wheel in built.items()}
    return {"suite-core": [core], **each, "all six": [core, *built.values()], "suite-core[onnx]": [f"{core}[onnx]"]}


def resolve(wanted: Iterable[str], report: Path) -> Found:
    """What an empty environment would get."""
    bounds = ("--constraint", ROOT / "constraints.txt")
    pip("install", "--dry-run", "--ignore-installed", "--report", report, *bounds, *wanted)
    entries: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return {entry["metadata"]["name"].lower(): entry["download_info"]["url"] for entry in entries}


def megabytes(address: str) -> float:
    """The size of a wheel; an index is asked for no more than the header."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).stat().st_size / 1e6
    with urlopen(Request(address, method="HEAD"), timeout=60) as answer:
        return int(answer.headers["Content-Length"]) / 1e6


def main() -> None:
    print("| installed | packages | MB without torch | beyond the core |\n| --- | --- | --- | --- |", flush=True)
    sizes: dict[str, float] = {}
    core: set[str] = set()
    crowded = []
    with tempfile.TemporaryDirectory() as folder:
        for name, wanted in rows(Path(folder)).items():
            urls = resolve(wanted, Path(folder) / "report.json")
            core = core or set(urls)
            sizes |= {
                package: megabytes(address)
                for package, address in urls.items()
                if package not in sizes and package != "torch"
            }
            more = ", ".join(sorted(set(urls) - core - {name}))
            total = sum(sizes[package] for package in urls if package != "torch")
            print(f"| {name} | {len(urls)} | {total:.0f} | {more} |", flush=True)
            crowded += [name] if name.startswith("suite-") and len(urls) >= LIMIT else []
    if crowded:
        sys.exit(f"{LIMIT} packages or more: the core with {', '.join(crowded)}.")


if __name__ == "__main__":
    main()
