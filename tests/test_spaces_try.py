"""`suite space try` and what a Space serves: started from its folder, asked over the network, told in a sentence."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from suite_toy.domain import TOY, ToyConfig
from suite_toy.model import ToyModel

import suite
from suite import Answers, SuiteError
from suite.hub.spaces import trial as trials
from suite.hub.spaces.build import Plan, build
from suite.inference.predictor import Predictor
from suite.plugins.builtin import DISTRIBUTION
from suite.plugins.loader import load_plugins
from suite.training.train import train
from suite.web.client import ask
from suite.web.page import drawn
from suite.web.space import space as space_page
from suite.web.zerogpu import lend_gpu

FOLDER = Path(__file__).parent / "toy"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(TOY.task(output=tmp_path_factory.mktemp("runs"), epochs=8, name="mine"))


@pytest.fixture
def space(run, tmp_path, monkeypatch):
    """A built Space of the toy with the run's model; its code as pip would have unpacked it."""

    def unpack(name, into):
        package = Path(suite.__file__).parent if name == DISTRIBUTION else FOLDER / "suite_toy"
        shutil.copytree(package, into / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        if name != DISTRIBUTION:
            shutil.copytree(FOLDER / "suite_toy-0.1.0.dist-info", into / "suite_toy-0.1.0.dist-info")

    monkeypatch.setattr("suite.hub.spaces.packages.unpack", unpack)
    return build(Plan(load_plugins().find("suite_domains", "toy"), run=str(run.path)), tmp_path / "space")


def test_a_space_starts_and_answers_with_the_runs_model(space, run, tmp_path, monkeypatch):
    """Offline, with an empty cache, from a folder that nobody may write to."""
    monkeypatch.setenv("SUITE_OFFLINE", "1")
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    there = sorted(space.rglob("*"))
    for path in there:
        path.chmod(0o555 if path.is_dir() else 0o444)
    trial = trials.try_space(space, python=Path(sys.executable))
    (expected,) = Predictor(TOY.task(), str(run.path)).answer("rhythm")
    shares = {share["label"]: share["confidence"] for share in trial.answer["confidences"]}
    assert trial.endpoint == "toy_decide" and (space / "run" / "golden" / "rows.parquet").is_file()
    assert shares["vowels"] == pytest.approx(expected["vowels"], abs=1e-4)
    (starter,) = Predictor(TOY.task(), "toy/letters").answer("rhythm")
    assert abs(starter["vowels"] - expected["vowels"]) > 1e-2, "the run must answer otherwise than the starter"
    assert sorted(space.rglob("*")) == there, "trying leaves nothing in the folder"
    for path in there:
        path.chmod(0o755)


def test_a_trial_that_is_stopped_takes_its_app_with_it(space, tmp_path):
    (space / "app.py").write_text(
        "# suite space build\nimport os, time\nfrom pathlib import Path\n"
        f"Path({str(tmp_path / 'aside')!r}).write_text(str(os.getpid()))\n"
        f"Path({str(tmp_path / 'aside')!r}).rename({str(tmp_path / 'pid')!r})\ntime.sleep(60)\n"
    )
    line = [sys.executable, "-m", "suite", "space", "try", str(space), "--python", sys.executable]
    trial = subprocess.Popen(line, env=os.environ | {"TMPDIR": str(tmp_path)})
    until = time.monotonic() + 60
    while not (tmp_path / "pid").is_file() and time.monotonic() < until:
        time.sleep(0.1)
    app = int((tmp_path / "pid").read_text())
    trial.send_signal(signal.SIGTERM)
    assert trial.wait(30) == 128 + signal.SIGTERM
    try:
        with pytest.raises(ProcessLookupError):
            os.kill(app, 0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(app, signal.SIGKILL)
    assert not list(tmp_path.glob("suite-space-*"))


def test_what_is_asked_prints_its_answer_and_nothing_else(toy, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    demo = drawn(lambda: toy.demo(Predictor(toy, "toy/letters")))
    demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False)
    try:
        ask("toy", "", demo.local_url)
    finally:
        demo.close(verbose=False)
    reply = json.loads(capsys.readouterr().out)
    assert reply["endpoint"] == "toy_decide" and reply["answer"]["label"] in ("vowels", "consonants")


def test_what_the_builder_permitted_holds_when_it_is_asked_too(capsys, tmp_path, monkeypatch):
    class Asking(ToyConfig):
        allow_noncommercial: bool = False

    def load(source, config, data):
        if not config.allow_noncommercial:
            raise SuiteError("not permitted")
        return ToyModel.load(source, config, data)

    def demo_call(predictor):
        return "toy_decide", ["rhythm" if predictor.model else ""]

    asking = replace(TOY, Config=Asking, model=load, demo_call=demo_call)
    monkeypatch.setattr("suite_toy.domain.TOY", asking)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    task = asking.task(allow_noncommercial=True)
    demo = drawn(lambda: task.demo(Predictor(task, "toy/letters")))
    demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False)
    monkeypatch.setattr(sys, "argv", ["app.py", "ask", demo.local_url])
    try:
        with pytest.raises(SuiteError, match="not permitted"):
            space_page("toy")
        space_page("toy", allow_noncommercial=True)
    finally:
        demo.close(verbose=False)
    assert json.loads(capsys.readouterr().out)["endpoint"] == "toy_decide"


def test_a_space_that_ends_is_told_with_the_end_of_its_log(space):
    (space / "app.py").write_text("# suite space build\nprint('unlucky')\nraise ValueError('no such key')\n")
    with pytest.raises(SuiteError, match=r"(?s)ended as it started\. The last lines.*unlucky.*ValueError: no such key"):
        trials.try_space(space, python=Path(sys.executable))


def test_a_space_that_never_answers_is_given_up(space, monkeypatch):
    monkeypatch.setattr(trials, "STARTS_WITHIN", 1.0)
    (space / "app.py").write_text("# suite space build\nimport time\ntime.sleep(60)\n")
    began = time.monotonic()
    with pytest.raises(SuiteError, match="did not answer within 1 s"):
        trials.try_space(space, python=Path(sys.executable))
    assert time.monotonic() - began < 30


def test_a_folder_that_is_no_space_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="holds no Space of Suite"):
        trials.try_space(tmp_path)


def test_requirements_that_cannot_be_had_are_told(space, tmp_path, monkeypatch):
    asked = []

    def failing(command, **options):
        asked.append(command)
        code = int("pip" in command)
        return subprocess.CompletedProcess(command, code, "", "No matching distribution found for torch")

    monkeypatch.setattr(trials.subprocess, "run", failing)
    with pytest.raises(SuiteError, match=r"(?s)can't be installed\..*No matching distribution found for torch"):
        trials.install(space, tmp_path / "venv")
    assert asked[1][-3:] == ["-r", str(space / "requirements.txt"), "gradio==6.31.0"]


def test_nothing_of_the_users_own_python_is_seen(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("SUITE_PLUGINS", "toy")
    monkeypatch.setenv("HF_HOME", "/cache")
    environment = trials._environment()
    assert "PYTHONPATH" not in environment and "SUITE_PLUGINS" not in environment and environment["HF_HOME"] == "/cache"


# ---- a GPU lent by the call --------------------------------------------------------------------------------------

FORKING = """
import multiprocessing

lent = []

def GPU(task):
    def call(*args):
        lent.append(task)
        answers = multiprocessing.get_context("fork").SimpleQueue()
        def work():
            try:
                answers.put((task(*args), None))
            except Exception as error:
                answers.put((None, error))
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        answer, error = answers.get()
        process.join()
        if error:
            raise error
        return answer
    return call
"""


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """The package `spaces` as ZeroGPU has it, as far as it matters here: a call runs in a forked process."""
    (tmp_path / "spaces.py").write_text(FORKING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.delitem(sys.modules, "spaces", raising=False)
    yield
    sys.modules.pop("spaces", None)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_with_zero_gpu_answers_are_made_where_the_gpu_is_lent(platform, run):
    class Numbered(ToyModel):
        def infer(self, batch):
            return [{**answer, "process": os.getpid()} for answer in super().infer(batch)]

    class Lenient(Answers):
        def same(self, expected, actual):
            return super().same(expected, {key: actual[key] for key in expected})

    task = replace(TOY, model=Numbered.load, answers=Lenient).task()
    predictor = Predictor(task, str(run.path), lent=lend_gpu)
    (answer,) = predictor([{"word": "rhythm"}])
    assert answer["process"] != os.getpid()
    assert predictor._loaded is not None, "the model is loaded here, before a GPU is lent"
    import spaces

    assert len(spaces.lent) == 2  # the golden samples, and the question


def test_without_zero_gpu_or_its_package_nothing_is_wrapped(monkeypatch):
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert lend_gpu(len) is len
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)  # what an import of it then raises is ImportError
    assert lend_gpu(len) is len


def test_zero_gpu_does_not_make_the_page_import_torch(platform, tmp_path):
    code = (
        "import sys; from pathlib import Path; from suite.plugins.loader import load_plugins; "
        "from suite.web.page import DomainPage; "
        "DomainPage.open(load_plugins().find('suite_domains', 'toy'), '', Path('runs'), model='starter'); "
        "print('torch' in sys.modules)"
    )
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    environment = os.environ | {"SPACES_ZERO_GPU": "true", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.slow
def test_a_space_of_a_shipped_domain_starts_in_a_clean_environment(tmp_path):
    """Five minutes: pip builds Suite's wheels, installs torch and its like, and the demo answers its example."""
    command = [sys.executable, "-m", "suite", "space"]
    folder = str(tmp_path / "space")
    for arguments in (["build", "fraud", "--output", folder], ["try", folder]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    endpoint, _, answer = done.stdout.partition(": ")
    assert endpoint == "fraud_score"
    assert [row["alert"] for row in json.loads(answer)] == [False, True]
