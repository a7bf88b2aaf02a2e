"""The promise of the contract about data, broken by a toy: check, dry run and first step that differ."""

from __future__ import annotations

from dataclasses import replace

import pytest
from suite_toy.domain import TOY
from suite_toy.parts import ToyData

from suite import Finding, SuiteError
from suite.testing import DomainContract, Messy


class Contract(DomainContract):
    """The contract of the toy with other data."""

    domain = "toy"
    __test__ = False
    described = TOY

    def make(self, **settings):
        return self.described.task({"noise": 0.0}, settings)


class Forgiving(ToyData):
    """Refuses what it has let through twice before."""

    asked = 0

    def split(self, rows):
        Forgiving.asked += 1
        if Forgiving.asked % 3 == 0:
            raise SuiteError("Now it is too late.")
        return super().split(rows)


class Untold(ToyData):
    """Leaves out a row each other time."""

    asked = 0

    def check(self, rows):
        Untold.asked += 1
        yield from [Finding("error", "It is odd.", 0)] if Untold.asked % 3 == 0 else []


def messy(folder, taken=""):
    words = [f"{'ab'[n % 2]}{chr(97 + n)}x,{'vowels' if n % 2 else 'consonants'},a{n}" for n in range(16)]
    (folder / "words.csv").write_text("\n".join(["word,label,author", *words]))
    (folder / "few.csv").write_text("word,label\na,vowels\n")
    few = Messy({"data": str(folder / "few.csv"), "max_rejected": 0.5}, "too few")
    return {"words": Messy({"data": str(folder / "words.csv")}, taken), "few": few}


@pytest.mark.parametrize(
    ("data", "taken", "promised"),
    [
        (Forgiving, "", "one judgement of words"),
        (Untold, "", "the same rows left out of words"),
        (ToyData, "cannot be", "words: cannot be"),
    ],
)
def test_a_check_that_differs_from_the_training_is_told(tmp_path, data, taken, promised):
    contract = Contract()
    contract.described = replace(TOY, data=data)
    contract.messy = lambda folder: messy(folder, taken)
    if taken:
        contract.messy = lambda folder: messy(folder, taken) | {"more": Messy({"data": str(folder / "words.csv")})}
    with pytest.raises(pytest.fail.Exception, match=promised):
        contract.test_check_dry_run_and_first_step_agree(tmp_path)
