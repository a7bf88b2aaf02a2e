"""House rules of functions: imports are at the top of a file, and what is longer than a screen says why."""

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

import suite

ROOT = Path(suite.__file__).parent.parent
LATE = 3
"""Imports inside functions for each 1,000 lines. At the top they are seen, and a circle shows at once; what is left is
for what must come quickly (a page, a command's help) or may not be there (an extra)."""
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LONGEST = 40
LONG = {
    "suite.training.loop.fit": "the training loop, read from top to bottom; its parts share a dozen variables",
    "suite.evaluation.evaluate._evaluated": "the order of an evaluation, each step named by a function of its own",
    "suite.web.theme.theme": "a table of colours",
    "suite_translation.commands.localize.localize": "a dozen options, one on a line",
}
"""Functions of more lines, each with its reason."""


@cache
def sources() -> dict[str, str]:
    """The source of each module of core, plugins and examples, by its dotted name."""
    patterns = ("suite/*.py", "plugins/*/suite_*/*.py", "examples/*/suite_*/*.py")
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [Path(name) for name in names if name and (ROOT / name).is_file()]
    outside = {path: path.parts[2:] if path.parts[0] != "suite" else path.parts for path in paths}
    return {".".join(parts).removesuffix(".py"): (ROOT / path).read_text() for path, parts in outside.items()}


def late_imports(source: str) -> list[ast.stmt]:
    """Every import statement inside a function."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTION))
    inside = (node for function in functions for node in ast.walk(function))
    return list({node.lineno: node for node in inside if isinstance(node, ast.Import | ast.ImportFrom)}.values())


def unexplained(source: str) -> list[str]:
    """Imports inside functions without a comment: on their line, above it, or at an import just before."""
    lines, faults = source.splitlines(), []
    explained, end = False, 0
    for node in sorted(late_imports(source), key=lambda node: node.lineno):
        line = lines[node.lineno - 1]
        said = "#" in line or lines[node.lineno - 2].strip().startswith("#")
        explained = said or (explained and not "".join(lines[end : node.lineno - 1]).strip())
        faults += [] if explained else [f"{node.lineno}: {line.strip()}"]
        end = node.end_lineno or node.lineno
    return faults


def lengths(source: str) -> dict[str, int]:
    """Lines of every function, its signature and docstring included, by its name within the module."""
    sizes: dict[str, int] = {}

    def walk(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, FUNCTION | ast.ClassDef)
            path = f"{name}.{child.name}".strip(".") if named else name
            if isinstance(child, FUNCTION):
                sizes[path] = (child.end_lineno or child.lineno) - child.lineno + 1
            walk(child, path)

    walk(ast.parse(source), "")
    return sizes


# ---- the rules ---------------------------------------------------------------------------------------------------


def test_every_module_is_looked_at():
    assert {"suite.api", "suite.training.loop", "suite_fraud.domain", "suite_forecasting.model"} <= sources().keys()


def test_imports_inside_functions_are_few():
    """3 in 1,000 lines over core and plugins; what this has to be said of is in the message."""
    count = lines = 0
    most: dict[str, int] = {}
    for module, source in sources().items():
        lines += len(source.splitlines())
        count += (late := len(late_imports(source)))
        most |= {module: late} if late else {}
    worst = sorted(most.items(), key=lambda item: -item[1])[:20]
    assert 1000 * count / lines <= LATE, f"{count} in {lines} lines, most of them in {worst}"


def test_an_import_inside_a_function_says_why():
    assert {module: bare for module, source in sources().items() if (bare := unexplained(source))} == {}


def test_long_functions_are_few_and_say_why():
    sizes = {
        f"{module}.{name}": length
        for module, source in sources().items()
        for name, length in lengths(source).items()
        if length > LONGEST
    }
    assert sizes.keys() - LONG.keys() == set(), {name: sizes[name] for name in sizes.keys() - LONG.keys()}
    assert LONG.keys() - sizes.keys() == set(), "listed as long, and no longer so"


# ---- the teeth ---------------------------------------------------------------------------------------------------


def test_late_imports_bite():
    source = "import a\ndef f():\n    import b\n    def g():\n        from c import d, e\n"
    assert [ast.unparse(node) for node in late_imports(source)] == ["import b", "from c import d, e"]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ("import b", ["2: import b"]),
        ("import b  # an extra", []),
        ("# an extra\n    import b\n    from c import d", []),
        ("import b  # an extra\n    x = 1\n    import c", ["4: import c"]),
        ("# an extra\n    import b\n\n    from c import d", []),
        ("from c import (  # an extra\n        d,\n    )\n    import b", []),
    ],
)
def test_unexplained_imports_bite(body, faults):
    assert unexplained(f"def f():\n    {body}\n") == faults


def test_lengths_bite():
    source = "def f(\n    a,\n):\n    pass\n\nclass C:\n    def g(self):\n        def h(): ...\n        return h\n"
    assert lengths(source) == {"f": 4, "C.g": 3, "C.g.h": 1}
