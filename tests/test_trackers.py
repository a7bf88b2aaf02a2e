"""The trackers that come with the suite, all three run, and the examples of the page on who watches."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from suite_toy.fitting import LAUNCHER
from suite_toy.fitting import suite as run_suite

import suite
from suite.testing import distribution

PAGE = Path(suite.__file__).parent.parent / "docs" / "watching.md"

TRACKED = """
import json, os, socket, sys
from pathlib import Path

reached, connect = [], socket.socket.connect

def guarded(self, address):
    if self.family != socket.AF_UNIX:
        reached.append(str(address))
    return connect(self, address)

socket.socket.connect = guarded
look_up, socket.getaddrinfo = socket.getaddrinfo, lambda *rest, **named: reached.append(str(rest)) or look_up(*rest)

import suite
from suite_toy.domain import TOY
settings = dict(epochs=1, log_every=5, noise=0.3)
plain = suite.train("toy", output="plain", callbacks=[], **settings)
run = suite.train("toy", output="runs", callbacks=["trackio", "tensorboard", "wandb"], **settings)
same = [(each.model / "model.safetensors").read_bytes() for each in (plain, run)]

from trackio.sqlite_storage import SQLiteStorage
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(str(run.path / "tensorboard")).Reload()
board = {name: [each.step for each in events.Scalars(name)] for name in events.Tags()["scalars"]}
trackio = {}
for line in SQLiteStorage.get_logs("toy", run.path.name):
    for name in set(line) - {"step", "timestamp"}:
        trackio.setdefault(name, []).append(line["step"])
(kept,) = run.path.glob("wandb/offline-run-*/*.wandb")
content = kept.read_bytes()
wandb = {name: content.count(name.encode()) for name in board}
test = {name: events.Scalars(name)[-1].value for name in board if name.startswith("test/")}
out = {"same": same[0] == same[1], "reached": reached, "board": board, "trackio": trackio, "wandb": wandb, "test": test}
out |= {"run": str(run.path), "failures": [s["failures"] for o in run.observers().values() for s in o.values()]}
out |= {"files": [str(each.relative_to(kept.parent)) for each in kept.parent.rglob("*") if each.is_file()]}
Path("seen.json").write_text(json.dumps(out))
"""


def test_all_three_trackers_keep_a_run_and_send_nothing(tmp_path):
    """Logged in to the hub and told to send, by every variable that would."""
    told_to = {"TRACKIO_DIR": str(tmp_path / "trackio"), "HF_TOKEN": "hf_toy", "TRACKIO_SPACE_ID": "me/space"}
    told_to |= {"WANDB_MODE": "online", "WANDB_API_KEY": "0" * 40, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", TRACKED], cwd=tmp_path, env=os.environ | told_to, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["reached"] == [] and seen["same"] and not any(seen["failures"])
    assert not [file for file in seen["files"] if not file.startswith(("logs/", "run-"))], "no code, packages, machine"
    run = Path(seen["run"])
    evaluation = json.loads((tmp_path / run / "evaluation.json").read_text())["test"]["systems"]["fine-tuned"]
    assert seen["test"] == {f"test/{name}": pytest.approx(each["value"]) for name, each in evaluation.items()}
    assert seen["board"]["validation/accuracy"] == [0, 17] and seen["board"]["train/loss"] == [5, 10, 15, 17]
    assert {name: sorted(steps) for name, steps in seen["trackio"].items()} == seen["board"]
    assert min(seen["wandb"].values()) >= 1
    said = done.stderr
    assert f"trackio keeps this run in {tmp_path / 'trackio'}; see it with: trackio show --project toy" in said
    assert f"tensorboard --logdir {run.parent}" in said and f"wandb sync {run / 'wandb' / 'offline-run'}" in said
    assert done.stdout == "", "results only"


EXAMPLES = """
import json, sys
from pathlib import Path
from click.testing import CliRunner
from suite.cli.main import suite as program
from suite import Corrections, load, predict
from suite.plugins.loader import load_plugins
from suite.web.app import build

assert list(losses.seen) == [10, 20] and run.state() == "finished"
(answer,) = predict(run, ["banana"])
Corrections("toy", Path("runs")).add({"text": "a"}, source="demo", model="m", before={}, after={"label": "b"})
broken = [str(info.error) for info in load_plugins().broken]
pages = [page[0] for page in build(load_plugins()).pages]
import suite_board_page
listing = CliRunner().invoke(program, ["plugins"]).output
Path("seen.json").write_text(json.dumps([broken, pages, suite_board_page.states(), run.path.name, listing]))
"""


def test_the_examples_of_the_page_work(tmp_path):
    python = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    modules = {name[1]: code for code in python if (name := re.match(r"# (suite_\w+)\.py\n", code))}
    (script,) = [code for code in python if code not in modules.values()]
    for name in ("suite_bell", "suite_tally", "suite_board"):
        distribution(tmp_path / "installed", name, modules.pop(name))
    for name, code in modules.items():
        (tmp_path / "installed" / f"{name}.py").write_text(code)
    script = script.replace('"translation"', '"toy"').replace("callbacks=[losses]", 'callbacks=[losses, "bell"]')
    path = os.pathsep.join([str(tmp_path / "installed"), os.environ["PYTHONPATH"]])
    environment = os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": "toy,bell,tally,board"}
    line = [sys.executable, "-c", script + EXAMPLES]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    broken, pages, states, run, listing = json.loads((tmp_path / "seen.json").read_text())
    assert broken == [] and pages == ["", "toy", "board"]
    assert states == [[run, "finished"]] and f"\a{run}: finished, 20 steps" in done.stderr
    assert "hears: evaluated, run_finished, question_answered, answer_corrected" in listing
    tally = [json.loads(line) for line in (tmp_path / "tally.jsonl").read_text().splitlines()]
    counted = [each["what"] for each in tally]
    assert counted == [*["evaluated"] * (len(counted) - 3), "finished", "answered", "corrected"] and len(counted) > 4
    assert {"domain", "model"} <= tally[-1].keys() and "row" not in tally[-1]


WHO = """
import os
from pathlib import Path
from suite import hookimpl

def say(event):
    with Path("who.txt").open("a") as file:
        file.write(f"{event} {os.environ['RANK']}\\n")

@hookimpl
def suite_run_started():
    say("started")

@hookimpl
def suite_evaluated(data):
    say(data)

@hookimpl
def suite_run_finished(state):
    say(state)
"""


@pytest.mark.slow
def test_of_two_processes_one_tells_a_plugin(tmp_path):
    path = os.pathsep.join([str(distribution(tmp_path / "installed", "suite_who", WHO)), os.environ["PYTHONPATH"]])
    process = run_suite(tmp_path, "train", "--epochs", "1", launcher=LAUNCHER, environment={"PYTHONPATH": path})
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr[-3000:]
    lines = ["started 0", "validation 0", "validation 0", "test 0", "finished 0"]
    assert (tmp_path / "who.txt").read_text().splitlines() == lines
