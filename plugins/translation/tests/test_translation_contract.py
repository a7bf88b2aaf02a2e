"""Translation keeps the contract of every domain, with the model it ships and the strings it starts from."""

from __future__ import annotations

from translation_messy import messy

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "translation"
    settings = {"limit": 6, "max_steps": 4, "batch_size": 4, "evaluate_every": 2, "beams": 1}

    same_question = True

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        (folder / "strings.txt").write_text("The file %(name)s was saved.\n")
        return str(folder / "strings.txt")
