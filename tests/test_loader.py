"""Plugins that are broken, rude or malicious: what the loader makes of each, in this process."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest
from click.testing import CliRunner

from suite import Entry, SuiteError
from suite.cli.main import suite
from suite.console import aside
from suite.plugins import builtin, imports, loader, switches
from suite.plugins.loader import load_plugins
from suite.plugins.names import Claim, settle
from suite.plugins.offers import Offer, PluginInfo
from suite.testing import distribution

HOOK = "from suite import Entry, hookimpl\n@hookimpl\ndef {hook}(): return [{entries}]\n"


def offers(**entries: str) -> str:
    """The source of a plugin that offers these entries, by hook; each is a list of names."""
    parts = []
    for hook, names in entries.items():
        listed = ", ".join(f"Entry({name!r}, 'What.', 'json:loads')" for name in names.split(","))
        parts.append(HOOK.format(hook=f"suite_{hook}", entries=listed))
    return "".join(parts)


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Loads the core and the given plugins, each the source of its module, by the name of the plugin."""
    monkeypatch.setenv("SUITE_CONFIG", str(tmp_path / "config"))
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def load(requires: dict[str, list[str]] | None = None, **sources: str):
        for name, source in sources.items():
            distribution(tmp_path, f"suite_{name}", source)
            with (tmp_path / f"suite_{name}-1.0.dist-info" / "METADATA").open("a") as file:
                file.write("".join(f"Requires-Dist: {text}\n" for text in (requires or {}).get(name, [])))
        importlib.invalidate_caches()
        plugins = load_plugins.__wrapped__()
        return plugins, {info.name: info for info in plugins.infos}

    yield load
    for name in sys.modules.keys() - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


# ---- names -------------------------------------------------------------------------------------------------------

CLAIMS = {
    "two domains": ("domains a x", "domains b x"),
    "a command named like a domain": ("domains a x", "commands b x"),
    "a page named like a domain": ("domains a x", "pages b x"),
    "one's own page named like one's domain": ("domains a x", "pages a x"),
    "a domain named like a core command": ("commands suite x", "domains b x"),
    "a command named like the core's": ("commands suite x", "commands b x"),
    "a domain named like the core's page": ("pages suite x", "domains b x"),
    "a verb of somebody else's domain, which has it": ("domains a x", "commands a x y", "commands b x y"),
    "a verb of somebody else's domain, twice": ("domains a x", "commands b x y", "commands c x y"),
    "two sources": ("sources a x", "sources b x"),
    "a source named like the core's": ("sources suite x", "sources b x"),
    "two callbacks": ("callbacks a x", "callbacks b x"),
    "everything": ("domains a x", "domains b x", "commands c x", "pages d x", "sources e x"),
    "twice by one": ("domains a x", "domains a x"),
}
HOLDS = {
    "two domains": "",
    "a command named like a domain": "domains a",
    "a page named like a domain": "domains a",
    "one's own page named like one's domain": "domains a",
    "a domain named like a core command": "commands suite",
    "a command named like the core's": "commands suite",
    "a domain named like the core's page": "pages suite",
    "a verb of somebody else's domain, which has it": "commands a, domains a",
    "a verb of somebody else's domain, twice": "domains a",
    "two sources": "",
    "a source named like the core's": "sources suite",
    "two callbacks": "",
    "everything": "sources e",
    "twice by one": "",
}


@pytest.mark.parametrize("case", CLAIMS)
def test_the_order_of_plugins_decides_nothing(case):
    for order in itertools.permutations(CLAIMS[case]):
        infos: dict[str, PluginInfo] = {}
        claims = []
        for line in order:
            hook, plugin, name = line.split(" ", 2)
            info = infos.setdefault(plugin, PluginInfo(plugin, f"suite-{plugin}", "1.0"))
            claims.append(Claim(f"suite_{hook}", Offer(Entry(name, "What.", "json:loads"), info)))
        kept, clashes = settle(claims)
        held = sorted(f"{claim.hook.removeprefix('suite_')} {claim.plugin}" for claim in kept)
        assert ", ".join(held) == HOLDS[case]
        for claim in claims:
            blamed = claim.offer.plugin.error or ""
            assert any(claim is each for each in kept) or claim.what in blamed, "who loses a name is told which"
        assert not infos.get("suite", PluginInfo("", "", "")).error
        assert all(not any(claim.hook == hook and claim.name == name for claim in kept) for hook, name in clashes)


def test_a_plugin_cannot_take_a_domains_word(loaded):
    plugins, infos = loaded(acmd=offers(commands="toy,toy train"), zcmd=offers(commands="toy,toy train"))
    assert plugins.find("suite_domains", "toy").plugin.name == "toy" and infos["toy"].error is None
    assert "toy" not in plugins.commands and "toy train" not in plugins.commands
    for name in ("acmd", "zcmd"):
        assert "the command 'toy' has the name of the domain 'toy' of the plugin toy" in infos[name].error
        assert "the command 'toy train' is a verb that every domain has" in infos[name].error


UNREACHABLE = {
    "runs mine": ("commands", "adds a verb to 'runs', which is no domain but a command"),
    "config": ("pages", "the page 'config' has the name of a path of the web app"),
    "login": ("domains", "the domain 'login' has the name of a path of the web app"),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_what_nobody_could_reach_is_refused(name, loaded):
    hook, said = UNREACHABLE[name]
    plugins, infos = loaded(rude=offers(**{hook: name}))
    assert said in infos["rude"].error and name not in plugins.offers[f"suite_{hook}"]


def test_the_web_apps_paths_are_taken_by_no_name():
    """Every path that the app serves below a word of its own, as Gradio and Suite have them."""
    app = gr.routes.App.create_app(gr.Blocks())
    words = {path.split("/")[1] for route in app.routes if (path := getattr(route, "path", ""))}
    assert {"config", "login"} <= words
    assert {word for word in words if loader._NAME.fullmatch(word)} <= builtin.WEB_PATHS


def test_a_verb_for_a_domain_that_is_not_here_is_noted(loaded):
    _, infos = loaded(extra=offers(commands="tides chart"))
    assert infos["extra"].error is None
    assert infos["extra"].notes == ["its 'tides chart' waits for a domain 'tides', which no plugin here offers"]


def test_two_plugins_of_one_name_are_both_left_out(loaded, tmp_path):
    distribution(tmp_path, "suite_other", offers(sources="other"), entry_point="toy")
    plugins, _ = loaded()
    said = "several distributions have a plugin called 'toy': suite-other, suite-toy; uninstall all but one"
    assert [info.error for info in plugins.infos if info.name == "toy"] == [said, said]
    assert "toy" not in plugins.domains and "other" not in plugins.offers["suite_sources"]


def test_nobody_else_is_called_suite(loaded, tmp_path):
    distribution(tmp_path, "suite_other", offers(sources="other"), entry_point="suite")
    plugins, _ = loaded()
    core, other = (info for info in plugins.infos if info.name == "suite")
    assert (core.error, core.distribution) == (None, "suite-core")
    assert "is the core's own name" in other.error and "other" not in plugins.offers["suite_sources"]


# ---- imports -----------------------------------------------------------------------------------------------------

ENDINGS = {
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise SystemExit(3)": "SystemExit: 3",
    "raise GeneratorExit": "GeneratorExit",
    "class Skipped(BaseException): pass\nraise Skipped('no GPU')": "Skipped: no GPU",
    "import pytest; pytest.skip('no GPU', allow_module_level=True)": "Skipped: no GPU",
    "raise MemoryError": "MemoryError",
}


@pytest.mark.parametrize("code", ENDINGS)
def test_what_ends_a_program_is_the_plugins_error(code, loaded):
    in_hook = HOOK.format(hook="suite_domains", entries="").replace(
        " return []", "\n    " + code.replace("\n", "\n    ")
    )
    in_generator = f"{in_hook}    yield\n"
    target = offers(commands="late").replace("json:loads", "suite_target:command")
    plugins, infos = loaded(early=code, hook=in_hook, generator=in_generator, target=target)
    assert "toy" in plugins.domains and infos["target"].error is None
    for name in ("early", "hook", "generator"):
        assert infos[name].error == ENDINGS[code]
    sys.modules["suite_target"].__getattr__ = lambda name: exec(code, {})
    with pytest.raises(SuiteError, match=ENDINGS[code]):
        plugins.find("suite_commands", "late").load()


def test_somebodys_ctrl_c_is_nobodys_error(loaded):
    with pytest.raises(KeyboardInterrupt):
        loaded(slow="import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)")


LOUD = """
import os, subprocess, sys
print("{who} prints"); sys.stdout.write("{who} writes\\n")
sys.__stdout__.write("{who} writes where stdout was\\n"); sys.__stdout__.flush()
os.write(1, b"{who} writes from below\\n"); subprocess.run(["echo", "{who} has a child"])
"""
WAYS = ("prints", "writes", "writes where stdout was", "writes from below", "has a child")


def run(folder, *arguments, **environment):
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    environment = os.environ | {"PYTHONPATH": path, "SUITE_CONFIG": str(folder / "config")} | environment
    line = [sys.executable, "-m", "suite", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)


def test_what_modules_print_stays_out_of_an_answer(tmp_path):
    """Of the plugin, of the domain it names, and of the parts that the domain names."""
    source = (Path(importlib.import_module("suite_toy").__file__).parent / "domain.py").read_text()
    entry = offers(domains="toy").replace("json:loads", "suite_loud_domain:TOY")
    distribution(tmp_path, "suite_loud", LOUD.format(who="plugin") + entry)
    domain = source.replace("suite_toy.model:load", "suite_loud_model:load")
    (tmp_path / "suite_loud_domain.py").write_text(f"{domain}\n{LOUD.format(who='domain')}")
    (tmp_path / "suite_loud_model.py").write_text(f"{LOUD.format(who='part')}\nfrom suite_toy.model import load\n")
    loud = {"SUITE_PLUGINS": "loud", "SUITE_QUIET": "1"}
    for line, who in (
        (["list", "--format", "json"], {"plugin"}),
        (["toy", "options", "--format", "json"], {"plugin", "domain"}),
        (["toy", "predict", "area", "--format", "json"], {"plugin", "domain", "part"}),
    ):
        done = run(tmp_path, *line, **loud)
        assert json.loads(done.stdout), line
        assert set(done.stderr.splitlines()) == {f"{each} {way}" for each in who for way in WAYS}


def test_a_module_that_prints_while_another_thread_imports_leaves_stdout_as_it_was(capfd):
    def once(number):
        with aside():
            sys.stdout.write("aside\n")

    before = sys.stdout
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(once, range(400)))
    assert sys.stdout is before
    sys.stdout.write("straight\n")
    out, err = capfd.readouterr()
    assert out == "straight\n" and err == "aside\n" * 400


def test_a_module_without_a_hook_is_told(loaded):
    plugins, infos = loaded(noimpl="def suite_domains(): return []")
    assert infos["noimpl"].error == "it implements no hook: mark its functions with @suite.hookimpl"
    assert plugins.broken == [infos["noimpl"]]


UNMET = {
    "nosuchthing>=2": "it requires nosuchthing>=2 and that is not installed; run: pip install 'nosuchthing>=2'",
    "click>=99": "it requires click>=99 and ",
    "suite-core>=9": "it requires suite-core>=9 and ",
    "suite>=0.1": "it requires 'suite>=0.1', which is somebody else's distribution; install a version of it that",
    "Suite": "which is somebody else's distribution",
    "click >>> 2": "which is no requirement; its metadata are damaged",
}
MET = ["click>=8", "Suite_Core", "nosuchthing; extra == 'dev'", "nosuchthing; python_version < '3'", "pluggy[testing]"]


def test_unmet_requirements_are_told_before_anything_is_imported(loaded):
    requires = {f"r{place}": [text] for place, text in enumerate(UNMET)} | {"fine": MET}
    _, infos = loaded(requires, **dict.fromkeys(requires, "import no_such_module"))
    for name, said in zip(requires, UNMET.values(), strict=False):
        assert said in infos[name].error and "no_such_module" not in infos[name].error
    assert infos["fine"].error == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_slow_import_is_named(loaded, monkeypatch):
    monkeypatch.setattr(loader, "SLOW", 0.2)
    _, infos = loaded(slow=f"import time; time.sleep(0.3)\n{offers(sources='slow')}", quick=offers(sources="quick"))
    (note,) = infos["slow"].notes
    assert note == f"takes {infos['slow'].seconds:.1f} s to import, and every command waits for it"
    assert infos["slow"].seconds >= 0.3 and infos["quick"].notes == [] and infos["slow"].error is None
    assert "takes 0." in infos["slow"].about


def test_who_imports_something_heavy_is_named_the_second_one_too(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(imports, "HEAVY", ("anvil", "ballast"))
    (tmp_path / "anvil").mkdir()
    (tmp_path / "anvil" / "__init__.py").write_text("class Drop: pass\ndef lift(): pass\n")
    (tmp_path / "anvil" / "horn.py").touch()
    lines = {
        "first": "import anvil", "second": "from anvil import Drop", "third": "import anvil.horn as h",
        "fourth": "from anvil import lift", "light": "anvil = 'anvil'",
    }  # fmt: skip
    _, infos = loaded(**{name: f"{line}\n{offers(sources=name)}" for name, line in lines.items()})
    named = {name for name in lines if any("imports anvil when it is listed" in note for note in infos[name].notes)}
    assert named == {"first", "second", "third", "fourth"}


def test_help_names_a_plugin_that_imports_torch(tmp_path):
    distribution(tmp_path, "suite_greedy", f"import torch\n{offers(sources='greedy')}")
    said = " ".join(run(tmp_path, "--help", SUITE_PLUGINS="greedy").stdout.split())
    assert "Plugin greedy imports torch when it is listed (" in said and "s), and every command waits for it." in said


WRONG = {
    "commands": "is no command but a function; let its entry name a function marked @click.command().",
    "sources": "is no function but a str; let its entry name a function.",
    "pages": "is no function but a str; let its entry name a function.",
}


@pytest.mark.parametrize("hook", WRONG)
def test_a_target_of_another_kind_is_told(hook, loaded):
    target = "json:loads" if hook == "commands" else "string:digits"
    plugins, _ = loaded(wrong=offers(**{hook: "mine"}).replace("json:loads", target))
    with pytest.raises(SuiteError) as error:
        plugins.find(f"suite_{hook}", "mine").load()
    assert str(error.value) == f"{target} of the plugin wrong {WRONG[hook]}"


# ---- switches ----------------------------------------------------------------------------------------------------


def invoked(*arguments):
    answer = CliRunner().invoke(suite, ["plugins", *arguments])
    return str(answer.exception) if isinstance(answer.exception, SuiteError) else answer.output


def test_a_plugin_is_switched_off_for_good_and_on_again(loaded):
    """One that ends the process when it is imported; who switches it off never imports it."""
    deadly = "import os; os._exit(9)"
    with pytest.raises(SuiteError, match="No plugin 'deadl'"):
        raise SuiteError(invoked("disable", "deadl"))
    switches.write({"deadly"})
    plugins, infos = loaded(deadly=deadly, good=offers(sources="good"))
    assert not infos["deadly"].enabled and infos["deadly"].about == "switched off; suite plugins enable deadly"
    assert infos["deadly"].error is None and "good" in plugins.offers["suite_sources"]
    assert "Switched off: deadly (suite plugins enable NAME)." in plugins.missing()
    assert invoked("enable", "deadly") == "deadly is switched on.\n" and switches.disabled() == set()
    assert invoked("disable", "deadly") == "deadly is switched off; back on: suite plugins enable deadly\n"
    assert switches.disabled() == {"deadly"}
    assert "Did you mean 'good'" in invoked("disable", "goood")
    assert "is the core itself" in invoked("disable", "suite")
    assert json.loads(switches.path().read_text()) == {"disabled": ["deadly"]}


def test_the_file_is_in_the_users_configuration_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SUITE_CONFIG", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert switches.path() == tmp_path / "mine" / "plugins.json"
    monkeypatch.delenv("SUITE_CONFIG")
    assert switches.path() == tmp_path / "xdg" / "suite" / "plugins.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert switches.path() == tmp_path / "home" / ".config" / "suite" / "plugins.json"


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SUITE_CONFIG", str(tmp_path / "file"))
    assert "cannot be written: File exists; set SUITE_CONFIG to a folder of yours." in invoked("disable", "toy")


def test_who_is_gone_can_be_switched_on(loaded):
    switches.write({"gone"})
    loaded()
    assert invoked("enable", "gone") == "gone is switched on.\n"
    assert "No plugin 'gone'" in invoked("enable", "gone")


def test_suite_plugins_ranks_above(loaded, monkeypatch):
    switches.write({"mine", "toy"})
    monkeypatch.setenv("SUITE_PLUGINS", "mine")
    plugins, infos = loaded(mine=offers(sources="mine"))
    assert infos["mine"].enabled and "mine" in plugins.offers["suite_sources"] and "toy" not in infos


@pytest.mark.parametrize("text", ["", "[]", "{", '{"disabled": "toy"}', '{"disable": []}', "\0\1"])
def test_a_damaged_file_switches_nothing_off_and_is_told(text, loaded, caplog, capsys):
    switches.path().parent.mkdir(parents=True)
    switches.path().write_text(text)
    plugins, _ = loaded()
    assert "toy" in plugins.domains
    assert "No plugin is switched off: " in capsys.readouterr().err


def test_the_list_says_what_each_offers_from_where_and_how_long_it_took(tmp_path):
    distribution(tmp_path, "suite_good", offers(sources="good,better", commands="toy look"))
    distribution(tmp_path, "suite_bad", "raise RuntimeError('no such thing')")
    rows = {row["name"]: row for row in json.loads(run(tmp_path, "plugins", "--format", "json").stdout)}
    assert rows["good"]["offers"] == {"suite_commands": ["toy look"], "suite_sources": ["good", "better"]}
    assert rows["good"]["place"] == str(tmp_path / "suite_good.py") and rows["good"]["seconds"] > 0
    said = run(tmp_path, "plugins").stdout
    assert f"s): {tmp_path}/suite_good.py\n  commands: toy look\n  sources: good, better\n" in said
    assert "  broken: RuntimeError: no such thing\n" in said
    run(tmp_path, "plugins", "disable", "bad", "-q")
    assert "  switched off; suite plugins enable bad\n" in run(tmp_path, "plugins").stdout
