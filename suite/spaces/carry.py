"""What of a run travels with a Space: the model and what it takes to answer; no data, no trace of this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from suite import golden
from suite.console import say
from suite.domain import Domain
from suite.errors import SuiteError
from suite.predictor import Predictor
from suite.runs import Run, write_json, write_text

TRAINED_ON = ("model", "data", "also_evaluate")
"""Options of which a name is told and no path; an answer does not need them."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def carry(run: Run, domain: Domain, into: Path) -> None:
    """Copies into the new folder `into` what the demo needs of a finished run, and sees that it answers as the run did.

    Golden samples are rows of the data: they travel where the domain says how a row may (`Domain.portable`). Raises
    `SuiteError` if the copy answers otherwise, or if a path of this machine is in it that can't be taken out.
    """
    into.mkdir(parents=True)
    given = domain.Config.from_file(run.path / "config.yaml")
    _copy_model(run.model, into / "model")
    if type(domain).portable is not Domain.portable and (run.path / "golden").is_dir():
        shutil.copytree(run.path / "golden", into / "golden")
    write_json(into / "status.json", {"domain": run.domain, "state": "finished", "name": run.path.name})
    write_text(into / "config.yaml", domain.Config.build(portable(given)).to_yaml())
    if (run.path / "README.md").is_file():
        write_text(into / "README.md", _card(run, given))
    refuse_paths(into, private_roots(run))
    predictor = Predictor(type(domain)(), str(into))
    golden.check(run.path / "golden", predictor.domain, predictor.model, predictor.accelerator)


def portable(config: Mapping[str, Any]) -> dict[str, Any]:
    """A run's options without files of this machine: of data and model their names stay, other paths are left out."""
    kept: dict[str, Any] = {}
    for key, value in config.items():
        if key == "output":
            continue
        if key in TRAINED_ON:
            kept[key] = [_name(one) for one in value] if isinstance(value, list) else _name(value)
        elif isinstance(value, str) and _is_path(value):
            say(f"{key}={value} is a file of this machine and is left out of the Space.")
        else:
            kept[key] = value
    return kept


def _name(reference: str) -> str:
    return Path(reference).name if _is_path(reference) else reference


def _is_path(text: str) -> bool:
    """Whether a text names a file or folder here; a hub id does not, unless there is a folder of that name."""
    if text.startswith(("/", "~", ".", "\\")) or re.match(r"[A-Za-z]:[\\/]", text):
        return True
    try:
        return ("/" in text or "." in text) and Path(text).exists()
    except OSError:  # too long for a name
        return False


def private_roots(run: Run) -> list[str]:
    """Folders of this machine that nothing in a Space may name, longest first."""
    roots = {str(Path.home()), str(run.path.resolve().parent.parent)}
    return sorted((root for root in roots if root != "/"), key=len, reverse=True)


def without_paths(text: str, roots: Iterable[str]) -> str:
    """The text with each path below one of the roots cut down to its last part."""
    pattern = "|".join(map(re.escape, roots))
    return re.sub(rf"(?:{pattern})[\\/][^\s\"'`<>|()\[\],;]*", lambda found: Path(found[0]).name, text)


def refuse_paths(folder: Path, roots: Iterable[str]) -> None:
    """Raises `SuiteError` for the first file that names a folder of this machine, weights and tables included."""
    sought = [f"{root}/".encode() for root in roots]
    for file in _files(folder):
        content = file.read_bytes()
        found = next((root for root in sought if root in content), None)
        if found:
            raise SuiteError(
                f"{file.relative_to(folder)} of the model names the folder {found.decode()} of this machine, which "
                "must not be published; save the model again from a hub id or a relative path."
            )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _copy_model(source: Path, into: Path) -> None:
    """Every file but pickles, which nothing of Suite reads. Raises `SuiteError` for a link, which may lead anywhere."""
    links = [path for path in source.rglob("*") if path.is_symlink()]
    if links:
        raise SuiteError(f"{links[0]} is a link; put the file itself in its place, then build the Space.")
    shutil.copytree(source, into, ignore=shutil.ignore_patterns(".*", *(f"*{ending}" for ending in PICKLES)))
    for file in (path for path in _files(into) if path.name.endswith(("config.json", "model_index.json"))):
        told = json.loads(file.read_text(encoding="utf-8"))
        if told != (named := _named(told)):
            write_json(file, named)


def _named(value: Any) -> Any:
    """JSON with the folders of this machine in it, such as where a base model was loaded from, told by name only."""
    if isinstance(value, dict):
        return {key: _named(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one) for one in value]
    if isinstance(value, str) and value.startswith("/") and value.count("/") > 1 and "\n" not in value:
        return Path(value).name
    return value


def _card(run: Run, config: Mapping[str, Any]) -> str:
    """The model card without its figures, which stay behind, and with names for paths."""
    text = re.sub(r"^!\[.*\)\n?", "", (run.path / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for key in TRAINED_ON:
        value = config.get(key) or []
        for one in value if isinstance(value, list) else [value]:
            text = text.replace(one, _name(one))
    return without_paths(text, [*private_roots(run), str(Path.cwd())])
