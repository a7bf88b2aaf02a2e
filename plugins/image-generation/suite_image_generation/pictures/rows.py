"""Rows of captioned pictures: how they are read, what is wrong with them, how they are parted, and which may travel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasets import Dataset

from suite import Data, Finding, Model, Splits
from suite_image_generation.config import ImageConfig
from suite_image_generation.pictures import captions

GOLDEN = "golden"
"""Column that marks golden samples: few steps are enough to tell whether a model is the same."""


class ImageData(Data):
    """Folders of pictures with text files, and tables of pictures and captions."""

    config: ImageConfig

    def read(self, path: Path) -> Dataset | None:
        """Folders of pictures with a text file beside each; what has a table is left to the core."""
        return captions.read(path) if path.is_dir() else None

    def reads(self, file: Path) -> bool:
        """The captions beside pictures."""
        return captions.is_sidecar(file)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Pictures that can't be used or are read otherwise than one may think; captions that are none."""
        return captions.findings(rows, self.config.resolution)

    def split(self, rows: Dataset) -> Splits:
        """As the core does; to overfit, the first pictures are all three."""
        if not self.config.overfit:
            return super().split(rows)
        first = rows.select(range(min(self.config.overfit, len(rows))))
        return Splits({"train": first, "validation": first, "test": first}, overlapping=True)

    def portable(self, row: dict[str, Any], model: Model) -> dict[str, Any]:
        """The row, marked."""
        return {name: row[name] for name in ("image", "caption")} | {GOLDEN: True}
