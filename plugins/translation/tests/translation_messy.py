"""Strings as projects have them, with faults."""

from __future__ import annotations

import json

from suite.testing import Messy

WORDS = ("Open", "Close", "Save", "Print", "Delete", "Search", "Undo", "Redo", "Copy", "Paste")
WORTE = ("Öffnen", "Schließen", "Speichern", "Drucken", "Löschen", "Suchen", "Zurück", "Erneut", "Kopieren", "Einfügen")


def messy(folder):
    """By what is wrong with each; see `DataPromises.messy`."""

    def saved(name, rows, refusal="", **options):
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return Messy({"data": str(path), "max_rejected": 0.3, **options}, refusal)

    good = [{"source": a, "target": b, "language": "de"} for a, b in zip(WORDS, WORTE, strict=True)]
    broken = [{"source": "%d files", "target": "Dateien", "language": "de"}, {"source": "", "target": "Leer"}, good[0]]
    marked = [{**row, "split": "train" if n < 7 else "test"} for n, row in enumerate(good)]
    leaking = [*marked, {**good[0], "split": "test"}]
    unknown = [{**row, "language": "tlh"} for row in good]
    long = [{**row, **{name: row[name] + " x" * 500 for name in ("source", "target")}} for row in good]
    return {
        "a broken placeholder, an empty text and a row twice": saved("broken", [*good, *broken]),
        "lists for texts": saved("lists", [{**row, "target": [row["target"]]} for row in good], "holds lists"),
        "a text in two splits": saved("leak", leaking, "values of source are in both"),
        "no file to split by": saved("file", good, "split_by=file needs a column 'file'", split_by="file"),
        "a language the model does not know": saved("language", unknown, "tlh"),
        "texts too long": saved("long", long, "No training text"),
    }
