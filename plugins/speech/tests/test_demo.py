"""The demo's handlers: what is shown is escaped and marked, what is saved is exact, and silence is said to be silence.

The model is replaced by a list of answers, since what it hears is tested elsewhere; sound files and examples are real.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from suite import SuiteError
from suite.demo.held import KEPT_SECONDS
from suite_speech.data import audio
from suite_speech.data.audio import Clip, write_wav
from suite_speech.demo import page
from suite_speech.demo.page import BANDS, DETECT, DemoSession, band, label_of, segments, transcript, with_marks

NARROW = "\N{NARROW NO-BREAK SPACE}"


@dataclass(frozen=True)
class Utterance:
    clip: Clip
    seconds: float
    language: str


def word(text: str, start: float, end: float, confidence: float) -> dict:
    return {"word": text, "start": start, "end": end, "confidence": confidence}


ANSWER = {
    "text": "Hello, <script>alert(1)</script> you. Bye & co.",
    "language": "en",
    "duration": 4.0,
    "segments": [
        {
            "start": 0.5,
            "end": 2.0,
            "text": " Hello, <script>alert(1)</script> you.",
            "confidence": 0.75,
            "words": [
                word(" Hello,", 0.5, 0.9, 0.95),
                word(" <script>alert(1)</script>", 1.0, 1.5, 0.42),
                word(" you.", 1.6, 2.0, 0.61),
            ],
        },
        {"start": 3.0, "end": 3.75, "text": "Bye & co.", "confidence": 0.4},
    ],
}
SILENCE = {"text": "", "language": "", "duration": 4.0, "segments": []}


class Asked(list):
    """Answers with one prediction, and keeps what it was asked; `inputs` as the real one's: it opens the file."""

    def __init__(self, prediction) -> None:
        self.prediction = prediction

    def __call__(self, examples):
        self.extend(examples)
        return [self.prediction for _ in examples]

    def inputs(self, argument):
        clip = audio.clip_of(argument)
        return [Utterance(clip, audio.facts(clip).seconds, "fr")]


@pytest.fixture
def recording(tmp_path):
    write_wav(tmp_path / "my talk.wav", np.zeros(64_000, np.float32))
    return str(tmp_path / "my talk.wav")


def test_what_was_heard_is_shown_listed_and_saved(recording):
    asked = Asked(ANSWER)
    session = DemoSession(asked)
    prediction, shown, listed, paths = session.transcribe(recording, "en")
    assert prediction == ANSWER
    assert [(example.language, example.seconds) for example in asked] == [("en", 4.0)]
    assert "4.0 s of English, transcribed in 0.0 s (real-time factor 0.00)" in shown
    assert listed == segments(ANSWER)
    assert [Path(path).name for path in paths] == ["my talk.srt", "my talk.vtt", "my talk.txt"]
    assert [Path(path).read_text(encoding="utf-8") for path in paths] == [
        "1\n00:00:00,500 --> 00:00:02,000\nHello, <script>alert(1)</script> you.\n\n"
        "2\n00:00:03,000 --> 00:00:03,750\nBye & co.\n",
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello, &lt;script&gt;alert(1)&lt;/script&gt; you.\n\n"
        "00:00:03.000 --> 00:00:03.750\nBye &amp; co.\n",
        "Hello, <script>alert(1)</script> you. Bye & co.\n",
    ]


def test_the_language_is_detected_unless_chosen(recording):
    for given, expected in (("de", "de"), (DETECT, DETECT), ("", DETECT)):
        asked = Asked(ANSWER)
        DemoSession(asked).transcribe(recording, given)
        assert asked[0].language == expected


def test_silence_is_said_to_be_silence_and_leaves_no_files(recording):
    prediction, shown, listed, paths = DemoSession(Asked(SILENCE)).transcribe(recording)
    assert prediction == SILENCE
    assert "<b>No speech found</b>" in shown
    assert "4.0 s of sound, transcribed in" in shown
    assert (listed, paths) == ("", (None, None, None))


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_recording_the_page_asks_for_one(nothing):
    with pytest.raises(SuiteError, match="record or upload something, or pick an example"):
        DemoSession(Asked(ANSWER)).transcribe(nothing)


def test_a_text_file_named_wav_is_told(tmp_path):
    (tmp_path / "note.wav").write_text("no sound")
    asked = Asked(ANSWER)
    with pytest.raises(SuiteError, match=r"note\.wav is no audio"):
        DemoSession(asked).transcribe(str(tmp_path / "note.wav"))
    assert not asked


def test_no_text_becomes_markup():
    """Each place a text can reach: words, a segment without words, the table, the language's name."""
    hostile = {**ANSWER, "language": "<img src=x onerror=alert(1)>"}
    for shown in (transcript(hostile, 1.0), segments(hostile)):
        tags = set(re.findall(r"<(\w+)", shown))
        assert tags <= {"div", "p", "span", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert "Bye &amp; co." in shown
    silent = {**SILENCE, "language": "<img>"}
    assert "<img" not in transcript(silent, 1.0)


def test_words_are_marked_by_confidence_with_their_times():
    assert with_marks(ANSWER["segments"][0]) == (
        f'<span class="kit-mark" title="0:00.5 to 0:00.9, 95{NARROW}% sure">Hello,</span> '
        f'<span class="kit-mark kit-bad" title="0:01.0 to 0:01.5, 42{NARROW}% sure">'
        "&lt;script&gt;alert(1)&lt;/script&gt;</span> "
        f'<span class="kit-mark kit-warn" title="0:01.6 to 0:02.0, 61{NARROW}% sure">you.</span>'
    )


def test_what_stands_between_words_is_escaped_too():
    text = with_marks({"text": "<b> yes <i>", "words": [word("yes", 0, 1, 0.9)]})
    assert re.sub(r"</?span[^>]*>", "", text) == "&lt;b&gt; yes &lt;i&gt;"


def test_a_segment_without_words_is_marked_as_a_whole():
    assert with_marks(ANSWER["segments"][1]) == (
        f'<span class="kit-mark kit-bad" title="0:03.0 to 0:03.8, 40{NARROW}% sure">Bye &amp; co.</span>'
    )


def test_the_text_stays_as_it_is_whatever_the_words_say():
    """No spaces are made up between Chinese characters, and a word that is not in the text is left out."""
    words = [word("你", 0, 1, 0.9), word("好", 1, 2, 0.9), word("吗", 2, 3, 0.9), word("", 3, 4, 0.9)]
    text = re.sub(
        r"<[^>]*>", "", with_marks({"start": 0, "end": 3, "text": "你好，世界", "confidence": 1, "words": words})
    )
    assert text == "你好，世界"


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(1.0, ""), (0.8, ""), (0.799, "warn"), (0.5, "warn"), (0.499, "bad"), (0.0, "bad")],
)
def test_bands_are_those_of_the_legend(confidence, expected):
    assert band(confidence) == expected
    legend = transcript(ANSWER, 1.0).partition("<ul")[2]
    for _, tone, words in BANDS:
        assert f'<span class="kit-mark{tone and f" kit-{tone}"}">{words}</span>' in legend


def test_the_table_lists_each_segment():
    rows = re.findall(r"<tr>(.*?)</tr>", segments(ANSWER))[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert cells == [
        ["0:00.5", "0:02.0", "Hello, &lt;script&gt;alert(1)&lt;/script&gt; you.", f"75{NARROW}%"],
        ["0:03.0", "0:03.8", "Bye &amp; co.", f"40{NARROW}%"],
    ]


def test_the_real_time_factor_is_work_per_sound():
    assert "4.0 s of English, transcribed in 1.0 s (real-time factor 0.25)" in transcript(ANSWER, 1.0)
    assert "4.0 s of xx, transcribed" in transcript({**ANSWER, "language": "xx"}, 1.0)


def test_files_of_one_name_do_not_meet_and_old_ones_go(recording):
    session = DemoSession(Asked(ANSWER))
    first, second = session.files(ANSWER, "talk"), session.files({**ANSWER, "text": "Other"}, "talk")
    assert first[2] != second[2]
    assert (Path(first[2]).read_text(), Path(second[2]).read_text()) == (f"{ANSWER['text']}\n", "Other\n")
    old = Path(first[0]).parent
    os.utime(old, (0, old.stat().st_mtime - KEPT_SECONDS - 1))
    session.files(ANSWER, "talk")
    assert not old.exists()
    assert Path(second[0]).is_file()


def test_an_example_is_named_by_language_and_clip():
    assert label_of(Path("vm-no_mail-fr.wav"), "fr") == "French: vm no mail"
    assert label_of(Path("agent-pass-en.wav"), "en") == "English: agent pass"


BUILD = """
import sys
from pathlib import Path
import gradio as gr
from suite_speech.demo import page
page.example_clips = lambda: [(Path(sys.argv[1]), "fr")]
with gr.Blocks() as blocks:
    page.build(None)
assert "torch" not in sys.modules and "transformers" not in sys.modules
names = [f.api_name for f in blocks.fns.values() if f.api_visibility == "public"]
assert names == ["speech_transcribe"], names
(examples,) = [block for block in blocks.blocks.values() if block.get_block_name() == "dataset"]
assert [sample[1] for sample in examples.samples] == ["fr"]
print("built")
"""


def test_the_tab_is_built_without_torch_and_offers_one_endpoint(recording):
    child = subprocess.run([sys.executable, "-c", BUILD, recording], capture_output=True, text=True, timeout=60)
    assert child.stdout == "built\n", child.stderr


def test_the_tab_lives_without_examples(monkeypatch):
    monkeypatch.setattr(page, "example_clips", list)
    with gr.Blocks() as blocks:
        page.build(Asked(ANSWER))
    assert "dataset" not in {block.get_block_name() for block in blocks.blocks.values()}
