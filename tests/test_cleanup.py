"""Clean-up never hides the cause."""

from __future__ import annotations

import pytest
import torch

from suite.errors import SuiteError, afterwards, logged
from suite.inference.answering import AnswerWriter, predict_all
from suite.inference.predictor import Predictor
from suite.tables import store
from suite.training.weights import EMA


def broken(*arguments, **named):
    raise OSError("clean-up")


@pytest.mark.parametrize("cause", [SuiteError, KeyboardInterrupt, SystemExit, ValueError])
def test_the_first_exception_is_raised_and_that_of_the_clean_up_is_logged(cause, capsys):
    with pytest.raises(cause, match="^the cause$"), afterwards(broken, "Tidying"):
        raise cause("the cause")
    assert "Warning: Tidying failed: OSError: clean-up" in capsys.readouterr().err


def test_where_nothing_went_wrong_before_what_is_done_afterwards_may_fail():
    done = []
    with afterwards(lambda: done.append(1), "Tidying"):
        assert not done
    assert done == [1]
    with pytest.raises(OSError, match="clean-up"), afterwards(broken, "Tidying"):
        pass


def test_an_interrupt_of_clean_up_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt), logged("Tidying"):
        raise KeyboardInterrupt


def test_answers_that_cannot_be_written_do_not_hide_why_answering_ended(toy, monkeypatch, capsys):
    def fails(*arguments, **named):
        raise RuntimeError("the cause")

    monkeypatch.setattr(Predictor, "inputs", fails)
    monkeypatch.setattr(AnswerWriter, "finish", broken)
    with pytest.raises(RuntimeError, match="the cause"):
        predict_all(toy, ("area",), model="toy/letters", output=None, form="text")
    assert "clean-up" in capsys.readouterr().err


def test_weights_that_cannot_be_put_back_do_not_hide_why_they_were_taken_out(monkeypatch):
    average = EMA([torch.zeros(2)], 0.9)
    with pytest.raises(SuiteError, match="the cause"), average.applied():
        monkeypatch.setattr(EMA, "_swap", broken)
        raise SuiteError("the cause")


def test_a_table_that_cannot_be_removed_does_not_hide_why_it_was_not_read(tmp_path, monkeypatch):
    def read(sink):
        monkeypatch.setattr(store.Path, "unlink", broken)
        raise SuiteError("the cause")

    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "table.csv").write_text("a\n1\n")
    with pytest.raises(SuiteError, match="the cause"):
        store.kept(tmp_path / "table.csv", "reading", read)
