"""The house rules, each with a tooth: what the core may know, who may import whom, what must stay light."""

import ast
import json
import re
import resource
import subprocess
import symtable
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import suite
import suite.demo
from suite.cli import verbs
from suite.plugins.hookspecs import Entry
from suite.plugins.loader import load_plugins
from suite.plugins.offers import Offer, PluginInfo

ROOT = Path(suite.__file__).parent.parent
HEAVY = ("torch", "transformers", "datasets", "gradio", "accelerate", "peft", "diffusers", "pandas", "scipy", "faiss")
CPU_SECONDS = 0.4

DOMAIN_WORDS = re.compile(
    r"\b(speech|whisper|asr|wav2vec2?|hubert|transcri\w+|subtitles?|recommend(ation|ations|er|ed)|sasrec|movies?|movielens"
    r"|fraud\w*|medical|radiolog\w+|dicom|translations?|marian|bleu|diffusion|text-to-image)\b",
    re.IGNORECASE,
)
"""Words of one domain. Kinds of column (audio, image, text) are the core's own."""

FLOORS = (
    {"errors", "console", "decoders", "files", "signals"},
    {"config", "runs", "assets", "accelerator"},
    {"tables"},
    {"domain"},
    {"plugins"},
    {"data"},
    {"provenance"},
    {"demo", "inference"},
    {"evaluation", "web"},
    {"training", "hub", "testing", "scaffold"},
    {"api"},
    {"cli"},
    {"__main__"},
)
"""Rooms of the core, the lowest first. An import goes down or stays on its floor, also inside a function."""

PLUGIN_FLOORS = (
    {"config", "readers", "strings", "pictures"},
    {"formats", "privacy"},
    {"data"},
    {"domain"},
    {"model"},
    {"generation", "localize"},
    {"evaluation"},
    {"serving"},
    {"demo", "commands"},
)
"""Rooms of a plugin. `starter` is on none: it is named by the configs and may make its weights with the models."""

FLAGS = {
    *("--model", "--data", "--columns", "--epochs", "--batch-size", "--learning-rate", "--lora", "--precision"),
    *("--output", "--name", "--seed", "--config", "--set", "--resume", "--force", "--dry-run"),
    *("--processes", "--nodes", "--rendezvous"),
}
"""What `suite DOMAIN train` takes. Everything else is `--set`: a flag for every field helps nobody."""


def files(pattern: str = "*") -> list[Path]:
    """Files that are, or would be, in the repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z", pattern]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def core() -> list[Path]:
    return [path for path in files("suite/*") if path.suffix in {".py", ".css", ".js", ".md", ".html", ".jinja"}]


def imports(source: str) -> Iterator[tuple[str, bool]]:
    """(dotted name, whether inside a function) of every import but those for type checking only."""

    def walk(node: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                continue
            if isinstance(child, ast.Import):
                yield from ((alias.name, late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from ((f"{'.' * child.level}{child.module or ''}.{alias.name}", late) for alias in child.names)
            yield from walk(child, late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    return walk(ast.parse(source), False)


def floor(module: str, floors: Sequence[set[str]] = FLOORS) -> int | None:
    """The floor of a module named below its package. None for what is no room: the facade's names, `starter`."""
    room = module.partition(".")[0]
    return next((number for number, names in enumerate(floors) if room in names), None)


def climbing(module: str, source: str, package: str = "suite", floors: Sequence[set[str]] = FLOORS) -> list[str]:
    """Imports of `module` that go up the floors of its package."""
    mine = floor(module, floors)
    faults = []
    for name, _ in imports(source):
        theirs = floor(name.removeprefix(f"{package}."), floors) if name.startswith(f"{package}.") else None
        if mine is not None and theirs is not None and theirs > mine:
            faults.append(f"{module} imports {name}")
    return faults


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Modules that import each other, directly or by way of others; each circle once."""
    reached = {module: reach(graph, module) for module in graph}
    distinct: list[set[str]] = []
    for module in graph:
        circle = {other for other in reached[module] if module in reached[other]}
        if circle and circle not in distinct:
            distinct.append(circle)
    return distinct


def reach(graph: dict[str, set[str]], module: str) -> set[str]:
    """What a module imports, and what that imports."""
    seen: set[str] = set()
    waiting = list(graph[module])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph[name]
    return seen


def trespassing(source: str) -> list[str]:
    """What a plugin imports of `suite` that is not public."""
    public = {"suite", "suite.demo", *(f"suite.{name}" for name in suite.__all__)}
    public |= {f"suite.demo.{name}" for name in suite.demo.__all__}
    return [name for name, _ in imports(source) if name.split(".")[0] == "suite" and name not in public]


def unsafe(source: str) -> list[str]:
    """Ways of loading that run what they load."""
    calls = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            called = ast.unparse(node.func)
            if called == "torch.load" and given.get("weights_only") != "True":
                calls.append(ast.unparse(node))
            if given.get("trust_remote_code", "False") != "False" or given.get("allow_pickle", "False") != "False":
                calls.append(ast.unparse(node))
            if re.match(r"(pickle|dill|joblib|cloudpickle)\.loads?$", called) or called in ("eval", "os.system"):
                calls.append(ast.unparse(node))
    return calls


def packages() -> Iterator[tuple[str, dict[str, str]]]:
    """Each package of the repository, core first, with its modules (named below it) and their sources."""
    folders = [ROOT / "suite", *sorted(ROOT.glob("plugins/*/suite_*")), *sorted(ROOT.glob("examples/*/suite_*"))]
    for folder in folders:
        sources = {
            ".".join(path.relative_to(folder).with_suffix("").parts): path.read_text()
            for path in files(f"{folder.relative_to(ROOT)}/*.py")
        }
        yield folder.name, sources


def run_child(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


def light_commands() -> list[list[str]]:
    return [["--help"], ["list"], ["list", "--format", "json"], *([name, "--help"] for name in load_plugins().domains)]


# ---- the house ---------------------------------------------------------------------------------------------------


def test_the_core_has_no_word_of_a_domain():
    words = {name: DOMAIN_WORDS.findall(path.read_text()) for path in core() if (name := str(path.relative_to(ROOT)))}
    assert {name: hits for name, hits in words.items() if hits} == {}
    assert len(words) > 20


def test_no_installed_domain_is_named_in_the_core():
    """Whatever is installed, now or later: string literals and names in the core never equal a domain's name."""
    for path in (path for path in core() if path.suffix == ".py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        said = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        said |= {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not said & set(load_plugins().domains), path


def test_no_file_is_longer_than_400_lines():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in [*files("*.py"), *files("*.sh")]}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_no_variable_is_called_found_told_or_one():
    """Such names say nothing of what they hold. A field of a class may: it is read behind its value's name."""
    for path in files("*.py"):
        tables = [symtable.symtable(path.read_text(), str(path), "exec")]
        for table in tables:  # which grows by the scopes inside
            tables += table.get_children()
            names = {name.get_name() for name in table.get_symbols() if name.is_local()}
            assert table.get_type() == "class" or not names & {"found", "told", "one"}, path


@pytest.mark.parametrize(("package", "sources"), packages(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_go_down_the_floors_only(package, sources):
    floors = FLOORS if package == "suite" else PLUGIN_FLOORS
    faults = [fault for module, source in sources.items() for fault in climbing(module, source, package, floors)]
    assert faults == []


@pytest.mark.parametrize(("package", "sources"), packages(), ids=lambda value: value if isinstance(value, str) else "")
def test_no_circle_of_imports(package, sources):
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, source in sources.items():
        for name, _ in imports(source):
            parts = name.removeprefix(f"{package}.").split(".") if name.startswith(f"{package}.") else []
            graph[module] |= {m for m in (".".join(parts), ".".join(parts[:-1])) if m in sources and m != module}
    assert circles(graph) == []


def test_every_room_has_a_floor_and_they_are_few():
    for package, sources in packages():
        rooms = {module.partition(".")[0] for module in sources} - {"__init__", "__main__"}
        known = set().union(*FLOORS) if package == "suite" else set().union(*PLUGIN_FLOORS) | {"starter"}
        if not files(f"examples/*/{package}/*.py"):  # an example has loose files only: so few need no rooms
            assert rooms <= known, package
        assert len(rooms) <= (24 if package == "suite" else 11), package


def test_the_core_imports_no_plugin():
    names = {name.split(".")[0] for path in files("suite/*.py") for name, _ in imports(path.read_text())}
    assert not [name for name in names if name.startswith("suite_")]


def test_plugins_import_only_public_names():
    ours = [*files("plugins/*.py"), *files("examples/*.py")]
    sources = [path for path in ours if "tests" not in path.parts and "recipe" not in path.parts]
    assert {str(path): names for path in sources if (names := trespassing(path.read_text()))} == {}


def test_a_plugins_init_imports_only_suite_and_the_standard_library():
    for path in [*ROOT.glob("plugins/*/suite_*/__init__.py"), *ROOT.glob("examples/*/suite_*/__init__.py")]:
        names = {name.split(".")[0] for name, _ in imports(path.read_text())}
        assert names <= {"suite", *sys.stdlib_module_names}, path


def test_nothing_is_loaded_that_could_run():
    sources = [
        path for part in ("suite", "plugins", "examples") for path in files(f"{part}/*.py") if "tests" not in path.parts
    ]
    assert {str(path): calls for path in sources if (calls := unsafe(path.read_text()))} == {}


def test_what_is_shipped_imports_no_second_opinion():
    """Libraries that tests compare with; translate-toolkit is under the GPL, which would bind what imports it."""
    shipped = [*files("suite/*.py"), *files("plugins/*/suite_*/*.py"), *files("examples/*/suite_*/*.py")]
    names = {name.split(".")[0] for path in shipped for name, _ in imports(path.read_text())}
    assert len(shipped) > 200 and not names & {"captum", "mapie", "polib", "translate"}


@pytest.mark.parametrize("module", [suite, suite.demo], ids=["suite", "suite.demo"])
def test_public_names_are_sorted_and_there(module):
    assert module.__all__ == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_no_registry_host_and_no_machine_path_in_a_file():
    # Put together here, so that this file does not hold what it forbids.
    hosts = [
        "pypi" + ".org",
        "python" + "hosted",
        "npmjs" + ".",
        "registry" + ".npm",
        "debian" + ".org",
        "download.py" + "torch",
    ]
    paths = ["/" + name + "/" for name in ("work", "root", "opt/pypi", "opt/wheels")]
    forbidden = re.compile(r"(?<![\w.])(?:" + "|".join(map(re.escape, paths)) + r")|" + "|".join(map(re.escape, hosts)))
    places = {}
    for path in files():
        try:
            hits = forbidden.findall(path.read_text())
        except UnicodeDecodeError:
            continue
        if hits:
            places[str(path.relative_to(ROOT))] = hits
    assert places == {}


@pytest.mark.parametrize("command", light_commands(), ids=" ".join)
def test_help_and_list_import_nothing_heavy(command):
    code = f"from suite.cli.main import run, suite\nassert run(suite, {command!r}) == 0\nimport sys, json\n"
    child = run_child("-c", code + "print('\\n' + json.dumps(sorted(sys.modules)))")
    loaded = json.loads(child.stdout.splitlines()[-1])
    assert "suite.plugins.loader" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("command", light_commands(), ids=" ".join)
def test_help_and_list_are_quick(command):
    """CPU time of the whole process; the least of five, for what else runs on the machine only ever adds."""

    def cpu() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_child("-m", "suite", *command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    run_child("-m", "suite", *command)  # compiles what was not yet
    assert min(cpu() for _ in range(5)) < CPU_SECONDS


def test_the_flags_of_train_are_frozen():
    offer = Offer(Entry("any", "Anything.", "any:Any"), PluginInfo("any", "suite-any", "1"))
    flags = {flag for parameter in verbs.train(offer).params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert flags == FLAGS


# ---- the teeth ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source", "faults"),
    [
        ("errors", "from suite.plugins.loader import load_plugins", 1),
        ("data.load", "def f():\n    from suite.training import loop", 1),
        ("tables.columns", "import suite.data.checks", 1),
        ("domain.parts", "def f():\n    from suite.inference.predictor import Predictor", 1),
        ("training.loop", "from suite.runs import Run", 0),
        ("domain.parts", "if TYPE_CHECKING:\n    from suite.inference.predictor import Predictor", 0),
        ("web.page", "from suite import api, cli", 2),
        ("web.page", "from suite import SuiteError", 0),
    ],
)
def test_floors_bite(module, source, faults):
    assert len(climbing(module, source)) == faults


def test_plugin_floors_bite():
    source = "from suite_weather.demo import page\nfrom suite_weather.starter import assets"
    assert len(climbing("data.rows", source, "suite_weather", PLUGIN_FLOORS)) == 1
    assert climbing("commands.rain", source, "suite_weather", PLUGIN_FLOORS) == []


def test_circles_bite():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from suite import Domain, SuiteError", []),
        ("from suite.domain.description import Domain", ["suite.domain.description.Domain"]),
        ("import suite.runs", ["suite.runs"]),
        ("from suite import runs", ["suite.runs"]),
        ("from suite.demo import card, meter", []),
        ("from suite import demo as kit", []),
        ("from suite.demo import boxes", ["suite.demo.boxes"]),
        ("from suite.demo.boxes import card", ["suite.demo.boxes.card"]),
    ],
)
def test_only_public_names_bites(source, names):
    assert trespassing(source) == names


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("torch.load(p)", 1),
        ("torch.load(p, weights_only=True)", 0),
        ("M.from_pretrained(p, trust_remote_code=True)", 1),
        ("M.from_pretrained(p, trust_remote_code=False)", 0),
        ("np.load(p, allow_pickle=True)", 1),
        ("pickle.loads(b)", 1),
        ("json.loads(b)", 0),
        ("model.eval()", 0),
    ],
)
def test_unsafe_bites(source, faults):
    assert len(unsafe(source)) == faults


@pytest.mark.parametrize("text", ["a Whisper model", "FraudDomain is for fraud", "recommended items", "speech"])
def test_domain_words_bite(text):
    assert DOMAIN_WORDS.search(text)


@pytest.mark.parametrize("text", ["an audio column", "translateY(-2px)", "diffusers", "an image", "texts and users"])
def test_domain_words_leave_the_cores_own_alone(text):
    assert not DOMAIN_WORDS.search(text)
