"""What is wrong with a clip, said before any model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datasets import Dataset

from suite import Finding, SuiteError
from suite_speech.data import audio, text

FASTEST = 35.0  # characters a second: the fastest speakers reach 25, an auctioneer 30
QUIET = 1e-3  # peak of full scale (-60 dB): a room where nobody speaks


def findings(rows: Dataset, longest: float) -> Iterator[Finding]:
    """A finding for each clip that can't be learnt from. Reads every header, and the sound of what passes."""
    optional = [name for name in ("start", "end") if name in rows.column_names]
    for index, row in enumerate(rows.select_columns(["audio", "text", *optional])):
        if row["audio"] is None or row["text"] is None:  # the core tells of what is missing
            continue
        if reason := _reason(row, longest):
            yield Finding("error", reason, index)


def _reason(row: Mapping[str, Any], longest: float) -> str:
    spoken = text.normalise(row["text"])
    if not spoken:
        return f"The transcript {row['text']!r} has no word; write what is said, or leave the clip out."
    try:
        clip = audio.clip_of(row["audio"], row.get("start"), row.get("end"))
        seconds = audio.facts(clip).seconds
        if seconds > longest:
            return f"{clip.name} lasts {seconds:.0f} s; cut it into clips of at most {longest:g} s, or add subtitles."
        if len(spoken) / seconds > FASTEST:
            return f"{clip.name} has {len(spoken)} characters in {seconds:.1f} s; the transcript is of something else."
        samples = audio.read(clip, limit=longest)
    except SuiteError as error:
        return str(error)
    if not len(samples) or abs(samples).max() < QUIET:
        return f"{clip.name} is silent; record it again or leave it out."
    return ""
