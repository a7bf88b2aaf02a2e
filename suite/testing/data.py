"""What a domain promises of its data: the check, the dry run and a training's first step take and refuse the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from suite.accelerator import make_accelerator
from suite.data.load import CheckedData
from suite.domain.description import Task
from suite.errors import SuiteError
from suite.testing.promise import keep, newest
from suite.testing.runs import RunPromises
from suite.training import train as training
from suite.training.plan import plan
from suite.training.ready import rehearsed

READ = "docs/writing-a-plugin.md, 'Its tests'"
TAKEN = "taken"


@dataclass(frozen=True)
class Messy:
    """Data as people have them: the options that name them, and what is to be read of the refusal, "" if it's taken."""

    options: Mapping[str, Any]
    refusal: str = ""


class DataPromises(RunPromises):
    """The part of the contract that reads data with faults."""

    def messy(self, folder: Path) -> Mapping[str, Messy]:
        """Small data sets with faults, written below `folder`, by what is wrong with them; none skips the test.

        Have at least one that is taken, with rows that are left out, and one for each thing that only this domain
        refuses: a class too small, a label nobody knows. A few rows are enough.
        """
        return {}

    def test_check_dry_run_and_first_step_agree(self, tmp_path: Path) -> None:
        """What `data check` or `--dry-run` takes, the first step takes; what one refuses, all refuse alike."""
        cases = self.messy(tmp_path)
        if not cases:
            pytest.skip("messy gives no data")
        sentences = [case.refusal for case in cases.values()]
        keep(any(sentences) and not all(sentences), "data that are taken, and some refused", seen=cases, read=READ)
        for name, case in cases.items():
            runs = tmp_path / f"runs of {name}"
            task = self.make(**case.options, max_steps=1, output=runs)
            ways = {"data check": _checked, "train --dry-run": _planned, "the first step": _first_step}
            seen = {way: _outcome(act, task) for way, act in ways.items()}
            keep(len({said for said, _ in seen.values()}) == 1, f"one judgement of {name}", seen=seen, read=READ)
            counts = {count for _, count in seen.values() if count is not None}
            keep(len(counts) <= 1, f"the same rows left out of {name}", seen=seen, read=READ)
            said = seen["the first step"][0]
            fits = case.refusal in said and said != TAKEN if case.refusal else said == TAKEN
            keep(fits, f"{name}: {case.refusal or TAKEN}", seen=said, read=READ)


def _outcome(act: Callable[[Task], int | None], task: Task) -> tuple[str, int | None]:
    """What was said of the data, and how many rows were left out where that was counted."""
    try:
        return TAKEN, act(task)
    except SuiteError as error:
        return str(error), None


def _checked(task: Task) -> int:
    counted: list[CheckedData] = []
    rehearsed(task, make_accelerator(task.config), 1, lambda data, splits: counted.append(data))
    return len(counted[-1].report.rejected)


def _planned(task: Task) -> None:
    plan(task)


def _first_step(task: Task) -> int:
    """A training as far as its first step, without what comes after the loop."""
    with patch.object(training, "_finish"):
        run = training.train(task)
    lines = (newest(Path(task.config.output)) / "rejected.jsonl").read_text().splitlines()
    keep(max(line["step"] for line in run.history()) == 1, "a first step", seen=run.history(), read=READ)
    return len(lines)
