"""A served app, as users have it: a process of its own, real plugins found on the path, a port nobody else has."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# No sandbox: tests run as root in containers. The rest keeps Chromium's own requests out of what we count.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
ADDRESS = re.compile(r"http://[\w.\[\]:]+")


@contextmanager
def serving(command, folder, **environment):
    """Runs `command` in `folder`; gives its process and, with `address`, the address it prints."""
    path = os.pathsep.join([str(HERE.parent / "toy"), str(HERE / "plugins")])
    variables = {"OMP_NUM_THREADS": "1", "SUITE_PLUGINS": "toy,odd,torn", "PYTHONPATH": path, **environment}
    log = (Path(folder) / "stderr.txt").open("w+")
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        line = process.stdout.readline()
        log.seek(0)
        assert ADDRESS.search(line), f"no address in {line!r}; it said: {log.read()}"
        process.address = ADDRESS.search(line)[0]
        process.log = Path(log.name)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """`serve(command, **environment)` as a context manager, in a fresh folder."""
    return lambda command, **environment: serving(command, tmp_path_factory.mktemp("cwd"), **environment)


@pytest.fixture(scope="session")
def server(serve):
    """`suite launch` with a working domain, two broken ones, a broken plugin, and the pages of a fourth."""
    with serve(["-m", "suite", "launch", "--no-browser", "--port", "17860"]) as process:
        yield process


@pytest.fixture(scope="module")
def browser():
    """Chromium; closed with the module, for its driver keeps an event loop running in this thread."""
    if not CHROMIUM:
        pytest.skip("no chromium on this machine; install it with: apt install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright; install it with: pip install playwright")
    with api.sync_playwright() as driver, driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as chromium:
        yield chromium


@pytest.fixture
def told_by_predictor(monkeypatch):
    """What the same model says when asked without the web: there is one way of answering."""
    monkeypatch.syspath_prepend(HERE.parent / "toy")
    from suite_toy.domain import TOY

    from suite.inference.predictor import Predictor

    predictor = Predictor(TOY.task(), "toy/letters")
    return lambda word: predictor.answer(word)[0]["label"]


@pytest.fixture
def page(browser):
    """A tab that afterwards must have asked nobody but this machine, and complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    tab = context.new_page()
    tab.requested, tab.complaints = [], []
    tab.on("request", lambda request: tab.requested.append(request.url))
    tab.on("console", lambda message: tab.complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    yield tab
    context.close()
    assert tab.requested, "the test has opened nothing"
    strangers = [url for url in tab.requested if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert strangers == []
    assert tab.complaints == []
