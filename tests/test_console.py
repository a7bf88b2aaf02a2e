"""What is said to people: on stderr as the command prints it, and through a logger for who uses Suite as a library."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from suite import console


@pytest.fixture
def logger():
    """The logger of all messages, put back afterwards as it was."""
    logger = logging.getLogger("suite")
    level, handlers, propagates = logger.level, list(logger.handlers), logger.propagate
    yield logger
    logger.setLevel(level)
    logger.handlers, logger.propagate = handlers, propagates


def test_a_line_and_a_warning_go_to_stderr(capsys):
    console.say("100 % of {rows} read")
    console.say()
    console.warn("the disk is nearly full")
    assert capsys.readouterr() == ("", "100 % of {rows} read\n\nWarning: the disk is nearly full\n")


def test_quiet_leaves_warnings(capsys, monkeypatch):
    monkeypatch.setenv("SUITE_QUIET", "1")
    console.say("reading")
    console.warn("the disk is nearly full")
    assert capsys.readouterr().err == "Warning: the disk is nearly full\n"


def test_a_library_user_can_leave_warnings_only(logger, capsys):
    logger.setLevel("WARNING")
    console.say("reading")
    console.warn("the disk is nearly full")
    assert capsys.readouterr().err == "Warning: the disk is nearly full\n"


def test_a_library_user_can_format_and_redirect(logger, capsys):
    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    lines, keep = [], Keep()
    keep.setFormatter(logging.Formatter("%(name)s %(levelname)s: %(message)s"))
    logger.handlers = [keep]
    console.say("reading")
    console.warn("the disk is nearly full")
    assert lines == ["suite INFO: reading", "suite WARNING: the disk is nearly full"]
    assert capsys.readouterr().err == ""


def test_they_can_join_everybodys_messages(logger, caplog, capsys):
    logger.handlers.clear()
    logger.propagate = True
    console.say("reading")
    assert caplog.record_tuples == [("suite", logging.INFO, "reading")]
    assert capsys.readouterr().err == ""


def test_a_root_logger_of_somebody_elses_does_not_print_a_line_twice():
    script = "import logging; logging.basicConfig(level='INFO'); from suite import console; console.say('once')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "once\n"
