"""The toy keeps the contract: what the contract promises can be kept, and its checks can be passed."""

from __future__ import annotations

from suite.testing import DomainContract


class TestToyContract(DomainContract):
    domain = "toy"
    settings = {"epochs": 2, "ema": 0.9, "micro_batch_size": 3, "save_every": 5}
    bad_input = "r2d2"
