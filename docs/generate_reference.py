"""The pages of docs/ about Python: the public names of `suite`, a domain and its parts, the promises of the contract.

Signatures are cut out of the sources, so that they stand on the page as they stand in the code.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import suite

CORE = Path(suite.__file__).parent
PARTS = ("Model", "Scores", "Data", "Answers")
"""The parts that are classes, in the order of the page."""
ELSEWHERE = {
    "Domain": "Its attributes are on [their page](domain.md), with the parts that it names.",
    **{name: f"Its methods are on [the page of domains](domain.md#{name.lower()})." for name in PARTS},
    "TrainConfig": "Its fields are on [the page of options](config.md).",
    "hookimpl": "The hooks are on [their page](hooks.md).",
}

REFERENCE_INTRO = """\
# Public names

What `from suite import …` offers, and all that a plugin may import of Suite. Importing it imports no torch,
transformers or gradio. What is not here may change without notice.
"""
DOMAIN_INTRO = """\
# Domain

A domain is a value, made with `suite.Domain(…)`: a light description that names its parts. The parts are functions and
small classes, imported when they are first wanted. [Writing a plugin](writing-a-plugin.md) shows a whole one; this page
has every attribute and method with its exact signature; [the architecture](architecture.md#the-order-of-calls) has the
order of the calls, and [the contract](contract.md) what is tested of them.
"""
MADE = """\
The core calls no method of a description itself: with the options of a run it becomes a [`Task`](reference.md#task),
`domain.task(epochs=1)`, which makes the parts and hands them what they need.
"""
CONTRACT_INTRO = """\
# Contract

What every domain promises. `suite.testing` turns these sentences into tests, which run on the domain's starter; a
failure says what was promised and what was seen.
"""
BADGE = """
## The badge

`pytest --suite-domain NAME --badge [FOLDER]` also writes `NAME-contract.json` and `NAME-contract.svg`: versions, and
how many of these promises are kept, of how many. What was skipped or left out, as `-m "not slow"` does, counts as not
kept and is named in the JSON with its reason. A broken promise makes no badge, and takes an older one away."""


@dataclass(frozen=True)
class Found:
    """A definition: its node, the text of its file, and what is said about it."""

    node: ast.stmt
    source: str
    said: str


# ---- the pages ---------------------------------------------------------------------------------------------------


def reference() -> Iterator[str]:
    """Every public name with its signature and the first paragraph of its docstring."""
    yield REFERENCE_INTRO
    for name in suite.__all__:
        symbol = definition(name)
        yield f"## {name}\n"
        yield f"```python\n{shown(symbol, name)}\n```\n"
        yield first_paragraph(symbol.said) + (" " + ELSEWHERE[name] if name in ELSEWHERE else "") + "\n"
        if name not in ("Domain", *PARTS):
            items = [f"- `{member}`: {first_paragraph(text)}" for member, text in members(symbol.node)]
            yield from ["\n".join([*items, ""])] if items else []


def domain() -> Iterator[str]:
    """Every attribute of `Domain`, and every method of the parts that are classes."""
    symbol = definition("Domain")
    yield DOMAIN_INTRO
    yield symbol.said.partition("\n\n")[2] + "\n"
    parts = [name for name, _ in part_attributes()]
    yield "## What it says\n"
    yield from attribute_table(symbol, lambda name: name not in parts)
    yield "\n## The parts it names\n"
    yield from attribute_table(symbol, lambda name: name in parts)
    yield "\n" + MADE
    for name in PARTS:
        yield from part(name)


def part_attributes() -> Iterator[tuple[str, str]]:
    """(name, annotation) of the attributes of `Domain` that name a part."""
    for attribute, _ in attributes(definition("Domain").node):
        annotation = ast.unparse(attribute.annotation)
        if annotation.startswith("Part"):
            yield ast.unparse(attribute.target), annotation


def attribute_table(symbol: Found, wanted: Callable[[str], bool]) -> Iterator[str]:
    """The attributes of a class whose names are wanted, each with what is said below it."""
    yield "| attribute | what it says |\n| --- | --- |"
    for attribute, text in attributes(symbol.node):
        if wanted(ast.unparse(attribute.target)):
            code = segment(symbol, attribute).replace("|", "\\|")
            yield f"| `{code}` | {text.replace(chr(10), ' ')} |"


def part(name: str) -> Iterator[str]:
    """A class of parts: what it is, its attributes, its methods to write, and those with a default."""
    symbol = definition(name)
    yield f"\n## {name}\n"
    yield symbol.said + "\n"
    if any(text for _, text in attributes(symbol.node)):
        yield from attribute_table(symbol, lambda _: True)
        yield ""
    abstract = getattr(suite, name).__abstractmethods__
    for intro, written in (("To write:\n", True), ("With a default, to override where it is wrong:\n", False)):
        chosen = [method for method in methods(symbol.node) if (method.name in abstract) == written]
        yield from [intro] if chosen else []
        for method in chosen:
            yield f"### {method.name}\n"
            yield f"```python\n{header(symbol, method)}\n```\n"
            yield (ast.get_docstring(method) or "") + "\n"


def contract() -> Iterator[str]:
    """Every promise, as a list."""
    yield CONTRACT_INTRO
    yield from (f"- **{name}**: {text}" for name, text in promises())
    yield BADGE


def promises() -> Iterator[tuple[str, str]]:
    """(name in words, sentence) of each test of the contract."""
    for path in sorted([*CORE.glob("testing*.py"), *CORE.glob("testing/*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = first_paragraph(ast.get_docstring(node) or "").replace("\n", " ")
                yield node.name.removeprefix("test_").replace("_", " "), text


# ---- the sources -------------------------------------------------------------------------------------------------


def definition(name: str) -> Found:
    """Where a public name is defined. Raises `LookupError` if it is nowhere in the core."""
    for path in sorted(CORE.rglob("*.py")):
        source = path.read_text()
        body = ast.parse(source).body
        for place, node in enumerate(body):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name and _public(name, path):
                return Found(node, source, ast.get_docstring(node) or "")
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return Found(node, source, below(body, place))
    raise LookupError(f"suite.{name} is defined nowhere in {CORE}")


def _public(name: str, path: Path) -> bool:
    """Whether the public name is that of this file: another may use the word for something of its own."""
    return getattr(sys.modules[getattr(suite, name).__module__], "__file__", "") == str(path)


def below(body: list[ast.stmt], place: int) -> str:
    """The string that stands below an assignment and describes it."""
    node = body[place + 1] if place + 1 < len(body) else None
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return ""


def attributes(node: ast.stmt) -> Iterator[tuple[ast.AnnAssign, str]]:
    """The annotated names of a class, each with the string below it."""
    body = node.body if isinstance(node, ast.ClassDef) else []
    for place, child in enumerate(body):
        if isinstance(child, ast.AnnAssign):
            yield child, below(body, place)


def members(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """(name, what is said) of the fields that say something, and of every method."""
    yield from ((ast.unparse(field.target), text) for field, text in attributes(node) if text)
    yield from ((method.name, ast.get_docstring(method) or "") for method in methods(node))


def methods(node: ast.stmt) -> Iterator[ast.FunctionDef]:
    """The public methods of a class, `__call__` included; none of anything else."""
    for child in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(child, ast.FunctionDef) and (child.name == "__call__" or not child.name.startswith("_")):
            yield child


# ---- text --------------------------------------------------------------------------------------------------------


def shown(symbol: Found, name: str) -> str:
    """What a reader must know to use the name: a call's header, a class with fields and methods, an alias's value."""
    node = symbol.node
    if isinstance(node, ast.FunctionDef):
        return header(symbol, node)
    if not isinstance(node, ast.ClassDef):
        made = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        return f"{name}: {type(getattr(suite, name)).__name__}" if made else segment(symbol, node)
    bases = ", ".join(ast.get_source_segment(symbol.source, base) or "" for base in node.bases)
    lines = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
    lines.append(f"class {name}({bases}):" if bases else f"class {name}:")
    inside = list(_inside(symbol, node))
    return "\n".join([*lines, *inside]) if inside else "\n".join(lines) + " ..."


def _inside(symbol: Found, node: ast.ClassDef) -> Iterator[str]:
    """The fields, how a class that is no dataclass is made, and the methods, but what has a page."""
    fields = [] if node.name in ELSEWHERE else list(attributes(node))
    yield from (f"    {segment(symbol, attribute)}" for attribute, _ in fields)
    made = [child for child in node.body if isinstance(child, ast.FunctionDef) and child.name == "__init__"]
    called = [] if node.name in ("Domain", *PARTS) else [*made, *methods(node)]
    if fields and called:
        yield ""  # as ruff, which formats the pages too, would have it
    for method in called:
        yield textwrap.indent(header(symbol, method), "    ")


def segment(symbol: Found, node: ast.stmt) -> str:
    """A statement as it is written."""
    return textwrap.dedent(ast.get_source_segment(symbol.source, node, padded=True) or "").strip()


def header(symbol: Found, node: ast.FunctionDef) -> str:
    """A function's head as it is written, with its decorators."""
    named = map(ast.unparse, node.decorator_list)
    kinds = [f"@{name}\n" for name in named if name != "abstractmethod"]
    lines = symbol.source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
    return "".join(kinds) + textwrap.dedent("\n".join(lines)).rstrip() + " ..."


def first_paragraph(text: str) -> str:
    """What a docstring says before its first empty line."""
    return text.split("\n\n")[0]
