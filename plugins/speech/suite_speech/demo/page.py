"""The Demo tab: speak, upload or pick a clip; see the text with how sure each word is, and take the subtitles away.

Building the tab needs no model: that loads at the first question. A `SuiteError` of a handler becomes a message on the
page, because the app wraps every handler.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from suite import Prediction, Predictor, SuiteError
from suite.demo import (
    Content,
    Downloads,
    Mark,
    Markup,
    Tone,
    card,
    clock,
    join,
    legend,
    marked,
    panel,
    passage,
    percent,
    table,
    tag,
    waiting,
)
from suite_speech.data.subtitles import to_srt, to_vtt
from suite_speech.demo.clips import example_clips

DETECT = "auto"
"""The choice that leaves the language to the model."""
LANGUAGES = {
    "ar": "Arabic",
    "zh": "Chinese",
    "cs": "Czech",
    "nl": "Dutch",
    "en": "English",
    "fi": "Finnish",
    "fr": "French",
    "de": "German",
    "el": "Greek",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "es": "Spanish",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
}
"""Languages on offer, of the 99 Whisper knows: those it hears best, by English name."""
BANDS: tuple[tuple[float, Tone, str], ...] = (
    (0.8, "", "Sure, 80 % and more"),
    (0.5, "warn", "Unsure, 50 to 80 %"),
    (0.0, "bad", "Doubtful, under 50 %"),
)
"""Least confidence, tone and legend of each marking: mean probabilities of right words are mostly above .8."""
SILENT = "No speech found"

Files = tuple[str | None, str | None, str | None]
"""Paths of SRT, VTT and TXT."""

WELCOME = waiting(
    "The transcript appears here", "Record yourself, upload a recording of any length, or try one of the examples."
)


class DemoSession:
    """What the handlers share: who answers, and the files offered for download."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._downloads = Downloads("suite-speech-")

    def transcribe(self, audio: str | None, language: str = DETECT) -> tuple[Prediction, Markup, Markup, Files]:
        """The prediction, HTML of text and segments, and paths of SRT, VTT and TXT (None where nobody speaks).

        `audio` is a recording's path, `language` a code or "auto". Raises `SuiteError` for what can't be heard.
        """
        if not audio:
            raise SuiteError("There is nothing to transcribe yet: record or upload something, or pick an example.")
        # This loads the model, which is not part of how fast it transcribes.
        examples = [replace(example, language=language or DETECT) for example in self.predictor.inputs(audio)]
        began = time.perf_counter()
        (prediction,) = self.predictor(examples)
        seconds = time.perf_counter() - began
        paths: Files = self.files(prediction, Path(audio).stem) if prediction["segments"] else (None, None, None)
        return prediction, transcript(prediction, seconds), segments(prediction), paths

    def files(self, prediction: Prediction, name: str) -> tuple[str, str, str]:
        """Paths of SRT, VTT and TXT called `name`, which stay an hour."""
        folder = self._downloads.folder()
        contents = {
            "srt": to_srt(prediction["segments"]),
            "vtt": to_vtt(prediction["segments"]),
            "txt": prediction["text"] + "\n",
        }
        for ending, content in contents.items():
            (folder / f"{name}.{ending}").write_text(content, encoding="utf-8")
        srt, vtt, txt = (str(folder / f"{name}.{ending}") for ending in contents)
        return srt, vtt, txt


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    session = DemoSession(predictor)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            audio = gr.Audio(
                sources=["microphone", "upload"],
                type="filepath",
                label="Recording",
                buttons=["download"],
                elem_id="speech-audio",
            )
            language = gr.Dropdown(choices(), value=DETECT, label="Language spoken", elem_id="speech-language")
            go = gr.Button("Transcribe", variant="primary", size="lg")
            shelf = gr.Column()
        with gr.Column(scale=3, min_width=320):
            text = panel(WELCOME, label="Transcript", elem_id="speech-text")
            with gr.Row(elem_id="speech-downloads"):
                files = [
                    gr.DownloadButton(label, interactive=False, size="md", min_width=90)
                    for label in ("Save as SRT", "Save as VTT", "Save as TXT")
                ]
    listing = panel(label="Segments", elem_id="speech-segments")
    with gr.Accordion("As data", open=False):
        data = gr.JSON(label="Prediction", show_label=False, elem_id="speech-data")
    outputs = [data, text, listing, *files]

    def speech_transcribe(recording: str | None, spoken: str) -> list[Any]:
        """Transcribes a recording; the language is a code such as fr, or auto. Text, times and confidence per word."""
        prediction, shown, listed, paths = session.transcribe(recording, spoken)
        buttons = [gr.DownloadButton(value=path, interactive=path is not None) for path in paths]
        return [prediction, shown, listed, *buttons]

    # One at a time: each transcription keeps every core, or the device, busy.
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "speech", "show_progress_on": text}
    go.click(speech_transcribe, [audio, language], outputs, api_name="speech_transcribe", **limits)
    with shelf:
        _examples(speech_transcribe, [audio, language], outputs)


def choices() -> list[tuple[str, str]]:
    """(name, code) pairs for the dropdown."""
    return [("Detect the language", DETECT), *((name, code) for code, name in LANGUAGES.items())]


def _examples(handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
    """Clips that are transcribed when clicked; none where the starter's clips are missing."""
    clips = [(path, code) for path, code in example_clips() if code in LANGUAGES]
    if clips:
        gr.Examples(
            [[str(path), code] for path, code in clips],
            inputs=inputs,
            outputs=outputs,
            fn=handler,
            run_on_click=True,
            cache_examples=False,
            label="No recording at hand? Click one of these",
            example_labels=[label_of(path, code) for path, code in clips],
            api_visibility="private",
        )


def label_of(path: Path, code: str) -> str:
    """What an example is called, such as "French: vm intro" for vm-intro-fr.wav."""
    return f"{LANGUAGES[code]}: {path.stem.removesuffix(f'-{code}').replace('-', ' ').replace('_', ' ')}"


def transcript(prediction: Prediction, seconds: float) -> Markup:
    """The text, each word marked by its confidence, with what the marks mean and how long it took."""
    facts = _facts(prediction, seconds)
    if not prediction["segments"]:
        return waiting(SILENT, "Speak closer to the microphone, or check that the recording is not empty.", facts)
    text = join((with_marks(segment) for segment in prediction["segments"]), " ")
    foot = tag("span", facts) + legend((tone, words) for _, tone, words in BANDS)
    return card(passage(text, lang=prediction["language"]), foot=foot)


def with_marks(segment: dict[str, Any]) -> Markup:
    """A segment's text with its words marked; what stands between them stays as it is.

    Without words the segment's own confidence marks all of it. A word that the text spells otherwise stays unmarked.
    """
    text, at, marks = segment["text"].strip(), 0, []
    for word in segment.get("words") or [{**segment, "word": text}]:
        bare = word["word"].strip()
        begin = text.find(bare, at)
        if bare and begin >= 0:
            at = begin + len(bare)
            title = f"{clock(word['start'])} to {clock(word['end'])}, {percent(word['confidence'])} sure"
            marks.append(Mark(begin, at, band(word["confidence"]), title))
    return marked(text, marks)


def band(confidence: float) -> Tone:
    """The tone of a confidence from 0 to 1."""
    return next((tone for least, tone, _ in BANDS if confidence >= least), BANDS[-1][1])


def segments(prediction: Prediction) -> Markup:
    """A table of the segments: start, end, text, confidence; empty without any."""
    if not prediction["segments"]:
        return Markup("")
    rows: list[list[Content]] = [
        [clock(segment["start"]), clock(segment["end"]), segment["text"].strip(), percent(segment["confidence"])]
        for segment in prediction["segments"]
    ]
    head = ["Start", "End", "Text", "Confidence"]
    return table(head, rows, label="Segments", numbers=(0, 1, 3), wide_only=(1,))


def _facts(prediction: Prediction, seconds: float) -> str:
    """How much sound, in which language, how fast."""
    duration, code = prediction["duration"], str(prediction["language"])
    language = LANGUAGES.get(code, code)
    what = f"{duration:.1f} s of {language}" if prediction["segments"] and code else f"{duration:.1f} s of sound"
    return f"{what}, transcribed in {seconds:.1f} s (real-time factor {seconds / max(duration, 0.01):.2f})"
