"""Recordings as people have them, with faults."""

from __future__ import annotations

import shutil

import numpy as np

from suite.testing import Messy
from suite_speech.data.audio import RATE, write_wav


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""
    drawn = np.random.default_rng(0)

    def saved(name, rows, refusal="", **options):
        """A folder with a table of (text, speaker, split) and a second of sound for each row."""
        place = folder / name
        place.mkdir()
        lines = ["file_name,text,speaker,split"]
        for number, row in enumerate(rows):
            write_wav(place / f"{number}.wav", 0.3 * drawn.standard_normal(RATE).astype(np.float32).clip(-1, 1))
            lines.append(",".join((f"{number}.wav", *row)))
        (place / "metadata.csv").write_text("\n".join(lines) + "\n")
        return Messy({"data": str(place), "max_rejected": 0.4, "also_evaluate": [], **options}, refusal)

    good = [
        (f"the number {word}", f"s{n}", "") for n, word in enumerate(["one", "two", "three", "four", "five", "six"])
    ]
    parted = [(text, who, "train" if n < 4 else "test") for n, (text, who, _) in enumerate(good)]
    faulty = saved("faulty", good, language="en")
    write_wav(folder / "faulty" / "1.wav", np.zeros(RATE, np.float32))
    (folder / "faulty" / "2.wav").write_bytes(b"RIFF and nothing more")
    with (folder / "faulty" / "metadata.csv").open("a") as table:
        for number in range(6):  # six copies of a recording
            shutil.copyfile(folder / "faulty" / "0.wav", folder / "faulty" / f"copy {number}.wav")
            table.write(f"copy {number}.wav,the number one,s0,\n")
    (folder / "faulty" / "notes.docx").write_bytes(b"left unread")
    other = [("word " * 60, "s", "")] * 4
    shared = [*parted[:-1], ("the end", "s0", "test")]
    return {
        "silence, damage and six copies": faulty,
        "a language that cannot be told": saved("auto", good, "Nobody says which language"),
        "a speaker in two splits": saved("speaker", shared, "values of speaker are"),
        "texts of something else": saved("long", other, "is of something else"),
        "no language of that name": saved("language", good, "knows no language 'klingon'", language="klingon"),
        "too few": saved("few", good[:2], "too few"),
    }
