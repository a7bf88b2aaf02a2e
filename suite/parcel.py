"""What of a run goes to the hub: the model as it loads without Suite, its card, settings and golden samples."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from suite.card import card
from suite.domain import Domain
from suite.errors import SuiteError
from suite.origin import model_origin
from suite.pushed import travelling
from suite.runs import Run

Content = Path | bytes
_TOLD = ("python", "packages", "commit", "devices", "processes", "data")
"""Of `environment.json`: what a result depends on, and nothing about whose machine it was."""
_NAMES = ("_name_or_path", "name_or_path", "base_model_name_or_path")
"""Keys under which transformers and peft write where a model was loaded from."""


def environment(run: Run, domain: Domain, files: list[str]) -> dict[str, Any]:
    """Versions, hardware and the data's fingerprint; `files` is what the push consists of, for the next push."""
    kept = json.loads((run.path / "environment.json").read_text())
    told = {name: kept[name] for name in _TOLD if name in kept}
    return {"domain": domain.name, "run": run.path.name, **told, "files": sorted(files)}


def parcel(run: Run, domain: Domain, *, licence: str, golden: bool, token: str = "") -> dict[str, Content]:
    """Every file by its name in the repository. `golden` says whether the golden samples go along.

    Raises `SuiteError` if one would tell a path of this machine or the `token`.
    """
    text = card(domain, run, licence=licence)
    files: dict[str, Content] = _inside(run.model)
    adapter = {f"adapter/{name}": path for name, path in _inside(run.path / "adapter").items() if name != "README.md"}
    files |= adapter  # peft's card in there names the base model by its folder
    if golden:
        files |= {f"golden/{name}": path for name, path in _inside(run.path / "golden").items()}
    files |= {name: run.path / name for name in re.findall(r"\]\((plots/[^)]+\.png)\)", text)}
    base = model_origin(domain).hub
    files = {name: _renamed(content, base) for name, content in files.items()}
    fingerprint = json.loads((run.path / "environment.json").read_text())["data"]
    values = yaml.safe_dump(travelling(domain, fingerprint), sort_keys=False, allow_unicode=True)
    files |= {"config.yaml": values.encode(), "README.md": text.encode()}
    names = [*files, "environment.json"]
    files["environment.json"] = (json.dumps(environment(run, domain, names), indent=2) + "\n").encode()
    _refuse_telling(files, run, token)
    return files


def _inside(folder: Path) -> dict[str, Content]:
    """The folder's files by their names in it; hidden ones and links stay."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path for name, path in names.items() if not any(part.startswith(".") for part in Path(name).parts)}


def _renamed(content: Content, base: str) -> Content:
    """A JSON file in which the base model is called by its name on the hub instead of by a folder."""
    if not isinstance(content, Path) or not content.name.endswith("config.json"):
        return content
    values = json.loads(content.read_text(encoding="utf-8"))
    told = [name for name in _NAMES if isinstance(values, dict) and _is_folder(values.get(name))]
    if not told:
        return content
    return (json.dumps(values | dict.fromkeys(told, base), indent=2, ensure_ascii=False) + "\n").encode()


def _is_folder(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and (value.startswith(("/", "~", ".")) or Path(value).exists())


def _refuse_telling(files: dict[str, Content], run: Run, token: str) -> None:
    """The last look: what people can read holds neither a path of this machine nor the token."""
    places = {f"{path}/" for path in (Path.home(), Path.cwd(), run.path.resolve()) if len(path.parts) > 1}
    for name, content in files.items():
        if not name.endswith((".json", ".yaml", ".md", ".txt")):
            continue
        text = content.read_text("utf-8", "replace") if isinstance(content, Path) else content.decode()
        ours = name in ("README.md", "config.yaml", "environment.json") or name.endswith("config.json")
        if (token and token in text) or (ours and any(place in text for place in places)):
            raise SuiteError(
                f"{name} of {run.path.name} would tell a path of this machine or your token, and nothing was pushed; "
                "look into it and take that out."
            )
