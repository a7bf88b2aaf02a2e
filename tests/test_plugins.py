"""The loader's rules, on real distributions written into a folder: discovery as pip's, without pip."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from suite.testing import distribution

GOOD = """
from suite import Entry, hookimpl

@hookimpl
def suite_domains():
    return [Entry("{name}", "A domain.", "{module}:Weather")]
"""


def listed(folder, **environment):
    """`suite list --format json` with the distributions of `folder` installed."""
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "suite", "list", "--format", "json"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path} | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listing = json.loads(done.stdout)
    return {d["name"] for d in listing["domains"]}, {p["name"]: p for p in listing["plugins"]}


def test_a_distribution_on_the_path_is_found_with_its_version(tmp_path):
    distribution(tmp_path, "suite_weather", GOOD.format(name="weather", module="suite_weather"))
    domains, plugins = listed(tmp_path)
    assert {"weather", "toy"} <= domains
    weather = plugins["weather"]
    assert (weather["distribution"], weather["version"]) == ("suite-weather", "1.0")
    assert (weather["hooks"], weather["error"], weather["notes"]) == (["suite_domains"], None, [])
    assert weather["place"] == str(tmp_path / "suite_weather.py") and 0 < weather["seconds"] < 5


BROKEN = {
    "import": ("raise RuntimeError('operator torchvision::nms does not exist')", "RuntimeError: operator torchvision"),
    "exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "missing": ("import no_such_torch", "ModuleNotFoundError: No module named 'no_such_torch'"),
    "misspelt": (
        "from suite import hookimpl\n@hookimpl\ndef suite_domain():\n    return []",
        "unknown hook 'suite_domain'",
    ),
    "generator": (
        "from suite import hookimpl\n@hookimpl\ndef suite_domains():\n    yield 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "notentry": (
        "from suite import hookimpl\n@hookimpl\ndef suite_domains():\n    return [('weather', 'x')]",
        "it must give suite.Entry",
    ),
    "unmarked": (
        f"{GOOD.format(name='weather', module='suite_unmarked')}\ndef suite_trained(run):\n    pass",
        "suite_trained is not marked as a hook; write @hookimpl above it",
    ),
    "async": (
        "from suite import hookimpl\n@hookimpl\nasync def suite_trained(run):\n    pass",
        "suite_trained is a wrapper, a generator or async; write a plain function",
    ),
    "argument": (
        "from suite import hookimpl\n@hookimpl\ndef suite_trained(epoch):\n    pass",
        "PluginValidationError",
    ),
    "target": (GOOD.format(name="weather", module="suite_nowhere"), "module suite_nowhere, which does not exist"),
    "name": (GOOD.format(name="Weather!", module="suite_name"), "names 'Weather!'"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_and_takes_nobody_down(kind, tmp_path):
    source, reason = BROKEN[kind]
    distribution(tmp_path, f"suite_{kind}", source)
    domains, plugins = listed(tmp_path)
    assert "toy" in domains and "weather" not in domains
    assert reason in plugins[kind]["error"]
    assert plugins["toy"]["error"] is None


def test_a_clash_takes_the_name_from_both_and_names_the_way_out(tmp_path):
    for module in ("suite_east", "suite_west"):
        distribution(tmp_path, module, GOOD.format(name="weather", module=module))
    domains, plugins = listed(tmp_path)
    assert "weather" not in domains and "toy" in domains
    assert "offered by west too" in plugins["east"]["error"]
    assert "suite plugins disable west" in plugins["west"]["error"]
    domains, _ = listed(tmp_path, SUITE_PLUGINS="west,toy")
    assert {"weather", "toy"} == domains


def test_the_cores_names_stay_the_cores(tmp_path):
    distribution(tmp_path, "suite_rude", GOOD.format(name="launch", module="suite_rude"))
    domains, plugins = listed(tmp_path)
    assert "launch" not in domains and "has a name of the core" in plugins["rude"]["error"]
    assert plugins["suite"]["error"] is None


def test_a_subset_can_be_loaded_and_a_misspelt_one_is_said(tmp_path):
    domains, plugins = listed(tmp_path, SUITE_PLUGINS="toi")
    assert domains == set()
    assert "Did you mean 'toy'" in plugins["toi"]["error"]


def test_strict_raises_what_else_is_recorded(tmp_path):
    distribution(tmp_path, "suite_bad", "raise RuntimeError('bad')")
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    environment = os.environ | {"PYTHONPATH": path, "SUITE_STRICT": "1"}
    done = subprocess.run([sys.executable, "-m", "suite", "list"], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "RuntimeError: bad" in done.stderr


def test_a_domain_whose_torch_is_broken_is_listed_and_says_so_when_used(tmp_path):
    source = GOOD.format(name="weather", module="suite_weather_heavy")
    distribution(tmp_path, "suite_weather", source)
    (tmp_path / "suite_weather_heavy.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    domains, _ = listed(tmp_path)
    assert "weather" in domains
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "suite", "weather", "options"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 2
    assert "'weather' of the plugin weather (suite-weather 1.0) cannot be loaded: RuntimeError" in done.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "class Weather:\n    name = 'weather'",
            "suite_weather:Weather of the plugin weather is no domain but a type; let its entry name a suite.Domain(",
        ),
        (
            "from dataclasses import replace\nfrom suite_toy.domain import TOY\nWeather = replace(TOY, name='rain')",
            "The domain 'weather' calls itself 'rain'; its plugin must use one name.",
        ),
    ],
)
def test_an_entry_that_is_no_domain_of_its_name_is_said(tmp_path, target, said):
    distribution(tmp_path, "suite_weather", f"{GOOD.format(name='weather', module='suite_weather')}\n{target}\n")
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    line = [sys.executable, "-m", "suite", "weather", "options"]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert said in done.stderr
