"""Counts of the house: what the table in docs/architecture.md shows of this checkout, or of another one.

    python bench/house.py [FOLDER]

Tests, recipes and the scaffold's templates are left out. Before and after are two checkouts, counted by this script.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HTML = re.compile(r"</?(div|span|p|b|ul|li|table|small|header|section|i|br|h[1-6])\b[^>]*>")
SELECTOR = re.compile(r"^\s*[.#@][\w.#:, >()\[\]=\"'-]+\{", re.MULTILINE)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(root: Path) -> dict[Path, ast.Module]:
    """The shipped Python files of the core and the plugins, parsed; paths are below `root`."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "suite/*.py", "plugins/*/suite_*.py"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    kept = [Path(name) for name in listed if "template" not in Path(name).parts and (root / name).is_file()]
    return {path: ast.parse((root / path).read_text(encoding="utf-8")) for path in kept}


def rooms(paths: list[Path]) -> dict[str, int]:
    """How many files and folders lie at the top of each package."""
    stems: dict[str, set[str]] = {}
    for path in paths:
        parts = path.parts[2:] if path.parts[0] == "plugins" else path.parts
        stems.setdefault(parts[0], set()).add(Path(parts[1]).stem)
    return {package: len(names - {"__init__", "__main__"}) for package, names in stems.items()}


def late_imports(tree: ast.Module) -> int:
    """Import statements inside functions, those for type checking left out."""
    typing = {id(node) for branch in ast.walk(tree) if isinstance(branch, ast.If)
              and "TYPE_CHECKING" in ast.unparse(branch.test) for node in ast.walk(branch)}  # fmt: skip
    inside = {id(node) for function in functions(tree) for node in ast.walk(function)
              if isinstance(node, ast.Import | ast.ImportFrom)}  # fmt: skip
    return len(inside - typing)


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function, methods and inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def writes_html(function: Function) -> bool:
    """Whether a string in it, its docstring left out, holds a tag."""
    strings = [node for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    docs = {id(node.value) for node in ast.walk(function) if isinstance(node, ast.Expr)}
    return any(HTML.search(node.value) for node in strings if id(node) not in docs)


def css_lines(tree: ast.Module) -> int:
    """Lines of style sheets in strings."""
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return sum(text.count("\n") for text in strings if len(SELECTOR.findall(text)) > 1)


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    trees = sources(root)
    plugins = {path: tree for path, tree in trees.items() if path.parts[0] == "plugins"}
    lines = sum(len((root / path).read_text(encoding="utf-8").splitlines()) for path in trees)
    sheets = subprocess.run(["git", "-C", str(root), "ls-files", "plugins/*.css"], capture_output=True, text=True)
    style = sum(len((root / name).read_text().splitlines()) for name in sheets.stdout.split())
    late = sum(map(late_imports, trees.values()))
    counts = rooms(list(trees))
    lengths = sorted(node.end_lineno - node.lineno + 1 for tree in trees.values() for node in functions(tree))
    print(f"rooms at the top of the core: {counts.pop('suite')}; of the fullest plugin: {max(counts.values())}")
    print(f"imports inside functions: {late}, {1000 * late / lines:.1f} per 1,000 lines")
    print(f"lines of CSS of plugins: {sum(map(css_lines, plugins.values()))} in Python, {style} in style sheets")
    html = sum(writes_html(function) for tree in plugins.values() for function in functions(tree))
    print(f"functions of plugins that write HTML: {html}")
    print(f"functions longer than 40 lines: {sum(length > 40 for length in lengths)} of {len(lengths)}")
    print(f"files: {len(trees)}, lines: {lines}")


if __name__ == "__main__":
    main()
