"""The Demo tab: speak, upload or pick a clip; see the text with how sure each word is, and take the subtitles away.

Building the tab needs no model: that loads at the first question. A `SuiteError` of a handler becomes a message on the
page, because the app wraps every handler.
"""

from __future__ import annotations

import html
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Prediction, Predictor, SuiteError
from suite_speech.data.subtitles import to_srt, to_vtt

if TYPE_CHECKING:
    from suite_speech.domain import SpeechDomain

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
BANDS = (
    (0.8, "sure", "Sure, 80 % and more"),
    (0.5, "unsure", "Unsure, 50 to 80 %"),
    (0.0, "doubtful", "Doubtful, under 50 %"),
)
"""Least confidence, class and legend of each marking: mean probabilities of right words are mostly above .8."""
KEPT_SECONDS = 3600
"""How long files for download stay: transcripts are private, an hour is enough to fetch them."""
SILENT = "No speech found"

Files = tuple[str | None, str | None, str | None]
"""Paths of SRT, VTT and TXT."""

STYLE = """<style>
.speech-card { border: 1px solid var(--border-color-primary); border-radius: 1rem; padding: 1.25rem 1.5rem;
  background: var(--block-background-fill); color: var(--body-text-color); }
.speech-card p { margin: 0; }
.speech-text { font-size: 1.2rem; line-height: 1.85; overflow-wrap: anywhere; max-height: 26rem; overflow-y: auto; }
.speech-text + .speech-foot { margin-top: 1.1rem; padding-top: 0.9rem;
  border-top: 1px solid var(--border-color-primary); }
.speech-foot { display: flex; flex-wrap: wrap; gap: 0.35rem 1.5rem; justify-content: space-between; font-size: 0.9rem;
  line-height: 1.6; color: var(--body-text-color-subdued); }
.speech-legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; margin: 0; padding: 0 !important; }
.speech-legend li { margin: 0; list-style: none; }
.speech-unsure, .speech-doubtful { border-radius: 0.25rem; padding: 0.1em 0.15em; text-decoration-line: underline;
  text-decoration-thickness: 2px; text-underline-offset: 0.2em; color: inherit; }
.speech-unsure { background: rgb(217 160 40 / 0.18); text-decoration-style: dotted; text-decoration-color: #b7791f; }
.speech-doubtful { background: rgb(220 70 70 / 0.2); text-decoration-style: wavy; text-decoration-color: #d14343;
  text-decoration-thickness: 1.5px; }
.speech-scroll { max-height: 22rem; overflow: auto;
  border: 1px solid var(--border-color-primary); border-radius: 1rem; }
.speech-table { width: 100%; border: 0 !important; border-collapse: collapse; margin: 0 !important; font-size: 0.95rem;
  color: var(--body-text-color); background: var(--block-background-fill); }
.speech-table :is(th, td, tr) { border: 0 !important; }
.speech-table :is(th, td) { padding: 0.6rem 0.75rem !important; text-align: left; vertical-align: top; }
.speech-table tbody tr + tr td { border-top: 1px solid var(--border-color-primary) !important; }
.speech-table th { font-weight: 400; font-size: 0.85rem; color: var(--body-text-color-subdued);
  position: sticky; top: 0; background: var(--block-background-fill); }
.speech-table .speech-number { font-variant-numeric: tabular-nums; white-space: nowrap; width: 1%;
  color: var(--body-text-color-subdued); }
.speech-table :is(td, th):last-child { text-align: right; }
@media (max-width: 640px) {
  .speech-card { padding: 1rem 1.1rem; }
  .speech-table :is(th, td):nth-child(2) { display: none; }
  .speech-table :is(th, td) { padding: 0.5rem !important; }
}
</style>"""

WELCOME = (
    "<div class='suite-waiting'><b>The transcript appears here</b>"
    "<p>Record yourself, upload a recording of any length, or try one of the examples.</p></div>"
)


class Desk:
    """What the handlers share: the domain, who answers, and a folder for the files offered for download."""

    def __init__(self, domain: SpeechDomain, predictor: Predictor) -> None:
        self.domain, self.predictor = domain, predictor
        self._folder = tempfile.TemporaryDirectory(prefix="suite-speech-")  # goes with the process

    def transcribe(self, audio: str | None, language: str = DETECT) -> tuple[Prediction, str, str, Files]:
        """The prediction, HTML of text and segments, and paths of SRT, VTT and TXT (None where nobody speaks).

        `audio` is a recording's path, `language` a code or "auto". Raises `SuiteError` for what can't be heard.
        """
        if not audio:
            raise SuiteError("There is nothing to transcribe yet: record or upload something, or pick an example.")
        examples = [replace(example, language=language or DETECT) for example in self.domain.inputs(audio)]
        _ = self.predictor.model  # loading it is not part of how fast it transcribes
        began = time.perf_counter()
        (prediction,) = self.predictor(examples)
        seconds = time.perf_counter() - began
        paths: Files = self.files(prediction, Path(audio).stem) if prediction["segments"] else (None, None, None)
        return prediction, transcript(prediction, seconds), table(prediction), paths

    def files(self, prediction: Prediction, name: str) -> tuple[str, str, str]:
        """Paths of SRT, VTT and TXT called `name`, in a new folder; what is older than an hour is removed."""
        root = Path(self._folder.name)
        for old in root.iterdir():
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=root))
        contents = {
            "srt": to_srt(prediction["segments"]),
            "vtt": to_vtt(prediction["segments"]),
            "txt": prediction["text"] + "\n",
        }
        for ending, content in contents.items():
            (folder / f"{name}.{ending}").write_text(content, encoding="utf-8")
        srt, vtt, txt = (str(folder / f"{name}.{ending}") for ending in contents)
        return srt, vtt, txt


def build(domain: SpeechDomain, predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    import gradio as gr

    desk = Desk(domain, predictor)
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
            text = gr.HTML(STYLE + WELCOME, label="Transcript", elem_id="speech-text", elem_classes="suite-flush")
            with gr.Row(elem_id="speech-downloads"):
                files = [
                    gr.DownloadButton(label, interactive=False, size="md", min_width=90)
                    for label in ("Save as SRT", "Save as VTT", "Save as TXT")
                ]
    segments = gr.HTML(label="Segments", elem_id="speech-segments", elem_classes="suite-flush")
    with gr.Accordion("As data", open=False):
        data = gr.JSON(label="Prediction", show_label=False, elem_id="speech-data")
    outputs = [data, text, segments, *files]

    def speech_transcribe(recording: str | None, spoken: str) -> list[Any]:
        """Transcribes a recording; the language is a code such as fr, or auto. Text, times and confidence per word."""
        prediction, shown, listed, paths = desk.transcribe(recording, spoken)
        buttons = [gr.DownloadButton(value=path, interactive=path is not None) for path in paths]
        return [prediction, STYLE + shown, listed, *buttons]

    # One at a time: each transcription keeps every core, or the device, busy.
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "speech", "show_progress_on": text}
    go.click(speech_transcribe, [audio, language], outputs, api_name="speech_transcribe", **limits)
    with shelf:
        _examples(domain, speech_transcribe, [audio, language], outputs)


def choices() -> list[tuple[str, str]]:
    """(name, code) pairs for the dropdown."""
    return [("Detect the language", DETECT), *((name, code) for code, name in LANGUAGES.items())]


def _examples(domain: SpeechDomain, handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
    """Clips that are transcribed when clicked; none where the starter's clips are missing."""
    import gradio as gr

    clips = [(path, code) for path, code in domain.example_clips() if code in LANGUAGES]
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


def transcript(prediction: Prediction, seconds: float) -> str:
    """HTML of the text, each word marked by its confidence, with what the marks mean and how long it took."""
    facts = _facts(prediction, seconds)
    if not prediction["segments"]:
        hint = "Speak closer to the microphone, or check that the recording is not empty."
        return f"<div class='suite-waiting'><b>{SILENT}</b><p>{hint}</p><p><small>{facts}</small></p></div>"
    text = " ".join(marked(segment) for segment in prediction["segments"])
    code = html.escape(prediction["language"])
    legend = "".join(f"<li><span class='speech-{name}'>{words}</span></li>" for _, name, words in BANDS)
    return (
        f"<div class='speech-card'><p class='speech-text' lang='{code}' dir='auto'>{text}</p>"
        f"<div class='speech-foot'><span>{facts}</span><ul class='speech-legend'>{legend}</ul></div></div>"
    )


def marked(segment: dict[str, Any]) -> str:
    """HTML of a segment's text with its words marked; what stands between them stays as it is.

    Without words the segment's own confidence marks all of it. A word that the text spells otherwise stays unmarked.
    """
    text, at, pieces = segment["text"].strip(), 0, []
    for word in segment.get("words") or [{**segment, "word": text}]:
        bare = word["word"].strip()
        begin = text.find(bare, at)
        if bare and begin >= 0:
            pieces += [html.escape(text[at:begin]), _mark(bare, word)]
            at = begin + len(bare)
    return "".join(pieces) + html.escape(text[at:])


def _mark(text: str, word: dict[str, Any]) -> str:
    confidence = word["confidence"]
    title = f"{clock(word['start'])} to {clock(word['end'])}, {percent(confidence)} sure"
    return f"<span class='speech-{band(confidence)}' title='{title}'>{html.escape(text)}</span>"


def band(confidence: float) -> str:
    """The class of a confidence from 0 to 1."""
    return next((name for least, name, _ in BANDS if confidence >= least), BANDS[-1][1])


def table(prediction: Prediction) -> str:
    """HTML table of the segments: start, end, text, confidence; empty without any."""
    if not prediction["segments"]:
        return ""
    rows = "".join(
        f"<tr><td class='speech-number'>{clock(segment['start'])}</td>"
        f"<td class='speech-number'>{clock(segment['end'])}</td>"
        f"<td dir='auto'>{html.escape(segment['text'].strip())}</td>"
        f"<td class='speech-number'>{percent(segment['confidence'])}</td></tr>"
        for segment in prediction["segments"]
    )
    head = "<tr><th>Start</th><th>End</th><th>Text</th><th>Confidence</th></tr>"
    return (
        "<div class='speech-scroll' tabindex='0' role='region' aria-label='Segments'>"
        f"<table class='speech-table'><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def percent(share: float) -> str:
    """A share from 0 to 1 as the page writes it, such as "83 %"."""
    return f"{100 * share:.0f} %"


def clock(seconds: float) -> str:
    """A time as people read it.

    >>> clock(59.96), clock(3661.24)
    ('1:00.0', '1:01:01.2')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{front}:{rest // 10:02}.{rest % 10}"


def _facts(prediction: Prediction, seconds: float) -> str:
    """How much sound, in which language, how fast."""
    duration, code = prediction["duration"], str(prediction["language"])
    language = html.escape(LANGUAGES.get(code, code))
    what = f"{duration:.1f} s of {language}" if prediction["segments"] and code else f"{duration:.1f} s of sound"
    return f"{what}, transcribed in {seconds:.1f} s (real-time factor {seconds / max(duration, 0.01):.2f})"
