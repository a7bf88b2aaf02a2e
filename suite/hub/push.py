"""Pushes a run to the hub, and looks at what arrived."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from suite.assets import resolve as assets
from suite.console import say
from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.evaluation.card import merged
from suite.hub.bundle import Content, bundle, check, write_folder
from suite.hub.client import api, full_name, hub_errors, refuse_visible
from suite.plugins.builtin import DISTRIBUTION
from suite.provenance.origin import Origin, data_origin
from suite.runs import Run

_GITS_OWN = (".gitattributes", ".gitignore")


@dataclass(frozen=True)
class Pushed:
    """Where a model is now."""

    name: str
    commit: str
    url: str


def push(run: Run, task: Task, *, to: str = "", public: bool = False, licence: str = "") -> Pushed:
    """Uploads a finished run as one commit, downloads it again and checks its golden samples.

    `task` has the run's config. The repository is `to`, else the user's own called after the domain and the run;
    it is private unless `public`. What was pushed before is replaced, what others put there stays. Raises `SuiteError`
    when the run is not finished, its licence forbids it, or the hub refuses; nothing is uploaded then.
    """
    hub = api()
    name = full_name(hub, to, f"{task.domain.name}-{re.sub(r'^[0-9]{8}-[0-9]{6}-', '', run.path.name)}")
    data = data_origin(task.domain, task.config.data)
    files = bundle(run, task, licence=licence, open_data=_is_open(hub, data))
    with tempfile.TemporaryDirectory() as scratch:
        check(run, task, write_folder(files, Path(scratch) / "bundle", links=True), Path(scratch) / "before")
        commit, url = _commit(hub, name, run, task.domain, files, public=public)
        say(f"Pushed to {url} at commit {commit[:12]}; downloading it again to check its answers.")
        with hub_errors(f"send {name} back"):
            arrived = hub.snapshot_download(name, revision=commit, local_dir=Path(scratch) / "download")
        check(run, task, Path(arrived), Path(scratch) / "after")
    return Pushed(name, commit, url)


def _is_open(hub: HfApi, data: Origin) -> bool:
    """Whether a data set on the hub is there for everybody."""
    if not data.hub:
        return False
    try:
        info = hub.dataset_info(data.hub, revision=data.commit or None)
    except assets.http_errors():
        return False
    return not (info.private or info.gated)


def _commit(
    hub: HfApi, name: str, run: Run, domain: Domain, files: dict[str, Content], *, public: bool
) -> tuple[str, str]:
    """One commit with all that changed; returns it and the address."""
    with hub_errors(f"make the model {name}"):
        url = str(hub.create_repo(name, private=not public, exist_ok=True))
    with hub_errors(f"show what is in {name}"):
        info = hub.model_info(name)
        there = {file.rfilename for file in info.siblings or []}
        before = _file(hub, name, info.sha, "environment.json") if "environment.json" in there else {}
        card = _text(hub, name, info.sha, "README.md") if "README.md" in there else ""
    _refuse_others(name, domain, files, there, before)
    refuse_visible(name, private=bool(info.private), public=public)
    assert isinstance(files["README.md"], bytes)
    files["README.md"] = merged(card, files["README.md"].decode()).encode()
    gone = sorted((set(before.get("files", [])) & there) - set(files))
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    with hub_errors(f"take the files of {name}"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
        done = hub.create_commit(
            name,
            [*operations, *(CommitOperationDelete(path) for path in gone)],
            commit_message=f"Push {run.path.name} with Suite {version(DISTRIBUTION)}",
            parent_commit=info.sha,
        )
    return str(done.oid), url


def _text(hub: HfApi, name: str, commit: str | None, path: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = hub.hf_hub_download(name, path, revision=commit, local_dir=folder)
        return Path(file).read_text(encoding="utf-8")


def _file(hub: HfApi, name: str, commit: str | None, path: str) -> dict[str, Any]:
    try:
        content = json.loads(_text(hub, name, commit, path))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _refuse_others(
    name: str, domain: Domain, files: dict[str, Content], there: set[str], before: dict[str, Any]
) -> None:
    """Nothing that somebody else put there is replaced, nor one domain's model by another's."""
    if before.get("domain") not in (None, domain.name):
        raise SuiteError(f"{name} is a model of {before['domain']}, not of {domain.name}; give another --to.")
    foreign = sorted(there & set(files) - set(before.get("files", [])) - {"README.md", *_GITS_OWN})
    if foreign:
        raise SuiteError(
            f"{name} holds {', '.join(foreign[:3])} that Suite did not put there and would replace; give another --to."
        )
