"""Speech keeps the contract of every domain, with Whisper base and the prompts it starts from."""

from __future__ import annotations

from suite.testing import DomainContract


class TestContract(DomainContract):
    domain = "speech"
    settings = {"limit": 4, "max_steps": 2, "batch_size": 2, "evaluate_every": 1, "word_times": False}
    bad_input = __file__  # text, not sound

    def answered_input(self, folder):
        import numpy as np
        import soundfile

        soundfile.write(folder / "silence.wav", np.zeros(16_000, np.float32), 16_000)
        return str(folder / "silence.wav")
