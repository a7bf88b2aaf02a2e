"""Image generation keeps the contract of every domain."""

import pytest
from images_messy import messy

from suite.testing import DomainContract


class TestImageGenerationContract(DomainContract):
    """On the starter, with few steps and no samples but the golden ones."""

    domain = "image-generation"
    settings = {
        "limit": 8,
        "max_steps": 3,
        "evaluate_every": 2,
        "samples": 0,
        "previews": 0,
        "draws": 2,
        "sample_steps": 2,
    }
    beside = {"samples": 1, "sample_steps": 1}

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path_factory, monkeypatch):
        """Encoded once for the class."""
        monkeypatch.setenv("SUITE_CACHE", str(tmp_path_factory.getbasetemp() / "images-cache"))

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        """A prompt."""
        return "a red cat"
