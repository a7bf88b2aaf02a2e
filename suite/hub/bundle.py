"""What of a run leaves this machine: the model as it loads without Suite, its card, settings and golden samples.

`suite push` sends it to the hub, `suite space build` puts it beside a demo, and `suite.provenance.hub_run` makes a run
of it again.
"""

from __future__ import annotations

import json
import mmap
import re
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import yaml

from suite.console import say
from suite.decoders import read_json
from suite.domain.description import Task
from suite.domain.parts import Data
from suite.errors import SuiteError
from suite.evaluation.card import card
from suite.inference.predictor import Predictor
from suite.provenance.hub_run import assemble_run, portable_config
from suite.provenance.licence import granted
from suite.provenance.origin import consent, data_origin, model_origin, sharable
from suite.runs import Run

Content = Path | bytes
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Endings of files that stay: loading one runs code, and nothing of Suite reads them."""
_ROWS = ("training.parquet",)
"""Files in a model folder that hold training rows: older versions of a plugin left one there."""
_OURS = ("adapter", "golden", "plots", "config.yaml", "environment.json", "README.md")
"""What lies beside the model in a folder that travelled: each goes along again by its own rule, if at all."""
_FACTS = ("python", "packages", "commit", "devices", "processes", "data")
"""Of `environment.json`: what a result depends on, and nothing about whose machine it was."""
_NAMES = ("_name_or_path", "name_or_path", "base_model_name_or_path")
"""Keys under which transformers and peft write where a model was loaded from."""
_PLACES = ("_path", "_file", "_dir")
"""Ends of keys under which the libraries write where something lay; elsewhere what begins with / may be a label."""
_ADDRESS = re.compile(rb"(https?|hf):/(/[^\s\"'<>()\\=?,;]*)?$")
"""What stands before a path in an address: https://huggingface.co has /datasets, and a machine may have it too."""
_FIGURE = re.compile(r"^!\[.*\]\((plots/[^)]+\.png)\)\n?", re.MULTILINE)


def bundle(
    run: Run, task: Task, *, licence: str = "", open_data: bool = False, whole: bool = True
) -> dict[str, Content]:
    """Every file by its name; `task` has the run's config, and `licence` is what the user wants (`granted`).

    `open_data` says that everybody can have the run's data anyway. What is not `whole` is what answers: no adapters,
    no figures. Raises `SuiteError` for a run that is not finished, a licence that forbids it, a link, and a file that
    holds a folder of this machine or the user's token.
    """
    _refuse_unfinished(run)
    base = model_origin(task)
    text = card(task, run, licence=granted(base.name, base.licence, asked=licence, consent=consent(task.config)))
    files = {name: path for name, path in _inside(run.model).items() if name.partition("/")[0] not in _OURS}
    if whole:  # peft's card in there names the base model by its folder
        adapter = _inside(run.path / "adapter")
        files |= {f"adapter/{name}": path for name, path in adapter.items() if name != "README.md"}
        files |= {name: run.path / name for name in _FIGURE.findall(text)}
    if _golden_travels(run, task, open_data=open_data):
        files |= {f"golden/{name}": path for name, path in _inside(run.path / "golden").items()}
    folders = _folders(run)
    files = {name: _renamed(content, base.hub, folders) for name, content in files.items()}
    fingerprint = run.environment()["data"]
    values = yaml.safe_dump(portable_config(task, fingerprint), sort_keys=False, allow_unicode=True)
    files |= {"config.yaml": values.encode(), "README.md": (text if whole else _FIGURE.sub("", text)).encode()}
    environment = _environment(run, task.domain.name, [*files, "environment.json"])
    files["environment.json"] = (json.dumps(environment, indent=2) + "\n").encode()
    refuse_private(files, run)
    return files


def write_folder(files: dict[str, Content], folder: Path, *, links: bool = False) -> Path:
    """The bundle as a folder; with `links` its large files stay where they are."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif links:
            path.symlink_to(content.resolve())
        else:
            shutil.copyfile(content, path)
    return folder


def check(run: Run, task: Task, copy: Path, scratch: Path) -> None:
    """Opens a bundle's folder as a stranger would, in the new folder `scratch`, and asks it this run's golden samples.

    Raises `SuiteError` if it answers otherwise than the run did.
    """
    values = task.domain.Config.from_file(copy / "config.yaml")
    environment = read_json(copy / "environment.json")
    golden = run.path / "golden" if (run.path / "golden" / "predictions.json").is_file() else None
    opened = assemble_run(scratch, task.domain, values, environment, model=copy, golden=golden)
    _ = Predictor(task, str(opened.path)).model


def _refuse_unfinished(run: Run) -> None:
    if run.state() != "finished":
        raise SuiteError(
            f"{run.path} is {run.state()}, and only a finished run can be pushed; finish it with: "
            f"suite {run.domain} train --resume {run.path}"
        )


def _environment(run: Run, domain: str, files: list[str]) -> dict[str, Any]:
    """Versions, hardware and the data's fingerprint; `files` is what the bundle consists of, for the next push."""
    whole = run.environment()
    facts = {name: whole[name] for name in _FACTS if name in whole}
    return {"domain": domain, "run": run.name, **facts, "files": sorted(files)}


def _golden_travels(run: Run, task: Task, *, open_data: bool) -> bool:
    """Golden samples are rows: they go where the domain said how rows may travel, or where everybody has them."""
    if not (run.path / "golden" / "rows.parquet").is_file():
        return False
    says_how = type(task.data).portable is not Data.portable
    if says_how or sharable(data_origin(task.domain, task.config.data)) or open_data:
        return True
    say("Golden samples are rows of your data and stay here; the copy is checked with them all the same.")
    return False


def _inside(folder: Path) -> dict[str, Content]:
    """The folder's files by their names in it, without hidden ones, pickles and rows.

    Raises `SuiteError` for a link, which may lead anywhere.
    """
    files: dict[str, Content] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or path.suffix in PICKLES or path.name in _ROWS:
            continue
        if path.is_symlink():
            raise SuiteError(f"{path} is a link; put the file itself in its place, then run the same command again.")
        if path.is_file():
            files[name.as_posix()] = path
    return files


def _renamed(content: Content, base: str, folders: list[Path]) -> Content:
    """A JSON file in which the base model is called by its name on the hub, and what else has a folder by its own."""
    if not isinstance(content, Path) or not content.name.endswith(("config.json", "model_index.json")):
        return content
    values = json.loads(content.read_text(encoding="utf-8"))
    if (renamed := _without_folders(values, base, folders)) == values:
        return content
    return (json.dumps(renamed, indent=2, ensure_ascii=False) + "\n").encode()


def _without_folders(value: Any, base: str, folders: list[Path], key: str = "") -> Any:
    if isinstance(value, dict):
        named = {name: base for name in _NAMES if _is_folder(value.get(name))}
        return {name: _without_folders(part, base, folders, name) for name, part in value.items()} | named
    if isinstance(value, list):
        return [_without_folders(part, base, folders, key) for part in value]
    return Path(value).name if isinstance(value, str) and _is_place(value, folders, key) else value


def _is_place(text: str, folders: list[Path], key: str) -> bool:
    """Whether a text of a config is a path of this machine, or of the one the model was saved on."""
    if not text.startswith("/") or "\n" in text or len(Path(text).parts) < 3:
        return False
    return key.endswith(_PLACES) or any(map(Path(text).is_relative_to, folders)) or _is_there(text)


def _is_folder(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and (value.startswith(("/", "~", ".")) or _is_there(value))


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL: a text, and no path
        return False


def _folders(run: Run) -> list[Path]:
    """Those that tell whose machine it was, inner ones first."""
    folders = {Path.home(), Path.cwd(), run.path.resolve().parent.parent}
    return [folder for folder in sorted(folders, reverse=True) if len(folder.parts) > 1]


def refuse_private(files: dict[str, Content], run: Run) -> None:
    """Raises `SuiteError` where a byte of a file tells a folder of this machine or the token: the last look of all.

    Weights and tables hold text too.
    """
    secrets = {f"{folder}/": f"the folder {folder}" for folder in _folders(run)}
    secrets |= {token: "your token" for token in [huggingface_hub.get_token()] if token}
    for name, content in files.items():
        if secret := next((what for text, what in secrets.items() if _holds(content, text.encode())), None):
            raise SuiteError(
                f"{name} of {run.path.name} holds {secret}, which must not leave this machine; take that out, or save "
                "the model again from a hub id or a relative path."
            )


def _holds(content: Content, text: bytes) -> bool:
    if isinstance(content, bytes):
        return _mentions(content, text)
    if not content.stat().st_size:
        return False  # nothing that could be mapped
    with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as weights:
        return _mentions(weights, text)


def _mentions(content: bytes | mmap.mmap, text: bytes) -> bool:
    """Whether it holds the text; a folder's name does not count where it is part of a web address."""
    at = content.find(text)
    while at >= 0 and text.startswith(b"/") and _ADDRESS.search(content[max(0, at - 200) : at]):
        at = content.find(text, at + 1)
    return at >= 0
