"""The web app's parts that need no server: who may bind where, what pages say, what building them imports."""

import asyncio
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import click.testing
import pytest

from suite import SuiteError
from suite.cli.launch import launch
from suite.web import security, server

FOLDER = Path(__file__).parent / "toy"


@pytest.fixture
def toy(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    from suite_toy.domain import TOY

    return TOY


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "my-laptop.local", ""])
def test_a_wider_address_needs_a_password(host):
    with pytest.raises(SuiteError, match="--auth user:password"):
        security.credentials(host, "")
    assert security.credentials(host, "ada:pass:word") == ("ada", "pass:word")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_this_machine_needs_none(host):
    assert security.credentials(host, "") is None


@pytest.mark.parametrize("auth", ["ada", "ada:", ":secret", ":"])
def test_half_a_pair_is_refused(auth):
    with pytest.raises(SuiteError, match="a user and a password"):
        security.credentials("127.0.0.1", auth)


def test_the_command_refuses_before_it_builds(monkeypatch):
    monkeypatch.delenv("SUITE_AUTH", raising=False)
    result = click.testing.CliRunner().invoke(launch, ["--host", "0.0.0.0", "--no-browser"])
    assert isinstance(result.exception, SuiteError)
    assert "--auth" in str(result.exception)


def test_the_password_may_come_from_the_environment(monkeypatch):
    given = []
    monkeypatch.setattr(server, "serve", lambda binding, **options: given.append((binding, options)))
    monkeypatch.setenv("SUITE_AUTH", "ada:secret")
    click.testing.CliRunner().invoke(launch, ["--host", "0.0.0.0", "--domain", "toy", "--run", "latest"])
    assert given == [
        (server.Binding("0.0.0.0", 7860, "ada:secret"), {"only": "toy", "run": "latest", "open_browser": True})
    ]


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(SuiteError, match="no address of this machine"):
        server.free_port(host, 7860)


def test_building_the_page_of_every_installed_domain_imports_no_torch():
    code = (
        "import sys, json; from suite.plugins.loader import load_plugins; from suite.web.app import build;"
        "plugins = load_plugins(); app = build(plugins); print(json.dumps([[p[0] for p in app.pages],"
        "['', *plugins.domains], [m for m in ('torch', 'transformers') if m in sys.modules]]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(FOLDER), "SUITE_STRICT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    pages, expected, heavy = json.loads(done.stdout)
    assert pages == expected
    assert "toy" in pages
    assert heavy == []


def test_the_page_names_the_run_that_answers(toy, tmp_path):
    """The newest finished run, found once: a run that ends later must not change what a page says of its answers."""
    from suite.plugins.hookspecs import Entry
    from suite.plugins.loader import Offer, PluginInfo
    from suite.runs import Run
    from suite.web.about import answering, run_card
    from suite.web.page import DomainPage

    offer = Offer(Entry("toy", "Words.", "suite_toy.domain:TOY"), PluginInfo("toy", "suite-toy", "0.1.0"))
    first = Run.create(tmp_path / "runs", "toy", "first")
    first.set_status("finished", "toy")
    first.model.mkdir()
    (first.path / "README.md").write_text("---\ntags:\n- suite\n---\n\n# The card\n\n---\n\nof the run\n")
    page = DomainPage.open(offer, "", tmp_path / "runs")
    second = Run.create(tmp_path / "runs", "toy", "second")
    second.set_status("finished", "toy")
    second.model.mkdir()
    assert first.path.name in answering(page.predictor)
    assert run_card(page.predictor) == "# The card\n\n---\n\nof the run"
    chosen = DomainPage.open(offer, "latest", tmp_path / "runs")
    assert second.path.name in answering(chosen.predictor)
    with pytest.raises(SuiteError, match="No run 'third'"):
        DomainPage.open(offer, "third", tmp_path / "runs")


def test_assets_are_listed_with_licence_and_source(toy):
    from suite.web.about import assets

    table = assets(toy).splitlines()
    assert table[2] == "| [toy/letters](https://example.org) | model | Apache-2.0 | Letter embeddings. |"
    assert len(table) == 2 + len(toy.starter.assets)


def test_errors_are_told_whatever_kind_of_handler_raises_them():
    import gradio as gr

    from suite.web.error_boundary import BUG, error_boundary

    def plain(error):
        raise error

    def stream(error):
        yield 1
        raise error

    async def wait(error):
        raise error

    async def walk(error):
        yield 1
        raise error

    async def drain(values):
        return [value async for value in values]

    calls = [
        lambda error: error_boundary(plain)(error),
        lambda error: list(error_boundary(stream)(error)),
        lambda error: asyncio.run(error_boundary(wait)(error)),
        lambda error: asyncio.run(drain(error_boundary(walk)(error))),
    ]
    for call in calls:
        for error, message in [
            (SuiteError("No <b>'x'."), "No &lt;b&gt;'x'."),
            (KeyError("x"), BUG),
            (gr.Error("Own."), "Own."),
        ]:
            with pytest.raises(gr.Error) as raised:
                call(error)
            assert raised.value.message == message


def test_no_rule_of_the_style_sheet_is_written_twice():
    from suite.web.theme import STYLE

    text = re.sub(r"/\*.*?\*/", "", STYLE.read_text(), flags=re.DOTALL)
    text = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^}]*\})*\s*\}", "", text)
    selectors = [" ".join(rule.split()) for rule in re.findall(r"([^{}]+)\{", text)]
    assert len(selectors) > 40 and sorted(selectors) == sorted(set(selectors))


def test_two_handlers_at_once_find_transformers_whole():
    """It replaces itself in sys.modules as it is imported: who imports it meanwhile would get what it was before."""
    code = """
        import sys, threading, time
        from suite.web.error_boundary import error_boundary

        seen = []

        def first():
            import transformers

        def second():
            import transformers
            seen.append(hasattr(transformers, "PreTrainedTokenizerBase"))

        def late():
            while "transformers" not in sys.modules:
                time.sleep(0.001)
            error_boundary(second)()

        threads = [threading.Thread(target=late), threading.Thread(target=error_boundary(first))]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(seen)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.stdout == "[True]\n", done.stderr


def test_the_launch_help_is_light():
    code = (
        "import sys; from suite.cli.launch import launch; launch.main(['--help'], standalone_mode=False);"
        "sys.exit(any(m in sys.modules for m in ('gradio', 'torch', 'starlette', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
