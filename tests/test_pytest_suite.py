"""`pytest --suite-domain NAME`: the contract of an installed domain, without a file; nothing for anybody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from argparse import ArgumentError
from pathlib import Path
from xml.etree import ElementTree

import pytest

import pytest_suite
import suite
from suite.testing import badge

ROOT = Path(suite.__file__).parent.parent


def ran(folder, *options):
    """A pytest of its own in an empty folder. `-p` loads the plugin where it is not installed; twice does no harm."""
    line = [sys.executable, "-m", "pytest", "-p", "pytest_suite", "-q", *options]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_installed_domain_is_checked_without_a_file(tmp_path):
    (tmp_path / "test_other.py").write_text("def test_people_read(): assert False")
    done = ran(tmp_path, "--suite-domain", "toy", "-k", "people_read")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    both = ran(tmp_path, "test_other.py", "--suite-domain", "toy", "-k", "people_read")
    assert "1 failed, 1 passed" in both.stdout


def test_nobody_is_warned(tmp_path):
    """Whoever runs the contract with `-W error` sees failures of the domain only."""
    done = ran(tmp_path, "--suite-domain", "toy", "-k", "complete or count or infer", "-W", "error")
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout + done.stderr


def test_nobody_who_subclasses_it_is_warned(tmp_path):
    """In a project that declares no marker."""
    lines = ("from suite.testing import DomainContract", "class TestToy(DomainContract):", "    domain = 'toy'")
    (tmp_path / "test_toy.py").write_text("\n".join(lines))
    done = ran(tmp_path, "-k", "people_read", "-W", "error", "--strict-markers")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_settings_are_the_trainings(tmp_path):
    done = ran(
        tmp_path, "--suite-domain", "toy", "-k", "its_own_check", "--suite-settings", "test_share=0.6", "limit=3"
    )
    assert done.returncode == 2 and "test_share=0.6 won't do" in done.stdout + done.stderr


def test_an_unknown_domain_is_one_sentence(tmp_path):
    done = ran(tmp_path, "--suite-domain", "tpy", "-k", "people_read")
    assert done.returncode == 2 and "Did you mean 'toy'?" in done.stdout + done.stderr, done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_it_costs_nothing_when_not_asked_for(tmp_path):
    code = "import sys, pytest; before = set(sys.modules); import pytest_suite; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'pytest_suite'}"
    (tmp_path / "test_other.py").write_text("import sys\ndef test_light(): assert 'suite' not in sys.modules")
    assert "1 passed" in ran(tmp_path).stdout


def test_pytest_finds_it_by_its_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"pytest_suite": "pytest_suite"}


# ---- the badge ---------------------------------------------------------------------------------------------------

PROMISES = (ROOT / "docs" / "contract.md").read_text().count("\n- **")


def test_a_badge_says_how_many_promises_are_kept_of_how_many_and_why_not_all(tmp_path):
    done = ran(tmp_path, "--suite-domain", "toy", "-k", "people_read or are_there or check_dry_run", "--badge")
    said = f"toy-contract.json and toy-contract.svg: 2 of {PROMISES} kept; {PROMISES - 2} open, each with its reason in"
    assert done.returncode == 0 and said in done.stdout, done.stdout
    facts = json.loads((tmp_path / "toy-contract.json").read_text())
    assert (facts["kept"], facts["of"], len(facts["open"])) == (2, PROMISES, PROMISES - 2)
    assert facts["promises"] == ["domain says what people read", "parts are there"]
    assert facts["open"]["check dry run and first step agree"] == "messy gives no data"
    assert facts["open"]["resume is exact"] == "not among the tests that were run"
    assert facts["plugin"] == {"distribution": "suite-toy", "version": "0.1.0"}
    assert facts["versions"]["suite-core"] == suite.__version__ and facts["versions"]["torch"]
    drawing = ElementTree.fromstring((tmp_path / "toy-contract.svg").read_text())
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["Suite contract", f"2 of {PROMISES} kept", "suite-toy 0.1.0, suite-core 0.1.0"]


def test_a_broken_promise_makes_no_badge_and_takes_an_older_one_away(tmp_path):
    files = [tmp_path / "toy-contract.json", tmp_path / "toy-contract.svg"]
    promises = badge.Promises(["test_a", "test_b"], {"test_a": "passed", "test_b": "passed"})
    assert badge.written(promises, "toy", files, ended=True).endswith("toy-contract.svg: 2 of 2 kept.")
    stopped = badge.written(promises, "toy", files, ended=False)
    assert stopped == "No badge for toy: 2 of 2 kept; pytest was stopped." and all(path.exists() for path in files)
    promises.outcomes["test_b"] = "failed"
    assert badge.written(promises, "toy", files, ended=True) == "No badge for toy: 1 of 2 kept; broken: b."
    assert list(tmp_path.iterdir()) == []


def test_a_badge_is_of_a_domain(tmp_path):
    done = ran(tmp_path, "--badge")
    assert done.returncode == 4 and "--badge is of a domain's contract: give --suite-domain NAME too." in done.stderr


@pytest.mark.parametrize("error", [None, ValueError("already added"), ArgumentError(None, "conflicting option")])
def test_another_plugins_badge_takes_only_the_short_name(error):
    names = []

    class Parser:
        def getgroup(self, *_):
            return self

        def addoption(self, *flags, **_):
            if error and "--badge" in flags:
                raise error
            names.extend(flags)

    pytest_suite.pytest_addoption(Parser())
    assert ("--badge" in names) == (error is None) and names.count("--suite-badge") == 1


def test_the_worst_of_a_promises_tests_counts():
    def report(name, outcome, reason=""):
        longrepr = ("file.py", 1, f"Skipped: {reason}") if outcome == "skipped" else None
        return pytest.TestReport(f"::TestDomain::{name}", ("f", 1, name), {}, outcome, longrepr, "call")

    promises = badge.Promises(["test_a", "test_b", "test_c", "test_d"])
    for each in (
        report("test_a[1]", "passed"), report("test_a[2]", "failed"), report("test_a[3]", "passed"),
        report("test_b", "passed"), report("test_b", "skipped", "no GPU"), report("test_c", "passed"),
        pytest.TestReport("test_mine.py::TestDomain::test_d", ("f", 1, "d"), {}, "passed", None, "call"),
    ):  # fmt: skip
        promises.note(each)
    assert (promises.of("failed"), promises.of("passed"), promises.said) == (["a"], ["c"], "1 of 4 kept")
    assert promises.open == {"b": "no GPU", "d": "not among the tests that were run"}
