"""What the pages say of the code is so: the floors, the house, the order of calls, and every error that is quoted."""

import ast
import functools
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyData, ToyScores, baselines, report

import suite
from suite.training.train import train

ROOT = Path(suite.__file__).parent.parent


def architecture(start: str, end: str) -> str:
    """What the architecture says from one heading to the next that is named."""
    return (ROOT / "docs" / "architecture.md").read_text().partition(f"{start}\n")[2].partition(end)[0]


# ---- the architecture --------------------------------------------------------------------------------------------


def test_the_floors_are_those_that_are_enforced():
    page = architecture("### Floors", "An import goes down")
    enforced = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "tests" / "test_house.py").read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("FLOORS", "PLUGIN_FLOORS")
    }
    for part, name in zip(page.split("In a plugin:"), ("FLOORS", "PLUGIN_FLOORS"), strict=True):
        assert [set(names.split(", ")) for names in re.findall("`([^`]+)`", part)] == list(enforced[name])


def test_every_module_is_in_the_house():
    page = architecture("## The house", "### Floors")
    modules = [path for path in (ROOT / "suite").rglob("*.py") if path.name != "__init__.py"]
    assert [path.name for path in modules if not re.search(rf"(?<![\w.]){path.name}\b", page)] == []


def test_the_way_through_the_rooms_names_modules_that_are_there():
    page = architecture("### Through the rooms", "### ")
    named = re.findall(r"(?<!\*)`(\w+(?:/\w+)*\.py)`", page)
    assert [name for name in named if not (ROOT / "suite" / name).is_file()] == []
    assert len(named) > 15


def spied(name, function, calls):
    """A function that writes down its name when it is called."""

    def call(*arguments, **named):
        calls.append(name)
        return function(*arguments, **named)

    return call


def methods(kind):
    return [name for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"]


PROTOCOLS = {"model": suite.Model, "data": suite.Data, "scores": suite.Scores, "answers": suite.Answers}


def test_a_run_calls_the_parts_in_the_order_told(tmp_path):
    """Each method's first call, with adapters and without mattering how often; the table names the same ones."""
    calls: list[str] = []
    kinds = {"model": ToyModel, "data": ToyData, "scores": ToyScores, "answers": suite.Answers}
    parts = {
        part: type(
            "Spied", (kind,), {name: spied(name, getattr(kind, name), calls) for name in methods(PROTOCOLS[part])}
        )
        for part, kind in kinds.items()
    }
    parts |= {"model": spied("load", parts["model"].load, calls)}
    parts |= {name: spied(name, function, calls) for name, function in (("baselines", baselines), ("report", report))}
    train(replace(TOY, **parts).task(output=tmp_path, max_steps=2, lora=True))
    said = architecture("### The order of calls", "### ")
    table = re.findall(r"`(\w+)`", " ".join(line.split(" | ")[-1] for line in said.splitlines() if line[:1] == "|"))
    assert list(dict.fromkeys(table)) == list(dict.fromkeys(calls))
    named = set(re.findall(r"`(\w+)`", said))
    assert {name for kind in PROTOCOLS.values() for name in methods(kind)} <= named


# ---- what the code says, quoted ----------------------------------------------------------------------------------


def literals(source: str) -> list[str]:
    """Every string of a source but its docstrings, with `…` for what is filled in."""
    strings, nodes = [], list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if id(node) in docstrings:
            continue
        if isinstance(node, ast.JoinedStr):
            strings.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
    return strings


@functools.cache
def said_somewhere() -> str:
    """Every string of the core and its plugins, and the installer's, a line each."""
    sources = [*(ROOT / "suite").rglob("*.py"), *ROOT.glob("plugins/*/suite_*/**/*.py")]
    strings = [text.replace("\n", " ") for path in sources for text in literals(path.read_text())]
    installer = re.sub(r"\$\{?\w+\}?|\$\(.*?\)", "…", (ROOT / "tools" / "install.sh").read_text().replace('\\"', '"'))
    return "\n".join([*strings, installer])


def is_said(sentence: str) -> bool:
    """Whether one string of the sources has the fixed parts of `sentence` in their order."""
    parts = [re.escape(part) for part in sentence.split("…")]
    return len(sentence.replace("…", "").strip()) >= 8 and re.search(".*?".join(parts), said_somewhere()) is not None


def quoted() -> list[str]:
    """The sentences of the page on troubles: the code at the head of each row of its tables."""
    return re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("sentence", quoted())
def test_every_quoted_error_is_one_of_the_code(sentence):
    assert is_said(sentence)


def test_the_errors_of_every_part_are_quoted():
    assert len(quoted()) > 60


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("… won't do: …", True),
        ("… won't be done: …", False),
        ("The disk of … is full: a checkpoint needs … MB and … MB are free.", True),
        ("The disk of … is free: a checkpoint needs … MB and … MB are full.", False),
        ("… it is …", False),
        ("Every example that …", False),
    ],
)
def test_quoted_errors_are_looked_up(sentence, expected):
    assert is_said(sentence) == expected
