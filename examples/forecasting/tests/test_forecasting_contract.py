"""Time-series forecasting keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "forecasting"
    settings = {"limit": 24, "max_steps": 3, "batch_size": 8, "evaluate_every": 2}

    def answered_input(self, folder):
        return "length=6.1, width=3.2, weight=17, place=shore"

    def demo_call(self, folder):
        return "judge", [6.1, 3.2, 17, "shore"]
