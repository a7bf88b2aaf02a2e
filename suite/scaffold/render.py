"""Renders the template. It is a valid copier template; what it needs of copier is jinja2, which torch brings anyway.

Copier itself would add 11 packages to every installation, to write a dozen files once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".jinja"


def questions() -> dict[str, Any]:
    """The questions of copier.yml by name."""
    content = yaml.safe_load((TEMPLATE / "copier.yml").read_text(encoding="utf-8"))
    return {name: question for name, question in content.items() if not name.startswith("_")}


def kinds() -> list[str]:
    """The kinds of input there is a template for."""
    return list(questions()["kind"]["choices"])


def render(given: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes the plugin into `folder`, which must not exist; returns the files in order.

    `given` answers the questions without a default: `name` and `kind`, and perhaps `title`.
    """
    environment = _environment()
    answers = dict(given)
    for name, question in questions().items():
        if name not in answers:
            answers[name] = environment.from_string(question["default"]).render(answers)
    folder.mkdir(parents=True)
    return [_write(path, text) for path, text in _files(environment, answers, folder)]


def _environment() -> Environment:
    # What is rendered is code, so nothing is escaped; the answers come from the person who will run it.
    return Environment(loader=FileSystemLoader(TEMPLATE), keep_trailing_newline=True, undefined=StrictUndefined)


def _files(environment: Environment, answers: Mapping[str, str], folder: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of each file; one whose name comes out empty belongs to other kinds."""
    project = TEMPLATE / "project"
    for source in sorted(project.rglob(f"*{_SUFFIX}")):
        inside = str(source.relative_to(project)).removesuffix(_SUFFIX)
        name = environment.from_string(inside).render(answers)
        if Path(name).name and not name.endswith("/"):
            template = source.relative_to(TEMPLATE).as_posix()
            yield folder / name, environment.get_template(template).render(answers)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
