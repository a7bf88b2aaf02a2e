"""Points keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "points"
    settings = {"limit": 24, "max_steps": 3, "batch_size": 8, "evaluate_every": 2}
    same_question = True

    def answered_input(self, folder):
        return "50"
