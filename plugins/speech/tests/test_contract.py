"""Speech keeps the contract of every domain, with Whisper base and the prompts it starts from."""

from __future__ import annotations

from speech_messy import messy

from suite.testing import DomainContract
from suite_speech.demo.clips import example_clips


class TestContract(DomainContract):
    domain = "speech"
    settings = {"limit": 4, "max_steps": 2, "batch_size": 2, "evaluate_every": 1, "word_times": False}
    bad_input = __file__  # text, not sound

    same_question = True

    def messy(self, folder):
        return messy(folder)

    def answered_input(self, folder):
        return str(example_clips()[0][0])
