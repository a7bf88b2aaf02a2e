"""Pictures with captions as people have them, with faults."""

from __future__ import annotations

import shutil

import numpy as np
from PIL import Image

from suite.testing import Messy


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""
    drawn = np.random.default_rng(0)

    def saved(name, captions, refusal=""):
        """A folder with a picture and a text for each caption; None has no text."""
        place = folder / name
        place.mkdir()
        for number, caption in enumerate(captions):
            Image.fromarray(drawn.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(place / f"{number}.png")
            if caption is not None:
                (place / f"{number}.txt").write_text(caption)
        options = {"data": str(place), "limit": None, "batch_size": 2, "max_rejected": 0.4}
        return Messy(options, refusal)

    words = ["a red cat", "a blue dog", "a green bird", "a black horse", "a white mouse", "a brown cow"]
    twice = saved("twice", words)
    for number in range(len(words)):
        for ending in ("png", "txt"):
            shutil.copyfile(folder / "twice" / f"{number}.{ending}", folder / "twice" / f"again {number}.{ending}")
    (folder / "twice" / "0.png").write_bytes(b"no picture")
    (folder / "twice" / "new.avif").write_bytes(b"left unread")
    return {
        "every picture twice, and one damaged": twice,
        "too many without a caption": saved("bare", [*words[:2], None, None, None], "caption is missing"),
        "no caption at all": saved("none", [None, None], "and no caption"),
        "too few": saved("few", words[:2], "too few"),
        "captions of lines alone": saved("lines", ["--", "==", "a cat"], "has no letter"),
    }
