"""Writes the folder of a Space: front matter and card, `app.py`, requirements, Suite itself, and a run's model."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import yaml

from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.files import write_text
from suite.hub.bundle import bundle, check, write_folder
from suite.hub.spaces import packages
from suite.inference.predictor import finished_run, read_config
from suite.plugins.builtin import DISTRIBUTION
from suite.plugins.offers import Offer
from suite.provenance.hub_run import PERMISSION

GRADIO = "6.31.0"  # what the demos were tested with; the platform installs this very version
PYTHON = "3.12"  # the newest that ZeroGPU offers, too
DESCRIPTION = 60  # characters of a short description: the Hub refuses longer ones
HARDWARE = "cpu-basic"  # free, and enough for every starter
OURS = ("README.md", "app.py", "requirements.txt", "packages", "run")
"""What a folder of ours holds; nothing else in it is touched."""
_PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Plan:
    """What is to be built: `run` is a finished run's folder or name, `model` a `owner/name@commit` of the hub."""

    offer: Offer
    run: str = ""
    model: str = ""
    hardware: str = HARDWARE
    from_index: bool = False
    plain: bool = False
    """Without Suite's own code: for a repository that has it anyway."""
    licence: str = ""
    """Of a run's model, as for `suite push`."""

    @property
    def zero_gpu(self) -> bool:
        """Whether a GPU is lent by the call."""
        return self.hardware.startswith("zero-")


def build(plan: Plan, folder: Path, *, runs: Path = Path("runs")) -> Path:
    """Writes the Space into `folder`, replacing one that was built there before. Returns the folder.

    Raises `SuiteError` for a folder that holds something else, a model without a commit, a run that may not or cannot
    leave this machine (`suite.hub.bundle`), and hardware the demo can't use.
    """
    domain: Domain = plan.offer.load()
    _refuse(plan, domain, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside it: what is refused on the way leaves the old one whole, and what is done is moved, not written again.
    with tempfile.TemporaryDirectory(prefix=".suite-space-", dir=folder.parent) as scratch:
        made = Path(scratch) / "space"
        made.mkdir()
        task = add_run(plan, domain, runs, made / "run") if plan.run else domain.task()
        for name, text in files(plan, task).items():
            write_text(made / name, text)
        if not (plan.plain or plan.from_index):
            for name in dict.fromkeys((DISTRIBUTION, plan.offer.plugin.distribution)):
                packages.unpack(name, made / "packages")
        folder.mkdir(exist_ok=True)
        _clear(folder)
        for path in made.iterdir():
            path.replace(folder / path.name)
    return folder


def add_run(plan: Plan, domain: Domain, runs: Path, into: Path) -> Task:
    """Writes into the new folder `into` what answers of a run; returns the domain with the run's options.

    Raises `SuiteError` for a run that may not leave this machine, and if the copy does not answer as the run did.
    """
    run = finished_run(plan.run, domain.task(output=runs))
    model = run.model.resolve()
    if model.parent.name == "snapshots":  # of the hub's cache, where files are links
        name = plan.run.partition("@")[0]
        raise SuiteError(f"{name} is on the Hub, where a Space can have it from: give --model {name}@{model.name}.")
    task = Task(domain, read_config(run, domain))
    copy = write_folder(bundle(run, task, licence=plan.licence, whole=False), into)
    with tempfile.TemporaryDirectory() as scratch:
        check(run, task, copy, Path(scratch) / "check")
    return task


def files(plan: Plan, task: Task) -> dict[str, str]:
    """The texts of a Space by file name; a function of plan, task and installed metadata alone."""
    lines = packages.requirements(plan.offer.plugin.distribution, from_index=plan.from_index, zero_gpu=plan.zero_gpu)
    return {
        "README.md": f"---\n{front_matter(plan, task.domain)}---\n\n{card(plan, task.domain)}",
        "app.py": app(plan, task),
        "requirements.txt": "".join(f"{line}\n" for line in lines),
    }


def front_matter(plan: Plan, domain: Domain) -> str:
    """What the Hub reads of a Space's README, as YAML."""
    space = domain.space
    licence = distribution(plan.offer.plugin.distribution).metadata["License-Expression"]
    models = _models(plan, domain)
    values: dict[str, Any] = {
        "title": domain.title,
        "emoji": space.emoji,
        "colorFrom": space.colours[0],
        "colorTo": space.colours[1],
        "sdk": "gradio",
        "sdk_version": GRADIO,
        "python_version": PYTHON,
        "app_file": "app.py",
        "short_description": space.description or domain.title[:DESCRIPTION],
        # A Space's card names one licence: that of the code, which stands first; the card's text has those of the data.
        **({"license": licence.split(" AND ")[0].lower()} if licence else {}),
        **({"models": models} if models else {}),
        "tags": [domain.name, "suite"],
        "pinned": False,
        "suggested_hardware": plan.hardware,
        **({"preload_from_hub": [*models]} if models and not (plan.run or plan.model) else {}),
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=200)


def card(plan: Plan, domain: Domain) -> str:
    """What people read: what it does, which model answers, its limits, licences, and what becomes of uploads."""
    licences = [f"- `{asset.name}` ({asset.kind}): {asset.licence}, {asset.url}" for asset in domain.starter.assets]
    return "\n".join([
        f"# {domain.title}\n", f"{plan.offer.entry.summary}\n", f"{_answering(plan, domain)}\n",
        "## Limits\n", f"{domain.limits.strip()}\n",
        "## What it starts from\n", *licences, "",
        "## Privacy\n", _PRIVACY,
        "## Run it\n", f"{_run_it(plan, domain)}",
    ])  # fmt: skip


def app(plan: Plan, task: Task) -> str:
    """The text of `app.py`."""
    domain = task.domain
    model = ', HERE / "run"' if plan.run else f', "{plan.model}"' if plan.model else ""
    # A permission never travels with a model; who builds the Space has given it, and says so here.
    allowed = "".join(f", {name}=True" for name, value in task.config if name.startswith(PERMISSION) and value)
    return f'''\
"""{domain.title} as a Hugging Face Space. Written by: suite space build {domain.name}."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "packages"))  # Suite's own code, where it lies beside this file

from suite.web.space import space  # noqa: E402

if __name__ == "__main__":
    space("{domain.name}"{model}{allowed})
'''


def _answering(plan: Plan, domain: Domain) -> str:
    if plan.run:
        return "A model that was fine-tuned with Suite answers; it is in `run/`, with its card."
    if plan.model:
        return f"The model `{plan.model}` of the Hub answers."
    return f"`{domain.starter.answering}` answers, Suite's starter for this domain."


_PRIVACY = """\
Whoever can open this Space can use it without a password. Uploads and answers are deleted after an hour at most and are
sent nowhere; what visitors correct or store stays on the Space's disk until it restarts. Do not upload what others must
not see: use a private Space, or run it on a machine of your own.
"""


def _run_it(plan: Plan, domain: Domain) -> str:
    return f"""\
```bash
suite space build {domain.name}   # writes such a folder, with Suite's code in packages/
suite space try {domain.name}-space   # in a clean environment, asking its endpoint
suite space push {domain.name}-space   # to the Hub, private unless told otherwise
```

`python app.py` serves it on this machine; `python app.py ask URL` asks a running one its example.
"""


def _models(plan: Plan, domain: Domain) -> list[str]:
    """Models of the hub that the page of the Space links to: the one that answers, as far as it is there."""
    if plan.model:
        return [plan.model.partition("@")[0]]
    name = domain.starter.model if plan.run else domain.starter.answering
    return [name] if "/" in name else []


def _refuse(plan: Plan, domain: Domain, folder: Path) -> None:
    """Raises `SuiteError` for what could not work, before anything is written."""
    if plan.run and plan.model:
        raise SuiteError("Give --run or --model: one model answers in a Space.")
    if plan.licence and not plan.run:
        raise SuiteError(f"--licence {plan.licence} is for the model of a run; give --run too, or leave it out.")
    if plan.model and not _PINNED.fullmatch(plan.model):
        raise SuiteError(f"--model {plan.model} names no commit; write owner/name@commit, so that what answers stays.")
    if plan.zero_gpu and not domain.space.zero_gpu:
        raise SuiteError(
            f"The demo of {domain.name} uses its model outside the predictor too, which ZeroGPU does not allow; "
            f"give --hardware {HARDWARE} or a GPU of the Space's own, such as t4-small."
        )
    if len(domain.space.description) > DESCRIPTION:
        raise SuiteError(f"The description of {domain.name} is longer than the {DESCRIPTION} characters the Hub takes.")
    foreign = folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_space(folder))
    if foreign:
        raise SuiteError(f"{folder} holds something else than a Space of Suite; give another --output.")


def is_space(folder: Path) -> bool:
    """Whether the folder was written by `build`."""
    path = folder / "app.py"
    return path.is_file() and "suite space build" in path.read_text(encoding="utf-8", errors="replace")


def _clear(folder: Path) -> None:
    for path in (folder / name for name in OURS):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
