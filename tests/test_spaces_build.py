"""`suite space build`: what stands in the folder, and what of a run and of this machine must not."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file, save_file
from suite_toy.domain import LABELS, TOY, ToyConfig
from suite_toy.parts import ToyData

from suite import SuiteError, Task
from suite.hub import bundle
from suite.hub.spaces import packages
from suite.hub.spaces.build import Plan, build, files
from suite.inference.predictor import Predictor, read_config
from suite.plugins.loader import load_plugins
from suite.provenance.hub_run import portable_config
from suite.training.train import train
from suite.web.page import DomainPage

MARKER = "zanzibarian"
COMMIT = "owner/name@0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def offer():
    return load_plugins().find("suite_domains", "toy")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table of one's own, below what counts as the home folder; a word of it marks what came from data."""
    home = tmp_path_factory.mktemp("home")
    words = [f"{'aeiou'[i % 5]}{chr(98 + i // 5)}{'xyz'[i % 3]}{MARKER}" for i in range(40)]
    rows = "".join(f"{word},{LABELS[i % 2]}\n" for i, word in enumerate(words))
    (home / "mine.csv").write_text(f"word,label\n{rows}")
    return train(TOY.task(data=str(home / "mine.csv"), output=home / "runs", epochs=1))


@pytest.fixture
def home(run, monkeypatch):
    home = run.path.parents[2]
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


def front(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_the_card_says_what_the_hub_reads(offer, tmp_path):
    assert front(build(Plan(offer, plain=True), tmp_path / "space")) == {
        "title": "Toy words",
        "emoji": "🧩",
        "colorFrom": "indigo",
        "colorTo": "blue",
        "sdk": "gradio",
        "sdk_version": "6.31.0",
        "python_version": "3.12",
        "app_file": "app.py",
        "short_description": "Toy words",
        "models": ["toy/letters"],
        "tags": ["toy", "suite"],
        "pinned": False,
        "suggested_hardware": "cpu-basic",
        "preload_from_hub": ["toy/letters"],
    }


def test_the_card_says_limits_licences_and_privacy(offer, tmp_path):
    text = (build(Plan(offer, plain=True), tmp_path / "space") / "README.md").read_text()
    assert "it knows the letters a to z" in text
    assert "- `toy-words` (data): Apache-2.0, https://example.org" in text
    assert "without a password" in text


@pytest.mark.parametrize(
    ("chosen", "call"),
    [({}, '"toy"'), ({"run": "latest"}, '"toy", HERE / "run"'), ({"model": COMMIT}, f'"toy", "{COMMIT}"')],
)
def test_the_app_names_domain_and_model(offer, toy, chosen, call):
    text = files(Plan(offer, **chosen), toy)["app.py"]
    assert f"    space({call})\n" in text
    assert len(text.splitlines()) <= 12
    compile(text, "app.py", "exec")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"run": "latest", "model": COMMIT}, "Give --run or --model"),
        ({"model": "owner/name"}, "names no commit"),
        ({"model": "owner/name@main"}, "names no commit"),
        ({"hardware": "zero-a10g"}, "ZeroGPU does not allow"),
        ({"licence": "mit"}, "--licence mit is for the model of a run; give --run too, or leave it out"),
    ],
)
def test_what_could_not_work_is_refused_before_anything_is_written(offer, tmp_path, chosen, said):
    with pytest.raises(SuiteError, match=said):
        build(Plan(offer, **chosen), tmp_path / "space")
    assert not (tmp_path / "space").exists()


def test_a_folder_with_something_else_is_left_alone(offer, tmp_path):
    (tmp_path / "app.py").write_text("print('mine')")
    with pytest.raises(SuiteError, match="something else"):
        build(Plan(offer, plain=True), tmp_path)
    assert (tmp_path / "app.py").read_text() == "print('mine')"


def test_a_second_build_replaces_the_first_and_nothing_else(offer, tmp_path):
    build(Plan(offer, plain=True), tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old.txt").touch()
    (tmp_path / ".git").mkdir()
    build(Plan(offer, plain=True), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "README.md", "app.py", "requirements.txt"]


# ---- requirements and packages -----------------------------------------------------------------------------------


@pytest.fixture
def dist(tmp_path, monkeypatch):
    """An installed distribution with extras, bytecode and a record of where it came from."""
    info = tmp_path / "site" / "suite_tides-2.0.dist-info"
    (tmp_path / "site" / "suite_tides" / "__pycache__").mkdir(parents=True)
    info.mkdir()
    needs = ["suite_core>=0.1", "torch>=2.10,<3", "rich>=13; extra == 'dev'", "colour>=1; platform_system == 'Windows'"]
    lines = [
        "Metadata-Version: 2.1",
        "Name: suite-tides",
        "Version: 2.0",
        *(f"Requires-Dist: {need}" for need in needs),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///home/ada/tides", "dir_info": {}}))
    names = ["suite_tides/__init__.py", "suite_tides/__pycache__/x.pyc", "../bin/tides"]
    names += [f"{info.name}/METADATA", f"{info.name}/direct_url.json"]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    (tmp_path / "site" / "suite_tides" / "__init__.py").write_text("HIGH = 1\n")
    (tmp_path / "site" / "suite_tides" / "__pycache__" / "x.pyc").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return info


def test_requirements_are_the_plugins_and_the_cores_without_extras(dist):
    lines = packages.requirements("suite-tides", from_index=False, zero_gpu=False)
    assert "torch<3,>=2.10" in lines and 'colour>=1; platform_system == "Windows"' in lines
    assert not [line for line in lines if line.startswith(("rich", "suite", "gradio", "hypothesis"))]
    assert "pluggy<2,>=1.5" in lines


def test_zero_gpu_holds_torch_where_the_platform_has_it(dist):
    assert "torch<3,>=2.10,<2.12" in packages.requirements("suite-tides", from_index=False, zero_gpu=True)


def test_from_an_index_suite_is_required_by_version(dist):
    core, plugin = packages.requirements("suite-tides", from_index=True, zero_gpu=False)
    assert core.startswith("suite-core==") and plugin == "suite-tides==2.0"


def test_an_installed_distribution_is_copied_without_where_it_came_from(dist, tmp_path):
    packages.unpack("suite-tides", tmp_path / "packages")
    names = sorted(path.name for path in (tmp_path / "packages").rglob("*") if path.is_file())
    assert names == ["METADATA", "__init__.py"]


def test_an_editable_one_is_built_and_a_failure_is_one_sentence(dist, tmp_path):
    origin = {"url": f"file://{tmp_path}/no%20where", "dir_info": {"editable": True}}
    (dist / "direct_url.json").write_text(json.dumps(origin))
    with pytest.raises(SuiteError, match=f"Cannot build suite-tides from {tmp_path}/no where"):
        packages.unpack("suite-tides", tmp_path / "packages")


# ---- a run -------------------------------------------------------------------------------------------------------


@pytest.fixture
def carried(run, home, tmp_path, offer):
    """Builds a Space with the run, or another folder with one, and gives its `run/`."""
    return lambda of=run.path: build(Plan(offer, run=str(of), plain=True), tmp_path / "space") / "run"


@pytest.fixture
def other(run, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(run.path, tmp_path / "other")


def test_of_a_run_only_what_answers_is_carried(run, carried):
    folder = carried()
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert names == ["README.md", "config.json", "config.yaml", "environment.json", "model.safetensors"]
    assert Predictor(TOY.task(), str(folder)).describe() == f"Fine-tuned in run **{run.path.name}**."


def test_nothing_tells_of_this_machine_or_of_the_data(run, home, tmp_path, carried):
    assert str(home) in (run.path / "config.yaml").read_text() and MARKER in (home / "mine.csv").read_text()
    written = b"".join(path.read_bytes() for path in carried().parent.rglob("*") if path.is_file())
    assert b"data: local:" in written
    for secret in (str(home), str(tmp_path), "mine.csv", MARKER):
        assert secret.encode() not in written


def test_golden_samples_go_along_where_the_domain_lets_rows_travel(carried, monkeypatch):
    monkeypatch.setattr(ToyData, "portable", lambda self, row, model: row)
    assert (carried() / "golden" / "predictions.json").is_file()


def test_a_copy_that_answers_otherwise_is_not_built(other, carried, tmp_path):
    path = other / "golden" / "predictions.json"
    golden = json.loads(path.read_text())
    golden["predictions"][0]["vowels"] += 0.5
    path.write_text(json.dumps(golden))
    with pytest.raises(SuiteError, match="does not give the answers stored with it"):
        carried(other)
    assert not list(tmp_path.glob("*space*"))


def test_what_is_refused_leaves_the_space_that_was_there(other, carried, home):
    space = carried(other).parent
    before = {path: path.read_bytes() for path in space.rglob("*") if path.is_file()}
    (other / "model" / "notes.txt").symlink_to(home / "mine.csv")
    with pytest.raises(SuiteError, match="is a link"):
        carried(other)
    assert {path: path.read_bytes() for path in space.rglob("*") if path.is_file()} == before


def test_the_weights_are_written_once(carried, monkeypatch):
    copied = []
    real = shutil.copyfile
    monkeypatch.setattr(
        shutil,
        "copyfile",
        lambda source, *rest, **more: copied.append(Path(source).name) or real(source, *rest, **more),
    )
    carried()
    assert copied.count("model.safetensors") == 1


def test_a_path_in_the_models_config_is_cut_to_its_name(other, home, carried):
    path = other / "model" / "config.json"
    named = {"vocab_file": "/srv/ada/tiny", "rope": "a/b", "part": {"_name_or_path": "/srv/x/y"}, "slashes": ["//"]}
    named |= {"id2label": {"0": "/r/news", "1": "/c/d/e"}, "from": [str(path), str(home / "gone" / "words.txt")]}
    path.write_text(json.dumps(json.loads(path.read_text()) | named))
    config = json.loads((carried(other) / "config.json").read_text())
    assert {name: config[name] for name in named} == named | {
        "vocab_file": "tiny", "part": {"_name_or_path": ""}, "from": ["config.json", "words.txt"]
    }  # fmt: skip


def test_a_path_that_cannot_be_taken_out_stops_the_build(other, home, carried):
    path = other / "model" / "model.safetensors"
    save_file(load_file(path), path, metadata={"format": "pt", "from": f"{home}/secret/run"})
    with pytest.raises(SuiteError, match=rf"model\.safetensors of other holds the folder {home}, which must not leave"):
        carried(other)


def test_a_link_in_the_model_is_refused(other, home, carried):
    (other / "model" / "notes.txt").symlink_to(home / "mine.csv")
    with pytest.raises(SuiteError, match=r"notes\.txt is a link"):
        carried(other)


def test_pickles_and_hidden_files_stay_behind(other, carried):
    (other / "model" / "optimizer.pt").touch()
    (other / "model" / ".notes").touch()
    (other / "model" / "empty.txt").touch()
    (other / "model" / "student").mkdir()
    (other / "model" / "student" / "training.parquet").write_bytes(b"rows")
    folder = carried(other)
    assert (folder / "empty.txt").is_file()
    assert not (folder / "optimizer.pt").exists() and not (folder / ".notes").exists()
    assert not (folder / "student").exists()


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("See https://huggingface.co/datasets/ada/words and hf://datasets/ada/words.", False),
        ("From /datasets/ada/words.csv", True),
        ("See https://huggingface.co/datasets/ada/words, made from /datasets/ada", True),
        ("file:///datasets/ada", True),
        ("https://huggingface.co/?from=/datasets/ada", True),
        ("A/datasets/ada", True),  # binary files put a text's length before it, in a byte that may be a letter
    ],
)
def test_a_folder_is_told_apart_from_a_web_address(text, refused, run, monkeypatch):
    monkeypatch.setattr(Path, "cwd", lambda: Path("/datasets"))
    files = {"README.md": text.encode()}
    with pytest.raises(SuiteError, match="holds the folder /datasets") if refused else contextlib.nullcontext():
        bundle.refuse_private(files, run)


def test_a_token_in_a_web_address_is_still_found(run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(SuiteError, match="holds your token"):
        bundle.refuse_private({"README.md": b"https://ada:hf_secret@huggingface.co/ada"}, run)


def test_of_a_download_what_lies_beside_the_model_goes_by_its_own_rules(run, home, tmp_path, offer, monkeypatch):
    """A folder that was pushed with adapters, figures and samples, and downloaded by somebody else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    files_by_name = bundle.bundle(run, Task(TOY, read_config(run, TOY)), open_data=True)
    folder = bundle.write_folder(files_by_name, tmp_path / "download")
    assert (folder / "golden" / "rows.parquet").is_file()
    for name in ("adapter/toy.txt", "plots/words.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    made = build(Plan(offer, run="./download", plain=True), tmp_path / "space") / "run"
    names = sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file())
    assert names == ["README.md", "config.json", "config.yaml", "environment.json", "model.safetensors"]


def test_a_licence_that_forbids_it_stops_the_build(carried, monkeypatch):
    model, data = TOY.starter.assets
    kept = replace(TOY.starter, assets=(replace(model, licence="cc-by-nc-nd-4.0"), data))
    monkeypatch.setattr("suite_toy.domain.TOY", replace(TOY, starter=kept))
    with pytest.raises(SuiteError, match="forbids passing on what is made from it"):
        carried()


def test_options_name_no_file_of_this_machine(home, capsys):
    config = ToyConfig(data=str(home / "mine.csv"), also_evaluate=["~/other.csv"], name="/home/ada/terms.csv", epochs=2)
    values = portable_config(Task(TOY, config), "abc")
    assert (values["data"], values["also_evaluate"], values["epochs"]) == ("local:abc", [], 2)
    assert "name" not in values and "output" not in values
    err = capsys.readouterr().err
    assert "name=/home/ada/terms.csv is a file of this machine and is left out." in err and "output=" not in err


def test_a_base_model_that_is_gone_is_not_called_the_starter(home):
    assert portable_config(TOY.task(model="/gone/model"), "")["model"] == "local:model"


def test_a_permission_travels_in_the_app_and_not_with_the_model(offer, tmp_path, monkeypatch):
    class Asking(ToyConfig):
        allow_noncommercial: bool = False

    asking = replace(TOY, Config=Asking)
    monkeypatch.setattr("suite_toy.domain.TOY", asking)
    task = asking.task(allow_noncommercial=True)
    assert "allow_noncommercial" not in portable_config(task, "")
    text = files(Plan(offer, run="latest"), task)["app.py"]
    assert '    space("toy", HERE / "run", allow_noncommercial=True)\n' in text
    page = DomainPage.open(offer, "", tmp_path, model="starter", allowed={"allow_noncommercial": True})
    assert page.predictor.task.config.allow_noncommercial
