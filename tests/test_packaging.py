"""The distributions: built as `python -m build` does, looked into, and installed where no clone is near."""

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

import suite

ROOT = Path(suite.__file__).parent.parent
CORE = "suite-core"
SOURCES = {CORE: ROOT} | {f"suite-{path.parent.name}": path.parent for path in ROOT.glob("plugins/*/pyproject.toml")}
NAMES = sorted(SOURCES)
PLUGINS = [name for name in NAMES if name != CORE]
TOLD = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE"}
SUFFIXES = {".py", ".typed", ".jinja", ".yml", ".css", ".json", ".md", ".po", ".parquet", ".safetensors"}
FOREIGN = {"tests", "recipe", "work", "runs", "docs", "bench", "__pycache__"}
TEMPLATE = "suite/scaffold/template/"  # has tests and docs of what it writes
RUNS = "suite/runs/"  # a room of the core; a folder of runs lies elsewhere
NEEDED = {
    CORE: {
        "pytest_suite.py",
        "suite/py.typed",
        "suite/web/style.css",
        "suite/demo/style.css",
        "suite/testing/installed_domain.py",
        "suite/scaffold/template/copier.yml",
        "suite/scaffold/template/project/.gitignore.jinja",
        "suite/scaffold/template/project/.github/workflows/ci.yml.jinja",
        "suite/scaffold/template/project/suite_{{ module }}/domain.py.jinja",
        "suite/scaffold/template/kinds/text-pair/starter.jinja",
    },
    "suite-fraud": {"suite_fraud/starter/model.safetensors", "suite_fraud/starter/config.json"},
    "suite-image-generation": {
        "suite_image_generation/data/style.parquet",
        "suite_image_generation/evaluator/model.safetensors",
        "suite_image_generation/starter/model_index.json",
        "suite_image_generation/starter/unet/diffusion_pytorch_model-00001-of-00002.safetensors",
        "suite_image_generation/starter/vae/diffusion_pytorch_model.safetensors",
    },
    "suite-medical-imaging": {"suite_medical_imaging/tuned/model.safetensors"},
    "suite-recommendations": {"suite_recommendations/domain.py"},
    "suite-speech": {"suite_speech/starter/prompts-fr.parquet", "suite_speech/starter/prompts-en.parquet"},
    "suite-translation": {
        "suite_translation/samples/messages.po",
        "suite_translation/starter/model.safetensors",
        "suite_translation/starter/tokenizer.json",
    },
}
LIMIT = 90
"""Packages that the core with one domain may come to; the domain with most of its own stands for all."""


def run(*command: str, folder: Path, **environment: str) -> str:
    """What a program prints, started away from the clone and without what finds the clone."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def hatch(target: str, source: Path, into: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into), folder=source)
    (built,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    """Source distribution and wheel of each, the wheel made from the unpacked source distribution."""
    archives = {}
    for name, source in SOURCES.items():
        folder = tmp_path_factory.mktemp(name)
        archive = hatch("sdist", source, folder)
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")
        archives[name] = (archive, hatch("wheel", folder / archive.name.removesuffix(".tar.gz"), folder))
    return archives


def tracked(source: Path, *patterns: str) -> set[str]:
    """Files that are, or would be, in the repository, relative to `source`."""
    command = ["git", "-C", str(source), "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in listed if name and (source / name).is_file()}


def inside(wheel: Path) -> tuple[set[str], set[str]]:
    """Files of the code, and files of `.dist-info`."""
    names = set(zipfile.ZipFile(wheel).namelist())
    about = {name for name in names if ".dist-info/" in name}
    return names - about, {name.split(".dist-info/")[1] for name in about}


def metadata(wheel: Path) -> Metadata:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        return Metadata.from_email(file.read(name), validate=True)


def test_every_distribution_is_looked_at():
    assert sorted(NEEDED) == NAMES
    assert len(NAMES) == 7


@pytest.mark.parametrize("name", NAMES)
def test_the_wheel_holds_the_package_and_nothing_else(built, name):
    code, about = inside(built[name][1])
    packages = ["suite/*", "pytest_suite.py"] if name == CORE else [f"{name.replace('-', '_')}/*"]
    assert code == tracked(SOURCES[name], *packages)
    assert about == TOLD
    assert NEEDED[name] - code == set()
    plain = [Path(path.removeprefix(RUNS)) for path in code if not path.startswith(TEMPLATE)]
    assert [path for path in plain if path.suffix not in SUFFIXES or FOREIGN & set(path.parts)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_source_distribution_holds_what_the_wheel_is_made_from(built, name):
    with tarfile.open(built[name][0]) as file:
        paths = {
            Path(member.name).relative_to(Path(member.name).parts[0]) for member in file.getmembers() if member.isfile()
        }
    tops = {path.parts[0] for path in paths}
    package = {"suite", "pytest_suite.py"} if name == CORE else {name.replace("-", "_")}
    recipe = {"recipe"} if (SOURCES[name] / "recipe").exists() else set()
    assert tops == package | recipe | {"LICENSE", "NOTICE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert {path for path in paths if "work" in path.parts} == set()


def test_work_folders_of_recipes_stay_here(tmp_path):
    """Recipes download gigabytes beside themselves; git's ignore file is not asked outside the repository's root."""
    (tmp_path / "suite_fraud").mkdir()
    (tmp_path / "recipe" / "work").mkdir(parents=True)
    for name in ("suite_fraud/__init__.py", "recipe/made.py", "recipe/work/big.bin", "LICENSE", "NOTICE", "README.md"):
        (tmp_path / name).write_text("")
    (tmp_path / "pyproject.toml").write_text((SOURCES["suite-fraud"] / "pyproject.toml").read_text())
    with tarfile.open(hatch("sdist", tmp_path, tmp_path / "dist")) as file:
        names = {name.split("/", 1)[1] for name in file.getnames()}
    assert "recipe/made.py" in names and "recipe/work/big.bin" not in names


@pytest.mark.parametrize("name", NAMES)
def test_metadata_is_whole(built, name):
    fields = metadata(built[name][1])
    assert (fields.name, str(fields.version)) == (name, suite.__version__)
    assert str(fields.requires_python) == ">=3.11"
    assert fields.license_expression is not None and fields.license_expression.startswith("Apache-2.0")
    assert fields.license_files == ["LICENSE", "NOTICE"]
    assert fields.summary and fields.author == "The Suite authors"
    assert fields.description_content_type == "text/markdown"
    assert fields.description == (SOURCES[name] / "README.md").read_text()
    assert len(fields.keywords or []) >= 4 and "fine-tuning" in (fields.keywords or [])
    assert "Operating System :: POSIX :: Linux" in (fields.classifiers or [])
    assert ("Typing :: Typed" in (fields.classifiers or [])) == (name == CORE)


def test_data_under_another_licence_is_named(built):
    expressions = {name: metadata(wheel).license_expression for name, (_, wheel) in built.items()}
    assert expressions["suite-speech"] == "Apache-2.0 AND CC-BY-SA-3.0"
    assert expressions["suite-image-generation"] == "Apache-2.0 AND MIT AND CC-BY-4.0"
    assert {expressions[name] for name in NAMES if name not in ("suite-speech", "suite-image-generation")} == {
        "Apache-2.0"
    }


def test_every_plugin_carries_the_licence():
    ours = (ROOT / "LICENSE").read_text()
    assert [name for name in NAMES if (SOURCES[name] / "LICENSE").read_text() != ours] == []


def test_tools_are_extras(built):
    """Nobody who trains needs what tests, documents or exports."""
    fields = metadata(built[CORE][1])
    needed = {need.name for need in fields.requires_dist or [] if not need.marker}
    assert (
        needed & {"onnx", "onnxruntime", "onnxscript", "pytest", "ruff", "mypy", "mkdocs-material", "copier"} == set()
    )
    assert set(fields.provides_extra or []) == {"onnx", "tensorboard", "trackio", "wandb", "dev"}
    for name in PLUGINS:
        plugin = [need for need in metadata(built[name][1]).requires_dist or [] if need.name.startswith("suite")]
        assert plugin == [Requirement("suite-core<0.2,>=0.1")], f"{name} needs the core and no other plugin"


STRANGER = re.compile(
    r"""(pip|uv|pipx)\s+install(?:[ ]+-\S+|[ ]+\S+\.txt)*[ ]+['"]?suite(?=['"`\s\[=<>~!@,]|$)"""
    r"""|['"]suite\s?(\[\w+\])?\s?(@|[<>=~!]=)"""
)
"""Somebody else's distribution called `suite`, asked for: by an installer's line, or by a requirement."""


def test_nobody_is_sent_to_a_strangers_suite():
    places = (ROOT / name for name in tracked(ROOT) if not name.startswith(("tests/", "docs/log.md", "CHANGELOG.md")))
    texts = {
        path: path.read_text() for path in places if path.suffix in {".md", ".toml", ".jinja", ".txt", ".sh", ".py"}
    }
    assert [(path.name, hit.group()) for path, text in texts.items() for hit in STRANGER.finditer(text)] == []


@pytest.mark.parametrize(
    "line", ["pip install suite", "pip install -U 'suite[onnx]'", '"suite>=0.1"', "'suite @ git+https://…'"]
)
def test_what_would_send_there_is_seen(line):
    assert STRANGER.search(line) and not STRANGER.search(line.replace("suite", "suite-core"))


def test_entry_points(built):
    texts = {}
    for name, (_, wheel) in built.items():
        with zipfile.ZipFile(wheel) as file:
            texts[name] = file.read(f"{name.replace('-', '_')}-{suite.__version__}.dist-info/entry_points.txt").decode()
    assert "suite = suite.cli.main:main" in texts[CORE] and "pytest_suite = pytest_suite" in texts[CORE]
    for name in PLUGINS:
        assert texts[name].split() == ["[suite]", name.removeprefix("suite-"), "=", name.replace("-", "_")]


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    """A folder with the core and one plugin, out of their wheels; what they require is here."""
    target = tmp_path_factory.mktemp("installed") / "site"
    wheels = [str(built[name][1]) for name in (CORE, "suite-fraud")]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    run(*pip, *wheels, folder=target.parent)
    return target


def test_an_installed_suite_lists_its_plugin(installed, tmp_path):
    where = "import json, suite, suite_fraud; print(json.dumps([suite.__file__, suite_fraud.__file__]))"
    files = json.loads(run(sys.executable, "-c", where, folder=tmp_path, PYTHONPATH=str(installed)))
    assert files == [str(installed / name / "__init__.py") for name in ("suite", "suite_fraud")]
    seen = {"PYTHONPATH": str(installed), "SUITE_PLUGINS": "fraud"}
    listed = json.loads(run(sys.executable, "-m", "suite", "list", "--format", "json", folder=tmp_path, **seen))
    assert [domain["name"] for domain in listed["domains"]] == ["fraud"]


def test_the_core_alone_says_where_domains_come_from(installed, tmp_path):
    listed = run(
        sys.executable, "-m", "suite", "list", folder=tmp_path, PYTHONPATH=str(installed), SUITE_PLUGINS="suite"
    )
    assert listed.startswith("No domain is here yet: pip install a plugin, or write one with 'suite new NAME'.\n")
    assert "\nsuite " in listed


def test_an_installed_suite_writes_a_plugin(installed, tmp_path):
    command = [sys.executable, "-m", "suite", "new", "weather", "--kind", "text"]
    run(*command, folder=tmp_path, PYTHONPATH=str(installed), SUITE_PLUGINS="fraud")
    (made,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (made / ".gitignore").is_file() and (made / ".github/workflows/ci.yml").is_file()
    assert (made / "suite_weather" / "domain.py").is_file()
    installs = re.findall(r"pip install .*", (made / ".github/workflows/ci.yml").read_text())
    assert installs == ['pip install "$SUITE"', 'pip install -e ".[dev]"'], "never Suite by name alone"


@pytest.mark.slow
def test_a_clean_environment_scores(built, tmp_path):
    """Ten minutes, most of them pip's: two wheels alone list, pass the doctor, answer, and bring few packages."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wheels = [str(built[name][1]) for name in (CORE, "suite-fraud")]
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), *wheels, folder=tmp_path)
    assert len(json.loads(run(*pip, "list", "--format", "json", folder=tmp_path))) < LIMIT
    command = [python, "-m", "suite"]
    listed = json.loads(run(*command, "list", "--format", "json", folder=tmp_path))
    assert [domain["name"] for domain in listed["domains"]] == ["fraud"]
    checks = json.loads(run(*command, "doctor", "--format", "json", folder=tmp_path))
    assert [check for check in checks if check["state"] == "broken"] == []
    run(*command, "fraud", "simulate", "--customers", "20", "--days", "5", "--output", "some.csv", folder=tmp_path)
    run(*command, "fraud", "predict", "some.csv", "--output", "scored.csv", folder=tmp_path)
    assert (tmp_path / "scored.csv").read_text().count("\n") > 20
