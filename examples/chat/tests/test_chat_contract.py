"""Chat keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "chat"
    settings = {"limit": 12, "max_steps": 3, "batch_size": 4, "evaluate_every": 2, "reply_tokens": 24}
    same_question = True

    def answered_input(self, folder):
        return "When does the pool open on Sunday?"
