"""How long counting word and character errors takes, beside the table of edits filled in by Python.

    OMP_NUM_THREADS=1 python bench/errors.py

Made-up transcripts of which a tenth of the letters is heard otherwise. Python's 9,000 letters alone take a minute or
more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from suite_speech.evaluation.errors import compare

LETTERS = (50, 300, 1_500, 9_000)
ALPHABET = "abcdefghijklmnop   "  # words of five letters


def table(reference: Sequence[str], heard: Sequence[str]) -> tuple[int, int, int]:
    """Substitutions, deletions, insertions; what `compare` was until November 2026."""
    row = [(j, 0, 0, j) for j in range(len(heard) + 1)]
    for i, word in enumerate(reference, 1):
        above, row = row, [(i, 0, i, 0)]
        for j, other in enumerate(heard, 1):
            change = int(word != other)
            edits, kept, deleted, inserted = above[j - 1]
            diagonal = (edits + change, kept - change, deleted, inserted)
            edits, kept, deleted, inserted = above[j]
            down = (edits + 1, kept, deleted + 1, inserted)
            edits, kept, deleted, inserted = row[-1]
            row.append(min(diagonal, down, (edits + 1, kept, deleted, inserted + 1)))
    _, kept, deleted, inserted = row[-1]
    return -kept, deleted, inserted


def seconds(call: Callable[..., object], *arguments: object) -> float:
    """Processor time of a call, the mean over half a second of calls."""
    count, began = 0, time.process_time()
    while not count or time.process_time() - began < 0.5:
        call(*arguments)
        count += 1
    return (time.process_time() - began) / count


def main() -> None:
    generator = random.Random(0)
    print("| compared | Python | now | times faster |\n|---|---|---|---|")
    for count in LETTERS:
        reference = "".join(generator.choices(ALPHABET, k=count))
        heard = "".join(generator.choice(ALPHABET) if generator.random() < 0.1 else letter for letter in reference)
        for unit, pair in (("letters", (reference, heard)), ("words", (reference.split(), heard.split()))):
            edits = compare(*pair)
            assert (edits.substitutions, edits.deletions, edits.insertions) == table(*pair)
            before, now = seconds(table, *pair), seconds(compare, *pair)
            print(f"| {len(pair[0]):,} {unit} | {before * 1e3:.3g} ms | {now * 1e3:.2g} ms | {before / now:,.0f} |")


if __name__ == "__main__":
    main()
