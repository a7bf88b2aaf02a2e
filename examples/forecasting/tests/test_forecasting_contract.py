"""Time-series forecasting keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract

NUMBERS = ", ".join(str((step * 7) % 24) for step in range(48))


class TestContract(DomainContract):
    domain = "forecasting"
    settings = {"limit": 6, "max_steps": 3, "batch_size": 2, "evaluate_every": 2}

    def answered_input(self, folder):
        return NUMBERS

    def demo_call(self, folder):
        return "forecast", [NUMBERS]
