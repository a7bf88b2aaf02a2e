"""Time-series forecasting keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract, Messy

from suite_forecasting.demo import WAVE


class TestContract(DomainContract):
    domain = "forecasting"
    settings = {"limit": 6, "max_steps": 3, "batch_size": 2, "evaluate_every": 2}
    same_question = True

    def answered_input(self, folder):
        return WAVE

    def messy(self, folder):
        days = [f"2024-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(300)]  # any month has 28
        rows = [f"a,{day},{step % 7}" for step, day in enumerate(days)]
        faulty = [*rows, "a,,3", "b,2024-01-01,", "b,2024-01-02,inf", rows[0]]

        def written(name, lines):
            path = folder / f"{name}.csv"
            path.write_text("\n".join(["series,time,value", *lines]))
            return {"data": str(path)}

        return {
            "rows with faults": Messy(written("faulty", faulty)),
            "a series too short": Messy(written("short", rows[:20]), "No series is long enough"),
        }
