"""The house rules, each with a tooth: what the core may know, who may import whom, what must stay light."""

import ast
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import suite
import suite.demo
from suite import verbs
from suite.hookspecs import Entry
from suite.plugins import Offer, PluginInfo, load_plugins

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
    {"errors", "console", "config", "hookspecs"},
    {"builtin", "plugins", "data.columns", "domain"},
    {"data", "assets", "wheels", "runs", "corrections", "encoder"},
    {"licence", "origin", "pushed", "training", "evaluation", "golden", "predictor", "card"},
    {"demo", "web", "hub", "parcel", "spaces", "scaffold", "testing", "api"},
    {"cli", "verbs", "commands", "jobs", "doctor", "export", "web.command", "spaces.command", "__main__"},
)
LATE = {("domain", "data.splits"), ("domain", "predictor")}
"""Imports up the floors, made inside functions: defaults of `Domain` that a domain may replace."""

FLAGS = {
    *("--model", "--data", "--columns", "--epochs", "--batch-size", "--learning-rate", "--lora", "--precision"),
    *("--output", "--name", "--seed", "--config", "--set", "--resume", "--dry-run", "--quiet", "-q", "--offline"),
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


def floor(module: str) -> int | None:
    """The floor of a module named below `suite`; the longest name in `FLOORS` wins. None for the facade's names."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        for number, names in enumerate(FLOORS):
            if ".".join(parts[:length]) in names:
                return number
    return None


def climbing(module: str, source: str) -> list[str]:
    """Imports of `module` that go up the floors."""
    mine = floor(module)
    found = []
    for name, late in imports(source):
        target = name.removeprefix("suite.")
        theirs = floor(target) if name.startswith("suite.") else None
        allowed = late and any(module == a and target.startswith(b) for a, b in LATE)
        if mine is not None and theirs is not None and theirs > mine and not allowed:
            found.append(f"{module} imports {target}")
    return found


def trespassing(source: str) -> list[str]:
    """What a plugin imports of `suite` that is not public."""
    public = {"suite", "suite.demo", *(f"suite.{name}" for name in suite.__all__)}
    public |= {f"suite.demo.{name}" for name in suite.demo.__all__}
    return [name for name, _ in imports(source) if name.split(".")[0] == "suite" and name not in public]


def unsafe(source: str) -> list[str]:
    """Ways of loading that run what they load."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            called = ast.unparse(node.func)
            if called == "torch.load" and given.get("weights_only") != "True":
                found.append(ast.unparse(node))
            if given.get("trust_remote_code", "False") != "False" or given.get("allow_pickle", "False") != "False":
                found.append(ast.unparse(node))
            if re.match(r"(pickle|dill|joblib|cloudpickle)\.loads?$", called) or called in ("eval", "os.system"):
                found.append(ast.unparse(node))
    return found


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "suite").with_suffix("").parts).removesuffix(".__init__")


def run_child(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


def light_commands() -> list[list[str]]:
    return [["--help"], ["list"], ["list", "--format", "json"], *([name, "--help"] for name in load_plugins().domains)]


# ---- the house ---------------------------------------------------------------------------------------------------


def test_the_core_has_no_word_of_a_domain():
    words = {name: DOMAIN_WORDS.findall(path.read_text()) for path in core() if (name := str(path.relative_to(ROOT)))}
    assert {name: found for name, found in words.items() if found} == {}
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


def test_imports_go_down_the_floors_only():
    found = [fault for path in files("suite/*.py") for fault in climbing(module_name(path), path.read_text())]
    assert found == []


def test_every_module_has_a_floor():
    homeless = [module_name(path) for path in files("suite/*.py") if floor(module_name(path)) is None]
    assert homeless == ["__init__"]


def test_the_core_imports_no_plugin():
    names = {name.split(".")[0] for path in files("suite/*.py") for name, _ in imports(path.read_text())}
    assert not [name for name in names if name.startswith("suite_")]


def test_plugins_import_only_public_names():
    ours = [*files("plugins/*.py"), *files("examples/*.py")]
    sources = [path for path in ours if "tests" not in path.parts and "recipe" not in path.parts]
    assert {str(path): found for path in sources if (found := trespassing(path.read_text()))} == {}


def test_a_plugins_init_imports_only_suite_and_the_standard_library():
    for path in [*ROOT.glob("plugins/*/suite_*/__init__.py"), *ROOT.glob("examples/*/suite_*/__init__.py")]:
        names = {name.split(".")[0] for name, _ in imports(path.read_text())}
        assert names <= {"suite", *sys.stdlib_module_names}, path


def test_nothing_is_loaded_that_could_run():
    sources = [
        path for part in ("suite", "plugins", "examples") for path in files(f"{part}/*.py") if "tests" not in path.parts
    ]
    assert {str(path): found for path in sources if (found := unsafe(path.read_text()))} == {}


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
    found = {}
    for path in files():
        try:
            hits = forbidden.findall(path.read_text())
        except UnicodeDecodeError:
            continue
        if hits:
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize("command", light_commands(), ids=" ".join)
def test_help_and_list_import_nothing_heavy(command):
    code = f"from suite.cli import run, suite\nassert run(suite, {command!r}) == 0\nimport sys, json\n"
    child = run_child("-c", code + "print('\\n' + json.dumps(sorted(sys.modules)))")
    loaded = json.loads(child.stdout.splitlines()[-1])
    assert "suite.plugins" in loaded
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
    found = {flag for parameter in verbs.train(offer).params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert found == FLAGS


# ---- the teeth ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source", "faults"),
    [
        ("errors", "from suite.plugins import load_plugins", 1),
        ("data.load", "def f():\n    from suite.training import loop", 1),
        ("data.columns", "import suite.data.checks", 1),
        ("domain", "def f():\n    from suite.predictor import close", 0),
        ("domain", "from suite.predictor import close", 1),
        ("training.loop", "from suite.runs import Run", 0),
        ("domain", "if TYPE_CHECKING:\n    from suite.predictor import Predictor", 0),
        ("web.page", "from suite import cli", 1),
    ],
)
def test_floors_bite(module, source, faults):
    assert len(climbing(module, source)) == faults


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from suite import Domain, SuiteError", []),
        ("from suite.domain import Domain", ["suite.domain.Domain"]),
        ("import suite.runs", ["suite.runs"]),
        ("from suite import runs", ["suite.runs"]),
        ("from suite.demo import card, meter", []),
        ("from suite import demo as kit", []),
        ("from suite.demo import boxes", ["suite.demo.boxes"]),
        ("from suite.demo.boxes import card", ["suite.demo.boxes.card"]),
    ],
)
def test_only_public_names_bites(source, found):
    assert trespassing(source) == found


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
