"""The contract every domain keeps, on the starter with a few pictures."""

from __future__ import annotations

from medical_messy import messy

from suite.testing import DomainContract
from suite_medical_imaging.demo.examples import first


class TestContract(DomainContract):
    domain = "medical-imaging"
    settings = {
        "data": "mri-planes", "limit": 12, "max_steps": 4, "batch_size": 4, "image_size": 64,
        "evaluate_every": 2, "audit": False,
    }  # fmt: skip

    same_question = True

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        return str(first())
