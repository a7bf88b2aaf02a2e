"""The promises every domain keeps, on a small portfolio."""

from __future__ import annotations

import pytest
from fraud_messy import messy
from fraud_toys import written

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "fraud"
    settings = {
        "max_steps": 4,
        "evaluate_every": 2,
        "batch_size": 64,
        "micro_batch_size": 4096,
        "validation_share": 0.3,
    }

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def portfolio(cls, tmp_path_factory):
        cls.settings = cls.settings | {"data": str(written(tmp_path_factory.mktemp("toy")))}

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        return str(self.settings["data"])
