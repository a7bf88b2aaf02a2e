"""`suite new`: every kind is rendered, installed and run as its author would."""

from __future__ import annotations

import ast
import importlib
import json
import os
import resource
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import suite
from suite.cli import new as command
from suite.errors import SuiteError
from suite.plugins.loader import ASKED, Plugins
from suite.plugins.offers import PluginInfo
from suite.scaffold.render import TEMPLATE, kinds, render
from suite.testing import newest

ROOT = Path(suite.__file__).parent.parent
SHARED = {
    ".github/workflows/ci.yml", ".gitignore", "README.md", "pyproject.toml",
    "suite_bird_calls/__init__.py", "suite_bird_calls/data.py", "suite_bird_calls/demo.py",
    "suite_bird_calls/domain.py", "suite_bird_calls/model.py", "suite_bird_calls/scores.py",
    "suite_bird_calls/starter.py", "tests/test_bird_calls.py", "tests/test_bird_calls_contract.py",
}  # fmt: skip
OWN = {kind: {"suite_bird_calls/network.py"} for kind in ("image", "table", "audio", "interactions")}
BEST = {"image": 0.8, "table": 0.65, "audio": 0.8, "text": 0.95, "text-pair": 0.8, "interactions": 0.7}
"""What the starter's test split must reach after the default training; guessing gets a third, a half, or 5 of 18."""
CPU_SECONDS = 60
CODE = 100
"""Lines of the eight things that a domain must write, without docstrings, imports and blanks."""


@pytest.fixture(params=kinds())
def plugin(request, tmp_path):
    """A plugin of each kind, and its kind."""
    render({"name": "bird-calls", "kind": request.param}, tmp_path / "plugin")
    return request.param, tmp_path / "plugin"


def installed(folder):
    """The environment of a process that finds the plugin, and only it, as pip would have installed it."""
    info = folder / "suite_bird_calls-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: suite-bird-calls\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[suite]\nbird-calls = suite_bird_calls\n")
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": "bird-calls"}


def contents(folder):
    """The text of every file by its name."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def run(*line, folder, environment):
    """Standard output of a command that must work."""
    line = [sys.executable, "-m", *line]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@contextmanager
def starter(folder):
    """The plugin's module of that name, forgotten afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("suite_bird_calls.starter")
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith("suite_bird_calls")]:
            del sys.modules[name]


def argument(kind, folder):
    """What the README says to predict; the files it speaks of are made."""
    import numpy as np
    import soundfile

    with starter(folder) as module:
        if kind == "image":
            module.drawn("circle", np.random.default_rng(0)).save(folder / "picture.png")
        if kind == "audio":
            sound = module.sung("rising", np.random.default_rng(0))
            soundfile.write(folder / "sound.wav", sound, module.RATE)
    return (TEMPLATE / "kinds" / kind / "argument.jinja").read_text().strip('"')


def test_every_kind_is_written_whole(plugin):
    kind, folder = plugin
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == SHARED | OWN.get(kind, set())
    for name in names - {".github/workflows/ci.yml"}:
        text = (folder / name).read_text()
        assert "{%" not in text and "{{" not in text and "weather" not in text, name
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())


def code(path):
    """Lines of a module that are neither blank, nor a comment, nor of a docstring or an import."""
    text = path.read_text()
    left = set(range(1, len(text.splitlines()) + 1))
    for node in ast.walk(ast.parse(text)):
        said = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if said or isinstance(node, ast.Import | ast.ImportFrom):
            left -= set(range(node.lineno, node.end_lineno + 1))
    lines = text.splitlines()
    return [lines[place - 1] for place in sorted(left) if lines[place - 1].split("#")[0].strip()]


def test_eight_things_are_about_a_hundred_lines(plugin):
    """load, collate, infer, inputs; reference, score, metrics; demo."""
    _, folder = plugin
    written = {name: code(folder / "suite_bird_calls" / f"{name}.py") for name in ("model", "scores", "demo")}
    heads = [line for lines in written.values() for line in lines]
    for name in ("load", "collate", "infer", "inputs", "reference", "score", "metrics", "build"):
        assert sum(f"def {name}(" in line for line in heads) == 1, name
    assert 60 < sum(map(len, written.values())) < CODE


@pytest.mark.parametrize(("kind", "writes"), [("image", "PIL.Image.Image.save"), ("audio", "soundfile.write")])
def test_a_sample_file_is_written_once_and_never_seen_in_part(kind, writes, tmp_path, monkeypatch):
    render({"name": "bird-calls", "kind": kind}, tmp_path / "plugin")
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))

    def breaks(*arguments):
        next(item for item in arguments if isinstance(item, Path)).write_bytes(b"half")
        raise OSError("the disk is full")

    with starter(tmp_path / "plugin") as module:
        with monkeypatch.context() as broken, pytest.raises(OSError, match="the disk is full"):
            broken.setattr(writes, breaks)
            module.sample_file()
        assert list((tmp_path / "cache" / "bird-calls").iterdir()) == []
        path = module.sample_file()
        before = path.stat()
        assert before.st_size > 1000 and list(path.parent.iterdir()) == [path]
        assert module.sample_file() == path
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("name", ["x", "starter", "bird-calls", "a-name-of-24-letters-all"])
def test_what_is_written_is_in_style(name, tmp_path):
    """Whatever the length of the name; the linter takes all kinds at once."""
    for kind in kinds():
        render({"name": name, "kind": kind}, tmp_path / kind)
    run("ruff", "check", ".", folder=tmp_path, environment=os.environ)
    run("ruff", "format", "--check", ".", folder=tmp_path, environment=os.environ)


def test_copier_writes_the_same(plugin, tmp_path):
    copier = pytest.importorskip("copier")
    kind, folder = plugin
    answers = {"name": "bird-calls", "kind": kind}
    copier.run_copy(str(TEMPLATE), tmp_path / "copied", data=answers, defaults=True, quiet=True)
    both = [
        {str(p.relative_to(f)): p.read_text() for p in f.rglob("*") if p.is_file()}
        for f in (folder, tmp_path / "copied")
    ]
    assert both[0] == both[1]


def test_the_wheel_holds_the_template(tmp_path):
    run("hatchling", "build", "-t", "wheel", "-d", str(tmp_path), folder=ROOT, environment=os.environ)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("suite/scaffold/template/")}
    ours = {str(path.relative_to(ROOT)) for path in TEMPLATE.rglob("*") if path.is_file()}
    assert names == ours and len(ours) > 50
    assert "pytest_suite.py" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    ("name", "word"), [("weather", "weather"), ("Bird Calls", "bird-calls"), ("bird_calls", "bird-calls")]
)
def test_a_name_becomes_a_word(name, word):
    assert command.plain(name) == word


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("3d", "begins with a letter"), ("été", "letters a to z"), ("a/b", "letters a to z"), ("", "letters a to z"),
        ("a" * 25, "it has 25 characters, and 24 fit"), ("weather" * 4, "it has 28 characters"),
        ("class", "'class' is a word of Python"), ("None", "'none' is a word of Python"),
        ("suite", "it is the core's own"), ("Suite", "it is the core's own"),
        ("core", "its distribution would be suite-core, which is the core's"),
        ("train", "'train' is a verb of every domain"), ("login", "'login' is a path of the web app"),
        ("toy", "it is a domain of the plugin toy already"), ("List", "it is a command of the core already"),
        ("gallery", "it is a page of the core already"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused(name, said):
    with pytest.raises(SuiteError, match=said):
        command.plain(name)


def test_a_plugin_that_is_wanted_and_not_there_may_be_written(monkeypatch):
    monkeypatch.setattr(command, "load_plugins", lambda: Plugins([PluginInfo("tides", ASKED, "", error="not here")]))
    assert command.plain("tides") == "tides"


@pytest.mark.parametrize("error", [None, "its import fails"])
def test_the_name_of_an_installed_plugin_is_refused_though_it_offers_nothing(error, monkeypatch):
    """Two of one name would both be left out, and two distributions of one name can't be installed."""
    infos = [PluginInfo("tides", "suite-tides", "2.0", error=error), PluginInfo("sea", "Suite_Waves", "1.0")]
    monkeypatch.setattr(command, "load_plugins", lambda: Plugins(infos))
    for name, said in (("tides", "suite-tides 2.0"), ("waves", "Suite_Waves 1.0")):
        with pytest.raises(SuiteError, match=f"a plugin of that name is installed already .{said}."):
            command.plain(name)


def test_the_name_of_a_module_that_is_here_is_refused(tmp_path, monkeypatch):
    (tmp_path / "suite_bird_calls.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SuiteError, match="there is a module suite_bird_calls here already"):
        command.plain("bird calls")


def test_a_script_must_say_the_kind():
    with pytest.raises(SuiteError, match="--kind image, table, audio, text, text-pair or interactions"):
        command.chosen_kind("")
    with pytest.raises(SuiteError, match="Did you mean 'image'"):
        command.chosen_kind("imge")


def test_a_person_is_asked_for_the_kind(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", lambda text, type: type.choices[2])
    assert command.chosen_kind("") == "audio"


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    line = ["weather", "--kind", "text", "--output", str(tmp_path / "mine")]
    done = CliRunner().invoke(command.new, line)
    assert isinstance(done.exception, SuiteError) and "nothing is overwritten" in str(done.exception)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_title_must_fit_into_code(tmp_path):
    line = ["weather", "--kind", "text", "--output", str(tmp_path / "new"), "--title"]
    assert isinstance(CliRunner().invoke(command.new, [*line, 'a "b"']).exception, SuiteError)
    assert CliRunner().invoke(command.new, [*line, "Tomorrow's sky"]).exit_code == 0
    domain = (tmp_path / "new" / "suite_weather" / "domain.py").read_text()
    assert 'title="Tomorrow\'s sky"' in domain


def test_a_domain_is_no_test_whatever_its_name(tmp_path):
    """pytest takes classes whose names begin with Test for tests, and warns where they can't be."""
    folder = tmp_path / "plugin"
    render({"name": "test-matches", "kind": "text"}, folder)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    output = run("pytest", "tests/test_test_matches.py", "-W", "error", folder=folder, environment=environment)
    assert "6 passed" in output


def used(folder, kind, environment, *flags):
    """Trains, evaluates and predicts; returns the run, CPU seconds of the training and the answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run("suite", "bird-calls", "train", *flags, folder=folder, environment=environment)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    table = run("suite", "bird-calls", "evaluate", folder=folder, environment=environment)
    assert "fine-tuned" in table and "most " in table  # the baseline's name begins so in every kind
    line = ["suite", "bird-calls", "predict", argument(kind, folder), "--format", "json", "-q"]
    answers = json.loads(run(*line, folder=folder, environment=environment))
    return newest(folder / "runs"), seconds, answers


def test_a_new_plugin_works(tmp_path, monkeypatch):
    """One kind from nothing to an answer, with a short training."""
    folder = tmp_path / "plugin"
    render({"name": "bird-calls", "kind": "table"}, folder)
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    environment = installed(folder)
    _, _, (answer,) = used(folder, "table", environment, "--epochs", "2")
    assert set(answer["probabilities"]) == {"mussel", "oyster", "cockle"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    output = run("pytest", "tests/test_bird_calls.py", folder=folder, environment=environment)
    assert "6 passed" in output


@pytest.mark.slow
def test_a_new_plugin_is_green_at_first_run(plugin):
    """Every kind: types, its own tests, the contract, and a training that takes less than a minute and is worth it."""
    kind, folder = plugin
    environment = installed(folder)
    run_folder, seconds, _ = used(folder, kind, environment)
    assert seconds < CPU_SECONDS
    evaluation = json.loads((run_folder / "evaluation.json").read_text())["test"]
    best = {name: system[evaluation["metric"]]["value"] for name, system in evaluation["systems"].items()}
    assert best["fine-tuned"] >= BEST[kind] and best["fine-tuned"] > max(v for k, v in best.items() if "most" in k)
    run("mypy", folder=folder, environment=environment)
    run("pytest", "-m", "not slow", folder=folder, environment=environment)


@pytest.mark.slow
def test_pip_installs_it(tmp_path):
    """A real installation, as its README says; without dependencies, which are here."""
    render({"name": "bird-calls", "kind": "table"}, tmp_path / "plugin")
    line = ["pip", "install", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site"), "./plugin"]
    run(*line, folder=tmp_path, environment=os.environ)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}", "SUITE_PLUGINS": "bird-calls"}
    listed = json.loads(run("suite", "list", "--format", "json", folder=tmp_path, environment=environment))
    assert [domain["name"] for domain in listed["domains"]] == ["bird-calls"]
