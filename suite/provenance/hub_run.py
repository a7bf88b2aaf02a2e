"""A model that has travelled, to the hub or into a Space, as a run again: with its settings and its golden samples.

What travels (`suite.hub.bundle`) is a model folder that loads without Suite, with three files of ours in it:
`config.yaml`, `environment.json` and `golden/`. Here a folder in the cache is made of them that every command takes for
a run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from suite.assets.asset import LOCAL, cache_dir
from suite.assets.resolve import resolve_model
from suite.config import TrainConfig
from suite.console import say, warn
from suite.decoders import read_json
from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.files import write_json, write_text
from suite.provenance.origin import data_origin
from suite.runs import Run

PERMISSION = "allow_"
"""Options that begin so are for whoever uses a model to set, never for whoever pushed it."""
_OWN = ("output", "callbacks")
"""Options that say how a machine is set up, not what was trained."""


def portable_config(task: Task, fingerprint: str) -> dict[str, Any]:
    """The values of a config that may leave the machine: without paths, permissions and names of local things.

    Says which options are left out because they are paths.
    """
    config, domain = task.config, task.domain
    local = Path(config.model or "-").expanduser().is_dir() or _is_path(config.model)
    given = config.model_dump(mode="json") | {
        "model": LOCAL + "model" if local else config.model,
        "data": config.data if _has_name(domain, config.data) else LOCAL + fingerprint,
        "also_evaluate": [name for name in config.also_evaluate if _has_name(domain, name)],
    }
    values = portable_values(given)
    for name in given:
        if name not in (*values, *_OWN) and not name.startswith(PERMISSION):
            say(f"{name}={given[name]} is a file of this machine and is left out.")
    return values


def portable_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the machine's own options, permissions, and texts that are paths: also what a stranger's may say."""
    return {
        name: value
        for name, value in values.items()
        if name not in _OWN and not name.startswith(PERMISSION) and not any(map(_is_path, _texts(value)))
    }


def open_hub_run(reference: str, domain: Domain) -> Run | None:
    """The run of a model that `suite push` made, called by its name on the hub or a folder it was downloaded to.

    None for any other model. Raises `SuiteError` where the model cannot be had.
    """
    folder = resolve_model(reference, domain.starter.assets)
    environment = _json(folder / "environment.json")
    if not isinstance(environment.get("domain"), str) or not (folder / "config.yaml").is_file():
        return None
    if folder.parent.name == "snapshots":
        name = f"{reference.partition('@')[0].replace('/', '--')}@{folder.name[:12]}"
    else:
        name = f"{folder.name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    values = domain.Config.from_file(folder / "config.yaml")
    golden = folder / "golden" if (folder / "golden" / "rows.parquet").is_file() else None
    return assemble_run(cache_dir() / "pushed" / name, domain, values, environment, model=folder, golden=golden)


def assemble_run(
    folder: Path,
    domain: Domain,
    values: Mapping[str, Any],
    environment: Mapping[str, Any],
    *,
    model: Path,
    golden: Path | None,
) -> Run:
    """A finished run's folder around a model folder and golden samples that lie elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"processes": 1, "packages": {}, "data": ""} | dict(environment)
    write_text(folder / "config.yaml", _config(domain.Config, values, str(facts["data"])).to_yaml())
    write_json(folder / "environment.json", facts)
    _link(folder / "model", model)
    if golden:
        _link(folder / "golden", golden)
    if (model / "README.md").is_file():
        write_text(folder / "README.md", (model / "README.md").read_text(encoding="utf-8"))
    run = Run(folder)
    run.set_status("finished", str(environment["domain"]), name=str(environment.get("run", folder.name)))
    return run


def _config(kind: type[TrainConfig], values: Mapping[str, Any], fingerprint: str) -> TrainConfig:
    """Options that this version does not know are left out: another version may have written them."""
    portable = portable_values(values) | _made_from(values, fingerprint)
    known = {name: value for name, value in portable.items() if name in kind.model_fields}
    if len(known) < len(portable):
        warn("The model was pushed by another version of its plugin; options unknown to this one are left out.")
    return kind.build(known)


def _made_from(values: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    """What a model says it was made from. A name that happens to be a folder here too is still that name.

    A path, which an older version or another program wrote, is of a machine that is not this one: it becomes what
    stayed there, never the default.
    """
    there = {name: values[name] for name in ("model", "data") if isinstance(values.get(name), str)}
    kept = {name: LOCAL + (fingerprint if name == "data" else name) for name in there if _looks_like_path(there[name])}
    others = _texts(values.get("also_evaluate"))
    if paths := [name for name in others if _looks_like_path(name)]:
        warn(f"The model was also evaluated on {', '.join(paths)} of another machine; that is left out.")
    return there | kept | ({"also_evaluate": [name for name in others if name not in paths]} if others else {})


def _link(link: Path, target: Path) -> None:
    target = target.resolve()
    if link.is_symlink() and link.resolve() == target:
        return
    aside = link.with_name(f".{link.name}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)


def _json(path: Path) -> dict[str, Any]:
    with suppress(SuiteError):
        return read_json(path)
    return {}


def _has_name(domain: Domain, reference: str) -> bool:
    origin = data_origin(domain, reference)
    return bool(origin.hub) or origin.starter


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    if isinstance(value, dict):
        return _texts(list(value.values()))
    return [value] if isinstance(value, str) else []


def _is_path(text: str) -> bool:
    """Whether a text names a place on a machine: by its form, or because there is such a file or folder here."""
    if _looks_like_path(text):
        return True
    return ("/" in text or "." in text) and len(os.fsencode(text)) < 256 and Path(text).exists()


def _looks_like_path(text: str) -> bool:
    """Whether a text can only be a path, by its beginning."""
    return text.startswith(("/", "~", "./", "../", "\\")) or text[1:3] in (":\\", ":/") or text in (".", "..")
