"""What of a run leaves this machine: the model as it loads without Suite, its card, settings and golden samples.

`suite push` sends it to the hub, `suite space build` lays it beside a demo, and `suite.pushed` makes a run of it again.
"""

from __future__ import annotations

import json
import mmap
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from suite.card import card
from suite.console import say
from suite.domain import Domain
from suite.errors import SuiteError
from suite.licence import granted
from suite.origin import consent, data_origin, model_origin, sharable
from suite.predictor import Predictor
from suite.pushed import assembled, travelling
from suite.runs import Run

Content = Path | bytes
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
"""Endings of files that stay: loading one runs code, and nothing of Suite reads them."""
_TOLD = ("python", "packages", "commit", "devices", "processes", "data")
"""Of `environment.json`: what a result depends on, and nothing about whose machine it was."""
_NAMES = ("_name_or_path", "name_or_path", "base_model_name_or_path")
"""Keys under which transformers and peft write where a model was loaded from."""
_FIGURE = re.compile(r"^!\[.*\]\((plots/[^)]+\.png)\)\n?", re.MULTILINE)


def parcel(
    run: Run, domain: Domain, *, licence: str = "", open_data: bool = False, whole: bool = True
) -> dict[str, Content]:
    """Every file by its name; `domain` has the run's config, and `licence` is what the user wants (`granted`).

    `open_data` says that everybody can have the run's data anyway. What is not `whole` is what answers: no adapters,
    no figures. Raises `SuiteError` for a run that is not finished, a licence that forbids it, a link, and a file that
    holds a folder of this machine or the user's token.
    """
    _refuse_unfinished(run)
    base = model_origin(domain)
    text = card(domain, run, licence=granted(base.name, base.licence, asked=licence, consent=consent(domain)))
    files = _inside(run.model)
    if whole:  # peft's card in there names the base model by its folder
        adapter = _inside(run.path / "adapter")
        files |= {f"adapter/{name}": path for name, path in adapter.items() if name != "README.md"}
        files |= {name: run.path / name for name in _FIGURE.findall(text)}
    if _golden_travels(run, domain, open_data=open_data):
        files |= {f"golden/{name}": path for name, path in _inside(run.path / "golden").items()}
    files = {name: _renamed(content, base.hub) for name, content in files.items()}
    fingerprint = json.loads((run.path / "environment.json").read_text())["data"]
    values = yaml.safe_dump(travelling(domain, fingerprint), sort_keys=False, allow_unicode=True)
    files |= {"config.yaml": values.encode(), "README.md": (text if whole else _FIGURE.sub("", text)).encode()}
    environment = _environment(run, domain, [*files, "environment.json"])
    files["environment.json"] = (json.dumps(environment, indent=2) + "\n").encode()
    _refuse_telling(files, run)
    return files


def laid(files: dict[str, Content], folder: Path, *, links: bool = False) -> Path:
    """The parcel as a folder; with `links` its large files stay where they are."""
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


def check(run: Run, domain: Domain, copy: Path, scratch: Path) -> None:
    """Opens a parcel's folder as a stranger would, in the new folder `scratch`, and asks it this run's golden samples.

    Raises `SuiteError` if it answers otherwise than the run did.
    """
    values = type(domain).Config.from_file(copy / "config.yaml")
    told = json.loads((copy / "environment.json").read_text())
    golden = run.path / "golden" if (run.path / "golden" / "predictions.json").is_file() else None
    opened = assembled(scratch, domain, values, told, model=copy, golden=golden)
    _ = Predictor(type(domain)(domain.config), str(opened.path)).model


def _refuse_unfinished(run: Run) -> None:
    if run.state() != "finished":
        raise SuiteError(
            f"{run.path} is {run.state()}, and only a finished run can be pushed; finish it with: "
            f"suite {run.domain} train --resume {run.path}"
        )


def _environment(run: Run, domain: Domain, files: list[str]) -> dict[str, Any]:
    """Versions, hardware and the data's fingerprint; `files` is what the parcel consists of, for the next push."""
    kept = json.loads((run.path / "environment.json").read_text())
    told = {name: kept[name] for name in _TOLD if name in kept}
    return {"domain": domain.name, "run": run.name, **told, "files": sorted(files)}


def _golden_travels(run: Run, domain: Domain, *, open_data: bool) -> bool:
    """Golden samples are rows: they go where the domain said how rows may travel, or where everybody has them."""
    if not (run.path / "golden" / "rows.parquet").is_file():
        return False
    if type(domain).portable is not Domain.portable or sharable(data_origin(domain, domain.config.data)) or open_data:
        return True
    say("Golden samples are rows of your data and stay here; the copy is checked with them all the same.")
    return False


def _inside(folder: Path) -> dict[str, Content]:
    """The folder's files by their names in it; hidden ones and pickles stay. A link may lead anywhere: `SuiteError`."""
    files: dict[str, Content] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or path.suffix in PICKLES:
            continue
        if path.is_symlink():
            raise SuiteError(f"{path} is a link; put the file itself in its place, then run the same command again.")
        if path.is_file():
            files[name.as_posix()] = path
    return files


def _renamed(content: Content, base: str) -> Content:
    """A JSON file in which the base model is called by its name on the hub, and what else has a folder by its own."""
    if not isinstance(content, Path) or not content.name.endswith(("config.json", "model_index.json")):
        return content
    values = json.loads(content.read_text(encoding="utf-8"))
    if (told := _without_folders(values, base)) == values:
        return content
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def _without_folders(value: Any, base: str) -> Any:
    if isinstance(value, dict):
        named = {key: base for key in _NAMES if _is_folder(value.get(key))}
        return {key: _without_folders(one, base) for key, one in value.items()} | named
    if isinstance(value, list):
        return [_without_folders(one, base) for one in value]
    absolute = isinstance(value, str) and value.startswith("/") and "\n" not in value and len(Path(value).parts) > 2
    return Path(value).name if absolute else value


def _is_folder(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and (value.startswith(("/", "~", ".")) or Path(value).exists())


def _refuse_telling(files: dict[str, Content], run: Run) -> None:
    """The last look, at every byte: weights and tables hold text too."""
    from huggingface_hub import get_token

    folders = sorted({Path.home(), Path.cwd(), run.path.resolve().parent.parent}, reverse=True)  # inner ones first
    secrets = {f"{folder}/": f"the folder {folder}" for folder in folders if len(folder.parts) > 1}
    secrets |= {token: "your token" for token in [get_token()] if token}
    for name, content in files.items():
        if found := next((told for secret, told in secrets.items() if _holds(content, secret.encode())), None):
            raise SuiteError(
                f"{name} of {run.path.name} holds {found}, which must not leave this machine; take that out, or save "
                "the model again from a hub id or a relative path."
            )


def _holds(content: Content, text: bytes) -> bool:
    if isinstance(content, bytes):
        return text in content
    if not content.stat().st_size:
        return False  # nothing that could be mapped
    with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as weights:
        return weights.find(text) >= 0
