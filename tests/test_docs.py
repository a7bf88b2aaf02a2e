"""The documentation says what the code does: generated pages are current, commands and links in the others are real."""

import ast
import dataclasses
import inspect
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import click
import pytest

import suite
import suite.demo
from suite import testing
from suite.cli.main import DomainGroup, LazyGroup
from suite.cli.main import suite as program
from suite.config import TrainConfig
from suite.plugins import hookspecs
from suite.plugins.loader import HOOKS, load_plugins
from suite.plugins.observers import EVENTS

ROOT = Path(suite.__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]


def fenced(text: str, *languages: str) -> list[str]:
    """The code blocks of a page in one of the languages; "" is a block that names none."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [content for language, content in blocks if language in languages]


def command_lines() -> list[tuple[str, str]]:
    """(page, line) of every `suite …` line in a block that is meant to be typed."""
    pages = [(path, block) for path in WRITTEN for block in fenced(path.read_text(), "", "sh", "bash", "console")]
    lines = [(path.name, line.strip().removeprefix("$ ")) for path, block in pages for line in block.splitlines()]
    return sorted(
        {(name, re.sub(r"^\.venv/bin/", "", line)) for name, line in lines if re.match(r"(\.venv/bin/)?suite ", line)}
    )


def fault(line: str) -> str:
    """What is wrong with a command line, by the commands themselves; "" when nothing is."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = program
    path = "suite"
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        group = command
        known = list(group.summaries()) if isinstance(group, LazyGroup) else list(group.commands)
        if name not in known:
            return f"{path} has no {name}"
        subcommand = group.get_command(click.Context(group), name)
        assert subcommand is not None
        command, path = subcommand, f"{path} {name}"
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help",
        "-h",
    }
    if isinstance(command, click.Group) and words and words[0] not in flags:
        return f"{path} needs a command"
    wrong = [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in flags]
    settings = [words[i + 1].partition("=")[0] for i, word in enumerate(words[:-1]) if word == "--set"]
    domain = path.split()[1]
    options = load_plugins().domain(domain).Config.model_fields if domain in load_plugins().domains else {}
    wrong += [name for name in settings if name not in options]
    if wrong:
        return f"{path} knows no {', '.join(wrong)}"
    options_needed = [p for p in command.params if p.required and isinstance(p, click.Option)]
    missing = [p.opts[0] for p in options_needed if not set(p.opts) & {word.partition("=")[0] for word in words}]
    return f"{path} needs {', '.join(missing)}" if missing else ""


def test_generated_pages_are_current():
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr


@pytest.mark.parametrize("name", [*HOOKS, *EVENTS])
def test_every_hook_is_described_with_its_exact_signature(name):
    page = (ROOT / "docs" / "hooks.md").read_text()
    section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    source = next(n for n in ast.parse(Path(hookspecs.__file__).read_text()).body if getattr(n, "name", "") == name)
    assert isinstance(source, ast.FunctionDef) and source.returns is not None
    assert f"def {name}({ast.unparse(source.args)})" in section
    assert (ast.get_docstring(source) or "") in section


def test_every_hook_has_a_shipped_user():
    page = (ROOT / "docs" / "hooks.md").read_text()
    for section in page.split("\n## ")[1:]:
        used = section.count("\n| `") >= 1 or "\nHeard by the callbacks `" in section
        assert used != section.startswith(EVENTS[-2:]), section.splitlines()[0]  # those have an example, which is run


@pytest.mark.parametrize("name", TrainConfig.model_fields)
def test_every_option_is_described(name):
    assert f"\n| `{name}` | " in (ROOT / "docs" / "config.md").read_text()


def test_every_command_is_described():
    page = (ROOT / "docs" / "commands.md").read_text()
    plugins = load_plugins()
    names = [name for name, offer in plugins.commands.items() if (ROOT / "plugins" / offer.plugin.name).is_dir()]
    names += [name for name, offer in plugins.commands.items() if offer.plugin.name == "suite"]
    names += [f"DOMAIN {verb}" for verb in ("train", "evaluate", "predict", "options", "data check")]
    assert [name for name in names if not re.search(rf"^#+ suite {name}$", page, re.MULTILINE)] == []


def shipped() -> dict[str, suite.Domain]:
    """The domains of this repository by name."""
    return {name: load_plugins().domain(name) for name in load_plugins().domains if (ROOT / "plugins" / name).is_dir()}


def section(page: str, name: str, level: int = 2) -> str:
    """What a page says below a heading, up to the next one of its level or above."""
    text = (ROOT / "docs" / page).read_text()
    below = text.partition(f"\n{'#' * level} {name}\n")[2]
    return re.split(rf"^#{{1,{level}}} ", below, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("domain", sorted(shipped()))
def test_every_option_of_a_domain_is_described(domain):
    fields, said = shipped()[domain].Config.model_fields, section("config.md", domain)
    own = [name for name in fields if name not in TrainConfig.model_fields]
    assert [name for name in own if f"\n| `{name}` | " not in said] == []
    assert [name for name in own if str(fields[name].description) not in said] == []


def test_every_option_of_a_command_is_described():
    missing = []
    for name, offer in load_plugins().commands.items():
        level = 3 if " " in name else 2
        if offer.plugin.name == "suite" or (ROOT / "plugins" / offer.plugin.name).is_dir():
            said = section("commands.md", f"suite {name}", level)
            flags = {flag for option in offer.load().params for flag in option.opts if flag.startswith("-")}
            missing += [f"suite {name} {flag}" for flag in sorted(flags) if flag not in said]
    assert missing == []


def head(block: str) -> ast.FunctionDef:
    """The one function of a code block."""
    return next(node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.FunctionDef))


PARTS = (suite.Model, suite.Scores, suite.Data, suite.Answers)
ELSEWHERE = {"Domain", *(kind.__name__ for kind in PARTS)}
"""What has a page of its own for its attributes and methods."""


@pytest.mark.parametrize("name", suite.__all__)
def test_every_public_name_is_described(name):
    said, symbol = section("reference.md", name), getattr(suite, name)
    code, text = fenced(said, "python")[0], said.split("```")[2].strip()
    assert name in code and len(text) > 20
    if inspect.isfunction(symbol) and symbol.__name__ == name:
        assert [*inspect.signature(symbol).parameters] == [argument.arg for argument in arguments(head(code))]
    if inspect.isclass(symbol) and symbol.__module__.startswith("suite."):
        assert inspect.cleandoc(symbol.__doc__ or "").split("\n\n")[0] in text
        public = [method for method, value in vars(symbol).items() if inspect.isfunction(value) and method[0] != "_"]
        assert name in ELSEWHERE or [method for method in public if f"def {method}(" not in code] == []
    if inspect.isclass(symbol) and dataclasses.is_dataclass(symbol) and name not in ELSEWHERE:
        assert [field.name for field in dataclasses.fields(symbol) if f"\n    {field.name}: " not in code] == []


@pytest.mark.parametrize("name", suite.demo.__all__)
def test_every_piece_of_the_demo_kit_is_described_and_shown(name):
    said, symbol = section("demo-kit.md", name, 3), getattr(suite.demo, name)
    if inspect.isfunction(symbol):
        code = fenced(said, "python")[0]
        assert [*inspect.signature(symbol).parameters] == [argument.arg for argument in arguments(head(code))]
        assert inspect.cleandoc(symbol.__doc__ or "").split("\n\n")[0] in said
    pictures = re.findall(r"!\[.*\]\((.+)\)", said)
    assert [picture for picture in pictures if not (ROOT / "docs" / picture).is_file()] == []
    returns = inspect.signature(symbol).return_annotation if inspect.isfunction(symbol) else ""
    assert pictures or returns != "Markup" or name in ("join", "tag")


def arguments(node: ast.FunctionDef) -> list[ast.arg]:
    given = node.args
    several = [given.vararg] if given.vararg else []
    named = [*given.posonlyargs, *given.args, *several, *given.kwonlyargs]
    return named + ([given.kwarg] if given.kwarg else [])


def methods(kind: type) -> list[str]:
    """The public methods of a part."""
    return [name for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in PARTS for name in methods(kind)], ids=lambda value: str(value)
)
def test_every_method_of_a_part_is_described_with_its_exact_signature(kind, name):
    said, source = section("domain.md", name, 3), textwrap.dedent(inspect.getsource(getattr(kind, name)))
    expected, documented = head(source), head(fenced(said, "python")[0])
    assert ast.dump(expected.args) == ast.dump(documented.args)
    assert ast.dump(expected.returns) == ast.dump(documented.returns)
    assert (ast.get_docstring(expected) or "?") in said


@pytest.mark.parametrize("name", suite.Domain.__annotations__)
def test_every_attribute_of_domain_is_described(name):
    tables = section("domain.md", "What it says") + section("domain.md", "The parts it names")
    row = re.search(rf"^\| `{name}: .*` \| (.*) \|$", tables, re.MULTILINE)
    assert row and len(row[1]) > 20


def test_every_promise_of_the_contract_is_told():
    page = (ROOT / "docs" / "contract.md").read_text()
    sources = "".join(path.read_text() for path in Path(testing.__file__).parent.glob("*.py"))
    promised = re.findall(r"^    def test_(\w+)", sources, re.MULTILINE)
    assert [name for name in promised if f"- **{name.replace('_', ' ')}**: " not in page] == []
    assert len(promised) >= 12


def test_every_variable_is_described():
    sources = "".join(path.read_text() for path in (ROOT / "suite").rglob("*.py"))
    pages = "".join(path.read_text() for path in DOCS)
    assert {name for name in re.findall(r"\bSUITE_[A-Z]+\b", sources) if name not in pages} == set()


@pytest.mark.parametrize(("page", "line"), command_lines(), ids=lambda value: value)
def test_every_command_line_in_the_docs_is_one(page, line):
    assert fault(line) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("suite toy trian", "suite toy has no trian"),
        ("suite toy train --epoch 3", "suite toy train knows no --epoch"),
        ("suite toy train --set epoch=3", "suite toy train knows no epoch"),
        ("suite toy train --set noise=0.5 --lora  # a comment with --nonsense", ""),
        ("suite runs lst", "suite runs has no lst"),
        ("suite toy data check ./calls", ""),
        ("suite nonsense", "suite has no nonsense"),
        ("suite jobs run toy train --epochs 3 --flavour x", "suite jobs run knows no --flavour"),
    ],
)
def test_command_lines_are_checked(line, said):
    assert fault(line) == said


def test_python_in_the_docs_is_python():
    for path in WRITTEN:
        for block in fenced(path.read_text(), "python"):
            ast.parse(block)


def test_public_names_used_in_the_docs_exist():
    for path in WRITTEN:
        for block in fenced(path.read_text(), "python"):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and node.module == "suite":
                    assert {alias.name for alias in node.names} <= set(suite.__all__), path


def test_links_lead_somewhere():
    for path in WRITTEN:
        text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"https?:|#|mailto:", target):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name} links to {target}"


def test_every_part_and_method_is_named_for_plugin_authors():
    page = (ROOT / "docs" / "writing-a-plugin.md").read_text()
    names = [name for kind in PARTS for name in methods(kind)]
    names += [name for name in suite.Domain.__annotations__ if name != "name"]
    assert [name for name in names if f"`{name}" not in page] == []


def test_the_domain_group_is_lazy():
    """The checks above walk the commands; this makes sure they walk the real ones."""
    group = program.get_command(click.Context(program), "toy")
    assert isinstance(group, DomainGroup)


SHAPE = ["Five minutes with it", "Your own data", "What the figures mean", "How good it is", "Limits"]
"""What every domain's page says, in this order; a domain may say more in between."""


@pytest.mark.parametrize("name", sorted(shipped()))
def test_pages_of_domains_have_one_shape(name):
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / f"{name}.md").read_text(), re.MULTILINE)
    assert [heading for heading in headings if heading in SHAPE] == SHAPE
    assert section(f"{name}.md", "Your own data").count("\n|") >= 4
    assert section(f"{name}.md", "What the figures mean").count("\n|") >= 4


@pytest.mark.parametrize("name", sorted(shipped()))
def test_the_figure_that_picks_the_checkpoint_is_explained(name):
    metric = shipped()[name].metric
    assert metric.replace("_", " ") in section(f"{name}.md", "What the figures mean").replace("_", " ")


LOOKED_UP = {"commands.md", "config.md", "demo-kit.md", "domain.md", "interoperability.md", "log.md", "reference.md"}
"""Pages nobody reads from top to bottom."""


@pytest.mark.parametrize("page", [path.name for path in DOCS if path.name not in LOOKED_UP])
def test_pages_can_be_read_at_one_sitting(page):
    assert len((ROOT / "docs" / page).read_text().splitlines()) <= 280
