"""Points keeps the contract of every domain."""

from __future__ import annotations

from suite.testing import DomainContract, Messy


class TestContract(DomainContract):
    domain = "points"
    settings = {"limit": 24, "max_steps": 3, "batch_size": 8, "evaluate_every": 2}
    same_question = True

    def answered_input(self, folder):
        return "50"

    def messy(self, folder):
        def written(name, lines):
            path = folder / f"{name}.csv"
            path.write_text("\n".join(["x,y", *lines]))
            return {"data": str(path)}

        good = [f"{number / 10},{number % 7}" for number in range(60)]
        return {
            "rows with faults": Messy(written("faulty", [*good, "inf,1", ",2", "here,3"])),
            "too many faults": Messy(written("wrong", [*good, *["inf,1"] * 20]), "rows are unusable"),
        }
