"""The contract that every domain keeps, on the starter: MovieLens 100K cut down to its most active people and films."""

from __future__ import annotations

import pytest

from suite.testing import DomainContract

pytestmark = pytest.mark.slow


class TestContract(DomainContract):
    domain = "recommendations"
    settings = {"k_core": 60, "hidden_size": 16, "layers": 1, "window": 20, "lags": 5, "max_steps": 6, "save_every": 2}
    bad_input = "no-such-histories.csv"
