"""Time-series forecasting keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract

from suite_forecasting.demo import WAVE


class TestContract(DomainContract):
    domain = "forecasting"
    settings = {"limit": 6, "max_steps": 3, "batch_size": 2, "evaluate_every": 2}
    same_question = True

    def answered_input(self, folder):
        return WAVE
