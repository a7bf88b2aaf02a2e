"""Predictions printed, compared, and written as files: text, subtitles, and what programs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite import Answers, Prediction, SuiteError, write_predictions
from suite_speech.data.subtitles import to_srt, to_vtt

TABLES = (".json", ".jsonl", ".csv")
TEXTS = (".txt", ".srt", ".vtt")


class SpeechAnswers(Answers):
    """Transcripts as people read them, and as players and programs do."""

    def render(self, prediction: Prediction) -> str:
        """The text alone."""
        return prediction["text"]

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """Real-time factor: seconds of work per second of sound; or that nobody speaks."""
        duration = sum(prediction["duration"] for prediction in predictions)
        if not any(prediction["text"] for prediction in predictions):
            return f", {duration:.1f} s of sound, no speech found"
        return f", {duration:.1f} s of sound, real-time factor {seconds / max(duration, 0.01):.2f}"

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """The same words; times and confidence may round otherwise."""
        return (expected["text"], expected["language"]) == (actual["text"], actual["language"])

    def check_output(self, path: Path) -> None:
        """Subtitles and text too. Raises `SuiteError` for an ending nobody writes."""
        if path.suffix not in TABLES + TEXTS:
            raise SuiteError(
                f"Cannot write {path.name}: give --output an ending of {', '.join(TEXTS + TABLES)}, or a folder."
            )

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """One file in the form of its ending; without an ending a folder with text and subtitles of each input.

        Subtitles of several inputs cannot share a file: they get one each, named after the input, beside `path`.
        """
        if path.suffix in TABLES:
            write_predictions(predictions, path)
        elif path.suffix == ".txt":
            path.write_text("".join(f"{prediction['text']}\n" for _, prediction in predictions), encoding="utf-8")
        elif path.suffix in TEXTS and len(predictions) == 1:
            path.write_text(rendered(predictions[0][1], path.suffix), encoding="utf-8")
        elif path.suffix in TEXTS:
            _write_each(predictions, path.parent, (path.suffix,))
        else:
            path.mkdir(parents=True, exist_ok=True)
            _write_each(predictions, path, TEXTS)


def rendered(prediction: Prediction, ending: str) -> str:
    """One prediction as the content of a .txt, .srt or .vtt file."""
    if ending == ".txt":
        return prediction["text"] + "\n"
    return (to_srt if ending == ".srt" else to_vtt)(prediction["segments"])


def _write_each(predictions: Sequence[tuple[str, Prediction]], folder: Path, endings: Sequence[str]) -> None:
    used: set[str] = set()
    for name, prediction in predictions:
        stem, number = Path(name).stem, 2
        while stem in used:  # two inputs of one name from two folders: neither may be lost
            stem, number = f"{Path(name).stem}-{number}", number + 1
        used.add(stem)
        for ending in endings:
            (folder / f"{stem}{ending}").write_text(rendered(prediction, ending), encoding="utf-8")
