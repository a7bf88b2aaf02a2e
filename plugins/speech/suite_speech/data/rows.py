"""What speech knows of rows beyond the core: two formats of its own, and clips that cannot be learnt from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datasets import Dataset

from suite import Data, Finding
from suite_speech.data import checks, sources


class SpeechData(Data):
    """Rows are clips with what is said in them."""

    def read(self, path: Path) -> Dataset | None:
        """Common Voice folders, and recordings with subtitles beside them."""
        return sources.located_rows(path)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Clips that cannot be learnt from: unreadable, silent, too long, or with a transcript that can't be theirs."""
        return checks.findings(rows, self.config.longest)
